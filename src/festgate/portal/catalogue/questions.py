"""The questions of organisers to attendees: of an event, of one of its ticket types, or of all events.

An event counts its questions (`asks`), so that an event without any costs nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, or_, select, update

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import NotFound
from festgate.portal.catalogue.tables import QuestionKind, QuestionPer, events, questions

MAX_QUESTIONS = 40
"""The most questions of an event, with those of the whole fest."""


@dataclass(frozen=True, slots=True)
class QuestionDetails:
    """A question as an organiser enters it."""

    kind: QuestionKind
    label: str
    help: str = ""
    choices: tuple[str, ...] = ()
    is_required: bool = False
    per: QuestionPer = "ticket"
    """Whether each ticket has an answer, or the tickets of one person at an event have one together."""
    is_at_door: bool = False
    """Whether the answer is shown at check-in."""
    is_in_export: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """A question."""

    id: int
    event_id: int | None
    """None: of the whole fest."""
    type_id: int | None
    """None: of all ticket types."""
    position: int
    is_withdrawn: bool
    """Whether it is not asked any more; its answers are kept."""
    details: QuestionDetails

    def is_asked_of(self, type_id: int) -> bool:
        """Return whether the holder of a ticket of that type is asked."""
        return self.type_id in (None, type_id)


_COLUMNS = questions.c[
    "id",
    "event_id",
    "type_id",
    "position",
    "withdrawn",
    "kind",
    "label",
    "help",
    "choices",
    "is_required",
    "per",
    "at_door",
    "in_export",
]
_OF_FEST = questions.c.event_id.is_(None)
_OF_EVENT = or_(questions.c.event_id == bindparam("event"), _OF_FEST)
_ASKED = questions.c.withdrawn == 0
# Those of the whole fest come first: the organisers of an event put theirs below.
_ORDER = (questions.c.event_id.is_not(None), questions.c.position, questions.c.id)
_of_event = Statement(select(*_COLUMNS).where(_OF_EVENT).order_by(*_ORDER))
_of_fest = Statement(select(*_COLUMNS).where(_OF_FEST).order_by(*_ORDER))
_by_id = Statement(select(*_COLUMNS).where(questions.c.id == bindparam("question")))
_kept = Statement(
    select(questions.c.id).where(questions.c.id == bindparam("question")).with_for_update(read=True)
)
_lock = Statement(select(questions.c.id).where(questions.c.id == bindparam("question")).with_for_update())
_every = Statement(select(*_COLUMNS).order_by(questions.c.id))
_count_of_fest = Statement(select(func.count()).where(_OF_FEST, _ASKED))
_counted = (
    select(func.count())
    .where(or_(questions.c.event_id == events.c.id, _OF_FEST), _ASKED)
    .correlate(events)
    .scalar_subquery()
)
_recount = update(events).values(asks=_counted)
_recount_one = Statement(_recount.where(events.c.id == bindparam("event")))
_recount_all = Statement(_recount)
_miscounted = Statement(select(events.c.slug, events.c.asks, _counted).where(events.c.asks != _counted))


def _read(row: tuple[Any, ...]) -> Question:
    number, event_id, type_id, position, withdrawn, kind, label, hint, choices, *flags = row
    required, per, at_door, in_export = flags
    return Question(
        number,
        event_id,
        type_id,
        position,
        bool(withdrawn),
        QuestionDetails(
            kind,
            label,
            hint,
            tuple(choices.split("\n")) if choices else (),
            bool(required),
            per,
            bool(at_door),
            bool(in_export),
        ),
    )


def all_questions(connection: Connection, event_id: int) -> list[Question]:
    """Return every question of the event and of the whole fest, also withdrawn ones, in the order of the form."""
    return [_read(row) for row in connection.all(_of_event, event=event_id)]


def questions_of(connection: Connection, event_id: int) -> list[Question]:
    """Return the questions that the event asks, those of the whole fest included, in the order of the form."""
    return [question for question in all_questions(connection, event_id) if not question.is_withdrawn]


def fest_questions(connection: Connection) -> list[Question]:
    """Return the questions of the whole fest, also withdrawn ones."""
    return [_read(row) for row in connection.all(_of_fest)]


def every_question(connection: Connection) -> dict[int, Question]:
    """Return the questions of all events and of the fest, also withdrawn ones, by id."""
    return {question.id: question for question in map(_read, connection.all(_every))}


def question_by_id(connection: Connection, question_id: int) -> Question:
    """Return the question. Raises NotFound."""
    row = connection.first(_by_id, question=question_id)
    if row is None:
        raise NotFound
    return _read(row)


def keep_question(connection: Connection, question_id: int) -> bool:
    """Keep the question from being deleted until this transaction ends; return False if it is gone."""
    return connection.first(_kept, question=question_id) is not None


def lock_question(connection: Connection, question_id: int) -> None:
    """Wait for answers that are being written, and keep others from being written until this transaction ends."""
    connection.first(_lock, question=question_id)


def requires_answer(asked: Sequence[Question], type_id: int) -> bool:
    """Return whether a ticket of the type needs an answer."""
    return any(question.details.is_required and question.is_asked_of(type_id) for question in asked)


def count_fest_questions(connection: Connection) -> int:
    """Return how many questions of the whole fest are asked."""
    return int(connection.value(_count_of_fest))


def count_asks(connection: Connection, event_id: int | None) -> None:
    """Count the questions of the event again, or those of every event for None."""
    if event_id is None:
        connection.run(_recount_all)
    else:
        connection.run(_recount_one, event=event_id)


def miscounted_events(connection: Connection) -> list[tuple[str, int, int]]:
    """Return the slug, the stored and the real number of questions of each event where they differ."""
    return [(slug, stored, real) for slug, stored, real in connection.all(_miscounted)]
