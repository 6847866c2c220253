"""Documents as JSON files: read and written."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from festgate.kit.clock import MINUTE, Milliseconds, moment
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.code_changes import written_terms
from festgate.portal.catalogue.details import MAX_VALUE, TEXTS, TIMES, details_of, written
from festgate.portal.catalogue.documents.contents import (
    CodeEntry,
    Document,
    Entry,
    EventEntry,
    Problem,
    QuestionEntry,
    TypeEntry,
)
from festgate.portal.catalogue.documents.json_questions import (
    EVENT_QUESTION,
    QUESTION,
    written_event_question,
    written_fest_question,
)
from festgate.portal.catalogue.documents.json_texts import (
    FORMAT,
    Convert,
    amount,
    flag,
    number,
    one_of,
    parse,
    text,
    texts_of,
)
from festgate.portal.catalogue.files.rows import Unreadable, check_rows
from festgate.portal.catalogue.prices import CodeKind
from festgate.portal.catalogue.promo_codes import PromoCode, all_codes
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.questions import all_questions, fest_questions
from festgate.portal.catalogue.quotas import shared_quotas
from festgate.portal.catalogue.refund_rules import STEPS, stored_rule
from festgate.portal.catalogue.rooms import all_rooms
from festgate.portal.catalogue.tables import NAME_RULES, ListState
from festgate.portal.catalogue.ticket_types import TicketType, types_of
from festgate.portal.catalogue.type_changes import written_type

ROOM: Final[Mapping[str, Convert]] = {"name": text, "capacity": number, "address": text, "map_url": text}
QUOTA: Final[Mapping[str, Convert]] = {"name": text, "capacity": number}
EVENT: Final[Mapping[str, Convert]] = {
    "slug": text,
    **dict.fromkeys((*TEXTS, *TIMES), text),
    "capacity": number,
    "fee": amount,
    "max_per_person": number,
    "ticket_names": one_of(*NAME_RULES),
    "names_until": text,
    "transfers": flag,
    "transfers_until": text,
    "waiting_list": one_of(*get_args(ListState)),
    "offer_hours": number,
    "needs_approval": flag,
    "answers_until": text,
}
"""The keys of an event besides `refunds`, `types` and `questions`."""
TYPE: Final[Mapping[str, Convert]] = {
    "name": text,
    "description": text,
    "fee": amount,
    "chosen_price": flag,
    "own_quota": number,
    "sales_open_at": text,
    "sales_close_at": text,
    "follows": text,
    "hidden": flag,
    "min_per_order": number,
    "max_per_order": number,
    "tax_rate": amount,
    "tax_on_top": flag,
    "team_min": number,
    "team_max": number,
    "team_price": one_of("team", "member"),
    "team_changes_until": text,
    "withdrawn": flag,
}
"""The keys of a ticket type besides `quotas` and `admits_to`."""
STEP: Final[Mapping[str, Convert]] = {"days": number, "percent": number}
CODE: Final[Mapping[str, Convert]] = {
    "code": text,
    "kind": one_of(*get_args(CodeKind)),
    "value": amount,
    "event": text,
    "type": text,
    "unlocks": flag,
    "opens_at": text,
    "closes_at": text,
    "max_uses": number,
    "max_per_person": number,
    "ended": flag,
}
PARTS: Final = ("format", "currency", "rooms", "quotas", "questions", "events", "promo_codes")
MAX_LISTED: Final = 100
"""Quotas of one ticket type, or events that it admits to, in a document."""


def read_document(data: bytes, currency: str) -> Document:
    """Read a JSON file whose amounts are in `currency`. Raises Unreadable."""
    loaded = parse(data)
    unknown = [key for key in loaded if key not in PARTS]
    if unknown:
        msg = f"there is no key {unknown[0][:MAX_VALUE]!r}. The keys are: {', '.join(PARTS)}."
        raise Unreadable(msg)
    stated = loaded.get("currency")
    if stated != currency:
        msg = f"The amounts are in {stated!r}, but those of the fest in {currency}. Change them in the file."
        raise Unreadable(msg)
    reader = _Reader()
    return Document(
        [
            Entry(where, reader.read(where, one, ROOM))
            for where, one in reader.listed(loaded, "rooms", "room")
        ],
        [
            Entry(where, reader.read(where, one, QUOTA))
            for where, one in reader.listed(loaded, "quotas", "quota")
        ],
        [reader.event(where, one) for where, one in reader.listed(loaded, "events", "event")],
        [reader.code(where, one) for where, one in reader.listed(loaded, "promo_codes", "promo code")],
        reader.problems,
        questions=[
            QuestionEntry(where, reader.read(where, one, QUESTION))
            for where, one in reader.listed(loaded, "questions", "question")
        ],
    )


class _Reader:
    """A reader of the objects of one file, with the problems that it has found."""

    def __init__(self) -> None:
        """Begin without problems."""
        self.problems: list[Problem] = []

    def listed(
        self, holder: Mapping[str, Any], key: str, kind: str, before: str = ""
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each object of a list, with its place in words: `event 2 “Robo Race”`."""
        items = holder.get(key, [])
        if not isinstance(items, list):
            self._note(before or "the document", f"{key}: write a list in square brackets.")
            return
        check_rows(len(items))
        for position, item in enumerate(items, 1):
            where = f"{before}, {kind} {position}" if before else f"{kind} {position}"
            if not isinstance(item, dict):
                self._note(where, "write an object in braces.")
                continue
            name = next(
                (item[label] for label in ("title", "name", "label", "code", "slug") if item.get(label)), None
            )
            yield (f"{where} “{name[:MAX_VALUE]}”" if isinstance(name, str) else where), item

    def read(self, where: str, item: Mapping[str, Any], converts: Mapping[str, Convert]) -> dict[str, str]:
        """Return the texts of an object."""
        return texts_of(item, converts, lambda sentence: self._note(where, sentence))

    def event(self, where: str, item: dict[str, Any]) -> EventEntry:
        """Return an event with its ticket types, its questions and the steps of its refund rule."""
        rest = {key: value for key, value in item.items() if key not in ("types", "questions", "refunds")}
        fields = self.read(where, rest, EVENT)
        if "types" in item and "fee" in item:
            self._note(where, "fee: write the price in each ticket type.")
        if not fields.get("slug", "").strip():
            self._note(where, "slug: write the event's part of its address, such as robo-race.")
        if "refunds" in item:
            fields |= self._steps(where, item)
        types = [
            self._type(place, one) for place, one in self.listed(item, "types", "ticket type", before=where)
        ]
        questions = [
            self._question(place, one)
            for place, one in self.listed(item, "questions", "question", before=where)
        ]
        return EventEntry(where, fields, fields.get("slug", "").strip(), types, questions)

    def _type(self, where: str, item: dict[str, Any]) -> TypeEntry:
        rest = {key: value for key, value in item.items() if key not in ("quotas", "admits_to")}
        return TypeEntry(
            where,
            self.read(where, rest, TYPE),
            self._names(where, item, "quotas", "names of quotas"),
            self._names(where, item, "admits_to", "slugs of other events"),
        )

    def _names(self, where: str, item: dict[str, Any], key: str, kind: str) -> tuple[str, ...] | None:
        names = item.get(key)
        if names is None:
            return None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self._note(where, f"{key}: write a list of {kind}.")
            return None
        return tuple(names[:MAX_LISTED])

    def _question(self, where: str, item: dict[str, Any]) -> QuestionEntry:
        fields = self.read(where, item, EVENT_QUESTION)
        name = fields.pop("type", None)
        return QuestionEntry(where, fields, None if item.get("type") is None else name)

    def _steps(self, where: str, item: dict[str, Any]) -> dict[str, str]:
        fields = {f"{key}-{step}": "" for step in range(1, STEPS + 1) for key in STEP}
        steps = list(self.listed(item, "refunds", "refund", before=where))
        if len(steps) > STEPS:
            self._note(where, f"refunds: at most {STEPS} steps.")
        for number_of_step, (place, step) in enumerate(steps[:STEPS], 1):
            texts = self.read(place, step, STEP)
            fields |= {f"{key}-{number_of_step}": value for key, value in texts.items()}
        return fields

    def code(self, where: str, item: dict[str, Any]) -> CodeEntry:
        """Return a promo code."""
        fields = self.read(where, item, CODE)
        event = fields.pop("event").strip() if "event" in fields else None
        name = fields.pop("type", None) if item.get("type") is not None else None
        fields.pop("type", None)
        if name and not event:
            self._note(where, "event: write the event of the ticket type.")
        return CodeEntry(where, fields, event, name)

    def _note(self, where: str, sentence: str) -> None:
        self.problems.append(Problem(where, sentence))


