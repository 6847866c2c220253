"""The pictures of hints by their names. Import it only to draw one: Altair takes 0.3 s to import."""

from collections.abc import Mapping
from typing import Final

from festgate.lab.hints import request_pictures, run_pictures
from festgate.lab.hints.hint import Draw

PICTURES: Final[Mapping[str, Draw]] = {
    "answers": run_pictures.answers,
    "beginning": request_pictures.beginning,
    "beyond": run_pictures.beyond,
    "builds": run_pictures.builds,
    "busy": request_pictures.busy,
    "ceiling": run_pictures.ceiling,
    "columns": run_pictures.columns,
    "connections": request_pictures.connections,
    "dropped": request_pictures.dropped,
    "early-late": request_pictures.early_late,
    "failures": request_pictures.failures,
    "lateness": request_pictures.lateness,
    "lengths": run_pictures.lengths,
    "mix": run_pictures.mix,
    "names": run_pictures.names,
    "order": run_pictures.order,
    "repeats": run_pictures.repeats,
    "shares": run_pictures.shares,
    "spread": run_pictures.spread,
    "stall": request_pictures.stall,
    "concurrency": request_pictures.concurrency,
    "bursts": request_pictures.bursts,
}
