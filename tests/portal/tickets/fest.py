"""A small fest for tests: people, events, seats, orders and tickets, made by the modules' own operations."""

from typing import Any

from sqlalchemy import select

from festgate.kit.clock import DAY, HOUR, Milliseconds, moment
from festgate.kit.db.database import Database
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import mail
from festgate.kit.messaging.outbox import Relay, Subscription
from festgate.kit.money import Money
from festgate.portal.accounts.facade import Person
from festgate.portal.accounts.guest_claims import claim_subscriptions
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import handlers as checkout_handlers
from festgate.portal.checkout import orders, placements, queries, refunds
from festgate.portal.checkout.records import Order
from festgate.portal.composition import personal_records
from festgate.portal.registrations import handlers as registration_handlers
from festgate.portal.registrations.holds import hold_seat
from festgate.portal.tickets.handlers import TicketHandlers
from festgate.settings import Settings
from tests.rig.database import OpenDatabase

FEST = Settings.model_validate(
    {
        "base_url": "https://fest.example",
        "timezone": "Asia/Kolkata",
        "locale": "en_IN",
        "fest_name": "Spring Fest",
        "mail_from": "fest@fest.example",
    }
)
HOLD_MINUTES = 15
SECRET = b"a secret of these tests"
_emails = Statement(
    select(
        mail.messages.c.topic, mail.messages.c.recipient, mail.messages.c.subject, mail.messages.c.body
    ).order_by(mail.messages.c.id)
)


def subscriptions() -> list[Subscription[Any]]:
    """Return the subscriptions of all modules that take part in issuing a ticket."""
    return [
        *registration_handlers.SUBSCRIPTIONS,
        *checkout_handlers.SUBSCRIPTIONS,
        *TicketHandlers(FEST, SECRET).subscriptions(),
        *claim_subscriptions(personal_records()),
    ]


class Fest:
    """The fest of one test, over its database."""

    def __init__(self, database: OpenDatabase) -> None:
        """Start without people and events."""
        self.database = database
        self.relay = Relay(database.real, subscriptions())

    def person(self, name: str = "asha") -> Person:
        """Add a person."""
        return self.database.write(add_person, Newcomer(name, f"{name}@example.org"), "no password")

    def event(
        self, title: str, fee: int = 0, capacity: int = 200, place: str = "Main Hall"
    ) -> catalogue.Event:
        """Publish an event on the next day at 10:00, for two hours; `fee` is in paise."""
        starts_at = next_ten_o_clock(self.database.clock())
        details = catalogue.Details(
            title=title,
            summary="",
            description="",
            category="Technology",
            place=place,
            starts_at=starts_at,
            ends_at=starts_at + 2 * HOUR,
            sales_open_at=0,
            sales_close_at=starts_at,
            fee=Money(fee, "INR"),
            capacity=capacity,
        )

        def publish(connection: Connection) -> catalogue.Event:
            return catalogue.publish_event(connection, catalogue.create_event(connection, details).slug)

        return self.database.write(publish)

    def hold(self, person: Person, event: catalogue.Event) -> int:
        """Take a seat, which is confirmed if the event is free and held otherwise; return its id."""
        return self.database.write(hold_seat, person.id, event.slug, HOLD_MINUTES)

    def order(self, person: Person) -> Order:
        """Place an order for all held seats of the person."""
        key = f"key-{self.database.clock()}-{len(self.database.read(queries.orders_of, person.id))}"
        placed, _ = self.database.write(placements.place_order, person.id, "sandbox", HOUR, key, asks=False)
        return placed

    def pay(self, order: Order) -> Order:
        """Mark the order paid, as after a report of the provider."""
        return self.database.write(orders.mark_paid, order.id, f"charge-{order.ref}", order.total)

    def buy(self, person: Person, *events: catalogue.Event) -> Order:
        """Hold a seat at each event and pay for all of them."""
        for event in events:
            self.hold(person, event)
        return self.pay(self.order(person))

    def send_refunds(self) -> None:
        """Record all due refunds as done by the provider."""
        for refund in self.database.read(queries.refunds_due):
            self.database.write(refunds.note_refunded, refund.id, refund.order_id, refund.seat_id)

    def deliver(self) -> None:
        """Deliver facts until none is due."""
        while self.database.run(self.relay.deliver_due()):
            pass

    def emails(self) -> list[tuple[str, str, str, str]]:
        """Return topic, recipient, subject and body of every email that was ever queued."""
        rows = self.database.read(lambda connection: connection.all(_emails))
        return [(topic, recipient, subject, body) for topic, recipient, subject, body in rows]

    def subjects(self) -> list[str]:
        """Return the subject of every email that was ever queued."""
        return [subject for _, _, subject, _ in self.emails()]

    def another_process(self) -> Database:
        """Return the same database for another process, not opened yet."""
        return Database(self.database.url, clock=self.database.clock)


def next_ten_o_clock(now: Milliseconds) -> Milliseconds:
    """Return 10:00 on the next day at the fest."""
    tomorrow = moment(now + DAY, FEST.zone).replace(hour=10, minute=0, second=0, microsecond=0)
    return round(tomorrow.timestamp()) * 1000
