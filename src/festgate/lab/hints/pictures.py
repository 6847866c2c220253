"""The pictures by their names, and all hints by their codes."""

from collections.abc import Mapping
from typing import Final

from festgate.lab.hints import request_pictures as requests_drawn
from festgate.lab.hints import run_pictures as runs_drawn
from festgate.lab.hints.hint import Draw

PICTURES: Final[Mapping[str, Draw]] = {
    "answers": runs_drawn.answers,
    "asked": runs_drawn.asked,
    "beginning": requests_drawn.beginning,
    "beyond": runs_drawn.beyond,
    "builds": runs_drawn.builds,
    "busy": requests_drawn.busy,
    "ceiling": runs_drawn.ceiling,
    "columns": runs_drawn.columns,
    "connections": requests_drawn.connections,
    "dropped": requests_drawn.dropped,
    "early-late": requests_drawn.early_late,
    "failures": requests_drawn.failures,
    "lateness": requests_drawn.lateness,
    "lengths": runs_drawn.lengths,
    "names": runs_drawn.names,
    "order": runs_drawn.order,
    "repeats": runs_drawn.repeats,
    "shares": runs_drawn.shares,
    "spread": runs_drawn.spread,
    "stall": requests_drawn.stall,
    "under-way": requests_drawn.under_way,
    "volleys": requests_drawn.volleys,
}
"""Altair takes 0.3 s to import, so this is imported where something is drawn."""
