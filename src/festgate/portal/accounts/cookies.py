"""The session cookie and the device cookie: read from a request, and set or deleted by a response."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from festgate.kit.clock import SECOND, Milliseconds
from festgate.kit.web.parameters import HOST_PREFIX, SESSION_COOKIE, read_cookie, session_token
from festgate.portal.accounts.devices import DEVICE_LIFE
from festgate.portal.accounts.reception import Opening
from festgate.portal.accounts.sessions import LIFE, Session

DEVICE_COOKIE = "festgate_device"
FORGET = '"cache", "storage"'
"""Data that a browser deletes at sign-out (Clear-Site-Data). The cookies stay, for the device cookie among them."""


class Cookies:
    """The cookies of accounts. Over https they are secure and their names have a prefix."""

    def __init__(self, *, secure: bool) -> None:
        """`secure`: the fest is served over https."""
        self._secure = secure

    def opening(self, request: Request) -> Opening:
        """Return the kind of session that this browser opens, with the session that it replaces."""
        return Opening("cookie", session_token(request.scope["headers"]) or None, self.device(request))

    def device(self, request: Request) -> str:
        """Return the device cookie; empty if there is none."""
        return read_cookie(request, self._prefixed(DEVICE_COOKIE))

    def tokens(self, request: Request) -> list[str]:
        """Return the tokens of the browser's sessions: one, or two if one is from before https."""
        return [token for name in self._session_names() if (token := read_cookie(request, name))]

    def remember(self, request: Request, response: Response, session: Session) -> None:
        """Set the session cookie and the device cookie, and delete a session cookie from before https."""
        name, *others = self._session_names()
        self._set(response, name, session.token, LIFE)
        self._set(response, self._prefixed(DEVICE_COOKIE), session.device, DEVICE_LIFE)
        for other in others:
            if read_cookie(request, other):
                self._delete(response, other)

    def forget(self, response: Response) -> None:
        """Delete the session cookie, and let the browser delete the pages that it kept."""
        for name in self._session_names():
            self._delete(response, name)
        response.headers["clear-site-data"] = FORGET

    def _set(self, response: Response, name: str, value: str, life: Milliseconds) -> None:
        response.set_cookie(
            name,
            value,
            max_age=life // SECOND,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def _delete(self, response: Response, name: str) -> None:
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="lax")

    def _session_names(self) -> Sequence[str]:
        """Return the names of the session cookie: today's, and over https also the one from before https."""
        return list(dict.fromkeys((self._prefixed(SESSION_COOKIE), SESSION_COOKIE)))

    def _prefixed(self, name: str) -> str:
        return f"{HOST_PREFIX}{name}" if self._secure else name
