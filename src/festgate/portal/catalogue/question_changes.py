"""Operations of organisers on questions, and the reading of a question's form."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, delete, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.text import tidy
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue.details import read_moment
from festgate.portal.catalogue.errors import EventWasCancelled
from festgate.portal.catalogue.events import lock_event, record_edit, touch_event
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.questions import (
    MAX_QUESTIONS,
    Question,
    QuestionDetails,
    all_questions,
    count_asks,
    fest_questions,
    lock_question,
)
from festgate.portal.catalogue.tables import QuestionKind, events, questions
from festgate.portal.catalogue.ticket_types import type_of, types_of

MAX_QUESTION = 120
MAX_QUESTION_HELP = 300
MAX_CHOICE = 80
MAX_CHOICES = 40
QUESTION_KINDS: tuple[QuestionKind, ...] = (
    "text",
    "number",
    "choice",
    "choices",
    "date",
    "phone",
    "file",
    "consent",
)
WITH_CHOICES: tuple[QuestionKind, ...] = ("choice", "choices")

DeleteAnswers: TypeAlias = Callable[[Connection, int], None]
"""An operation of a module above: delete every answer to the question of that id."""
Preset: TypeAlias = Literal["size", "college", "roll", "diet"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
QUESTION_FIELDS = ("kind", "label", "help", "choices", "required", "per", "at_door", "in_export", "type")

_insert = inserting(questions, returning="id")
_one = questions.c.id == bindparam("question")
_edit = Statement(
    update(questions)
    .where(_one)
    .values(
        label=bindparam("new_label"),
        help=bindparam("new_help"),
        choices=bindparam("new_choices"),
        is_required=bindparam("new_required"),
        at_door=bindparam("new_at_door"),
        in_export=bindparam("new_in_export"),
    )
)
_move = Statement(update(questions).where(_one).values(position=bindparam("new_position")))
_withdraw = Statement(update(questions).where(_one).values(withdrawn=bindparam("is_withdrawn")))
_drop = Statement(delete(questions).where(_one))
_set_until = Statement(
    update(events).where(events.c.id == bindparam("event")).values(answers_until=bindparam("new_until"))
)


def question_preset(name: str) -> QuestionDetails | None:
    """Return the question that a button of the organisers' page fills in; None for an unknown name."""
    presets: Mapping[Preset, QuestionDetails] = {
        "size": QuestionDetails(
            "choice", gettext("T-shirt size"), "", ("XS", "S", "M", "L", "XL", "XXL"), is_required=True
        ),
        "college": QuestionDetails("text", gettext("College"), per="order"),
        "roll": QuestionDetails("text", gettext("Roll number"), is_required=True, is_at_door=True),
        "diet": QuestionDetails(
            "choice",
            gettext("Food"),
            "",
            (gettext("Vegetarian"), gettext("Vegan"), gettext("Jain"), gettext("Everything")),
        ),
    }
    return next((details for known, details in presets.items() if known == name), None)


def add_question(
    connection: Connection,
    slug: str | None,
    details: QuestionDetails,
    type_id: int | None = None,
    *,
    actor: Actor | None = None,
) -> int:
    """Ask a question of an event, or of the whole fest for None, after the others; return its id.

    `actor` is for the audit log. Raises NotFound, EventWasCancelled, or Invalid for a type of another event and for one
    question too many.
    """
    event = _lock(connection, slug)
    if type_id is not None:
        if event is None:
            raise NotFound
        type_of(types_of(connection, event.id), type_id)
    others = fest_questions(connection) if event is None else all_questions(connection, event.id)
    if sum(not other.is_withdrawn for other in others) >= MAX_QUESTIONS:
        sentence = gettext("At most {count} questions can be asked.")
        raise Invalid({"label": sentence.format(count=MAX_QUESTIONS)})
    own = [other.position for other in others if other.event_id == (event.id if event else None)]
    question_id: int = connection.value(
        _insert,
        event_id=event.id if event else None,
        type_id=type_id,
        position=max(own, default=-1) + 1,
        kind=details.kind,
        label=details.label,
        help=details.help,
        choices="\n".join(details.choices),
        is_required=int(details.is_required),
        per=details.per,
        at_door=int(details.is_at_door),
        in_export=int(details.is_in_export),
        withdrawn=0,
    )
    _count(connection, event)
    _record(connection, actor, "question.added", event, details.label, kind=details.kind)
    return question_id


