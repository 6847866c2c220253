"""Locust's own outputs, read for description: its CSV files, its HTML report, and its tables as text.

They hold no requests, only figures over them that are rounded, so nothing here judges. `reasons.py` says why, with the
numbers of the tables at hand.
"""

from festgate.rehearsal.locust_output.model import (
    Failure,
    LocustOutput,
    Moment,
    NotLocust,
    Problem,
    Row,
    Table,
)
from festgate.rehearsal.locust_output.reading import locust_file, read_locust

__all__ = [
    "Failure",
    "LocustOutput",
    "Moment",
    "NotLocust",
    "Problem",
    "Row",
    "Table",
    "locust_file",
    "read_locust",
]
