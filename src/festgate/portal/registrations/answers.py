"""The answers to the organisers' questions: of each ticket, or of all tickets that one person took at an event.

An event without questions costs nothing: its row has their number. A seat is held until the required answers are there.
Only its person, or the member of a team that occupies it, can answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias
from urllib.parse import quote

from sqlalchemy import bindparam, delete, func, select, table, update
from sqlalchemy.sql import column

from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import queries
from festgate.portal.registrations.answer_values import read_answer, shown_answer
from festgate.portal.registrations.errors import AnswersFixed, AnswersNeeded
from festgate.portal.registrations.queries import Seat
from festgate.portal.registrations.tables import answers, seats

ORDER = 0
"""Stands for the seat of an answer for all tickets of a person at an event."""
Key: TypeAlias = tuple[int, int]
"""The id of a question, and that of a seat or ORDER."""


class Answer(NamedTuple):
    """An answer."""

    question_id: int
    event_id: int
    seat_id: int | None
    """None: it is for all tickets that the person took at the event."""
    person_id: int
    value: str
    file_id: int | None

    @property
    def key(self) -> Key:
        """The question and the seat."""
        return self.question_id, self.seat_id or ORDER


_COLUMNS = answers.c[Answer._fields]
_of_person = Statement(
    select(*_COLUMNS).where(
        answers.c.person_id == bindparam("person"), answers.c.event_id == bindparam("event")
    )
)
_of_seat = Statement(select(*_COLUMNS).where(answers.c.seat_id == bindparam("seat")))
_all_of_person = Statement(
    select(*_COLUMNS).where(answers.c.person_id == bindparam("person")).order_by(answers.c.id)
)
_last_of_person = Statement(
    select(answers.c.value)
    .where(
        answers.c.person_id == bindparam("person"),
        answers.c.question_id == bindparam("question"),
        answers.c.file_id.is_(None),
    )
    .order_by(answers.c.answered_at.desc(), answers.c.id.desc())
    .limit(1)
)
_insert = inserting(answers)
_questions = table("catalogue_questions", *map(column, ("id", "event_id", "per")))
_misplaced = Statement(
    select(answers.c.id)
    .join_from(answers, _questions, _questions.c.id == answers.c.question_id)
    .join(seats, seats.c.id == answers.c.seat_id, isouter=True)
    .where(
        (_questions.c.event_id.is_not(None) & (_questions.c.event_id != answers.c.event_id))
        | (seats.c.event_id.is_not(None) & (seats.c.event_id != answers.c.event_id))
        | ((_questions.c.per == "order") != answers.c.seat_id.is_(None))
    )
    .order_by(answers.c.id)
)
_same = (
    answers.c.question_id == bindparam("question"),
    answers.c.person_id == bindparam("person"),
    answers.c.event_id == bindparam("event"),
    func.coalesce(answers.c.seat_id, ORDER) == bindparam("place"),
)
_change = Statement(
    update(answers)
    .where(*_same)
    .values(value=bindparam("new_value"), file_id=bindparam("new_file"), answered_at=bindparam("now"))
)
_drop = Statement(delete(answers).where(*_same))
_count_of_question = Statement(select(func.count()).where(answers.c.question_id == bindparam("question")))


@dataclass(frozen=True, slots=True)
class AnswerSheet:
    """The questions to one person at an event, with the answers."""

    event: catalogue.Event
    seats: tuple[Seat, ...]
    """The live seats for which the person answers."""
    fields: tuple["AnswerField", ...]
    person_id: int
    can_change: bool
    """Whether answers can still be changed."""
    can_add: bool
    """Whether answers can still be given: somebody may register after the time for changes."""

    @property
    def missing(self) -> tuple["AnswerField", ...]:
        """The fields that need an answer and have none."""
        return tuple(place for place in self.fields if place.is_missing)

    @property
    def open_fields(self) -> tuple["AnswerField", ...]:
        """The fields that the person can fill in now."""
        return tuple(
            place
            for place in self.fields
            if place.is_held
            or (not place.is_used and (self.can_change or (self.can_add and place.answer is None)))
        )


@dataclass(frozen=True, slots=True)
class AnswerField:
    """A question to one person, about one ticket or all of them, with its answer."""

    question: catalogue.Question
    seat: Seat | None
    """None: about all tickets that the person took at the event."""
    answer: Answer | None
    is_held: bool
    """Whether a ticket that it is about is held, and waits for the answer."""
    is_used: bool = False
    """Whether somebody was checked in with the ticket, so that the answer stays."""
    suggestion: str = ""
    """The person's answer to the question at another event."""

    @property
    def key(self) -> Key:
        """The question and the seat."""
        return self.question.id, self.seat.id if self.seat else ORDER

    @property
    def value(self) -> str:
        """The stored answer; empty without one."""
        return self.answer.value if self.answer else ""

    @property
    def shown(self) -> str:
        """The answer as people read it."""
        return shown_answer(self.question.details.kind, self.value)

    @property
    def is_missing(self) -> bool:
        """Return whether the answer is required and missing."""
        return self.question.details.is_required and self.answer is None


