"""A copy of an event as a draft: its details, ticket types, questions and rules, without seats, people and orders."""

import json
from typing import Final
from zoneinfo import ZoneInfo

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid
from festgate.kit.text import tidy
from festgate.kit.translation import gettext
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.details import MAX_LENGTHS, read_slug
from festgate.portal.catalogue.documents.imports import DocumentOptions, DocumentRefused, import_own_document
from festgate.portal.catalogue.documents.json_files import read_document, write_event
from festgate.portal.catalogue.documents.json_texts import FORMAT
from festgate.portal.catalogue.events import free_slug
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.shifts import move_event

COPY: Final = " (copy)"


def copy_title(title: str) -> str:
    """Return the proposed title of a copy."""
    return title[: MAX_LENGTHS["title"] - len(COPY)] + COPY


def copy_event(
    connection: Connection,
    slug: str,
    title: str,
    zone: ZoneInfo,
    *,
    days: int = 0,
    new_slug: str | None = None,
    opened_at: Milliseconds | None = None,
) -> Event:
    """Create a draft like the event in any state, that many days later. Withdrawn types and questions are left out.

    `opened_at` is the time at which the form was opened: a draft of that title that was created since is the copy of a
    form that was sent twice, and is returned. Raises NotFound or Invalid.
    """
    event = queries.any_event_by_slug(connection, slug)
    try:
        title = tidy(title, max_length=MAX_LENGTHS["title"])
        new_slug = None if new_slug is None else read_slug(new_slug)
    except ValueError as error:
        raise Invalid({"title" if new_slug is None else "slug": str(error)}) from None
    if not title:
        raise Invalid({"title": gettext("This field is required.")})
    if opened_at is not None:
        for twin in queries.find_created(connection, title, opened_at):
            if twin.id != event.id:
                return twin
    if new_slug is not None and queries.id_of_slug(connection, new_slug) is not None:
        raise Invalid({"slug": gettext("Another event has this address.")})
    new_slug = new_slug or free_slug(connection, title, opened_at)
    written = write_event(connection, event, zone)
    types = [kind for kind in written["types"] if not kind["withdrawn"]] or written["types"][:1]
    names = {kind["name"] for kind in types}
    questions = [
        question
        for question in written["questions"]
        if not question["withdrawn"] and (question.get("type") is None or question["type"] in names)
    ]
    for kind in types:
        kind["withdrawn"] = False
        kind["follows"] = kind["follows"] if kind["follows"] in names else None
    copy = {**written, "slug": new_slug, "title": title, "types": types, "questions": questions}
    currency = event.fee.currency
    document = read_document(
        json.dumps({"format": FORMAT, "currency": currency, "events": [copy]}).encode(), currency
    )
    options = DocumentOptions(zone, currency, allow_past=True)
    try:
        import_own_document(connection, document, options, _no_seats)
    except DocumentRefused as refusal:
        sentences = " ".join(problem.sentence for problem in refusal.problems)
        raise Invalid({"title": sentences}) from None
    return (
        move_event(connection, new_slug, days, zone)
        if days
        else queries.any_event_by_slug(connection, new_slug)
    )


def _no_seats(_connection: Connection, _event_id: int, _type_id: int) -> tuple[int, int]:
    return 0, 0
