"""A client that sends the most expensive text it can to the portal's forms and API, one request after another.

The text consists of combining marks in descending order of their class. Normalisation has to sort them, which takes
quadratic time unless the reader limits the length first.
"""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final, Self
from urllib.parse import urlencode

from festgate.drills.background import Background
from festgate.drills.clients import MAX_WAIT, sign_up_with_seats
from festgate.drills.portal import Portal, fetch, is_served

FORM_BYTES: Final = 63 * 1024
CALL_BYTES: Final = 15 * 1024
"""A little less than the portal's limit, so that it has to read the whole body."""
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


class HostileClient(Background):
    """A client that sends at most `count` requests, from `__enter__` until `__exit__`."""

    def __init__(self, portal: Portal, count: int) -> None:
        """Prepare the client without sending a request."""
        super().__init__(PAUSE, self._send_next)
        self._portal = portal
        self._count = count
        self._requests: Iterator[Request] = iter(())
        self.refused = 0
        """Responses below 500: the text was refused or ignored."""
        self.failed = 0
        """Responses of 500 and above, and requests without a response."""

    def __enter__(self) -> Self:
        """Sign up, then start to send."""
        requests = hostile_requests(sign_up_with_seats(self._portal))
        self._requests = islice(cycle(requests), self._count)
        return super().__enter__()

    @property
    def summary(self) -> str:
        """The result of the requests, for the report."""
        return (
            f"{self.refused + self.failed:,} hostile requests were sent; the portal failed to answer "
            f"{self.failed:,} of them"
        )

    def _send_next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._stopped.set()
            return
        url = f"{self._portal.url}{request.path}"
        response = fetch(request.method, url, timeout=MAX_WAIT, headers=request.headers, content=request.body)
        if is_served(response):
            self.refused += 1
        else:
            self.failed += 1
