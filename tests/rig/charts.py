"""The charts in the page of a report."""

import json
import re
from pathlib import Path

from altair.vegalite.v6.schema import core

SPEC = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)


def charts_of(page: Path) -> list[str]:
    """Check each chart against the schema of Vega-Lite; return its error, empty for a valid one."""
    return [_error_of(spec) for spec in SPEC.findall(page.read_text(encoding="utf-8"))]


def _error_of(spec: str) -> str:
    try:
        core.TopLevelSpec.validate(json.loads(spec))
    except Exception as error:  # noqa: BLE001  (any exception of the validator)
        return str(error)
    return ""
