"""A fest with payments by Stripe, served over HTTP from this process so that tests can move its clock."""

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
    """A signed-in person and their HTTP client."""

    id: int
    browser: httpx.Client

    def take_seats(self, *slugs: str) -> None:
        """Hold a seat at each of these events."""
        for slug in slugs:
            response = self.browser.post(f"/events/{slug}/register")
            assert response.headers["location"] == "/my-events", response.text

    def check_out(self) -> httpx.Response:
        """Submit the checkout form with Stripe as the method."""
        response = check_out(self.browser, payment_method="stripe")
        assert response.status_code == 303, response.text
        return response

    def pay(self, page: str, **fields: str) -> httpx.Response:
        """Submit Stripe's page with `card` and the pressed `button`."""
        form = {"card": "4242 4242 4242 4242", "button": "pay"} | fields
        return httpx.post(page, data=form, timeout=30, trust_env=False, verify=False)


@dataclass
class Fest:
    """The portal at `url`, its database, and its Stripe server."""

    url: str
    database: OpenDatabase
    stripe: StripeServer
    _exit_stack: ExitStack

    def event(self, title: str = "Robo Race", fee: int = 45000, capacity: int = 10) -> str:
        """Publish an event with a fee in paise; return its slug."""
        now = self.database.clock()
        times = (now + 30 * DAY, now + 30 * DAY + HOUR, now - DAY, now + 29 * DAY)
        details = Details(title, "", "", "Tech", "Hall 1", *times, Money(fee, "INR"), capacity)

        def add_event(connection: Connection) -> str:
            return publish_event(connection, create_event(connection, details).slug).slug

        return self.database.write(add_event)

    def person(self, name: str = "asha") -> Person:
        """Add a person and sign them in."""

        def add_and_sign_in(connection: Connection) -> tuple[int, str]:
            added = add_person(connection, Newcomer(name, f"{name}@example.org"), "no password")
            return added.id, open_session(connection, added.id, "cookie").token

        number, token = self.database.write(add_and_sign_in)
        cookies = {SESSION_COOKIE: token}
        browser = httpx.Client(base_url=self.url, cookies=cookies, timeout=30, trust_env=False, verify=False)
        return Person(number, self._exit_stack.enter_context(browser))

    def order(self, person: Person) -> Order:
        """Return the current state of the person's only order."""
        (order,) = self.database.read(queries.orders_of, person.id)
        return order

    def session(self, person: Person) -> Json:
        """Return Stripe's session for the person's order."""
        return self.stripe.books.session_of(self.order(person).ref)

    def refunds(self, person: Person) -> list[Refund]:
        """Return the refunds of the person's order."""
        return self.database.read(queries.refunds_of, self.order(person).id)

    def seats(self, person: Person) -> list[str]:
        """Return the states of the person's seats."""
        return [seat.state for seat in self.database.read(registrations.seats_of, person.id)]

    @contextmanager
    def without_orders(self) -> Iterator[None]:
        """Rename the table of orders during the block, so that no order can be stored."""
        self.database.write(_rename, "checkout_orders", "orders_away")
        try:
            yield
        finally:
            self.database.write(_rename, "orders_away", "checkout_orders")

    def wait_for_state(self, person: Person, state: str) -> Order:
        """Wait until the person's only order is in this state; return it."""
        until(lambda: self.order(person).state == state, f"the order is {state}")
        return self.order(person)

    def wait_until_stuck(self, person: Person) -> None:
        """Wait until the person's order is among the stuck payments."""
        ref = self.order(person).ref
        until(
            lambda: ref in [stuck.ref for stuck in self.database.read(stuck_payments)],
            "the payment is stuck",
        )

    def wait_until_payable(self, person: Person) -> Order:
        """Wait until the person's only order has a payment page; return it."""
        until(lambda: self.order(person).pay_url, "the order can be paid")
        return self.order(person)


def _rename(connection: Connection, old: str, new: str) -> None:
    connection.run(Statement(text(f"ALTER TABLE {old} RENAME TO {new}")))


def settings_of(stripe_url: str, **changes: object) -> Settings:
    """Return the settings of a fest with the Stripe server at this URL."""
    values = {
        "payment_methods": ("stripe",),
        "stripe_secret_key": SECRET_KEY,
        "stripe_webhook_secret": WEBHOOK_SECRET,
        "stripe_api_base": stripe_url,
    }
    return Settings.model_validate(values | changes)


@contextmanager
def fest_with_stripe(
    database: OpenDatabase, stripe: StripeServer, folder: Path, port: int = 0
) -> Iterator[Fest]:
    """Serve until the end of the block; `folder` is the data folder, which contains the SQLite file if there is one."""
    with socket.create_server(("127.0.0.1", port)) as listener, ExitStack() as exit_stack:
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
            yield Fest(url, database, stripe, exit_stack)
