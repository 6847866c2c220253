"""The contents of a document before they reach the database: entered texts, each with its place in the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """An error in a document: where it is, and what to do."""

    where: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A thing of a document with the fields that the document has, as texts of its form."""

    where: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TypeEntry(Entry):
    """A ticket type. `follows` among its fields is the name of a type, and `withdrawn` is `yes` or empty."""

    quotas: tuple[str, ...] | None = None
    """The names of the shared quotas that it draws on; None to leave them as they are."""
    admits: tuple[str, ...] | None = None
    """The slugs of the other events that it admits to; None to leave them as they are."""


@dataclass(frozen=True, slots=True)
class QuestionEntry(Entry):
    """A question. `withdrawn` among its fields is `yes` or empty."""

    type_name: str | None = None
    """The name of the ticket type that it is for; None for all of the event, or for the whole fest."""


@dataclass(frozen=True, slots=True)
class EventEntry(Entry):
    """An event with its ticket types. Without fields, `event` names an event that exists."""

    event: str
    """The slug; in a sheet of ticket types also the title."""
    types: Sequence[TypeEntry] = ()
    questions: Sequence[QuestionEntry] = ()


@dataclass(frozen=True, slots=True)
class CodeEntry(Entry):
    """A promo code."""

    event: str | None = None
    """The slug of the event that it is for; empty for all; None to leave that as it is."""
    type_name: str | None = None
    """The name of the ticket type that it is for; None for all of the event."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document that could be read, though some of its entries may be wrong."""

    rooms: Sequence[Entry] = ()
    quotas: Sequence[Entry] = ()
    events: Sequence[EventEntry] = ()
    codes: Sequence[CodeEntry] = ()
    problems: Sequence[Problem] = ()
    notices: Sequence[str] = ()
    """The corrections that the reader of a sheet made, each with its line."""
    questions: Sequence[QuestionEntry] = ()
    """The questions of the whole fest."""
