"""The description of an exception that the code of a locustfile raised."""

import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

MAX_MESSAGE: Final = 200
"""Characters of an exception's message."""


def describe_exception(exception: BaseException, tb: TracebackType | None) -> str:
    """Return the class, message and line of an exception: `KeyError: 'price' (journey.py, line 12)`.

    It is the last line outside the installed packages, because the error is usually there.
    """
    message = printable(str(exception))
    frames = traceback.extract_tb(tb)
    own = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"{type(exception).__name__}{f': {message}' if message else ''}{place}"


def printable(text: str) -> str:
    """Return the text as one short line without control characters: it may quote a response of the target."""
    shown = "".join(character if character.isprintable() else " " for character in text[: 10 * MAX_MESSAGE])
    return " ".join(shown.split())[:MAX_MESSAGE]
