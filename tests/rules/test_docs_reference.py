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


def test_the_reference_is_what_the_code_gives() -> None:
    done = check(ROOT / "docs")
    assert done.returncode == 0, done.stderr


def test_a_page_that_is_not_what_the_code_gives_is_named(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "reference").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "make.py", docs)
    for page in (ROOT / "docs" / "reference").glob("*.md"):
        shutil.copy(page, docs / "reference")
    page = docs / "reference" / "settings.md"
    page.write_text(
        page.read_text(encoding="utf-8").replace("`hold_minutes`", "`hold_hours`"), encoding="utf-8"
    )
    done = check(docs)
    assert done.returncode == 1
    assert "settings.md" in done.stderr
