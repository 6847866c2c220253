"""The pages about the audit: the how-to shows the real output, and every code is explained."""

import shutil
from pathlib import Path

from festgate.lab.audit.findings import KINDS
from tests.docs.terminal import DOCS, Terminal, read


def test_a_report_is_audited_as_the_how_to_shows(tmp_path: Path) -> None:
    for name in ("lab-report.txt", "lab-screenshots.html"):
        shutil.copy(DOCS / "how-to" / "samples" / name, tmp_path)
    Terminal(tmp_path).follow(read("how-to/audit-lab-reports.md"))


def test_every_code_is_explained_below_its_error() -> None:
    page = (DOCS / "explanation" / "six-errors.md").read_text(encoding="utf-8")
    parts = {part[0]: part for part in page.split("\n## ")[1:]}
    for kind in KINDS.values():
        assert f"`{kind.code}`" in (parts[str(kind.error)] if kind.error else parts["W"])
