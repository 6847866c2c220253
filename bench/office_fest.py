"""A fest with two hundred events and twenty thousand registrations, written by direct statements."""

import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.crowd import NO_PASSWORD, VISITORS, publish_programme, sign_up
from festgate.kit.cli import opened
from festgate.kit.clock import DAY, HOUR, MINUTE, NEVER
from festgate.kit.db.statements import Connection
from festgate.kit.ids import new_code
from festgate.portal.accounts.names import key_of, search_text
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.sessions import open_session
from festgate.portal.catalogue.facade import Event, QuestionDetails, add_question, types_of
from festgate.settings import Settings

REGISTRATIONS = 20_000
PEOPLE = 8_000
FIRST_NAMES = (
    "Asha", "Ravi", "Meena", "Arjun", "Zoë", "Fatima", "Lakshmi", "José", "Nguyễn", "Olga", "Priya", "Sanjay",
    "Thandiwe", "Ünal", "Wei", "Yusuf", "Ingrid", "Kofi", "Leila", "Mateo",
)  # fmt: skip
LAST_NAMES = (
    "Sharma", "García", "Iyer", "O'Brien", "Nair", "Kowalska", "Reddy", "Okafor", "Tanaka", "Müller", "Das", "Rao",
    "Silva", "Haddad", "Banerjee", "Čapek", "Mwangi", "Larsen", "Kapoor", "Dubois",
)  # fmt: skip
SIZES = ("S", "M", "L", "XL")
SHARES = {"confirmed": 84, "waiting": 6, "cancelled": 6, "lapsed": 4}
"""The states of registrations, in percent."""
AUDIT_ENTRIES = 100_000
CHECKED_IN = 0.3
"""The share of confirmed guests that are in."""


@dataclass(frozen=True)
class OfficeFest:
    """The prepared fest: session tokens, and the event with the list that is measured."""

    organiser: str
    visitors: Sequence[str]
    slug: str


async def prepare(settings: Settings) -> OfficeFest:
    """Fill the empty data folder of `settings`."""
    async with opened(settings) as database:
        events = await database.write(publish_programme)
        organiser = await database.write(_organiser)
        signed_in = await database.write(sign_up, [f"visitor-{number}" for number in range(VISITORS)])
        types = await database.write(_types_and_questions, events)
    _fill(settings, events, *types)
    return OfficeFest(organiser, [token for _, token in signed_in], events[0].slug)


def _organiser(connection: Connection) -> str:
    newcomer = Newcomer("office", "office@example.org", "owner")
    return open_session(connection, add_person(connection, newcomer, NO_PASSWORD).id, "cookie").token


def _types_and_questions(connection: Connection, events: Sequence[Event]) -> tuple[dict[int, int], list[int]]:
    """Return the ticket type of each event, and the ids of two questions to all guests."""
    size = add_question(connection, None, QuestionDetails("choice", "T-shirt", choices=SIZES))
    phone = add_question(connection, None, QuestionDetails("phone", "Phone"))
    return {event.id: types_of(connection, event.id)[0].id for event in events}, [size, phone]


def _fill(settings: Settings, events: Sequence[Event], types: dict[int, int], questions: list[int]) -> None:
    connection = sqlite3.connect(settings.sqlite_path)
    try:
        with connection:
            _Filling(connection, random.Random(20_000)).fill(events, types, questions)
        connection.execute("ANALYZE")
    finally:
        connection.close()