def questions_address(slug: str) -> str:
    """Return the address of the questions about the visitor's tickets for an event."""
    return f"/my-events/{quote(slug)}/questions"


def requires_answer(connection: Connection, event: catalogue.Sellable, type_id: int) -> bool:
    """Return whether a ticket of the type needs an answer before it is confirmed."""
    return event.asks > 0 and catalogue.requires_answer(catalogue.questions_of(connection, event.id), type_id)


def require_answers(connection: Connection, chosen: Sequence[Seat]) -> None:
    """Raise AnswersNeeded if a required answer about one of these seats of one person is missing.

    The members of a team answer on their own, so its seats do not wait for them.
    """
    for seat in chosen:
        if not seat.asks or seat.team_id is not None:
            continue
        known = {answer.key for answer in _answers_at(connection, seat.person_id, seat.event_id)}
        for question in catalogue.questions_of(connection, seat.event_id):
            if question.details.is_required and question.is_asked_of(seat.type_id):
                place = ORDER if question.details.per == "order" else seat.id
                if (question.id, place) not in known:
                    raise AnswersNeeded(seat.slug)


def answer_sheet(connection: Connection, person_id: int, slug: str, is_used: queries.IsUsed) -> AnswerSheet:
    """Return the questions of the event to the person, with the answers. Raises NotFound without a live seat."""
    event = catalogue.event_by_slug(connection, slug)
    own = tuple(
        seat
        for seat in queries.live_seats(connection, person_id)
        if seat.event_id == event.id and seat.emailed_id == person_id
    )
    if not own:
        raise NotFound
    known = {answer.key: answer for answer in _answers_at(connection, person_id, event.id)}
    used = {
        seat.id for seat in own if event.asks and seat.state == "confirmed" and is_used(connection, seat.id)
    }
    asked = catalogue.questions_of(connection, event.id) if event.asks else []
    fields: list[AnswerField] = []
    for question in asked:
        about = [seat for seat in own if question.is_asked_of(seat.type_id)]
        if question.details.per == "order":
            about = [seat for seat in about if seat.person_id == person_id]
            if about:
                fields.append(_field(connection, person_id, question, None, about, known))
        else:
            fields += [
                replace(_field(connection, person_id, question, seat, [seat], known), is_used=seat.id in used)
                for seat in about
            ]
    return AnswerSheet(
        event,
        own,
        tuple(fields),
        person_id,
        connection.now < event.answers_end,
        connection.now < event.starts_at,
    )


def _field(
    connection: Connection,
    person_id: int,
    question: catalogue.Question,
    seat: Seat | None,
    about: Sequence[Seat],
    known: Mapping[Key, Answer],
) -> AnswerField:
    answer = known.get((question.id, seat.id if seat else ORDER))
    is_held = any(place.state == "held" for place in about)
    suggestion = ""
    # What somebody entered at another event of the fest is suggested, except for the tickets of other people.
    if answer is None and question.event_id is None and (seat is None or seat.slot == 0):
        suggestion = _suggestion(connection, person_id, question)
    return AnswerField(question, seat, answer, is_held, suggestion=suggestion)


def _suggestion(connection: Connection, person_id: int, question: catalogue.Question) -> str:
    if question.details.kind in ("consent", "file"):
        return ""
    value: str | None = connection.value(_last_of_person, person=person_id, question=question.id)
    return value or ""


