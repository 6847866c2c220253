"""A fest that takes payments by Stripe, served over HTTP from this process so that the test moves its clock."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import text

from festgate.kit.clock import DAY, HOUR
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.money import Money
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.sessions import open_session
from festgate.portal.app import create_app
from festgate.portal.catalogue.details import Details
from festgate.portal.catalogue.events import create_event, publish_event
from festgate.portal.checkout import queries
from festgate.portal.checkout.queries import stuck_payments
from festgate.portal.checkout.records import Order, Refund
from festgate.portal.registrations import facade as registrations
from festgate.settings import Settings
from tests.rig.database import OpenDatabase
from tests.rig.forms import check_out
from tests.rig.served import served
from tests.rig.stripe_books import Json
from tests.rig.stripe_server import SECRET_KEY, WEBHOOK_SECRET, StripeServer
from tests.rig.waiting import until


@dataclass(frozen=True)
class Person:
    """Someone who is signed in, and their browser."""

    id: int
    browser: httpx.Client

    def take_seats(self, *slugs: str) -> None:
        """Hold a seat at each of these events."""
        for slug in slugs:
            answer = self.browser.post(f"/events/{slug}/register")
            assert answer.headers["location"] == "/my-events", answer.text

    def check_out(self) -> httpx.Response:
        """Press the button that leads to Stripe."""
        answer = check_out(self.browser, payment_method="stripe")
        assert answer.status_code == 303, answer.text
        return answer

    def pay(self, page: str, **fields: str) -> httpx.Response:
        """Answer Stripe's page: `card`, and which `button` is pressed."""
        entered = {"card": "4242 4242 4242 4242", "button": "pay"} | fields
        return httpx.post(page, data=entered, timeout=30, trust_env=False, verify=False)


@dataclass
class Fest:
    """The portal at `url`, its data, and the Stripe that it knows."""

    url: str
    database: OpenDatabase
    stripe: StripeServer
    _closing: ExitStack

    def event(self, title: str = "Robo Race", fee: int = 45000, capacity: int = 10) -> str:
        """The slug of a published event; `fee` in paise."""
        now = self.database.clock()
        times = (now + 30 * DAY, now + 30 * DAY + HOUR, now - DAY, now + 29 * DAY)
        details = Details(title, "", "", "Tech", "Hall 1", *times, Money(fee, "INR"), capacity)

        def plant(connection: Connection) -> str:
            return publish_event(connection, create_event(connection, details).slug).slug

        return self.database.write(plant)

    def person(self, name: str = "asha") -> Person:
        """Someone with an account, signed in."""

        def plant(connection: Connection) -> tuple[int, str]:
            made = add_person(connection, Newcomer(name, f"{name}@example.org"), "no password")
            return made.id, open_session(connection, made.id, "cookie").token

        number, token = self.database.write(plant)
        cookies = {SESSION_COOKIE: token}
        browser = httpx.Client(base_url=self.url, cookies=cookies, timeout=30, trust_env=False, verify=False)
        return Person(number, self._closing.enter_context(browser))

    def order(self, person: Person) -> Order:
        """The person's only order as it is now."""
        (order,) = self.database.read(queries.orders_of, person.id)
        return order

    def session(self, person: Person) -> Json:
        """Stripe's session for it."""
        return self.stripe.books.session_of(self.order(person).ref)

    def refunds(self, person: Person) -> list[Refund]:
        """What goes back to the person."""
        return self.database.read(queries.refunds_of, self.order(person).id)

    def seats(self, person: Person) -> list[str]:
        """The states of the person's seats."""
        return [seat.state for seat in self.database.read(registrations.seats_of, person.id)]

    @contextmanager
    def without_orders(self) -> Iterator[None]:
        """The portal's table of orders is away for the length of the block, so that nothing can be kept."""
        self.database.write(_rename, "checkout_orders", "orders_away")
        try:
            yield
        finally:
            self.database.write(_rename, "orders_away", "checkout_orders")

    def until_state(self, person: Person, state: str) -> Order:
        """The person's only order, once it is in that state."""
        until(lambda: self.order(person).state == state, f"the order is {state}")
        return self.order(person)

    def until_unanswered(self, person: Person) -> None:
        """Wait until the person's order stands among those that hang."""
        ref = self.order(person).ref
        until(
            lambda: ref in [stuck.ref for stuck in self.database.read(stuck_payments)],
            "the payment is known to hang",
        )

    def until_payable(self, person: Person) -> Order:
        """The person's only order, once there is a page to pay it on."""
        until(lambda: self.order(person).pay_url, "the order can be paid")
        return self.order(person)


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.run(Statement(text(f"ALTER TABLE {old} RENAME TO {new}")))


def settings_of(stripe_url: str, **others: object) -> Settings:
    """Settings of a fest with that Stripe."""
    values = {
        "payment_methods": ("stripe",),
        "stripe_secret_key": SECRET_KEY,
        "stripe_webhook_secret": WEBHOOK_SECRET,
        "stripe_api_base": stripe_url,
    }
    return Settings.model_validate(values | others)


@contextmanager
def fest_with_stripe(
    database: OpenDatabase, stripe: StripeServer, folder: Path, port: int = 0
) -> Iterator[Fest]:
    """Serve until the end of the block. `folder` is the data folder, where the SQLite file is if there is one."""
    with socket.create_server(("127.0.0.1", port)) as listener, ExitStack() as closing:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        stripe.webhook_url = f"{url}/webhooks/stripe"
        settings = settings_of(
            stripe.url,
            data_dir=folder,
            database_url="" if database.dialect == "sqlite" else database.url,
            base_url=url,
        )
        app = create_app(settings, clock=database.clock)
        with served(app, listener):
            yield Fest(url, database, stripe, closing)
