"""The length of trials, which are short in the suite and long in `make torture`."""

import os
from typing import TypeVar

import pytest

T = TypeVar("T")

LONG = os.environ.get("TORTURE") == "1"
"""Whether `make torture` runs."""

torture = pytest.mark.torture
"""The mark of trials with a long form: `pytestmark = torture` in their file."""


def length(short: T, long: T) -> T:
    """Return `long` under `make torture`, else `short`."""
    return long if LONG else short
