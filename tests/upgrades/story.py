"""The story of a fest, run by the code of an older release, so that its data are what that release writes.

The code is imported by the names that it has in that release, which may differ from today's.
"""

from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from time import time
from typing import Any
from zoneinfo import ZoneInfo

OPENS = round(datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Kolkata")).timestamp()) * 1000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
GUESTS = 53
"""More people than one batch of emails about a change reaches, so that a fact about the others waits."""
PASSWORDS = {"nila": "lantern-harbour-42", "ravi": "copper-meadow-17", "asha": "violet-compass-88"}
SETTINGS: dict[str, Any] = {
    "base_url": "https://fest.example",
    "timezone": "Asia/Kolkata",
    "locale": "en_IN",
    "fest_name": "Spring Fest",
    "mail_from": "fest@fest.example",
    "payment_methods": ("sandbox", "desk"),
}


def old_module(name: str) -> Any:  # noqa: ANN401  (a module of the release that makes the fixture)
    """Import a module of that release."""
    return import_module(name if name.startswith("tests.") else f"festgate.{name}")


class Story:
    """The events at the fest, from the first account to the moment at which the fixture is taken."""

    def __init__(self, database: Any, folder: Path, url: str) -> None:  # noqa: ANN401  (OpenDatabase of that release)
        """Begin with an empty database."""
        self.database = database
        self.clock = database.clock
        self.clock.now = OPENS
        self.folder = folder
        self.settings = old_module("settings").Settings.model_validate(
            SETTINGS | {"data_dir": folder, "database_url": url}
        )
        self.secret = old_module("kit.secret").load_secret(folder)
        handlers = old_module("tickets.handlers").TicketHandlers(self.settings)
        subscriptions = [
            *old_module("registrations.handlers").SUBSCRIPTIONS,
            *old_module("checkout.handlers").SUBSCRIPTIONS,
            *handlers.subscriptions(),
        ]
        self.relay = old_module("kit.outbox").Relay(database.real, subscriptions)
        methods = old_module("checkout.providers").payment_methods(self.settings, database.real)
        self.payments = old_module("checkout.payments").Payments(database.real, methods)
        self.people: dict[str, Any] = {}
        self.events: dict[str, Any] = {}
        self.tokens: dict[str, str] = {}

    def write(self, operation: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        """Move the clock by a second and commit one operation, so that no two operations have the same time."""
        self.clock.move(SECOND)
        return self.database.write(operation, *arguments, **named)

    def person(self, name: str, role: str = "attendee", hashed: str = "no password") -> None:
        people = old_module("accounts.people")
        self.people[name] = self.write(
            people.add_person, people.Newcomer(name, f"{name}@guest.example", role), hashed
        )

    def event(self, title: str, fee: int, capacity: int, *, publish: bool = True, starts: float = 30) -> None:
        begins = OPENS + round(starts * DAY)
        details = old_module("catalogue.entries").Details(
            title=title,
            summary=f"{title}, with an invented summary.",
            description=f"Everybody is welcome at {title}.\n\nBring water.",
            category="Technology",
            place="Main Hall",
            starts_at=begins,
            ends_at=begins + 2 * HOUR,
            sales_open_at=OPENS - DAY,
            sales_close_at=begins,
            fee=old_module("kit.money").Money(fee, "INR"),
            capacity=capacity,
        )
        events = old_module("catalogue.events")
        slug = self.write(events.create_event, details).slug
        if publish:
            self.write(events.publish_event, slug)
        self.events[title] = slug

    def edit(self, event_title: str, **changes: object) -> None:
        entries, queries = old_module("catalogue.entries"), old_module("catalogue.queries")
        event = self.database.read(queries.event_by_slug, self.events[event_title])
        self.write(
            old_module("catalogue.events").edit_event,
            event.slug,
            replace(entries.details_of(event), **changes),
        )

    def hold(self, name: str, *titles: str) -> list[int]:
        hold_seat = old_module("registrations.holds").hold_seat
        return [self.write(hold_seat, self.people[name].id, self.events[title], 15) for title in titles]

    def order(self, name: str, method: str, keeps: int = HOUR, *, asks: bool = True) -> Any:  # noqa: ANN401
        placed, _ = self.write(
            old_module("checkout.orders").place_order,
            self.people[name].id,
            method,
            keeps,
            f"key-of-{name}-{self.clock.now}",
            asks=asks,
        )
        return placed

    def buy(self, name: str, *titles: str, card: str = "4242424242424242") -> Any:  # noqa: ANN401
        self.hold(name, *titles)
        return self.database.run(
            self.payments.check_out(
                self.people[name].id, "sandbox", f"key-of-{name}-{self.clock.now}", {"card_number": card}
            )
        )

    def deliver(self) -> None:
        while self.database.run(self.relay.deliver_due()):
            self.clock.move(SECOND)

    def send_mail(self, rounds: int = 1000, **settings: object) -> None:
        """Send due emails: to the folder, or with other settings to a mail server that does not exist."""
        chosen = self.settings.model_copy(update=settings)
        postman = old_module("kit.mail").Postman(
            self.database.real, old_module("kit.transports").transport_for(chosen), chosen
        )
        for _ in range(rounds):
            if not self.database.run(postman.send_due()):
                break

    def visitor(self, name: str) -> Any:  # noqa: ANN401
        person = self.people[name]
        return old_module("kit.visitors").Visitor(person.id, person.username, person.email, person.role)

    def ticket_codes(self, name: str) -> list[str]:
        tickets = self.database.read(old_module("tickets.facade").tickets_of, self.people[name].id)
        return [ticket.code for ticket in tickets if ticket.state == "valid"]

    # The story follows, in the order of time.

    def open_fest(self) -> None:
        """Create people, sessions, failed sign-ins, and events."""
        passwords = old_module("accounts.passwords")
        roles = {"nila": "organiser", "ravi": "staff"}
        for name, password in PASSWORDS.items():
            self.person(name, roles.get(name, "attendee"), passwords.hash_password(password))
        shared = passwords.hash_password("paper-kite-31")
        for name in ("ben", "chitra", "devi", "emre", "farah", "gita", "hugo", "indu", "jon", "kaveri"):
            self.person(name, hashed=shared)
        for name in ("lena", "mia", "nils", "omar", "priya", "quinn", "rosa", "sami", "tara", "uma"):
            self.person(name, hashed=shared)
        for number in range(1, GUESTS + 1):
            self.person(f"guest-{number:02}", hashed=shared)
        open_session = old_module("accounts.sessions").open_session
        self.write(open_session, self.people["ben"].id, "cookie")  # it expires before the fixture is taken
        attempts = old_module("accounts.attempts")
        self.write(attempts.count_attempt, attempts.account_limit(self.secret, "asha", 10))
        self.write(attempts.count_attempt, attempts.address_limit(self.secret, "203.0.113.7", 300))

        self.event("Opening Talk", 0, 200)
        self.event("Robo Race", 45_000, 10)
        self.event("Night Hackathon", 30_000, 20, starts=31)
        self.event("Clay Workshop", 70_000, 5, starts=32)
        self.event("Quiet Concert", 25_000, 8, starts=33)
        self.event("Harbour Tour", 15_000, 6, starts=34)
        self.event("Rained-out Walk", 0, 30, starts=29)
        self.event("Tiny Kitchen", 20_000, 2, starts=35)
        self.event("Unwritten Panel", 0, 40, publish=False)

    def fail_an_email(self) -> None:
        """Let one email fail for good, after a day and a half without a response from the mail server."""
        self.hold("kaveri", "Opening Talk")
        self.deliver()
        for _ in range(40):
            self.send_mail(1, smtp_host="127.0.0.1", smtp_port=9, smtp_security="none")
            self.clock.move(4 * HOUR)

    def sell(self) -> None:
        """Create free seats, paid orders, and orders in each other final state."""
        for number in range(1, GUESTS + 1):
            self.hold(f"guest-{number:02}", "Opening Talk")
        self.hold("asha", "Opening Talk")
        self.hold("ben", "Rained-out Walk")
        self.hold("chitra", "Rained-out Walk")
        self.deliver()
        self.send_mail()
        self.buy("asha", "Robo Race", "Clay Workshop")
        self.buy("emre", "Robo Race", card="4000000000000002")
        self.hold("farah", "Robo Race")
        orders = old_module("checkout.orders")
        order = self.order("farah", "desk", 48 * HOUR, asks=False)
        self.write(orders.cancel_order, self.people["farah"].id, order.ref)
        self.hold("gita", "Night Hackathon")
        order = self.order("gita", "stripe", HOUR)
        self.clock.move(2 * HOUR)
        self.write(orders.expire_order, order.id)
        self.hold("chitra", "Robo Race", "Night Hackathon")
        order = self.order("chitra", "desk", 48 * HOUR, asks=False)
        self.write(old_module("checkout.desk").mark_paid_at_desk, order.ref, self.people["nila"].id)
        self.hold("lena", "Night Hackathon")
        self.clock.move(20 * MINUTE)
        self.write(old_module("registrations.holds").sweep_all)
        self.write(old_module("catalogue.events").cancel_event, self.events["Rained-out Walk"])
        # A second charge for a paid order, which is refunded in full.
        second_charge = self.buy("omar", "Robo Race")
        amount = old_module("kit.money").Money(second_charge.total.minor, "INR")
        self.write(
            old_module("checkout.orders").mark_paid,
            second_charge.id,
            f"play-again-{second_charge.ref}",
            amount,
        )
        self.deliver()
        self.send_mail()

    def refund(self) -> None:
        """Refund one order in full and another in part before the fixture is taken."""
        self.buy("hugo", "Harbour Tour")
        self.buy("indu", "Harbour Tour", "Night Hackathon")
        self.hold("jon", "Harbour Tour")
        order = self.order("jon", "desk", 48 * HOUR, asks=False)
        self.write(old_module("checkout.desk").mark_paid_at_desk, order.ref, self.people["nila"].id)
        self.deliver()
        self.write(old_module("catalogue.events").cancel_event, self.events["Harbour Tour"])
        self.deliver()
        self.database.run(self.payments.send_refunds())
        self.deliver()
        self.send_mail()

    def admit(self) -> None:
        """Check some people in, and undo one check-in."""
        door, ravi = old_module("tickets.door"), self.visitor("ravi")
        for number in (1, 2, 3):
            (ticket,) = self.ticket_codes(f"guest-{number:02}")
            self.write(door.admit, ticket, ravi)
        self.write(door.undo_admission, self.ticket_codes("guest-03")[0], ravi)

    def pause_holds(self, name: str, minutes: int) -> None:
        """Pause holds while a person holds a seat, then resume them."""
        self.hold(name, "Night Hackathon")
        pauses = old_module("registrations.pauses")
        ends = self.clock.now + minutes * MINUTE
        while self.clock.now < ends:
            self.write(pauses.stop_holds, self.clock.now + 10 * SECOND)
            self.clock.move(5 * SECOND)
        self.clock.move(20 * SECOND)
        assert self.write(pauses.resume_holds)

    def fail_tickets(self) -> None:
        """Cancel an event while tickets fail: checkout has handled the fact, and tickets will retry it later."""
        self.buy("priya", "Quiet Concert")
        self.buy("quinn", "Quiet Concert", "Night Hackathon")
        self.deliver()
        self.send_mail()
        faults = old_module("kit.faults")
        faults.arm(self.folder, faults.Fault("outbox.tickets", "raise", until=time() + 500))
        self.write(old_module("catalogue.events").cancel_event, self.events["Quiet Concert"])
        self.buy("rosa", "Clay Workshop")
        for _ in range(4):
            self.database.run(self.relay.deliver_due())
            self.clock.move(2 * SECOND)
        faults.disarm(self.folder)

    def change_event(self) -> None:
        """Change an event with more attendees than one batch of emails reaches."""
        self.edit("Opening Talk", place="Garden Stage")
        self.database.run(self.relay.deliver_due())

    def leave_waiting(self) -> None:
        """Create one waiting fact of each kind: facts are not delivered and emails not sent from here on."""
        self.database.run(self.payments.send_refunds())  # SeatRefunded, OrderRefunded
        self.pause_holds("sami", 2)  # HoldsResumed
        self.buy("tara", "Robo Race", "Clay Workshop")  # OrderPaid
        self.hold("uma", "Opening Talk")  # SeatConfirmed
        (seat,) = self.hold("ben", "Opening Talk")
        self.write(old_module("registrations.holds").cancel_seat, self.people["ben"].id, seat)  # SeatReleased
        self.edit("Robo Race", title="Robot Race")  # EventChanged
        # Two seats, one of an order whose payment came too late: its refund is recorded, and not sent yet.
        self.hold("omar", "Tiny Kitchen")
        late = self.order("omar", "sandbox", MINUTE)
        amount = old_module("kit.money").Money(late.total.minor, "INR")
        self.write(old_module("checkout.sandbox").charge, late, amount, True)
        self.clock.move(20 * MINUTE)
        self.write(old_module("registrations.holds").sweep_all)
        self.write(old_module("checkout.orders").expire_order, late.id)
        self.buy("nils", "Tiny Kitchen")
        self.hold("mia", "Tiny Kitchen")
        charge = self.database.read(old_module("checkout.sandbox").look_up, late.ref).charge
        self.write(old_module("checkout.orders").mark_paid, late.id, charge, amount)
        # An event with a paid and a held seat, cancelled just now.
        self.event("Short Film", 10_000, 4, starts=36)
        self.buy("quinn", "Short Film")
        self.hold("priya", "Short Film")
        self.write(old_module("catalogue.events").cancel_event, self.events["Short Film"])  # EventCancelled
        # Open orders.
        self.hold("ben", "Robo Race")
        self.order("ben", "desk", 48 * HOUR, asks=False)
        self.hold("devi", "Night Hackathon")
        order = self.order("devi", "stripe", 24 * HOUR)
        self.write(
            old_module("checkout.orders").mark_waiting,
            order.id,
            "cs_test_invented",
            "https://checkout.stripe.example/c/pay/cs_test_invented",
        )
        self.hold("emre", "Night Hackathon")
        order = self.order("emre", "sandbox")
        self.write(old_module("checkout.orders").note_unanswered, order.id, "no answer within 10 seconds")
        self.hold("farah", "Night Hackathon")  # held, in no order
        self.hold("gita", "Clay Workshop")

    def leave_emails(self) -> None:
        """Leave emails waiting: one with a link to reset a password, and some that have failed once."""
        attempts = old_module("accounts.attempts")
        limit = attempts.address_limit(self.secret, "203.0.113.7", 300)
        send_link = old_module("accounts.recovery").send_link
        self.write(send_link, "asha", limit, self.secret, self.settings)
        self.send_mail(1, smtp_host="127.0.0.1", smtp_port=9, smtp_security="none")

    def sign_in(self) -> None:
        open_session = old_module("accounts.sessions").open_session
        for name in ("asha", "ravi", "nila"):
            self.tokens[name] = self.write(open_session, self.people[name].id, "cookie").token
        self.tokens["asha by API"] = self.write(open_session, self.people["asha"].id, "token").token

    def manifest(self) -> dict[str, object]:
        """Return the values that the tests need besides the data."""
        return {
            "made_by": "67d488f",
            "now": self.clock.now,
            "passwords": PASSWORDS,
            "tokens": self.tokens,
            "tickets": {
                name: self.ticket_codes(name) for name in ("asha", "guest-01", "guest-03", "guest-04")
            },
            "scanned": old_module("tickets.qr").qr_text(self.secret, self.ticket_codes("guest-05")[0]),
        }
