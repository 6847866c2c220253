"""What the visitors of all journeys do alike: come, sign up, and go from page to page as a browser does.

Each step looks at what it got, not only at the status, and is named by its route's template, so that a thousand people
are one row of the statistics. A step that got something wrong is counted as a failure, and the journey ends there: what
a person cannot see, they cannot press.

The environment says what a journey cannot know: FESTGATE_REHEARSAL_SEED (default 0) makes the same people come again.
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

SEED_VARIABLE: Final = "FESTGATE_REHEARSAL_SEED"
CARD: Final = "4242 4242 4242 4242"
"""Play money that approves."""
LOOK_AGAIN: Final = 0.25
"""Seconds before somebody whose ticket is still being made reloads the receipt."""
MAX_WAIT: Final = 10.0
"""Seconds from the payment to the ticket; a receipt without one after that is wrong."""

TAKEN: Final = b"This username is taken."
# The second sentence of each is that of earlier builds, which a comparison may run.
SOLD_OUT: Final = (b"All seats at this event are taken.", b"Every seat at this event is taken.")
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
"""Looks at a page: what is wrong with it, or nothing. Never a visitor's value: each sentence is a row of its own."""

_CARD = re.compile(
    rb'<li class="card is-(?P<state>\w+)">.*?<a href="/events/(?P<slug>[^"]+)">(?P<title>[^<]+)</a>'
    rb'.*?<span class="price">(?P<price>[^<]*)</span>(?P<rest>.*?)</li>',
    re.DOTALL,
)
_LEFT = re.compile(rb">(?:Only )?(\d+)(?: seats)? left<")
_TOTAL = re.compile(rb'<p class="number">(\d+) events?</p>')
_HIDDEN = re.compile(rb'<input type="hidden" name="(\w+)" value="([^"]*)"')
"""What a form carries beside what is typed. Builds differ in it, so all of it is sent back, as a browser does."""
_TICKET = re.compile(rb'href="(/tickets/[0-9A-Z]{16})"')


