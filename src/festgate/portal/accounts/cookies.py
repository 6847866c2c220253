"""The session cookie and the device cookie: read from a request, and set or deleted by a response."""

from starlette.requests import Request
from starlette.responses import Response

from festgate.kit.web.parameters import read_cookie, session_token
from festgate.kit.web.session_cookies import SessionCookies
from festgate.portal.accounts.devices import DEVICE_LIFE
from festgate.portal.accounts.sessions import LIFE, Session
from festgate.portal.accounts.sign_ins import Opening

DEVICE_COOKIE = "festgate_device"
FORGET = '"cache", "storage"'
"""Data that a browser deletes at sign-out (Clear-Site-Data). The cookies stay, for the device cookie among them."""


class Cookies:
    """The cookies of accounts. Over https they are secure and their names have a prefix."""

    def __init__(self, *, secure: bool) -> None:
        """`secure`: the fest is served over https."""
        self._cookies = SessionCookies(secure=secure)

    def opening(self, request: Request) -> Opening:
        """Return the kind of session that this browser opens, with the session that it replaces."""
        return Opening("cookie", session_token(request.scope["headers"]) or None, self.device(request))

    def device(self, request: Request) -> str:
        """Return the device cookie; empty if there is none."""
        return read_cookie(request, self._cookies.prefixed(DEVICE_COOKIE))

    def tokens(self, request: Request) -> list[str]:
        """Return the tokens of the browser's sessions: one, or two if one is from before https."""
        return self._cookies.tokens(request)

    def remember(self, request: Request, response: Response, session: Session) -> None:
        """Set the session cookie and the device cookie, and delete a session cookie from before https."""
        self._cookies.remember(request, response, session.token, LIFE)
        self._cookies.set(response, self._cookies.prefixed(DEVICE_COOKIE), session.device, DEVICE_LIFE)

    def remember_guest(self, request: Request, response: Response, session: Session) -> None:
        """Set the session cookie of a guest; there is no device cookie, since nobody signs in."""
        self._cookies.remember(request, response, session.token, LIFE)

    def forget(self, response: Response) -> None:
        """Delete the session cookie, and let the browser delete the pages that it kept."""
        self._cookies.forget(response)
        response.headers["clear-site-data"] = FORGET