def write_document(connection: Connection, zone: ZoneInfo, currency: str) -> str:
    """Return all rooms, quotas, questions, events that are not cancelled, ticket types and promo codes as JSON.

    The file has no seats, people or orders, and not the keys of hidden ticket types.
    """
    events = [event for event in queries.all_events(connection) if event.state != "cancelled"]
    types = {event.id: types_of(connection, event.id) for event in events}
    document = {
        "format": FORMAT,
        "currency": currency,
        "rooms": [
            {
                "name": room.name,
                "capacity": room.capacity,
                "address": room.address,
                "map_url": room.map_url,
            }
            for room in all_rooms(connection)
        ],
        "quotas": [{"name": quota.name, "capacity": quota.capacity} for quota in shared_quotas(connection)],
        "questions": [written_fest_question(question) for question in fest_questions(connection)],
        "events": [write_event(connection, event, zone, types[event.id]) for event in events],
        "promo_codes": [
            code
            for one in all_codes(connection)
            if (code := _written_code(one, {event.id: event for event in events}, types, zone))
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def write_event(
    connection: Connection, event: Event, zone: ZoneInfo, types: tuple[TicketType, ...] | None = None
) -> dict[str, Any]:
    """Return the object of one event, with its ticket types and questions."""
    own = types_of(connection, event.id) if types is None else types
    return {
        **_written_event(event, own, zone),
        "questions": [
            written_event_question(question, own)
            for question in all_questions(connection, event.id)
            if question.event_id == event.id
        ],
    }


def followed_name(ticket_type: TicketType, types: tuple[TicketType, ...]) -> str:
    """Return the name of the type after which this one is sold; empty if there is none.

    A type without a name that others follow is withdrawn, so that following it has no effect.
    """
    names = {other.id: other.name for other in types}
    return names.get(ticket_type.details.follows_id or 0, "")


def admitted_slugs(ticket_type: TicketType) -> list[str]:
    """Return the slugs of the other events that it admits to, without cancelled ones, which are in no document."""
    return sorted(event.slug for event in ticket_type.admits if event.state != "cancelled")


def _written_event(event: Event, types: tuple[TicketType, ...], zone: ZoneInfo) -> dict[str, Any]:
    texts = written(details_of(event), zone)
    return {
        "slug": event.slug,
        **{name: texts[name] for name in TEXTS},
        **{name: _time(getattr(event, name), zone) for name in TIMES if name != "sales_close_at"},
        "sales_close_at": _time(event.sales_close_at, zone) if texts["sales_close_at"] else None,
        "capacity": event.capacity or None,
        "max_per_person": event.max_per_person,
        "refunds": [
            {"days": step.days, "percent": step.percent} for step in stored_rule(event.refund_rule).steps
        ],
        "ticket_names": event.ticket_names,
        "names_until": _time(event.names_until, zone),
        "transfers": bool(event.transfers),
        "transfers_until": _time(event.transfers_until, zone),
        "waiting_list": event.waiting_list,
        "offer_hours": max(1, event.offer_minutes // 60),
        "needs_approval": bool(event.needs_approval),
        "answers_until": _time(event.answers_until, zone),
        "types": [_written_type(one, types, zone) for one in types],
    }


def _written_type(ticket_type: TicketType, types: tuple[TicketType, ...], zone: ZoneInfo) -> dict[str, Any]:
    details = ticket_type.details
    texts = written_type(details, zone)
    return {
        "name": details.name,
        "description": details.description,
        "fee": texts["fee"],
        "chosen_price": details.has_chosen_price,
        "own_quota": details.own_quota,
        "quotas": sorted(quota.name for quota in ticket_type.quotas if not quota.is_own),
        "admits_to": admitted_slugs(ticket_type),
        "sales_open_at": _time(details.sales_open_at, zone),
        "sales_close_at": _time(details.sales_close_at, zone),
        "follows": followed_name(ticket_type, types) or None,
        "hidden": details.is_hidden,
        "min_per_order": details.min_per_order,
        "max_per_order": details.max_per_order,
        "tax_rate": texts["tax_rate"] or "0",
        "tax_on_top": details.has_tax_on_top,
        "team_min": details.team_min or None,
        "team_max": details.team_max or None,
        "team_price": details.team_price,
        "team_changes_until": _time(details.team_changes_until, zone),
        "withdrawn": ticket_type.is_withdrawn,
    }


def _written_code(
    code: PromoCode,
    events: Mapping[int, Event],
    types: Mapping[int, tuple[TicketType, ...]],
    zone: ZoneInfo,
) -> dict[str, Any] | None:
    """Return a promo code; None if it is for an event that is not in the document."""
    terms = code.terms
    if terms.event_id is not None and terms.event_id not in events:
        return None
    event = None if terms.event_id is None else events[terms.event_id]
    kinds = {one.id: one.name for one in types[event.id]} if event else {}
    return {
        "code": code.code,
        "kind": terms.kind,
        "value": written_terms(terms, zone)["value"] or None,
        "event": event.slug if event else None,
        "type": None if terms.type_id is None else kinds[terms.type_id],
        "unlocks": terms.unlocks,
        "opens_at": _time(terms.opens_at, zone),
        "closes_at": _time(terms.closes_at, zone),
        "max_uses": terms.max_uses,
        "max_per_person": terms.max_per_person,
        "ended": bool(code.ended_at),
    }


def _time(at: Milliseconds, zone: ZoneInfo) -> str | None:
    """Return a time with its offset, so that it is the same one in every zone; None for 0."""
    if at == 0:
        return None
    return moment(at, zone).isoformat(timespec="minutes" if at % MINUTE == 0 else "seconds")
