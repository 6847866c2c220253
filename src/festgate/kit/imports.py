"""Importing without collecting garbage meanwhile."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """What is made within stays for good, and is never looked through again.

    Imports make hundreds of thousands of objects that stay. Collecting looks through all of them each time that some
    thousand more have come, which is a sixth of what starting costs, and a pause of its own later on.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