def edit_question(
    connection: Connection,
    slug: str | None,
    question_id: int,
    details: QuestionDetails,
    *,
    actor: Actor | None = None,
) -> None:
    """Change a question; its kind, its ticket type and how often it is asked stay. `actor` is for the audit log.

    Raises NotFound or EventWasCancelled.
    """
    event = _lock(connection, slug)
    before = _one_of(_own(connection, event, question_id), question_id).details
    if details == before:
        return
    connection.run(
        _edit,
        question=question_id,
        new_label=details.label,
        new_help=details.help,
        new_choices="\n".join(details.choices),
        new_required=int(details.is_required),
        new_at_door=int(details.is_at_door),
        new_in_export=int(details.is_in_export),
    )
    _count(connection, event)
    changed = audit.differences(before, details)
    _record(connection, actor, "question.edited", event, before.label, **changed)


def move_question(
    connection: Connection, slug: str | None, question_id: int, by: int, *, actor: Actor | None = None
) -> None:
    """Ask a question that many places later, or earlier for a negative number. Raises NotFound or EventWasCancelled."""
    event = _lock(connection, slug)
    asked = _own(connection, event, question_id)
    place = next(place for place, question in enumerate(asked) if question.id == question_id)
    asked.insert(max(0, min(len(asked) - 1, place + by)), asked.pop(place))
    order_questions(connection, slug, [question.id for question in asked], actor=actor)


def order_questions(
    connection: Connection, slug: str | None, ids: Sequence[int], *, actor: Actor | None = None
) -> None:
    """Ask all questions of the event, or of the whole fest, also withdrawn ones, in that order.

    `actor` is for the audit log. Raises NotFound, EventWasCancelled, or Invalid if `ids` does not name each of them
    once.
    """
    event = _lock(connection, slug)
    own = [question.id for question in _listed(connection, event)]
    if sorted(ids) != sorted(own):
        raise Invalid({"order": gettext("Name each of them once.")})
    if list(ids) == own:
        return
    _put_in_order(connection, ids)
    _record(connection, actor, "questions.ordered", event, "")


def withdraw_question(
    connection: Connection,
    slug: str | None,
    question_id: int,
    *,
    is_withdrawn: bool = True,
    actor: Actor | None = None,
) -> None:
    """Stop asking a question and keep its answers, or ask it again. Idempotent; `actor` is for the audit log.

    Raises NotFound or EventWasCancelled.
    """
    event = _lock(connection, slug)
    question = _one_of(_own(connection, event, question_id), question_id)
    if question.is_withdrawn == is_withdrawn:
        return
    connection.run(_withdraw, question=question_id, is_withdrawn=int(is_withdrawn))
    _count(connection, event)
    action: audit.Action = "question.stopped" if is_withdrawn else "question.resumed"
    _record(connection, actor, action, event, question.details.label)


def drop_question(
    connection: Connection,
    slug: str | None,
    question_id: int,
    delete_answers: DeleteAnswers,
    *,
    actor: Actor | None = None,
) -> None:
    """Delete a question with its answers; `actor` is for the audit log. Raises NotFound or EventWasCancelled."""
    event = _lock(connection, slug)
    question = _one_of(_own(connection, event, question_id), question_id)
    lock_question(connection, question_id)
    delete_answers(connection, question_id)
    connection.run(_drop, question=question_id)
    _count(connection, event)
    _record(connection, actor, "question.deleted", event, question.details.label)


def set_answers_until(
    connection: Connection, slug: str, until: Milliseconds, *, actor: Actor | None = None
) -> Event:
    """Set until when answers can be changed; 0: the start. `actor` is for the audit log.

    Raises NotFound, EventWasCancelled or Invalid.
    """
    event = _lock(connection, slug)
    if event is None:
        raise NotFound
    if event.ends_at and until > event.ends_at:
        raise Invalid({"answers_until": gettext("This is after the end of the event.")})
    connection.run(_set_until, event=event.id, new_until=until)
    if actor is not None:
        before, after = {"answers_until": event.answers_until}, {"answers_until": until}
        record_edit(connection, actor, event, before, after)
    return touch_event(connection, event.id)


def read_answers_until(text: str, zone: ZoneInfo) -> Milliseconds:
    """Return the time that was entered; 0 for an empty field. Raises Invalid."""
    try:
        return read_moment(zone, text)
    except ValueError as error:
        raise Invalid({"answers_until": str(error)}) from None


