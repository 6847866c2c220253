"""The steps that the visitors of all journeys share: arrive, sign up, and go from page to page as in a browser.

Each step checks the content of its answer and not only the status. It is named by its route's template, so that a
thousand people are one row of the statistics. A wrong answer counts as a failure and ends the journey, as a person
cannot press a button that the page does not show.

The environment variable FESTGATE_REHEARSAL_SEED (default 0) makes the same people arrive again.
"""

import itertools
import os
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Final, NoReturn, TypeAlias
from urllib.parse import urlencode

from locust import FastHttpUser
from locust.contrib.fasthttp import ResponseContextManager
from locust.env import Environment
from locust.exception import RescheduleTask

from festgate.rehearsal.journeys.shared.answers import fill_in

SEED_VARIABLE: Final = "FESTGATE_REHEARSAL_SEED"
CARD: Final = "4242 4242 4242 4242"
"""A sandbox card whose payments succeed."""
LOOK_AGAIN: Final = 0.25
"""Seconds until the receipt is reloaded while the ticket is being issued."""
MAX_WAIT: Final = 10.0
"""Seconds from the payment to the ticket, after which a receipt without one is wrong."""

TAKEN: Final = b"This username is taken."
# The second sentence of each is from older builds, which a comparison may run.
SOLD_OUT: Final = (
    b"All seats at this event are taken.",
    b"Every seat at this event is taken.",
    b"and all seats there are taken.",  # at another event of a pass
)
ALREADY_REGISTERED: Final = (
    b"You are already registered for this event",
    b"You are registered for this event already",
)

OK, SEE_OTHER, CONFLICT = 200, 303, 409

GIVEN_NAMES: Final = (
    *("aarav", "aditi", "amit", "anaya", "asha", "devi", "esha", "farid", "gita", "hari", "indra", "isha"),
    *("jaya", "kabir", "kavya", "leela", "manoj", "meera", "neha", "nikhil", "ravi", "rohan", "sana", "tara"),
)
FAMILY_NAMES: Final = (
    *("bose", "das", "dutta", "gupta", "iyer", "jain", "joshi", "kapoor", "khan", "kumar", "mehta", "menon"),
    *("mishra", "nair", "patel", "pillai", "rao", "reddy", "roy", "sen", "shah", "sharma", "singh", "varma"),
)

Check: TypeAlias = Callable[[bytes], str]
"""Returns what is wrong with a page, or "". Each sentence is a row of the statistics, so it has no visitor's value."""

_CARD = re.compile(
    rb'<li class="card is-(?P<state>\w+)">.*?<a href="/events/(?P<slug>[^"]+)">(?P<title>[^<]+)</a>'
    rb'.*?<span class="price">(?P<price>[^<]*)</span>(?P<rest>.*?)</li>',
    re.DOTALL,
)
_LEFT = re.compile(rb">(?:Only )?(\d+)(?: seats)? left<")
"""The number of seats, which only older builds show in the list."""
FEW_LEFT: Final = 10
MANY_LEFT: Final = 1000
"""Seats that are assumed where the list shows no number: "Few left" is a badge for at most ten, or a tenth of all."""
_TOTAL = re.compile(rb'<p class="number">(\d+) events?</p>')
_HIDDEN = re.compile(rb'<input type="hidden" name="(\w+)" value="([^"]*)"')
"""A hidden field of a form. Builds differ in them, so all are sent back, as a browser does."""
_TICKET = re.compile(rb'href="(/tickets/[0-9A-Z]{16})"')


class WrongAnswer(RescheduleTask):
    """A wrong answer, already counted as a failure; Locust ends this journey and begins the next."""


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person."""

    username: str
    email: str
    password: str
    name: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An event as the list of events shows it."""

    slug: str
    title: bytes
    """As in a page, escaped."""
    free: bool
    """Free of charge."""
    soon: bool
    """Sales open later."""
    left: int
    """Seats, as far as the list shows them; 0 if none is available now."""


def invent(rng: random.Random) -> Person:
    """Return the next person of `rng`; 48 random bits keep the usernames in a crowd unique."""
    given, family = rng.choice(GIVEN_NAMES), rng.choice(FAMILY_NAMES)
    username = f"{given}-{family}-{rng.getrandbits(48):012x}"
    return Person(
        username, f"{username}@example.org", f"{rng.getrandbits(64):016x}", f"{given} {family}".title()
    )


def read_list(page: bytes) -> list[Offer]:
    """Return the events on a page of the list."""
    return [
        Offer(
            slug=card["slug"].decode(),
            title=card["title"],
            free=card["price"] == b"Free",
            soon=card["state"] == b"soon",
            left=_seats_left(card["rest"]) if card["state"] == b"open" else 0,
        )
        for card in _CARD.finditer(page)
    ]


def _seats_left(card: bytes) -> int:
    """Return the seats left at an event on sale, by the number or the badge on its card."""
    if left := _LEFT.search(card):
        return int(left[1])
    return FEW_LEFT if b"badge-few" in card else MANY_LEFT


