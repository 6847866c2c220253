"""A client that sends the most expensive text it can to the portal's forms and API, one request after another.

The text consists of combining marks in descending order of their class. Normalisation has to sort them, which takes
quadratic time unless the reader limits the length first.
"""

import json
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode

from festgate.drills.clients import MAX_WAIT, sign_up_with_seats
from festgate.drills.portal import Portal
from festgate.rehearsal import http_client

FORM_BYTES: Final = 63 * 1024
CALL_BYTES: Final = 15 * 1024
"""A little less than the portal accepts, so that it has to read the whole body."""
PAUSE: Final = 0.02
"""Seconds between two requests."""
MARKS: Final = "".join(
    sorted(
        (chr(code) for code in range(0x300, 0x370) if unicodedata.combining(chr(code))),
        key=unicodedata.combining,
        reverse=True,
    )
)
"""All combining marks, the highest class first."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the client sends it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None


def falling_marks(count: int) -> str:
    """Return a letter followed by `count` combining marks in the order that takes longest to sort."""
    repeats = -(-count // len(MARKS))
    return "a" + "".join(mark * repeats for mark in MARKS)[:count]


def hostile_requests(cookie: str) -> Sequence[Request]:
    """Return the requests to send in turn; `cookie` belongs to an account that is signed in."""
    marks = falling_marks((FORM_BYTES - 200) // 6)  # a mark has six bytes in a form
    raw_marks = falling_marks((CALL_BYTES - 200) // 2)  # and two bytes in JSON
    kind = "application/x-www-form-urlencoded"
    form = {"Content-Type": kind, "Sec-Fetch-Site": "same-origin"}
    signed_in = form | {"Cookie": cookie}
    call = {"Content-Type": "application/json"}
    person = {"username": "u", "email": "u@example.org", "password": "long enough"}
    named = json.dumps({**person, "username": raw_marks}, ensure_ascii=False).encode()
    sign_in = json.dumps({"username": "u", "password": raw_marks}, ensure_ascii=False).encode()
    quoted = 'festgate_session="' + "\\\\" * 15_000 + '"'
    return (
        Request("POST", "/api/v1/people", call, named),
        Request("POST", "/api/v1/tokens", call, sign_in),
        Request("POST", "/api/v1/tokens", call, b"[" * CALL_BYTES),
        Request("POST", "/register", form, urlencode({**person, "username": marks}).encode()),
        Request("POST", "/login", form, urlencode({"username": marks, "password": "x"}).encode()),
        Request("POST", "/login", form, b"username=" + b"%" * (FORM_BYTES - 100)),
        Request("POST", "/forgot", form, urlencode({"username": marks}).encode()),
        Request("POST", "/checkout", signed_in, urlencode({"payment_method": marks}).encode()),
        Request("POST", "/logout", form | {"Cookie": quoted}, b""),
        Request("GET", f"/events?{urlencode({'q': falling_marks(600)})}", {}, None),
    )


class HostileClient:
    """A client that sends at most `count` requests, from `__enter__` until `__exit__`."""

    def __init__(self, portal: Portal, count: int) -> None:
        """Prepare the client without sending a request."""
        self._portal = portal
        self._count = count
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._send_all, name="hostile text", daemon=True)
        self._requests: Sequence[Request] = ()
        self.refused = 0
        """Responses below 500: the text was refused or ignored."""
        self.failed = 0
        """Responses of 500 and above, and requests without a response."""

    def __enter__(self) -> Self:
        """Sign up, then start to send."""
        self._requests = hostile_requests(sign_up_with_seats(self._portal))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop after the current request."""
        self._stopped.set()
        self._thread.join()

    @property
    def summary(self) -> str:
        """The result of the requests, for the report."""
        return (
            f"{self.refused + self.failed:,} hostile requests were sent; the portal failed to answer "
            f"{self.failed:,} of them"
        )

    def _send_all(self) -> None:
        for _, request in zip(range(self._count), cycle(self._requests), strict=False):
            if self._stopped.is_set():
                return
            status = self._send(request)
            if 0 < status < 500:  # noqa: PLR2004
                self.refused += 1
            else:
                self.failed += 1
            self._stopped.wait(PAUSE)

    def _send(self, request: Request) -> int:
        """Return the status of the response; 0 where there is none."""
        try:
            return http_client.request(
                request.method,
                f"{self._portal.url}{request.path}",
                timeout=MAX_WAIT,
                headers=request.headers,
                content=request.body,
            ).status
        except http_client.NoResponse:
            return 0
