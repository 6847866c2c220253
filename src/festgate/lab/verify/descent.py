"""The check that a submission descends from the starter that it is compared with.

It does not if all three routes and a page outside the exercise respond differently, and little of the starter's code is
left. A submission that is wrong everywhere still has most of the starter's code; two starters of the same course shared
14 % of their lines.
"""

import ast
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from festgate.lab.description.starter import Starter
from festgate.lab.student.code import code_files
from festgate.lab.verify.behaviour import Difference

MIN_SHARED_LINES: Final = 0.4
"""Share of the starter's lines below which little of it is left."""


def foreign_code(starter: Starter, app: Path, differences: Sequence[Difference]) -> str:
    """Return the reason why the app does not descend from the starter; empty if it does."""
    routes = {difference.route for difference in differences}
    outside = sorted(routes - set(starter.paths.values()))
    if not outside or not set(starter.paths.values()) <= routes:
        return ""
    original = _lines(starter, starter.folder)
    shared = len(original & _lines(starter, app)) / max(1, len(original))
    if shared >= MIN_SHARED_LINES:
        return ""
    return (
        f"{shared:.0%} of the starter's lines of code are in it, and {', '.join((*starter.paths.values(), *outside))}"
        " respond differently"
    )


def _lines(starter: Starter, folder: Path) -> set[str]:
    """Return the lines of the app's code, without comments and layout. Its files were parsed before."""
    return {
        line.strip()
        for file in code_files(starter, folder)
        for line in ast.unparse(ast.parse(file.read_bytes())).splitlines()
        if line.strip()
    }
