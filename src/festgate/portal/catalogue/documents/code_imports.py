"""Import of promo codes: a code is recognised by its text."""

from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.code_changes import (
    Scope,
    create_code,
    edit_code,
    end_code,
    read_code_text,
    read_terms_for,
    resume_code,
    written_terms,
)
from festgate.portal.catalogue.details import MAX_VALUE
from festgate.portal.catalogue.documents.contents import CodeEntry
from festgate.portal.catalogue.promo_codes import CodeTerms, all_codes
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.ticket_types import types_of

_LIKE_NEW: Final = {"kind": "percentage"}
_Seen = tuple[CodeTerms, bool]
"""The terms of a code, and whether it is ended."""


class CodeImport:
    """The import of the promo codes of a document, after its events and ticket types."""

    def __init__(self, connection: Connection, zone: ZoneInfo, currency: str) -> None:
        """Read the codes and events of the fest."""
        self._connection = connection
        self._zone = zone
        self._currency = currency
        self._known = {code.code: code for code in all_codes(connection)}
        self._events = {event.slug: event for event in queries.all_events(connection)}
        self._types: dict[int, dict[str, int]] = {}
        self._seen: dict[str, str] = {}

    def take(self, entry: CodeEntry) -> tuple[_Seen | None, _Seen]:
        """Create or change the code of an entry; return it before, None for a new one, and after. Raises Invalid."""
        text = read_code_text(entry.fields)
        if text in self._seen:
            raise Invalid({"code": f"This code stands at {self._seen[text]} already."})
        self._seen[text] = entry.where
        known = self._known.get(text)
        scope = self._scope(entry)
        if known and entry.event is None:
            scope = known.terms.event_id, known.terms.type_id, known.terms.currency or self._currency
        old = written_terms(known.terms, self._zone) if known else _LIKE_NEW
        terms = read_terms_for(lambda _: scope, {**old, **entry.fields}, self._zone, self._currency)
        if known is None:
            code = create_code(self._connection, text, terms)
            if entry.fields.get("ended") == "yes":
                end_code(self._connection, code.id)
            return None, (terms, entry.fields.get("ended") == "yes")
        if replace(terms, currency=known.terms.currency) == known.terms:
            terms = known.terms
        else:
            edit_code(self._connection, known.id, terms)
        was_ended = bool(known.ended_at)
        is_ended = entry.fields["ended"] == "yes" if "ended" in entry.fields else was_ended
        if is_ended != was_ended:
            (end_code if is_ended else resume_code)(self._connection, known.id)
        return (known.terms, was_ended), (terms, is_ended)

    def _scope(self, entry: CodeEntry) -> Scope:
        if not entry.event:
            return None, None, self._currency
        event = self._events.get(entry.event)
        if event is None or event.state == "cancelled":
            raise Invalid({"event": f"There is no event {entry.event[:MAX_VALUE]!r}."})
        if entry.type_name is None:
            return event.id, None, event.fee.currency
        type_id = self._types_of(event).get(entry.type_name.strip())
        if type_id is None:
            raise Invalid({"type": f"The event has no ticket type {entry.type_name[:MAX_VALUE]!r}."})
        return event.id, type_id, event.fee.currency

    def _types_of(self, event: Event) -> dict[str, int]:
        if event.id not in self._types:
            self._types[event.id] = {kind.name: kind.id for kind in types_of(self._connection, event.id)}
        return self._types[event.id]
