"""The functions and values of the fest's settings that other modules may use."""

from festgate.portal.fest.editing import PaymentTest
from festgate.portal.fest.first_run import PATH, begin_first_run, end_first_run, has_first_run, is_waiting
from festgate.portal.fest.stored import (
    NOTHING_STORED,
    Effective,
    Logo,
    Stored,
    effective,
    read_stored,
    read_version,
)

__all__ = [
    "NOTHING_STORED",
    "PATH",
    "Effective",
    "Logo",
    "PaymentTest",
    "Stored",
    "begin_first_run",
    "effective",
    "end_first_run",
    "has_first_run",
    "is_waiting",
    "read_stored",
    "read_version",
]