class WrongAnswer(RescheduleTask):
    """The step was answered wrongly and is counted so; the journey cannot go on, and Locust begins the next."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody invented."""

    username: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An event as the list shows it."""

    slug: str
    title: bytes
    """As it stands in a page, escaped."""
    free: bool
    """It costs nothing."""
    soon: bool
    """Its sales open later."""
    left: int
    """Seats; 0 where none can be had now."""


def invent(rng: random.Random) -> Person:
    """The next person of `rng`; 48 bits of it keep the names of any crowd apart."""
    name = f"{rng.choice(GIVEN_NAMES)}-{rng.choice(FAMILY_NAMES)}-{rng.getrandbits(48):012x}"
    return Person(name, f"{name}@example.org", f"{rng.getrandbits(64):016x}")


def read_list(page: bytes) -> list[Offer]:
    """The events on a page of the list."""
    offers = []
    for card in _CARD.finditer(page):
        left = _LEFT.search(card["rest"]) if card["state"] == b"open" else None
        offers.append(
            Offer(
                slug=card["slug"].decode(),
                title=card["title"],
                free=card["price"] == b"Free",
                soon=card["state"] == b"soon",
                left=int(left[1]) if left else 0,
            )
        )
    return offers


def check_list(page: bytes) -> str:
    """As many events are shown as there are said to be, or a page of them with a way to the next."""
    total = _TOTAL.search(page)
    shown = page.count(b'<li class="card ')
    if total is None or shown == 0:
        return "the list has no events"
    if shown != int(total[1]) and b'<nav class="pages"' not in page:
        return "the list lacks some of its events"
    return ""


class Visitor(FastHttpUser):
    """Somebody with a browser. Redirects are not followed: where one leads is checked, and is the next step."""

    abstract = True
    host = "http://localhost:8000"
    _numbers: ClassVar[Iterator[int]] = itertools.count()
    """Of the people of this process, in the order in which they come."""

    def __init__(self, environment: Environment) -> None:
        """Nobody in particular yet; `come` makes them somebody."""
        super().__init__(environment)
        self.seed = os.environ.get(SEED_VARIABLE, "0")
        self.rng = random.Random(self.seed)  # noqa: S311  (here and below: to be repeated, not to be secret)
        self.person = invent(self.rng)
        self.signed_in_as = ""

    def wait_time(self) -> float:
        """Seconds to think between two iterations: 1 to 2, and the same again with the same seed."""
        return self.rng.uniform(1, 2)

    def come(self) -> None:
        """Somebody else comes, whom this portal has not seen in this run: with no cookie, over a new connection.

        All that they choose follows from the seed, from which worker this is, and from how many came before them here.
        """
        worker = getattr(self.environment.runner, "worker_index", 0)
        self.rng = random.Random(f"{self.seed}:{worker}:{next(self._numbers)}")  # noqa: S311
        self.person = invent(self.rng)
        self.signed_in_as = ""
        self.client.cookiejar.clear()
        if self.client_pool is None:
            self.client.client.clientpool.close()

    def get(self, path: str, step: str, check: Check | None = None, **shows: bytes) -> bytes:
        """The page at `path`: a 200 that shows each of `shows`, passes `check`, and is for who is signed in.

        Each of `shows` has a name that says what is lacking where it is not there. Raises WrongAnswer.
        """
        with self._ask("GET", path, step) as response:
            page = self._content(response)
            if response.status_code != OK:
                self._refuse(response, f"answered {response.status_code}, not {OK}")
            name = self.signed_in_as
            # An older portal has "Signed in as" in a span, where this one has a link.
            if name and f"igned in as </span>{name}<".encode() not in page:
                self._refuse(response, "the page is not for who is signed in")
            lacking = next((what for what, sign in shows.items() if sign not in page), "")
            if lacking:
                self._refuse(response, f"the page does not show the {lacking.replace('_', ' ')}")
            if check is not None and (wrong := check(page)):
                self._refuse(response, wrong)
            response.success()
            return page

    def post(
        self, path: str, step: str, fields: Mapping[str, str], leads_to: str, but: Iterable[bytes] = ()
    ) -> str | bytes:
        """Send a form; the address that the 303 leads to, which begins with `leads_to`.

        `but` are sentences of refusals that are right as well (a 409 with one of them): that sentence, then. Raises
        WrongAnswer.
        """
        with self._ask("POST", path, step, fields) as response:
            page = self._content(response)
            if response.status_code == CONFLICT:
                for sentence in but:
                    if sentence in page:
                        response.success()
                        return sentence
            if response.status_code != SEE_OTHER:
                self._refuse(response, f"answered {response.status_code}, not {SEE_OTHER}")
            place = str(response.headers.get("location", "")) if response.headers else ""
            if not place.startswith(leads_to):
                self._refuse(response, "the redirect leads somewhere else")
            response.success()
            return place

    def _ask(
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
        """The body; where no answer came at all, the failure says why."""
        if response.status_code == 0:
            self._refuse(response, getattr(response, "error", None) or "no answer came")
        content: bytes = response.content or b""
        return content

    @staticmethod
    def _refuse(response: ResponseContextManager, why: str | BaseException) -> NoReturn:
        response.failure(why)  # type: ignore[no-untyped-call]
        raise WrongAnswer(str(why))

    def sign_up(self, onward: str = "/events") -> None:
        """Get an account, and be led `onward`. Who has one, from an earlier run of the same seed, signs in with it."""
        person = self.person
        self.get("/register", "/register", form=b'action="/register"', password=b'name="password"')
        fields = {"username": person.username, "password": person.password, "next": onward}
        answer = self.post("/register", "/register", {**fields, "email": person.email}, onward, but=(TAKEN,))
        if answer == TAKEN:
            self.sign_in(person.username, person.password, onward)
        self.signed_in_as = person.username

    def sign_in(self, username: str, password: str, onward: str = "/events") -> None:
        """Sign in with an account that is there."""
        self.post("/login", "/login", {"username": username, "password": password, "next": onward}, onward)
        self.signed_in_as = username

    def browse(self) -> list[Offer]:
        """The list of events."""
        page = self.get("/events", "/events", check_list, heading=b"<h1>Events</h1>")
        return read_list(page)

    def open_event(self, offer: Offer) -> bytes:
        """The page of one event."""
        return self.get(
            f"/events/{offer.slug}",
            "/events/{slug}",
            title=b"<h1>" + offer.title + b"</h1>",
            seats=b"<dt>Seats</dt>",
        )

    def register(self, offer: Offer) -> str | bytes:
        """Ask for a seat: `/my-events`, or a sentence of SOLD_OUT or ALREADY_REGISTERED, right answers to a rush."""
        return self.post(
            f"/events/{offer.slug}/register",
            "/events/{slug}/register",
            {},
            "/my-events",
            but=(*SOLD_OUT, *ALREADY_REGISTERED),
        )

    def see_my_events(self, offer: Offer) -> str:
        """One's own list, which has the event; the address of its ticket where that is there already, or nothing."""
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
        """Check out with play money, and wait for the receipt to show the ticket: the ticket's address."""
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
        """The ticket with its code."""
        self.get(
            address,
            "/tickets/{code}",
            event=offer.title,
            code=b"QR code of ticket",
            picture=b"<svg",
            holder=b"Holder",
        )

    def get_ticket(self, offer: Offer) -> str:
        """From the event's button to the ticket: its address, or nothing where the event is sold out."""
        if self.register(offer) in SOLD_OUT:
            return ""
        # Who was here in an earlier run of the same seed has the seat, and perhaps the ticket.
        ticket = self.see_my_events(offer) or self.pay(offer)
        self.see_ticket(ticket, offer)
        return ticket


class Regular(Visitor):
    """Somebody who has signed up before, and asks for one page again and again."""

    abstract = True

    def on_start(self) -> None:
        """Come once, and do what has to be done before the page is asked for."""
        self.come()
        # What went wrong is counted; the first iteration tries once more.
        with suppress(WrongAnswer):
            self.prepare()

    def prepare(self) -> None:
        """Sign up."""
        self.sign_up()

    def be_ready(self) -> None:
        """Sign up where that has not succeeded yet."""
        if not self.signed_in_as:
            self.prepare()