def check_list(page: bytes) -> str:
    """Check that the page shows as many events as it counts, or has a link to the next page."""
    total = _TOTAL.search(page)
    shown = page.count(b'<li class="card ')
    if total is None or shown == 0:
        return "the list has no events"
    if shown != int(total[1]) and b'<nav class="pages"' not in page:
        return "the list lacks some of its events"
    return ""


class Visitor(FastHttpUser):
    """A person with a browser. Redirects are not followed: their location is checked, and is the next step."""

    abstract = True
    host = "http://localhost:8000"
    _numbers: ClassVar[Iterator[int]] = itertools.count()
    """Numbers for the people of this process, in the order of their arrival."""

    def __init__(self, environment: Environment) -> None:
        """Start without a person; `come` invents one."""
        super().__init__(environment)
        self.seed = os.environ.get(SEED_VARIABLE, "0")
        self.rng = random.Random(self.seed)  # noqa: S311  (here and below: to be repeated, not to be secret)
        self.person = invent(self.rng)
        self.signed_in_as = ""

    def wait_time(self) -> float:
        """Return the think time between two iterations: 1 to 2 seconds, the same for the same seed."""
        return self.rng.uniform(1, 2)

    def come(self) -> None:
        """Become a new person, unknown to the portal in this run: without cookies, over a new connection.

        All choices follow from the seed, the worker's number, and the number of people before this one.
        """
        worker = getattr(self.environment.runner, "worker_index", 0)
        self.rng = random.Random(f"{self.seed}:{worker}:{next(self._numbers)}")  # noqa: S311
        self.person = invent(self.rng)
        self.signed_in_as = ""
        self.client.cookiejar.clear()
        if self.client_pool is None:
            self.client.client.clientpool.close()

    def get(self, path: str, step: str, check: Check | None = None, **shows: bytes) -> bytes:
        """Return the page at `path`: a 200 that contains each of `shows`, passes `check`, and is the signed-in user's.

        The keyword of each of `shows` names what is missing in the failure. Raises WrongAnswer.
        """
        with self._request("GET", path, step) as response:
            page = self._content(response)
            if response.status_code != OK:
                self._refuse(response, f"answered {response.status_code}, not {OK}")
            name = self.signed_in_as
            # An older portal has "Signed in as" in a span; this one has a link.
            if name and f"igned in as </span>{name}<".encode() not in page:
                self._refuse(response, "the page is not the signed-in user's")
            missing = next((what for what, sign in shows.items() if sign not in page), "")
            if missing:
                self._refuse(response, f"the page does not show the {missing.replace('_', ' ')}")
            if check is not None and (wrong := check(page)):
                self._refuse(response, wrong)
            response.success()
            return page

    def post(
        self,
        path: str,
        step: str,
        fields: Mapping[str, str],
        leads_to: str | tuple[str, ...],
        but: Iterable[bytes] = (),
    ) -> str | bytes:
        """Send a form; return the location of the 303, which begins with `leads_to` or one of them.

        `but` are sentences of correct refusals (a 409 with one of them): that sentence is returned then. Raises
        WrongAnswer.
        """
        with self._request("POST", path, step, fields) as response:
            page = self._content(response)
            if response.status_code == CONFLICT:
                for sentence in but:
                    if sentence in page:
                        response.success()
                        return sentence
            if response.status_code != SEE_OTHER:
                self._refuse(response, f"answered {response.status_code}, not {SEE_OTHER}")
            location = str(response.headers.get("location", "")) if response.headers else ""
            if not location.startswith(leads_to):
                self._refuse(response, "the redirect leads somewhere else")
            response.success()
            return location

    def _request(
        self, method: str, path: str, step: str, fields: Mapping[str, str] | None = None
    ) -> ResponseContextManager:
        form = None
        headers = {}
        if fields is not None:
            form = urlencode(fields)
            headers = {
                "Content-Type": "application/x-www-form-urlencoded",
                "Sec-Fetch-Site": "same-origin",
            }
        return self.client.request(
            method, path, name=step, data=form, headers=headers, catch_response=True, allow_redirects=False
        )

    def _content(self, response: ResponseContextManager) -> bytes:
        """Return the body; if no answer came, fail with the reason."""
        if response.status_code == 0:
            self._refuse(response, getattr(response, "error", None) or "no answer came")
        content: bytes = response.content or b""
        return content

    @staticmethod
    def _refuse(response: ResponseContextManager, why: str | BaseException) -> NoReturn:
        response.failure(why)  # type: ignore[no-untyped-call]
        raise WrongAnswer(str(why))

    def choose_roomiest(self, offers: list[Offer]) -> Offer:
        """Return one of the events with the most seats left."""
        most = max(offer.left for offer in offers)
        return self.rng.choice([offer for offer in offers if offer.left == most])

    def sign_up(self, onward: str = "/events") -> None:
        """Sign up, or sign in if an earlier run of the same seed made the account; both redirect to `onward`."""
        person = self.person
        self.get("/register", "/register", form=b'action="/register"', password=b'name="password"')
        fields = {"username": person.username, "password": person.password, "next": onward}
        about = {"name": person.name, "email": person.email}
        answer = self.post("/register", "/register", fields | about, onward, but=(TAKEN,))
        if answer == TAKEN:
            self.sign_in(person.username, person.password, onward)
        self.signed_in_as = person.username

    def sign_in(self, username: str, password: str, onward: str = "/events") -> None:
        """Sign in with an existing account."""
        self.post("/login", "/login", {"username": username, "password": password, "next": onward}, onward)
        self.signed_in_as = username

    def browse(self) -> list[Offer]:
        """Return the events of the list."""
        page = self.get("/events", "/events", check_list, heading=b"<h1>Events</h1>")
        return read_list(page)

    def open_event(self, offer: Offer) -> bytes:
        """Return the page of one event."""
        return self.get(
            f"/events/{offer.slug}",
            "/events/{slug}",
            title=b"<h1>" + offer.title + b"</h1>",
            seats=b"<dt>Seats</dt>",
        )

    def register(self, offer: Offer) -> str | bytes:
        """Take a seat; return the next page, or a sentence of SOLD_OUT or ALREADY_REGISTERED, correct in a rush.

        A person with a seat is led to the event's page, and refused by older builds. The questions of the organisers
        are answered at once.
        """
        onward = self.post(
            f"/events/{offer.slug}/register",
            "/events/{slug}/register",
            {},
            ("/my-events", f"/events/{offer.slug}?"),
            but=(*SOLD_OUT, *ALREADY_REGISTERED),
        )
        if isinstance(onward, str) and onward.endswith("/questions"):
            self.answer_questions(onward)
            return "/my-events"
        return onward

    def answer_questions(self, address: str) -> None:
        """Answer the questions about a seat, which is then confirmed, or can be paid."""
        step = "/my-events/{slug}/questions"
        page = self.get(address, step, heading=b"<h1>Questions</h1>")
        self.post(address, step, fill_in(page) or {}, ("/my-events", "/checkout"))

    def see_my_events(self, offer: Offer) -> str:
        """Check that the person's list has the event; return the path of its ticket, or "" if it is not issued yet."""
        link = f'href="/events/{offer.slug}"'.encode()
        page = self.get(
            "/my-events",
            "/my-events",
            heading=b"<h1>My events</h1>",
            event=link,
        )
        ticket = _TICKET.search(page.partition(link)[2].partition(b"</li>")[0])
        return ticket[1].decode() if ticket else ""

    def pay(self, offer: Offer) -> str:
        """Check out with the sandbox card, wait until the receipt shows the ticket, and return the ticket's path."""
        till = self.get(
            "/checkout",
            "/checkout",
            event=offer.title,
            total=b"Total",
            form=b'name="idempotency_key"',
            way_to_pay_with_play_money=b'value="sandbox"',
        )
        form = till.partition(b'action="/checkout"')[2].partition(b"</form>")[0]
        hidden = {name.decode(): value.decode() for name, value in _HIDDEN.findall(form)}
        fields = hidden | {"payment_method": "sandbox", "card_number": CARD}
        receipt = str(self.post("/checkout", "/checkout", fields, "/orders/"))
        row = b'<th scope="row">' + offer.title
        deadline = time.monotonic() + MAX_WAIT
        while True:
            late = time.monotonic() > deadline
            page = self.get(
                receipt,
                "/orders/{ref}",
                event=row,
                stamp_of_a_payment=b"stamp-paid",
                ticket=b'href="/tickets/' if late else b"",
            )
            ticket = _TICKET.search(page.partition(row)[2].partition(b"</tr>")[0])
            if ticket is not None:
                return ticket[1].decode()
            time.sleep(LOOK_AGAIN)  # gevent's, since Locust is imported

    def see_ticket(self, address: str, offer: Offer) -> None:
        """Check the ticket and its code."""
        self.get(
            address,
            "/tickets/{code}",
            event=offer.title,
            code=b"QR code of ticket",
            picture=b"<svg",
            holder=b"Holder",
        )

    def get_ticket(self, offer: Offer) -> str:
        """Register, pay and open the ticket; return its path, or "" if the event is sold out."""
        if self.register(offer) in SOLD_OUT:
            return ""
        # After an earlier run of the same seed, the seat is taken already, and perhaps paid.
        ticket = self.see_my_events(offer) or self.pay(offer)
        self.see_ticket(ticket, offer)
        return ticket


class Regular(Visitor):
    """A user who signs up once, and then requests one page repeatedly."""

    abstract = True

    def on_start(self) -> None:
        """Arrive, and get ready for the first iteration."""
        self.come()
        # The failure is counted, and the first iteration tries again.
        with suppress(WrongAnswer):
            self.prepare()

    def prepare(self) -> None:
        """Sign up."""
        self.sign_up()

    def be_ready(self) -> None:
        """Sign up, unless that has succeeded already."""
        if not self.signed_in_as:
            self.prepare()