def save_answers(
    connection: Connection,
    person_id: int,
    slug: str,
    entered: Mapping[Key, str | Sequence[str]],
    is_used: queries.IsUsed,
    *,
    is_complete: bool = True,
) -> AnswerSheet:
    """Store the answers of one person at an event, and return the sheet. Files stay as they are.

    With `is_complete` an answer that `entered` does not have is empty, as in a form. Raises NotFound, AnswersFixed, or
    Invalid with a sentence by `field_name` for each wrong or missing answer, and then stores nothing.
    """
    sheet = answer_sheet(connection, person_id, slug, is_used)
    fields = {place.key: place for place in sheet.open_fields}
    if not entered.keys() <= {place.key for place in sheet.fields}:
        raise NotFound
    if (entered and not entered.keys() <= fields.keys()) or (sheet.fields and not fields):
        raise AnswersFixed
    if not is_complete:
        fields = {key: fields[key] for key in entered}
    values = _read_values(fields, entered)
    for key, value in values.items():
        if value != fields[key].value:
            write_answer(connection, sheet, key, value)
    return answer_sheet(connection, person_id, slug, is_used)


def _read_values(
    fields: Mapping[Key, AnswerField], entered: Mapping[Key, str | Sequence[str]]
) -> dict[Key, str]:
    """Return the entered answers as they are stored. Raises Invalid."""
    errors: dict[str, str] = {}
    values: dict[Key, str] = {}
    for key, place in fields.items():
        if place.question.details.kind == "file":
            continue
        try:
            values[key] = read_answer(place.question.details, entered.get(key, ""))
        except ValueError as error:
            errors[field_name(key)] = str(error)
            continue
        if place.question.details.is_required and not values[key]:
            errors[field_name(key)] = gettext("This field is required.")
    if errors:
        raise Invalid(errors)
    return values


def write_answer(
    connection: Connection, sheet: AnswerSheet, key: Key, value: str, file_id: int | None = None
) -> None:
    """Store one answer of the person of the sheet, or delete it if it is empty."""
    question_id, place = key
    same = {
        "question": question_id,
        "person": sheet.person_id,
        "event": sheet.event.id,
        "place": place,
    }
    if not value:
        connection.run(_drop, **same)
        return
    if connection.run(_change, new_value=value, new_file=file_id, now=connection.now, **same):
        return
    if not catalogue.keep_question(connection, question_id):
        raise TryAgain  # an organiser has just deleted it
    try:
        connection.run(
            _insert,
            question_id=question_id,
            event_id=sheet.event.id,
            seat_id=place or None,
            person_id=sheet.person_id,
            value=value,
            file_id=file_id,
            answered_at=connection.now,
        )
    except UniqueViolation:
        raise TryAgain from None


def field_name(key: Key) -> str:
    """Return the name of the field of an answer in a form."""
    question_id, place = key
    return f"a-{question_id}-{place}"


def count_answers(connection: Connection, question_id: int) -> int:
    """Return how many answers a question has."""
    return int(connection.value(_count_of_question, question=question_id))


def answers_of_person(connection: Connection, person_id: int) -> list[Answer]:
    """Return every answer of the person."""
    return [Answer(*row) for row in connection.all(_all_of_person, person=person_id)]


def door_answers(connection: Connection, event: catalogue.Event, seat_id: int) -> list[tuple[str, str]]:
    """Return the (question, answer) about a seat that are shown at the door; an empty answer where there is none."""
    asked = catalogue.questions_of(connection, event.id) if event.asks else []
    if not any(question.details.is_at_door for question in asked):
        return []
    seat = queries.seat(connection, seat_id)
    given = {answer.question_id: answer.value for answer in _about(connection, seat)}
    return [
        (question.details.label, shown_answer(question.details.kind, given.get(question.id, "")))
        for question in asked
        if question.details.is_at_door and question.is_asked_of(seat.type_id)
    ]


def misplaced_answers(connection: Connection) -> list[int]:
    """Return the ids of answers to questions of another event, or about a seat of another event."""
    return [answer_id for (answer_id,) in connection.all(_misplaced)]


def _about(connection: Connection, seat: Seat) -> list[Answer]:
    of_order = [
        answer for answer in _answers_at(connection, seat.person_id, seat.event_id) if answer.seat_id is None
    ]
    return [*of_order, *(Answer(*row) for row in connection.all(_of_seat, seat=seat.id))]


def _answers_at(connection: Connection, person_id: int, event_id: int) -> list[Answer]:
    return [Answer(*row) for row in connection.all(_of_person, person=person_id, event=event_id)]
