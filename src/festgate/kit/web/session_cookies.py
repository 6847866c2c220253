"""The session cookie of a browser: set and deleted by a response."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from festgate.kit.clock import SECOND, Milliseconds
from festgate.kit.web.parameters import HOST_PREFIX, SESSION_COOKIE, read_cookie


class SessionCookies:
    """Sets and deletes cookies. Over https they are secure and their names have a prefix."""

    def __init__(self, *, secure: bool) -> None:
        """`secure`: the fest is served over https."""
        self._secure = secure

    def tokens(self, request: Request) -> list[str]:
        """Return the tokens of the browser's sessions: one, or two if one is from before https."""
        return [token for name in self._session_names() if (token := read_cookie(request, name))]

    def remember(self, request: Request, response: Response, token: str, life: Milliseconds) -> None:
        """Set the session cookie, and delete one from before https."""
        name, *others = self._session_names()
        self.set(response, name, token, life)
        for other in others:
            if read_cookie(request, other):
                self.delete(response, other)

    def forget(self, response: Response) -> None:
        """Delete the session cookie."""
        for name in self._session_names():
            self.delete(response, name)

    def set(self, response: Response, name: str, value: str, life: Milliseconds) -> None:
        """Set a cookie that no script can read and no other site's form is sent with."""
        response.set_cookie(
            name,
            value,
            max_age=life // SECOND,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def delete(self, response: Response, name: str) -> None:
        """Delete a cookie."""
        response.delete_cookie(name, secure=self._secure, httponly=True, samesite="lax")

    def prefixed(self, name: str) -> str:
        """Return the name of a cookie, with the prefix over https."""
        return f"{HOST_PREFIX}{name}" if self._secure else name

    def _session_names(self) -> Sequence[str]:
        """Return the names of the session cookie: today's, and over https also the one from before https."""
        return list(dict.fromkeys((self.prefixed(SESSION_COOKIE), SESSION_COOKIE)))
