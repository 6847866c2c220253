"""The answers of an event's guests as organisers see them: a table, and a file for spreadsheets."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, table
from sqlalchemy.sql import column

from festgate.kit.cells import guard
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations


@dataclass(frozen=True, slots=True)
class GuestAnswers:
    """A guest with the answers, in the order of the questions; an answer that is a file has its id."""

    seat_id: int
    name: str
    email: str
    ticket: str
    state: str
    person_id: int
    answers: tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class AnswerTable:
    """The answers about an event."""

    event: catalogue.Event
    questions: tuple[catalogue.Question, ...]
    guests: tuple[GuestAnswers, ...]


# Tables of lower modules, by name (decision 0012): one join answers for a whole page.
_seats = table(
    "registrations_seats",
    *map(
        column,
        (
            "id",
            "event_id",
            "type_id",
            "person_id",
            "member_id",
            "team_id",
            "state",
            "attendee_name",
            "attendee_email",
        ),
    ),
)
_people = table("accounts_people", *map(column, ("id", "username", "name", "email")))
_types = table("catalogue_ticket_types", *map(column, ("id", "name")))
_guests = Statement(
    select(
        *_seats.c["id", "person_id", "member_id", "team_id", "state", "attendee_name", "attendee_email"],
        *_people.c["username", "name", "email"],
        _types.c.name,
    )
    .join_from(_seats, _people, _people.c.id == _seats.c.person_id)
    .join(_types, _types.c.id == _seats.c.type_id)
    .where(_seats.c.event_id == bindparam("event"), _seats.c.state.in_(("held", "confirmed")))
    .order_by(_people.c.username, _seats.c.id)
)


def answer_table(connection: Connection, slug: str, *, exported: bool = False) -> AnswerTable:
    """Return the answers of the guests of an event, to all questions or to those that are `exported`. Raises NotFound.

    A question that is not asked any more is there while it has answers.
    """
    event = catalogue.any_event_by_slug(connection, slug)
    given = registrations.answers_of_event(connection, event.id)
    answered = {answer.question_id for answer in given}
    questions = tuple(
        question
        for question in catalogue.all_questions(connection, event.id)
        if (not question.is_withdrawn or question.id in answered)
        and (question.details.is_in_export or not exported)
    )
    by_seat = {(answer.question_id, answer.seat_id): answer for answer in given if answer.seat_id is not None}
    by_person = {(answer.question_id, answer.person_id): answer for answer in given if answer.seat_id is None}
    rows = [_read(row, questions, by_seat, by_person) for row in connection.all(_guests, event=event.id)]
    return AnswerTable(event, questions, tuple(rows))


def _read(
    row: tuple[Any, ...],
    questions: Sequence[catalogue.Question],
    by_seat: dict[tuple[int, int], registrations.Answer],
    by_person: dict[tuple[int, int], registrations.Answer],
) -> GuestAnswers:
    seat_id, person_id, _member, _team, state, attendee, attendee_email, username, name, email, kind = row
    answers = []
    for question in questions:
        if question.details.per == "order":
            answer = by_person.get((question.id, person_id))
        else:
            answer = by_seat.get((question.id, seat_id))
        shown = registrations.shown_answer(question.details.kind, answer.value) if answer else ""
        answers.append((shown, answer.file_id if answer else None))
    return GuestAnswers(
        seat_id,
        attendee or name or username,
        attendee_email or email,
        kind,
        gettext("Confirmed") if state == "confirmed" else gettext("Held"),
        person_id,
        tuple(answers),
    )


def written_table(answers: AnswerTable) -> str:
    """Return the table as CSV, whose cells no spreadsheet evaluates as a formula."""
    written = io.StringIO()
    lines = csv.writer(written)
    lines.writerow(
        [
            gettext("Registration"),
            gettext("Name"),
            gettext("Email"),
            gettext("Ticket"),
            gettext("State"),
            *(guard(question.details.label) for question in answers.questions),
        ]
    )
    for guest in answers.guests:
        lines.writerow(
            [
                guest.seat_id,
                *map(guard, (guest.name, guest.email, guest.ticket, guest.state)),
                *(guard(shown) for shown, _ in guest.answers),
            ]
        )
    return written.getvalue()