class _Filling:
    """The rows of people, registrations, orders, tickets and answers."""

    def __init__(self, connection: sqlite3.Connection, rng: random.Random) -> None:
        """Take a connection in a transaction."""
        self._connection = connection
        self._rng = rng
        (self._now,) = connection.execute("SELECT max(created_at) FROM accounts_people").fetchone()
        (self._organiser,) = connection.execute(
            "SELECT id FROM accounts_people WHERE username = 'office'"
        ).fetchone()

    def fill(self, events: Sequence[Event], types: dict[int, int], questions: list[int]) -> None:
        """Write everything."""
        people = self._people()
        per_event = -(-REGISTRATIONS // len(events))
        left = REGISTRATIONS
        # Events whose sales open later are small; the others take their share.
        for number, event in enumerate(sorted(events, key=lambda event: event.capacity or 0)):
            share = min(left, event.capacity or 0, -(-left // (len(events) - number)), 2 * per_event)
            left -= share
            self._event(event, types[event.id], self._rng.sample(people, share), questions)
        self._connection.execute(
            "UPDATE catalogue_seats SET taken = (SELECT count(*) FROM registrations_seats s"
            " WHERE s.event_id = catalogue_seats.event_id AND s.state IN ('held', 'confirmed'))"
        )
        self._connection.execute(
            "WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers LIMIT ?)"
            " INSERT INTO audit_entries (at, person_id, origin, address, action, subject, details, search)"
            " SELECT ? + number, ?, 'session', '', 'order.refunded', '7GK2', '{}', 'order refunded 7gk2'"
            " FROM numbers",
            (AUDIT_ENTRIES, self._now - AUDIT_ENTRIES, self._organiser),
        )

    def _insert(self, table: str, **values: Any) -> int:  # noqa: ANN401  (a value of any column)
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  (our own names)
        return self._connection.execute(sql, tuple(values.values())).lastrowid or 0

    def _people(self) -> list[int]:
        people = []
        for number in range(PEOPLE):
            name = f"{self._rng.choice(FIRST_NAMES)} {self._rng.choice(LAST_NAMES)}"
            username, email = f"guest-{number}", f"guest-{number}@example.org"
            person = self._insert(
                "accounts_people",
                username=username,
                username_key=key_of(username),
                email=email,
                email_key=key_of(email),
                password_hash=NO_PASSWORD,
                role="attendee",
                created_at=self._now,
                email_confirmed_at=self._now,
                name=name,
                search=search_text(name, username, email),
            )
            people.append(person)
        return people

    def _event(self, event: Event, type_id: int, people: Sequence[int], questions: list[int]) -> None:
        states, weights = list(SHARES), list(SHARES.values())
        for person in people:
            state = self._rng.choices(states, weights)[0]
            if state == "waiting" and not event.fee.minor:
                state = "confirmed"
            # Most people come in the days after the opening.
            taken_at = self._now - int(self._rng.expovariate(1 / (5 * DAY))) - MINUTE
            seat = self._seat(event, type_id, person, state, taken_at)
            for question, answer in zip(questions, self._answers(), strict=True):
                self._insert(
                    "registrations_answers",
                    question_id=question,
                    event_id=event.id,
                    seat_id=seat,
                    person_id=person,
                    value=answer,
                    answered_at=taken_at,
                )
            if event.fee.minor and state in ("confirmed", "waiting"):
                self._order(event, seat, person, taken_at, is_paid=state == "confirmed")
            if state == "confirmed":
                self._ticket(event, seat, person, taken_at)

    def _answers(self) -> tuple[str, str]:
        return self._rng.choice(
            SIZES
        ), f"+91 {self._rng.randrange(70_000, 99_999)} {self._rng.randrange(99_999):05}"

    def _seat(self, event: Event, type_id: int, person: int, state: str, taken_at: int) -> int:
        held_until = self._now + 2 * HOUR if state == "waiting" else taken_at + 15 * MINUTE
        return self._insert(
            "registrations_seats",
            event_id=event.id,
            type_id=type_id,
            person_id=person,
            slot=0,
            state="held" if state == "waiting" else state,
            held_until=held_until,
            hold_ends_at=held_until,
            fee_minor=event.fee.minor,
            currency=event.fee.currency,
            taken_at=taken_at,
            changed_at=taken_at,
            ended_by="holder" if state == "cancelled" else None,
            attendee_name="",
            attendee_email="",
            attendee_search="",
            tax_minor=0,
            tax_rate=0,
            is_pass=0,
        )

    def _order(self, event: Event, seat: int, person: int, at: int, *, is_paid: bool) -> None:
        ref, by_card = new_code(8), is_paid and self._rng.random() < 0.7
        order = self._insert(
            "checkout_orders",
            ref=ref,
            person_id=person,
            state="paid" if is_paid else "pending",
            method="sandbox" if by_card else "desk",
            total_minor=event.fee.minor,
            currency=event.fee.currency,
            idempotency_key=ref,
            created_at=at,
            expires_at=at + 15 * MINUTE if is_paid else self._now + 2 * HOUR,
            ask_at=NEVER,
            asked=0,
            paid_at=at if is_paid else None,
            paid_minor=event.fee.minor if is_paid else None,
            provider_ref=f"sandbox-{ref}" if by_card else None,
            revision=0,
            asked_at=0,
            paid_by=self._organiser if is_paid and not by_card else None,
        )
        self._connection.execute("UPDATE registrations_seats SET order_id = ? WHERE id = ?", (order, seat))
        self._insert(
            "checkout_lines",
            order_id=order,
            seat_id=seat,
            event_id=event.id,
            title=event.title,
            slug=event.slug,
            starts_at=event.starts_at,
            fee_minor=event.fee.minor,
            refund_rule="",
            tax_minor=0,
            tax_rate=0,
        )
        if by_card:
            self._insert(
                "checkout_sandbox_charges",
                order_ref=ref,
                charge=f"sandbox-{ref}",
                approved=1,
                amount_minor=event.fee.minor,
                currency=event.fee.currency,
                made_at=at,
            )
        self._order_id = order

    def _ticket(self, event: Event, seat: int, person: int, at: int) -> None:
        is_in = self._rng.random() < CHECKED_IN
        self._insert(
            "tickets_tickets",
            code=new_code(16),
            seat_id=seat,
            person_id=person,
            event_id=event.id,
            order_id=self._order_id if event.fee.minor else None,
            state="valid",
            issued_at=at,
            admitted_at=self._now if is_in else None,
            admitted_by=self._organiser if is_in else None,
        )
