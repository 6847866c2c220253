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
    assert callers == {"src/festgate/kit/text.py"}


def test_no_page_reads_cookies_through_request_cookies() -> None:
    readers = {
        path.as_posix()
        for path in Path("src/festgate").rglob("*.py")
        if path.parts[2] not in TOOLS
        and "request.cookies" in path.read_text(encoding="utf-8").replace("`request.cookies`", "")
    }
    assert readers == set()
