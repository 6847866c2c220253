"""Import of the questions of one event, or of the whole fest: those in the document change, all others stay.

A question is recognised by its ticket type and its text. If several have the same, the first in the document is the
first of them. The rules of an organiser's form hold: the kind of a question stays, and whether it is asked once. No
question is deleted, so that every answer stays.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.portal.catalogue.details import MAX_VALUE
from festgate.portal.catalogue.documents.contents import QuestionEntry
from festgate.portal.catalogue.documents.problems import Problems
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.question_changes import (
    QUESTION_KINDS,
    add_question,
    edit_question,
    order_questions,
    read_label,
    read_question,
    withdraw_question,
    written_question,
)
from festgate.portal.catalogue.questions import Question, all_questions, fest_questions
from festgate.portal.catalogue.ticket_types import types_of

_LIKE_NEW: Final[Mapping[str, str]] = {"per": "ticket", "in_export": "yes"}
_Key: TypeAlias = tuple[int | None, str]
"""The id of a ticket type, and the text of a question."""


class QuestionImport:
    """The import of the questions of one event, whose seats the caller has locked, or of the whole fest."""

    def __init__(self, connection: Connection, event: Event | None, problems: Problems) -> None:
        """Read the questions that there are; `event` is None for the whole fest."""
        self._connection = connection
        self._event = event
        self._slug = event.slug if event else None
        self._problems = problems
        self._before = self._questions()
        self._types = {kind.name: kind.id for kind in types_of(connection, event.id)} if event else {}
        self.seen: list[tuple[Question | None, Question]] = []
        """Each question of the document before the import, None for a new one, and after it."""

    def run(self, entries: Sequence[QuestionEntry]) -> None:
        """Create and change the questions of the entries, and ask them in this order."""
        left: dict[_Key, list[Question]] = {}
        for question in self._before:
            left.setdefault((question.type_id, question.details.label), []).append(question)
        known: dict[int, Question | None] = {}
        for place, entry in enumerate(entries):
            with self._problems.at(entry.where):
                same = left.get(self._key(entry), [])
                known[place] = same.pop(0) if same else None
        ids: dict[int, int] = {}
        # Those that are not asked any more come first, so that others can take their places.
        for place in sorted(
            known, key=lambda place: (entries[place].fields.get("withdrawn") != "yes", place)
        ):
            with self._problems.at(entries[place].where):
                ids[place] = self._write(entries[place], known[place])
        self._order([ids[place] for place in sorted(ids)])
        after = {question.id: question for question in self._questions()}
        self.seen = [(known[place], after[question_id]) for place, question_id in ids.items()]

    def _questions(self) -> list[Question]:
        if self._event is None:
            return fest_questions(self._connection)
        listed = all_questions(self._connection, self._event.id)
        return [question for question in listed if question.event_id == self._event.id]

    def _key(self, entry: QuestionEntry) -> _Key:
        label = read_label(entry.fields)
        if entry.type_name is None:
            return None, label
        type_id = self._types.get(entry.type_name.strip())
        if type_id is None:
            raise Invalid({"type": f"The event has no ticket type {entry.type_name[:MAX_VALUE]!r}."})
        return type_id, label

    def _write(self, entry: QuestionEntry, known: Question | None) -> int:
        """Create or change the question, and return its id. Raises Invalid."""
        if known is None:
            if "kind" not in entry.fields:
                raise Invalid({"kind": f"Write one of {', '.join(QUESTION_KINDS)}."})
            details = read_question({**_LIKE_NEW, **entry.fields})
            type_id, _ = self._key(entry)
            question_id = add_question(self._connection, self._slug, details, type_id)
        else:
            question_id = known.id
            _refuse_other_kind(entry, known)
            details = read_question({**written_question(known.details), **entry.fields}, known)
            if details != known.details:
                edit_question(self._connection, self._slug, question_id, details)
        was_withdrawn = known is not None and known.is_withdrawn
        is_withdrawn = entry.fields["withdrawn"] == "yes" if "withdrawn" in entry.fields else was_withdrawn
        if is_withdrawn != was_withdrawn:
            withdraw_question(self._connection, self._slug, question_id, is_withdrawn=is_withdrawn)
        return question_id

    def _order(self, ids: Sequence[int]) -> None:
        """Put the questions of the document into its order, in the places that they have together."""
        ordered = [question.id for question in self._questions()]
        places = [place for place, question_id in enumerate(ordered) if question_id in ids]
        wanted = list(ordered)
        for place, question_id in zip(places, ids, strict=True):
            wanted[place] = question_id
        if wanted != ordered:
            order_questions(self._connection, self._slug, wanted)


def _refuse_other_kind(entry: QuestionEntry, known: Question) -> None:
    """Raise Invalid if the entry has another kind, or is asked more or less often."""
    for name, stays in (("kind", known.details.kind), ("per", known.details.per)):
        if entry.fields.get(name, stays) != stays:
            sentence = f"This stays {stays}. Withdraw the question, and add one with another label."
            raise Invalid({name: sentence})
