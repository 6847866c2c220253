"""Business errors: a class for each, with an HTTP status, a stable code and a sentence for the visitor.

The gate answers any other exception with status 500.
"""

from collections.abc import Mapping
from typing import ClassVar

from festgate.kit.translation import N_, gettext


class Refused(Exception):
    """A request that the portal declines. The message gives the reason and what to do instead."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"
    title: str = N_("That did not work")
    message: str = N_("The request could not be carried out.")
    actions: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Links for the error page, as (label, address); without any it shows the portal's default links."""
    retry_after: int | None = None
    """Seconds after which the client may retry."""
    is_bare: ClassVar[bool] = False
    """Whether the error page has no navigation, because no other page answers."""

    def __init__(self, message: str | None = None) -> None:
        """Use `message` in place of the class's own."""
        self.message = message or gettext(self.message)
        super().__init__(self.message)

    def headers(self) -> Mapping[str, str]:
        """Return HTTP headers for the response, such as the time to wait (RFC 9110, section 10.2.3)."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}

    def members(self) -> Mapping[str, object]:
        """Return members that only this kind of problem has (RFC 9457, section 3.2)."""
        return {}


class NotFound(Refused):
    """A thing that does not exist, or belongs to another person: both look the same to the visitor."""

    status = 404
    code = "not-found"
    title = N_("Not found")
    message = N_("This page does not exist, or you do not have access to it.")


class Forbidden(Refused):
    """A request that needs another role than the visitor has."""

    status = 403
    code = "forbidden"
    title = N_("Not allowed")
    message = N_("Your account does not have permission for this. Ask an organiser if you need it.")


class SignInNeeded(Refused):
    """A request without a session. A page redirects to the sign-in page; the API answers 401."""

    status = 401
    code = "sign-in-needed"
    title = N_("Please sign in")
    message = N_("Sign in to continue.")

    def headers(self) -> Mapping[str, str]:
        """Name the authentication scheme of the API (RFC 6750)."""
        return {"www-authenticate": 'Bearer realm="festgate"'}


class ProofNeeded(Refused):
    """A sensitive action without a password that was entered a moment ago. A page asks for it; the API answers 403."""

    status = 403
    code = "proof-needed"
    title = N_("Your password is needed again")
    message = N_(
        "You entered your password more than ten minutes ago, so nothing has been changed. Enter it again, and repeat "
        "the last step."
    )


class SecondFactorNeeded(Refused):
    """A request of a team's account without a second factor, which the owner requires."""

    status = 403
    code = "second-factor-needed"
    title = N_("A second factor is needed")
    message = N_(
        "Every account of the team needs a second factor. Set it up on the page of your account first."
    )


class Conflict(Refused):
    """A well-formed request that the current state of the data does not allow."""

    status = 409
    code = "conflict"
    title = N_("This is no longer possible")


class TooMany(Refused):
    """A limit on attempts that was reached."""

    status = 429
    code = "too-many"
    title = N_("Too many attempts")
    retry_after: int

    def __init__(self, message: str, retry_after: int) -> None:
        """Set the sentence, and after how many seconds the visitor may try again."""
        super().__init__(message)
        self.retry_after = max(1, retry_after)


class Malformed(Refused):
    """A request that cannot be parsed."""

    status = 400
    code = "malformed"
    title = N_("The request could not be read")


class TooLarge(Refused):
    """A request body that is larger than any form or API call needs."""

    status = 413
    code = "too-large"
    title = N_("The request is too large")
    message = N_("The request is larger than any form or API call of this portal needs.")


class Invalid(Refused):
    """Invalid input. `fields` maps the name of each invalid field to a sentence."""

    status = 422
    code = "invalid"
    title = N_("Please check what you entered")

    def __init__(self, fields: Mapping[str, str]) -> None:
        """Take, for each invalid field, a sentence that the visitor can act on."""
        super().__init__(" ".join(f"{name}: {sentence}" for name, sentence in fields.items()))
        self.fields = dict(fields)

    def members(self) -> Mapping[str, object]:
        """Return the sentence for each field."""
        return {"fields": self.fields}


class Bug(Refused):
    """An unhandled exception."""

    status = 500
    code = "bug"
    title = N_("Something went wrong on our side")
    message = N_(
        "Nothing was lost. Please try again. If it happens again, send the organisers the reference below."
    )


class NotTaken(Refused):
    """A method that the address does not support."""

    status = 405
    code = "method-not-allowed"
    title = N_("This request is not supported")
    message = N_("This address does not support that kind of request.")

    def __init__(self, headers: Mapping[str, str] | None) -> None:
        """Take the headers that list the supported methods."""
        super().__init__()
        self._headers = dict(headers or {})

    def headers(self) -> Mapping[str, str]:
        """Return `Allow` (RFC 9110, section 15.5.6)."""
        return self._headers


class Unavailable(Refused):
    """The portal is running, but a service that it needs, such as the database, is not available."""

    status = 503
    code = "unavailable"
    title = N_("Temporarily unavailable")
    message = N_(
        "The fest's data is temporarily unavailable. Nothing was changed. Please try again in a moment."
    )
    retry_after = 5


class ModuleUnavailable(Refused):
    """A module that is unavailable; its bulkhead keeps the rest of the portal working."""

    status = 503
    code = "resting"
    title = N_("Temporarily unavailable")

    def __init__(self, module: str, title: str, problem: str, keeps: str, retry_after: int) -> None:
        """Take the module's name, the page's title, the problem, what stays safe, and the seconds to wait."""
        super().__init__(f"{problem} {keeps}".strip())
        self.problem = problem
        self.module = module
        self.title = title
        self.retry_after = retry_after


class StartupError(Exception):
    """An error that prevents the start. The message states the cause and the remedy; the command exits with 2."""
