"""Business errors: a class with an HTTP status, a stable code and a sentence for the person.

Anything else that is raised is a bug, and answered as 500.
"""

from collections.abc import Mapping
from typing import ClassVar


class Refused(Exception):
    """Something the portal will not do, and the sentence that says why and what to do instead."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"
    title: str = "That did not work"
    message: str = "The request could not be carried out."
    actions: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Links for the error page, as (label, address); without any it shows the portal's default links."""

    def __init__(self, message: str | None = None) -> None:
        """`message` takes the place of the class's own sentence."""
        super().__init__(message or self.message)
        self.message = message or self.message

    def headers(self) -> Mapping[str, str]:
        """HTTP headers that go with the answer."""
        return {}

    def members(self) -> Mapping[str, object]:
        """Members of the problem body that only this kind of problem has (RFC 9457, section 3.2)."""
        return {}


class NotFound(Refused):
    """No such thing, or not this person's: the two look alike from outside."""

    status = 404
    code = "not-found"
    title = "Not found"
    message = "This page does not exist, or you do not have access to it."


class Forbidden(Refused):
    """Signed in, but not in the role that this needs."""

    status = 403
    code = "forbidden"
    title = "Not allowed"
    message = "Your account does not have permission for this. Ask an organiser if you need it."


class SignInNeeded(Refused):
    """Nobody is signed in; a page sends to /login, the API answers 401."""

    status = 401
    code = "sign-in-needed"
    title = "Please sign in"
    message = "Sign in to continue."

    def headers(self) -> Mapping[str, str]:
        """The scheme that the API takes (RFC 6750)."""
        return {"www-authenticate": 'Bearer realm="festgate"'}


class Conflict(Refused):
    """Well-formed, but the state of things says no."""

    status = 409
    code = "conflict"
    title = "This is no longer possible"


class TooMany(Refused):
    """A limit on attempts; `retry_after` is in seconds."""

    status = 429
    code = "too-many"
    title = "Too many attempts"

    def __init__(self, message: str, retry_after: int) -> None:
        """Say what was too much, and when it may be tried again."""
        super().__init__(message)
        self.retry_after = max(1, retry_after)

    def headers(self) -> Mapping[str, str]:
        """When to come back (RFC 9110, section 10.2.3)."""
        return {"retry-after": str(self.retry_after)}


class Malformed(Refused):
    """The request itself cannot be read."""

    status = 400
    code = "malformed"
    title = "The request could not be read"


class TooLarge(Refused):
    """A body beyond what any form or call of this portal needs."""

    status = 413
    code = "too-large"
    title = "The request is too large"
    message = "The request is larger than any form or call of this portal needs."


class Invalid(Refused):
    """Input of the wrong shape. `fields` maps each field's name to what is wrong with it."""

    status = 422
    code = "invalid"
    title = "Please check what you entered"

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Each value is a sentence a person can act on."""
        super().__init__(" ".join(f"{name}: {sentence}" for name, sentence in fields.items()))
        self.fields = dict(fields)

    def members(self) -> Mapping[str, object]:
        """What is wrong with each field."""
        return {"fields": self.fields}


class Bug(Refused):
    """Something that should not happen did."""

    status = 500
    code = "bug"
    title = "Something went wrong on our side"
    message = (
        "Nothing was lost. Please try again. If it happens again, send the organisers the reference below."
    )


class NotTaken(Refused):
    """The address is there, but not for this method."""

    status = 405
    code = "method-not-allowed"
    title = "This request is not supported"
    message = "This address does not support that kind of request."

    def __init__(self, headers: Mapping[str, str] | None) -> None:
        """`headers` say which methods it does take."""
        super().__init__()
        self._headers = dict(headers or {})

    def headers(self) -> Mapping[str, str]:
        """`Allow` (RFC 9110, section 15.5.6)."""
        return self._headers


class Unavailable(Refused):
    """The portal is up, but something that it needs is not."""

    status = 503
    code = "unavailable"
    title = "Temporarily unavailable"
    message = "The fest's data is temporarily unavailable. Nothing was changed. Please try again in a moment."

    def headers(self) -> Mapping[str, str]:
        """Soon: what is away is usually back within seconds."""
        return {"retry-after": "5"}


class ModuleUnavailable(Refused):
    """A module is unavailable, and its bulkhead keeps that to its own visitors."""

    status = 503
    code = "resting"
    title = "Temporarily unavailable"

    def __init__(self, module: str, title: str, problem: str, keeps: str, retry_after: int) -> None:
        """`module` is its name, `title` heads the page; `keeps` says what is untouched. `retry_after` is in seconds."""
        super().__init__(f"{problem} {keeps}".strip())
        self.problem = problem
        self.module = module
        self.title = title
        self.retry_after = retry_after

    def headers(self) -> Mapping[str, str]:
        """When to come back (RFC 9110, section 10.2.3)."""
        return {"retry-after": str(self.retry_after)}


class StartupError(Exception):
    """The program cannot start; the sentence says what and what to do. The command exits with 2."""
