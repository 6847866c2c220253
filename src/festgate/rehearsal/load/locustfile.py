"""A journey, loaded: the users of a locustfile."""

import logging
import traceback
from pathlib import Path

from locust import User
from locust.util.load_locustfile import load_locustfile

log = logging.getLogger(__name__)


class Unplayable(Exception):
    """The sentence says why nothing can be sent: an error in the journey, workers that did not come."""


def load(path: Path) -> list[type[User]]:
    """The users of a locustfile. Raises Unplayable."""
    try:
        found, _ = load_locustfile(str(path))
    except SyntaxError as error:
        msg = f"{path}, line {error.lineno}: {error.msg}."
        raise Unplayable(msg) from None
    except Exception as error:  # a journey is somebody's program: whatever it raises
        log.exception("the journey cannot be loaded")
        line = next(
            (
                frame.lineno
                for frame in reversed(traceback.extract_tb(error.__traceback__))
                if frame.filename == str(path)
            ),
            0,
        )
        msg = f"{path}, line {line}: {type(error).__name__}: {error}."
        raise Unplayable(msg) from None
    classes = [each for each in found.values() if not each.abstract]
    if not classes:
        msg = (
            f"{path} has no user: a class that is derived from locust's HttpUser or FastHttpUser, with tasks."
        )
        raise Unplayable(msg)
    return classes
