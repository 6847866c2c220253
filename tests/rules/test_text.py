"""Text is normalised in one place, which first checks its length."""

import re
from pathlib import Path

TOOLS = ("drills", "lab", "rehearsal")
"""Packages of separate programs, which visitors cannot reach."""


def test_only_the_module_that_limits_text_normalises_it() -> None:
    callers = {
        path.as_posix()
        for path in Path("src/festgate").rglob("*.py")
        if path.parts[2] not in TOOLS and re.search(r"\bnormalize\(", path.read_text(encoding="utf-8"))
    }
    # A migration folds texts whose length was checked when they were entered.
    folding = "src/festgate/portal/migrations/versions/0009_folded_searches.py"
    assert callers == {"src/festgate/kit/text.py", folding}


def test_no_page_reads_cookies_through_request_cookies() -> None:
    readers = {
        path.as_posix()
        for path in Path("src/festgate").rglob("*.py")
        if path.parts[2] not in TOOLS
        and "request.cookies" in path.read_text(encoding="utf-8").replace("`request.cookies`", "")
    }
    assert readers == set()