def read_question(fields: Mapping[str, str], known: Question | None = None) -> QuestionDetails:
    """Return the question that was entered; its kind is that of the `known` one. Raises Invalid."""
    errors: dict[str, str] = {}
    entered = known.details.kind if known else fields.get("kind", "")
    kind = next((kind for kind in QUESTION_KINDS if kind == entered), None)
    if kind is None:
        errors["kind"] = gettext("Choose one of these.")
    label = ""
    try:
        label = read_label(fields)
    except Invalid as refusal:
        errors |= refusal.fields
    hint = _line(fields, "help", MAX_QUESTION_HELP, errors)
    choices: tuple[str, ...] = ()
    if kind in WITH_CHOICES:
        try:
            choices = _read_choices(fields.get("choices", ""))
        except ValueError as error:
            errors["choices"] = str(error)
    if errors or kind is None:
        raise Invalid(errors)
    return QuestionDetails(
        kind,
        label,
        hint,
        choices,
        fields.get("required") == "yes",
        known.details.per if known else "order" if fields.get("per") == "order" else "ticket",
        fields.get("at_door") == "yes",
        fields.get("in_export") == "yes",
    )


def read_label(fields: Mapping[str, str]) -> str:
    """Return the text of the question that was entered. Raises Invalid."""
    errors: dict[str, str] = {}
    label = _line(fields, "label", MAX_QUESTION, errors)
    if not label and not errors:
        errors["label"] = gettext("Enter the question.")
    if errors:
        raise Invalid(errors)
    return label


def written_question(details: QuestionDetails) -> dict[str, str]:
    """Return the question as text, from which `read_question` reads the same."""
    flags = {
        "required": details.is_required,
        "at_door": details.is_at_door,
        "in_export": details.is_in_export,
    }
    return {
        "kind": details.kind,
        "label": details.label,
        "help": details.help,
        "choices": "\n".join(details.choices),
        "per": details.per,
        "type": "",
        **{name: "yes" if flag else "" for name, flag in flags.items()},
    }


def _line(fields: Mapping[str, str], name: str, most: int, errors: dict[str, str]) -> str:
    try:
        return tidy(fields.get(name, ""), max_length=most)
    except ValueError as error:
        errors[name] = str(error)
        return ""


def _read_choices(text: str) -> tuple[str, ...]:
    lines = tidy(text, lines=True).split("\n")
    choices = tuple(dict.fromkeys(filter(None, (tidy(line, max_length=MAX_CHOICE) for line in lines))))
    least = 2
    if not least <= len(choices) <= MAX_CHOICES:
        sentence = gettext("Enter {min} to {max} different choices, one on each line.")
        raise ValueError(sentence.format(min=least, max=MAX_CHOICES))
    return choices


def _put_in_order(connection: Connection, ids: Sequence[int]) -> None:
    for position, question_id in enumerate(ids):
        connection.run(_move, question=question_id, new_position=position)


def _lock(connection: Connection, slug: str | None) -> Event | None:
    """Lock the event and return it; None for the whole fest. Raises NotFound or EventWasCancelled."""
    if slug is None:
        return None
    event = lock_event(connection, slug)
    if event.state == "cancelled":
        raise EventWasCancelled
    return event


def _own(connection: Connection, event: Event | None, question_id: int) -> list[Question]:
    """Return the questions among which it stands, also withdrawn ones. Raises NotFound for one of another event."""
    own = _listed(connection, event)
    _one_of(own, question_id)
    return own


def _listed(connection: Connection, event: Event | None) -> list[Question]:
    """Return the questions of the event alone, or of the whole fest for None, also withdrawn ones."""
    listed = fest_questions(connection) if event is None else all_questions(connection, event.id)
    return [question for question in listed if question.event_id == (event.id if event else None)]


def _one_of(listed: Sequence[Question], question_id: int) -> Question:
    for question in listed:
        if question.id == question_id:
            return question
    raise NotFound


def _record(
    connection: Connection,
    actor: Actor | None,
    action: audit.Action,
    event: Event | None,
    label: str,
    **details: str,
) -> None:
    if actor is not None:
        event_id = None if event is None else event.id
        audit.record(connection, actor, action, label, event_id=event_id, **details)


def _count(connection: Connection, event: Event | None) -> None:
    count_asks(connection, event.id if event else None)
    if event is not None:
        touch_event(connection, event.id)
