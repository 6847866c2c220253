"""A fixture that writes a report to a file and audits it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from festgate.lab.audit.audit import AuditResult, audit

Auditor = Callable[..., AuditResult]


@pytest.fixture
def audited(tmp_path: Path) -> Auditor:
    """Return a function that audits a text as a file of the given name."""

    def read(text: str, name: str = "report.md") -> AuditResult:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return audit(path)

    return read
