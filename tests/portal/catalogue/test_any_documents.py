"""Documents with anything that a fest can hold."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from festgate.kit.text import tidy
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.documents.imports import (
    DocumentOptions,
    DocumentReport,
    import_document,
)
from festgate.portal.catalogue.documents.json_files import read_document, write_document
from festgate.portal.catalogue.documents.json_texts import FORMAT
from festgate.portal.catalogue.documents.type_sheets import read_type_sheet, write_type_sheet
from festgate.portal.catalogue.question_changes import QUESTION_KINDS, WITH_CHOICES
from festgate.portal.catalogue.rooms import key_of
from tests.portal.catalogue.programme import CONVENTIONS, KOLKATA, texts
from tests.rig.database import OpenDatabase, copy_of, open_database

OPTIONS = DocumentOptions(KOLKATA, "INR", allow_past=True)
START = datetime(2031, 3, 14, 9, tzinfo=UTC)
SIGNS = st.characters(exclude_categories=("Cc", "Cf", "Cs")) | st.sampled_from("=+-@'\"\\;,: 03")
NUMBERS = st.none() | st.integers(1, 1000)


def clean(text: str) -> str:
    try:
        return tidy(text)
    except ValueError:
        return ""


NAMES = st.text(SIGNS, min_size=1, max_size=12).map(clean).filter(bool)


def times(before: datetime) -> st.SearchStrategy[str | None]:
    """Generate no time, or one before that."""
    return st.none() | st.integers(1, 100_000).map(
        lambda minutes: (before - timedelta(minutes=minutes)).isoformat()
    )


@st.composite
def any_type(draw: st.DrawFn, name: str, others: list[str], quotas: list[str]) -> dict[str, Any]:
    """Generate a ticket type that may follow one of the others."""
    least = draw(st.integers(1, 5))
    on_top = draw(st.booleans())
    kind = {
        "name": name,
        "description": draw(NAMES | st.just("")),
        "fee": f"{draw(st.integers(100, 10**6)) / 100:.2f}",
        "chosen_price": draw(st.booleans()),
        "own_quota": draw(NUMBERS),
        "quotas": draw(st.lists(st.sampled_from(quotas), unique=True)) if quotas else [],
        "sales_open_at": draw(st.none() | st.just("2030-12-31T23:59:59+05:30")),
        "sales_close_at": draw(times(START - timedelta(days=10))) and "2031-03-13T10:00+01:00",
        "follows": draw(st.none() | st.sampled_from(others)) if others else None,
        "hidden": draw(st.booleans()),
        "min_per_order": least,
        "max_per_order": draw(st.integers(least, 9)),
        "tax_rate": draw(st.sampled_from(("0", "5.5", "18", "12.25"))),
        "tax_on_top": on_top,
        "withdrawn": draw(st.booleans()) if others else False,
    }
    if not kind["chosen_price"] and draw(st.booleans()):
        price = draw(st.sampled_from(("team", "member")))
        kind |= {"team_min": 2, "team_max": draw(st.integers(2, 9)), "team_price": price}
        kind["team_changes_until"] = draw(times(START))
    return kind


@st.composite
def any_event(draw: st.DrawFn, number: int, places: list[str], quotas: list[str]) -> dict[str, Any]:
    """Generate an event with its rules and ticket types."""
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=4) | st.just([""]))
    steps = draw(st.lists(st.integers(1, 100), unique=True, max_size=3))
    return {
        "slug": f"event-{number}",
        "title": draw(texts("title", min_size=1)),
        "summary": draw(texts("summary")),
        "description": draw(texts("description")),
        "place": draw(st.sampled_from(places) if places else texts("place")),
        "starts_at": START.isoformat(),
        "ends_at": (START + timedelta(hours=2)).isoformat(),
        "sales_open_at": draw(times(START)),
        "capacity": draw(NUMBERS),
        "max_per_person": draw(st.integers(1, 100)),
        "refunds": [
            {"days": 10 * len(steps) - 10 * place, "percent": percent}
            for place, percent in enumerate(sorted(steps, reverse=True))
        ],
        "ticket_names": draw(st.sampled_from(("off", "optional", "required"))),
        "names_until": draw(times(START)),
        "transfers": draw(st.booleans()),
        "transfers_until": draw(times(START)),
        "waiting_list": draw(st.sampled_from(("off", "open", "closed"))),
        "offer_hours": draw(st.integers(1, 336)),
        "needs_approval": draw(st.booleans()),
        "types": [draw(any_type(name, names[:place], quotas)) for place, name in enumerate(names)],
    }


@st.composite
def any_question(draw: st.DrawFn, types: list[str]) -> dict[str, Any]:
    """Generate a question of the whole fest, or of an event with those ticket types."""
    kind = draw(st.sampled_from(QUESTION_KINDS))
    question = {
        "label": draw(NAMES),
        "kind": kind,
        "help": draw(NAMES | st.just("")),
        "choices": draw(st.lists(NAMES, unique=True, min_size=2, max_size=4))
        if kind in WITH_CHOICES
        else None,
        "required": draw(st.booleans()),
        "per": draw(st.sampled_from(("ticket", "order"))),
        "at_door": draw(st.booleans()),
        "in_export": draw(st.booleans()),
        "withdrawn": draw(st.booleans()),
    }
    return {**question, "type": draw(st.none() | st.sampled_from(types))} if types else question


def add_passes_and_questions(draw: st.DrawFn, events: list[dict[str, Any]]) -> None:
    """Let ticket types that are not for teams admit to other events, and let the events ask questions."""
    for event in events:
        others = [other["slug"] for other in events if other is not event]
        for kind in event["types"]:
            if others and "team_max" not in kind:
                kind["admits_to"] = draw(st.lists(st.sampled_from(others), unique=True))
        names = [kind["name"] for kind in event["types"]]
        event["questions"] = draw(st.lists(any_question(names), max_size=3))
        event["answers_until"] = draw(times(START))


@st.composite
def any_document(draw: st.DrawFn) -> dict[str, Any]:
    """Generate a document of a fest."""
    rooms = draw(st.lists(NAMES, unique_by=key_of, max_size=3))
    quotas = draw(st.lists(NAMES, unique=True, max_size=3))
    events = [draw(any_event(number, rooms, quotas)) for number in range(draw(st.integers(0, 3)))]
    add_passes_and_questions(draw, events)
    codes = []
    for number in range(draw(st.integers(0, 3))):
        event = draw(st.none() | st.sampled_from(events)) if events else None
        kind = draw(st.sampled_from(("percentage", "amount", "free", "unlock")))
        codes.append(
            {
                "code": f"CODE-{number}",
                "kind": kind,
                "value": {"percentage": "12.5", "amount": 50}.get(kind),
                "event": event and event["slug"],
                "type": draw(st.none() | st.sampled_from([kind["name"] for kind in event["types"]]))
                if event
                else None,
                "unlocks": draw(st.booleans()),
                "closes_at": draw(times(START)),
                "max_uses": draw(NUMBERS),
                "max_per_person": draw(NUMBERS),
                "ended": draw(st.booleans()),
            }
        )
    return {
        "format": FORMAT,
        "currency": "INR",
        "rooms": [{"name": name, "capacity": draw(NUMBERS), "address": draw(NAMES)} for name in rooms],
        "quotas": [{"name": name, "capacity": draw(st.integers(0, 500))} for name in quotas],
        "questions": draw(st.lists(any_question([]), max_size=3)),
        "events": events,
        "promo_codes": codes,
    }


def never_sold(*_: object) -> tuple[int, int]:
    return 0, 0


def take(database: OpenDatabase, text: str) -> DocumentReport:
    document = read_document(text.encode(), "INR")
    report: DocumentReport = database.write(import_document, document, OPTIONS, never_sold)
    return report


def export(database: OpenDatabase) -> str:
    return database.report(write_document, KOLKATA, "INR")


@settings(max_examples=40)
@given(generated=any_document())
def test_a_document_that_was_imported_is_exported_and_imported_without_a_change(
    generated: dict[str, Any], migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("documents")
    with (
        open_database(copy_of(migrated_sqlite, folder / "first")) as first,
        open_database(copy_of(migrated_sqlite, folder / "second")) as second,
    ):
        take(first, json.dumps(generated))
        exported, sheet = export(first), first.report(write_type_sheet, KOLKATA)
        take(second, exported)
        assert export(second) == exported
        events = first.read(queries.all_events)
        for same in (exported, json.dumps(generated)):
            report = take(first, same)
            for count in (report.types, report.questions, report.codes):
                assert (count.created, count.changed) == (0, 0)
        report = first.write(
            import_document, read_type_sheet("types.csv", sheet.encode(), CONVENTIONS), OPTIONS, never_sold
        )
        assert (report.types.created, report.types.changed) == (0, 0)
        assert report.types.unchanged == sum(len(event["types"]) for event in generated["events"])
        assert first.read(queries.all_events) == events
        assert first.report(write_type_sheet, KOLKATA) == sheet
