"""A fest that the code of an older release goes through, so that its data are what that release writes.

The code of that release is looked up by name: this file does not follow what became of it since.
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
"""More than one round of emails about a change goes to, so that a fact about the rest is left."""
PASSWORDS = {"nila": "lantern-harbour-42", "ravi": "copper-meadow-17", "asha": "violet-compass-88"}
SETTINGS: dict[str, Any] = {
    "base_url": "https://fest.example",
    "timezone": "Asia/Kolkata",
    "locale": "en_IN",
    "fest_name": "Spring Fest",
    "mail_from": "fest@fest.example",
    "payment_methods": ("sandbox", "desk"),
}


def code(name: str) -> Any:  # noqa: ANN401  (a module of the release that makes the fixture)
    """Import a module of that release."""
    return import_module(name if name.startswith("tests.") else f"festgate.{name}")


class Story:
    """What happened at the fest, from the first account to the moment that the fixture is taken."""

    def __init__(self, database: Any, folder: Path, url: str) -> None:  # noqa: ANN401  (OpenDatabase of that release)
        """Begin with an empty database."""
        self.database = database
        self.clock = database.clock
        self.clock.now = OPENS
        self.folder = folder
        self.settings = code("settings").Settings.model_validate(
            SETTINGS | {"data_dir": folder, "database_url": url}
        )
        self.secret = code("kit.secret").load_secret(folder)
        handlers = code("tickets.handlers").TicketHandlers(self.settings)
        subscriptions = [
            *code("registrations.handlers").SUBSCRIPTIONS,
            *code("checkout.handlers").SUBSCRIPTIONS,
            *handlers.subscriptions(),
        ]
        self.relay = code("kit.outbox").Relay(database.real, subscriptions)
        methods = code("checkout.providers").payment_methods(self.settings, database.real)
        self.payments = code("checkout.payments").Payments(database.real, methods)
        self.people: dict[str, Any] = {}
        self.events: dict[str, Any] = {}
        self.tokens: dict[str, str] = {}

    def write(self, operation: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401
        """Commit one operation; the clock goes on by a second, so that no two things happen at once."""
        self.clock.move(SECOND)
        return self.database.write(operation, *arguments, **named)

    def person(self, name: str, role: str = "attendee", hashed: str = "no password") -> None:
        people = code("accounts.people")
        self.people[name] = self.write(
            people.add_person, people.Newcomer(name, f"{name}@guest.example", role), hashed
        )

    def event(self, title: str, fee: int, capacity: int, *, publish: bool = True, starts: float = 30) -> None:
        begins = OPENS + round(starts * DAY)
        details = code("catalogue.entries").Details(
            title=title,
            summary=f"{title}, with an invented summary.",
            description=f"Everybody is welcome at {title}.\n\nBring water.",
            category="Technology",
            place="Main Hall",
            starts_at=begins,
            ends_at=begins + 2 * HOUR,
            sales_open_at=OPENS - DAY,
            sales_close_at=begins,
            fee=code("kit.money").Money(fee, "INR"),
            capacity=capacity,
        )
        events = code("catalogue.events")
        slug = self.write(events.create_event, details).slug
        if publish:
            self.write(events.publish_event, slug)
        self.events[title] = slug

    def edit(self, event_title: str, **changes: object) -> None:
        entries, queries = code("catalogue.entries"), code("catalogue.queries")
        event = self.database.read(queries.event_by_slug, self.events[event_title])
        self.write(
            code("catalogue.events").edit_event, event.slug, replace(entries.details_of(event), **changes)
        )

    def hold(self, name: str, *titles: str) -> list[int]:
        hold_seat = code("registrations.holds").hold_seat
        return [self.write(hold_seat, self.people[name].id, self.events[title], 15) for title in titles]

    def order(self, name: str, method: str, keeps: int = HOUR, *, asks: bool = True) -> Any:  # noqa: ANN401
        placed, _ = self.write(
            code("checkout.orders").place_order,
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
        """Send what is due: into the folder, or with other settings to a mail server that is not there."""
        chosen = self.settings.model_copy(update=settings)
        postman = code("kit.mail").Postman(
            self.database.real, code("kit.transports").transport_for(chosen), chosen
        )
        for _ in range(rounds):
            if not self.database.run(postman.send_due()):
                break

    def visitor(self, name: str) -> Any:  # noqa: ANN401
        person = self.people[name]
        return code("kit.visitors").Visitor(person.id, person.username, person.email, person.role)

    def ticket_codes(self, name: str) -> list[str]:
        found = self.database.read(code("tickets.facade").tickets_of, self.people[name].id)
        return [ticket.code for ticket in found if ticket.state == "valid"]

    # What follows is the story, in the order in which it happened.

    def open_fest(self) -> None:
        """People, sessions, attempts to sign in, and the programme."""
        passwords = code("accounts.passwords")
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
        open_session = code("accounts.sessions").open_session
        self.write(
            open_session, self.people["ben"].id, "cookie"
        )  # it will be over before the fixture is taken
        attempts = code("accounts.attempts")
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

    def lose_an_email(self) -> None:
        """One email that is given up after a day and a half: its mail server never answered."""
        self.hold("kaveri", "Opening Talk")
        self.deliver()
        for _ in range(40):
            self.send_mail(1, smtp_host="127.0.0.1", smtp_port=9, smtp_security="none")
            self.clock.move(4 * HOUR)

    def sell(self) -> None:
        """Free seats, paid orders, and orders that ended in each other way."""
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
        orders = code("checkout.orders")
        order = self.order("farah", "desk", 48 * HOUR, asks=False)
        self.write(orders.cancel_order, self.people["farah"].id, order.ref)
        self.hold("gita", "Night Hackathon")
        order = self.order("gita", "stripe", HOUR)
        self.clock.move(2 * HOUR)
        self.write(orders.expire_order, order.id)
        self.hold("chitra", "Robo Race", "Night Hackathon")
        order = self.order("chitra", "desk", 48 * HOUR, asks=False)
        self.write(code("checkout.desk").mark_paid_at_desk, order.ref, self.people["nila"].id)
        self.hold("lena", "Night Hackathon")
        self.clock.move(20 * MINUTE)
        self.write(code("registrations.holds").sweep_all)
        self.write(code("catalogue.events").cancel_event, self.events["Rained-out Walk"])
        # A second charge, which goes back as a whole, and one that was too late for its seat.
        again = self.buy("omar", "Robo Race")
        amount = code("kit.money").Money(again.total.minor, "INR")
        self.write(code("checkout.orders").mark_paid, again.id, f"play-again-{again.ref}", amount)
        self.deliver()
        self.send_mail()

    def refund(self) -> None:
        """Everything of one order, and a part of another, went back before the fixture is taken."""
        self.buy("hugo", "Harbour Tour")
        self.buy("indu", "Harbour Tour", "Night Hackathon")
        self.hold("jon", "Harbour Tour")
        order = self.order("jon", "desk", 48 * HOUR, asks=False)
        self.write(code("checkout.desk").mark_paid_at_desk, order.ref, self.people["nila"].id)
        self.deliver()
        self.write(code("catalogue.events").cancel_event, self.events["Harbour Tour"])
        self.deliver()
        self.database.run(self.payments.send_refunds())
        self.deliver()
        self.send_mail()

    def admit(self) -> None:
        """Let some people in, and take one check-in back."""
        door, ravi = code("tickets.door"), self.visitor("ravi")
        for number in (1, 2, 3):
            (ticket,) = self.ticket_codes(f"guest-{number:02}")
            self.write(door.admit, ticket, ravi)
        self.write(door.undo_admission, self.ticket_codes("guest-03")[0], ravi)

    def stand_still(self, name: str, minutes: int) -> None:
        """Stop the clock of holds while somebody holds a seat, then let it go on."""
        self.hold(name, "Night Hackathon")
        pauses = code("registrations.pauses")
        ends = self.clock.now + minutes * MINUTE
        while self.clock.now < ends:
            self.write(pauses.stop_holds, self.clock.now + 10 * SECOND)
            self.clock.move(5 * SECOND)
        self.clock.move(20 * SECOND)
        assert self.write(pauses.resume_holds)

    def break_tickets(self) -> None:
        """Tickets fail while an event is cancelled: checkout has its part of the fact, tickets' part is put off."""
        self.buy("priya", "Quiet Concert")
        self.buy("quinn", "Quiet Concert", "Night Hackathon")
        self.deliver()
        self.send_mail()
        faults = code("kit.faults")
        faults.arm(self.folder, faults.Fault("outbox.tickets", "raise", until=time() + 500))
        self.write(code("catalogue.events").cancel_event, self.events["Quiet Concert"])
        self.buy("rosa", "Clay Workshop")
        for _ in range(4):
            self.database.run(self.relay.deliver_due())
            self.clock.move(2 * SECOND)
        faults.disarm(self.folder)

    def change(self) -> None:
        """Move an event that so many people go to that one round of emails does not reach them all."""
        self.edit("Opening Talk", place="Garden Stage")
        self.database.run(self.relay.deliver_due())

    def leave_waiting(self) -> None:
        """Nobody delivers facts or sends emails any more: one of each kind waits."""
        self.database.run(self.payments.send_refunds())  # SeatRefunded, OrderRefunded
        self.stand_still("sami", 2)  # HoldsResumed
        self.buy("tara", "Robo Race", "Clay Workshop")  # OrderPaid
        self.hold("uma", "Opening Talk")  # SeatConfirmed
        (seat,) = self.hold("ben", "Opening Talk")
        self.write(code("registrations.holds").cancel_seat, self.people["ben"].id, seat)  # SeatReleased
        self.edit("Robo Race", title="Robot Race")  # EventChanged
        # Two seats, one kept for an order that came too late: it is refunded at once, and nothing is sent yet.
        self.hold("omar", "Tiny Kitchen")
        late = self.order("omar", "sandbox", MINUTE)
        amount = code("kit.money").Money(late.total.minor, "INR")
        self.write(code("checkout.sandbox").charge, late, amount, True)
        self.clock.move(20 * MINUTE)
        self.write(code("registrations.holds").sweep_all)
        self.write(code("checkout.orders").expire_order, late.id)
        self.buy("nils", "Tiny Kitchen")
        self.hold("mia", "Tiny Kitchen")
        charge = self.database.read(code("checkout.sandbox").look_up, late.ref).charge
        self.write(code("checkout.orders").mark_paid, late.id, charge, amount)
        # An event with a paid seat and one that is held, cancelled this moment.
        self.event("Short Film", 10_000, 4, starts=36)
        self.buy("quinn", "Short Film")
        self.hold("priya", "Short Film")
        self.write(code("catalogue.events").cancel_event, self.events["Short Film"])  # EventCancelled
        # Orders that are open.
        self.hold("ben", "Robo Race")
        self.order("ben", "desk", 48 * HOUR, asks=False)
        self.hold("devi", "Night Hackathon")
        order = self.order("devi", "stripe", 24 * HOUR)
        self.write(
            code("checkout.orders").mark_waiting,
            order.id,
            "cs_test_invented",
            "https://checkout.stripe.example/c/pay/cs_test_invented",
        )
        self.hold("emre", "Night Hackathon")
        order = self.order("emre", "sandbox")
        self.write(code("checkout.orders").note_unanswered, order.id, "no answer within 10 seconds")
        self.hold("farah", "Night Hackathon")  # held, in no order
        self.hold("gita", "Clay Workshop")

    def leave_emails(self) -> None:
        """Emails wait: one with a link for a new password, some that a mail server has turned away once."""
        attempts = code("accounts.attempts")
        limit = attempts.address_limit(self.secret, "203.0.113.7", 300)
        send_link = code("accounts.recovery").send_link
        self.write(send_link, "asha", limit, self.secret, self.settings)
        self.send_mail(1, smtp_host="127.0.0.1", smtp_port=9, smtp_security="none")

    def sign_in(self) -> None:
        open_session = code("accounts.sessions").open_session
        for name in ("asha", "ravi", "nila"):
            self.tokens[name] = self.write(open_session, self.people[name].id, "cookie").token
        self.tokens["asha by API"] = self.write(open_session, self.people["asha"].id, "token").token

    def manifest(self) -> dict[str, object]:
        """What a test has to know beside the data."""
        return {
            "made_by": "67d488f",
            "now": self.clock.now,
            "passwords": PASSWORDS,
            "tokens": self.tokens,
            "tickets": {
                name: self.ticket_codes(name) for name in ("asha", "guest-01", "guest-03", "guest-04")
            },
            "scanned": code("tickets.qr").qr_text(self.secret, self.ticket_codes("guest-05")[0]),
        }
