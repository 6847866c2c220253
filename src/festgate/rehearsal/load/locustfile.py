"""The user classes and the load shape of a locustfile."""

import logging
import traceback
from dataclasses import dataclass
from pathlib import Path

from locust import FastHttpUser, HttpUser, LoadTestShape, User
from locust.util.load_locustfile import load_locustfile

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """A load that cannot be sent: the journey has an error, or workers did not join. The message gives the reason."""


@dataclass(frozen=True)
class Locustfile:
    """An imported locustfile."""

    path: Path
    classes: list[type[User]]
    shape: LoadTestShape | None
    """The first shape in the file, which is the one that Locust runs."""

    @property
    def has_web_users(self) -> bool:
        """Return whether a user class has a web client of Locust; others speak a protocol that only the file knows."""
        return any(is_web_class(user_class) for user_class in self.classes)


def is_web_class(user_class: type[User]) -> bool:
    """Return whether users of the class have a web client of Locust."""
    return issubclass(user_class, HttpUser | FastHttpUser)


def load(path: Path) -> Locustfile:
    """Import a locustfile. Raises CannotStart."""
    try:
        users, shapes = load_locustfile(str(path))
    except SyntaxError as error:
        msg = f"{path}, line {error.lineno}: {error.msg}."
        raise CannotStart(msg) from None
    except Exception as error:  # a journey is a user's program and may raise anything
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
        raise CannotStart(msg) from None
    classes = [
        user_class for user_class in users.values() if user_class.weight > 0 or user_class.fixed_count > 0
    ]
    if not classes:
        msg = (
            f"{path} has only users with a weight of 0."
            if users
            else f"{path} has no user: a class derived from Locust's HttpUser or FastHttpUser, with tasks. Files for"
            " pytest are not run."
        )
        raise CannotStart(msg)
    return Locustfile(path, classes, shapes[0] if shapes else None)
