"""The pages of docs/reference are generated from the code and up to date."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.rules.project import ROOT


def check(docs: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(docs / "make.py"), "--check"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )


def test_the_reference_is_up_to_date() -> None:
    result = check(ROOT / "docs")
    assert result.returncode == 0, result.stderr


def test_an_outdated_page_is_named(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "reference").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "make.py", docs)
    for page in (ROOT / "docs" / "reference").glob("*.md"):
        shutil.copy(page, docs / "reference")
    page = docs / "reference" / "settings.md"
    page.write_text(
        page.read_text(encoding="utf-8").replace("`hold_minutes`", "`hold_hours`"), encoding="utf-8"
    )
    result = check(docs)
    assert result.returncode == 1
    assert "settings.md" in result.stderr
