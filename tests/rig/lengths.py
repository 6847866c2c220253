"""How long the trials are that the suite runs in a short form and `make torture` in a long one."""

import os
from typing import TypeVar

import pytest

T = TypeVar("T")

LONG = os.environ.get("TORTURE") == "1"
"""Set by `make torture`."""

torture = pytest.mark.torture
"""Marks a trial that has a long form: `pytestmark = torture` in its file."""


def length(short: T, long: T) -> T:
    """Return `long` under `make torture`, else `short`."""
    return long if LONG else short
