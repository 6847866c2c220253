"""Questions in JSON files: their keys, and how they are written."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from festgate.portal.catalogue.documents.json_texts import Convert, flag, lines, one_of, text
from festgate.portal.catalogue.question_changes import WITH_CHOICES
from festgate.portal.catalogue.questions import Question
from festgate.portal.catalogue.tables import QuestionKind, QuestionPer
from festgate.portal.catalogue.ticket_types import TicketType

QUESTION: Final[Mapping[str, Convert]] = {
    "label": text,
    "kind": one_of(*get_args(QuestionKind)),
    "help": text,
    "choices": lines,
    "required": flag,
    "per": one_of(*get_args(QuestionPer)),
    "at_door": flag,
    "in_export": flag,
    "withdrawn": flag,
}
"""The keys of a question of the whole fest."""
EVENT_QUESTION: Final[Mapping[str, Convert]] = {**QUESTION, "type": text}
"""The keys of a question of an event."""


def written_fest_question(question: Question) -> dict[str, Any]:
    """Return a question of the whole fest."""
    details = question.details
    return {
        "label": details.label,
        "kind": details.kind,
        "help": details.help,
        "choices": list(details.choices) if details.kind in WITH_CHOICES else None,
        "required": details.is_required,
        "per": details.per,
        "at_door": details.is_at_door,
        "in_export": details.is_in_export,
        "withdrawn": question.is_withdrawn,
    }


def written_event_question(question: Question, types: Sequence[TicketType]) -> dict[str, Any]:
    """Return a question of an event, with the name of its ticket type."""
    names = {kind.id: kind.name for kind in types}
    asked_of = None if question.type_id is None else names[question.type_id]
    return {**written_fest_question(question), "type": asked_of}
