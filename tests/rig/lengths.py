"""The length of trials, which are short in the suite and long in `make torture`."""

import os
from typing import TypeVar

import pytest

T = TypeVar("T")

LONG = os.environ.get("TORTURE") == "1"
"""True in `make torture`."""

torture = pytest.mark.torture
"""The mark of trials with a long form: `pytestmark = torture` in their file."""


def length(short: T, long: T) -> T:
    """Return `long` in `make torture`, else `short`."""
    return long if LONG else short
