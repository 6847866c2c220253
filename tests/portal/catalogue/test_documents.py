"""The programme of a fest as JSON and as a sheet of ticket types."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from festgate.kit.clock import DAY, HOUR
from festgate.kit.money import Money
from festgate.portal.catalogue import queries
from festgate.portal.catalogue.code_changes import create_code, end_code
from festgate.portal.catalogue.documents.contents import Document
from festgate.portal.catalogue.documents.imports import (
    DocumentOptions,
    DocumentRefused,
    DocumentReport,
    DocumentTried,
    import_document,
)
from festgate.portal.catalogue.documents.json_files import (
    CODE,
    EVENT,
    PARTS,
    QUOTA,
    ROOM,
    STEP,
    TYPE,
    read_document,
    write_document,
)
from festgate.portal.catalogue.documents.json_questions import EVENT_QUESTION
from festgate.portal.catalogue.documents.type_sheets import TYPE_COLUMNS, read_type_sheet, write_type_sheet
from festgate.portal.catalogue.events import set_refund_rule
from festgate.portal.catalogue.files.rows import Unreadable
from festgate.portal.catalogue.holder_rules import HolderRules, set_holder_rules
from festgate.portal.catalogue.promo_codes import CodeTerms
from festgate.portal.catalogue.quotas import create_quota, shared_quotas
from festgate.portal.catalogue.refund_rules import RefundRule, Step
from festgate.portal.catalogue.room_changes import add_room
from festgate.portal.catalogue.rooms import RoomDetails
from festgate.portal.catalogue.ticket_types import TicketType, TypeDetails, types_of
from festgate.portal.catalogue.type_changes import (
    add_ticket_type,
    edit_ticket_type,
    limit_per_person,
    remove_ticket_type,
)
from festgate.portal.catalogue.waiting_settings import WaitingSettings, set_waiting_list
from festgate.portal.registrations.checks import CHECKS
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.holds import hold_seats
from festgate.portal.registrations.queries import count_of_type
from tests.portal.catalogue.programme import CONVENTIONS, KOLKATA, add_event
from tests.rig.database import OpenDatabase, copy_of, open_database
from tests.rig.scene import add_someone
from tests.rules.project import ROOT

HOLD_MINUTES = 15
TOO_SMALL = "3 tickets are taken already, so the quota cannot be lower than 3."


@pytest.fixture
def source(migrated_sqlite: Path, tmp_path: Path) -> Iterator[OpenDatabase]:
    """Return the database of another fest."""
    with open_database(copy_of(migrated_sqlite, tmp_path / "source")) as opened:
        yield opened


def export(database: OpenDatabase) -> str:
    return database.report(write_document, KOLKATA, "INR")


def import_json(database: OpenDatabase, text: str, **options: bool) -> DocumentReport:
    return import_contents(database, read_document(text.encode(), "INR"), **options)


def import_sheet(database: OpenDatabase, text: str) -> DocumentReport:
    return import_contents(database, read_type_sheet("types.csv", text.encode(), CONVENTIONS))


def import_contents(database: OpenDatabase, document: Document, **options: bool) -> DocumentReport:
    report: DocumentReport = database.write(
        import_document,
        document,
        DocumentOptions(
            KOLKATA,
            "INR",
            publish=options.get("publish", False),
            keep=options.get("keep", True),
            may_move=options.get("may_move", False),
        ),
        count_of_type,
    )
    return report


def refusal_of(database: OpenDatabase, document: Document) -> list[str]:
    """Import a wrong document, which changes nothing; return its errors with their places."""
    before = export(database)
    with pytest.raises(DocumentRefused) as refused:
        import_contents(database, document)
    assert export(database) == before
    return [f"{problem.where}: {problem.sentence}" for problem in refused.value.problems]


def only_type(database: OpenDatabase, event: queries.Event) -> TicketType:
    return database.read(types_of, event.id)[0]


def set_up_fest(database: OpenDatabase) -> queries.Event:
    """Create a fest with everything that a document carries; return an event with several ticket types."""
    database.write(add_room, RoomDetails("Main Hall", 300, "1 Lake Road", "https://maps.example.org/hall"))
    hall = database.write(create_quota, "Hall; left", 200)
    database.write(create_quota, "Unused = 3", 5)
    event = add_event(database, "robo-race", place="Main Hall", capacity=100)
    first = only_type(database, event)
    early = replace(first.details, name="Early bird", own_quota=20, description="Until they are gone.")
    database.write(edit_ticket_type, event.slug, first.id, early, count_of_type, {hall.id})
    regular = TypeDetails(
        "Regular",
        Money(47_200, "INR"),
        follows_id=first.id,
        max_per_order=4,
        tax_rate=1800,
        has_tax_on_top=True,
        sales_close_at=event.starts_at - HOUR,
    )
    kind = database.write(add_ticket_type, event.slug, regular, {hall.id})
    database.write(add_ticket_type, event.slug, TypeDetails("Crew", Money(0, "INR"), is_hidden=True))
    gone = database.write(add_ticket_type, event.slug, TypeDetails("Gone", Money(100, "INR")))
    database.write(remove_ticket_type, event.slug, gone.id, lambda *_: (1, 0))
    database.write(limit_per_person, event.slug, 5)
    database.write(set_refund_rule, event.slug, RefundRule((Step(14, 100), Step(2, 50))))
    rules = HolderRules("required", event.starts_at - HOUR, True, event.starts_at - DAY // 2)
    database.write(set_holder_rules, event.slug, rules)
    database.write(set_waiting_list, event.slug, WaitingSettings("open", 6 * 60, False))
    team = add_event(database, "treasure-hunt", title="Treasure Hunt", fee=Money(0, "INR"), capacity=30)
    squad = replace(
        only_type(database, team).details, fee=Money(40_000, "INR"), team_min=2, team_max=4, team_price="team"
    )
    database.write(edit_ticket_type, team.slug, only_type(database, team).id, squad, count_of_type)
    terms = CodeTerms("percentage", 2000, event_id=event.id, type_id=kind.id, max_uses=10, max_per_person=2)
    database.write(create_code, "CAMPUS20", terms)
    amount = CodeTerms("amount", 5000, "INR", unlocks=True, closes_at=event.starts_at)
    ended = database.write(create_code, "FIFTY", amount)
    database.write(end_code, ended.id)
    return database.read(queries.any_event_by_slug, event.slug)


def test_a_document_brings_a_fest_to_an_empty_database_and_back_unchanged(
    source: OpenDatabase, database: OpenDatabase
) -> None:
    event = set_up_fest(source)
    exported = export(source)
    report = import_json(database, exported, publish=True)
    assert (report.rooms.created, report.quotas.created, report.events.created) == (1, 2, 2)
    assert (report.types.created + report.types.changed, report.codes.created, report.published) == (5, 2, 2)
    assert export(database) == exported
    copied = database.read(queries.any_event_by_slug, event.slug)
    assert copied.room is not None
    assert copied.room.map_url == "https://maps.example.org/hall"
    assert (copied.fee, copied.max_per_person, copied.refund_rule) == (event.fee, 5, "14:100,2:50")


def test_a_document_over_the_same_fest_changes_nothing(database: OpenDatabase) -> None:
    set_up_fest(database)
    before = database.read(queries.all_events)
    exported = export(database)
    report = import_json(database, exported)
    for count in (report.rooms, report.quotas, report.events, report.types, report.codes):
        assert (count.created, count.changed) == (0, 0)
        assert count.unchanged > 0
    assert database.read(queries.all_events) == before


def test_a_sheet_of_ticket_types_brings_them_to_the_same_events_and_back_unchanged(
    source: OpenDatabase, database: OpenDatabase
) -> None:
    set_up_fest(source)
    sheet = source.report(write_type_sheet, KOLKATA)
    report = import_sheet(source, sheet)
    assert (report.types.created, report.types.changed, report.types.unchanged) == (0, 0, 5)
    add_event(database, "robo-race")
    add_event(database, "treasure-hunt", title="Treasure Hunt")
    report = import_sheet(database, sheet)
    assert (report.types.created, report.types.changed, report.quotas.created) == (3, 2, 1)
    assert database.report(write_type_sheet, KOLKATA) == sheet


def test_a_volunteer_writes_the_title_of_an_event_and_few_columns(database: OpenDatabase) -> None:
    event = add_event(database, fee=Money(0, "INR"))
    import_sheet(
        database,
        "event;name;fee;quotas;sales_close_at;follows;hidden\n"
        'robo race;Early bird;₹250;"Hall = 30; Buses=40";01.03.2031;;\n'
        "Robo Race;Regular;450,50;Hall;;Early bird;no\n",
    )
    early, regular = database.read(types_of, event.id)
    assert early.id == only_type(database, event).id
    assert (early.fee, regular.fee) == (Money(25_000, "INR"), Money(45_050, "INR"))
    assert regular.details.follows_id == early.id
    assert {quota.name: quota.capacity for quota in database.read(shared_quotas)} == {"Buses": 40, "Hall": 30}
    assert database.read(queries.any_event_by_slug, event.slug).fee == Money(25_000, "INR")


def test_what_is_missing_stays_as_it_is(database: OpenDatabase) -> None:
    set_up_fest(database)
    before = json.loads(export(database))
    report = import_json(
        database,
        json.dumps(
            {
                "format": "festgate-programme-1",
                "currency": "INR",
                "rooms": [{"name": "main hall", "capacity": 250}],
                "events": [
                    {
                        "slug": "robo-race",
                        "summary": "New.",
                        "types": [{"name": "Regular", "max_per_order": 6}],
                    }
                ],
                "promo_codes": [{"code": "campus20", "max_uses": 20}],
            }
        ),
    )
    assert (report.rooms.changed, report.events.changed, report.types.changed, report.codes.changed) == (
        1,
        1,
        1,
        1,
    )
    after = json.loads(export(database))
    before["rooms"][0] |= {"name": "main hall", "capacity": 250}
    before["events"][0] |= {"summary": "New.", "place": "main hall"}
    before["events"][0]["types"][1]["max_per_order"] = 6
    before["promo_codes"][0]["max_uses"] = 20
    assert after == before


def test_tickets_that_are_sold_keep_their_quotas_whole(database: OpenDatabase) -> None:
    event = set_up_fest(database)
    early = only_type(database, event)
    for number in range(3):
        person = add_someone(database, f"visitor{number}")
        database.write(
            hold_seats,
            person,
            event.slug,
            HOLD_MINUTES,
            choice=Choice({early.id: 1}),
        )
    document = json.loads(export(database))
    kinds = document["events"][0]["types"]
    kinds[0] |= {"own_quota": 2}
    document["quotas"][0]["capacity"] = 1
    problems = refusal_of(database, read_document(json.dumps(document).encode(), "INR"))
    assert problems == [
        f"event 1 “Robo Race”, ticket type 1 “Early bird”: own_quota: {TOO_SMALL}",
        f"quota 1 “Hall; left”: capacity: {TOO_SMALL}",
    ]
    kinds[0] |= {"own_quota": 3, "quotas": [], "withdrawn": True}
    import_json(database, json.dumps(document))
    assert only_type(database, event).is_withdrawn
    assert next((quota.capacity, quota.taken) for quota in database.read(shared_quotas)) == (1, 0)
    assert database.violations(CHECKS) == []


def test_each_error_is_reported_with_its_place_and_nothing_is_imported(database: OpenDatabase) -> None:
    add_event(database)
    document = {
        "format": "festgate-programme-1",
        "currency": "INR",
        "rooms": [{"name": "Hall", "map_url": "http://example.org"}],
        "quotas": [{"name": "", "capacity": 10}],
        "events": [
            {
                "slug": "robo-race",
                "titel": "Robo",
                "refunds": [{"days": 2}],
                "types": [
                    {"name": "A", "fee": "much"},
                    {"name": "B", "fee": 5, "quotas": ["Nowhere"], "follows": "C"},
                    {"name": "B", "hidden": "yes"},
                ],
            },
            {"title": "No slug"},
            {"slug": "over", "title": "Over", "starts_at": "2001-03-14T10:00+05:30", "types": [{"fee": 0}]},
        ],
        "promo_codes": [{"code": "X", "kind": "free"}, {"code": "LESS", "kind": "cheap", "event": "nowhere"}],
    }
    problems = refusal_of(database, read_document(json.dumps(document).encode(), "INR"))
    for expected in (
        "room 1 “Hall”: map_url: Enter the address of a page that begins with https://.",
        "quota 1: name: This field is required.",
        "event 1 “robo-race”: titel: there is no such key. The keys are: slug, title",
        "event 1 “robo-race”: percent-1: Enter both the days and the percentage, or neither.",
        "event 1 “robo-race”, ticket type 1 “A”: fee: 'much' is not an amount",
        "event 1 “robo-race”, ticket type 2 “B”: quotas: There is no quota 'Nowhere'.",
        "event 1 “robo-race”, ticket type 2 “B”: follows: The event has no ticket type 'C'.",
        "event 1 “robo-race”, ticket type 3 “B”: hidden: write true or false.",
        "event 1 “robo-race”, ticket type 3 “B”: name: This name stands at event 1 “robo-race”, ticket type 2",
        "event 2 “No slug”: slug: write the event's part of its address, such as robo-race.",
        "event 3 “Over”: starts_at: The event is over.",
        "promo code 1 “X”: code: Use 3 to 40 letters",
        "promo code 2 “LESS”: kind: write one of percentage, amount, free, unlock.",
        "promo code 2 “LESS”: event: There is no event 'nowhere'.",
    ):
        assert any(problem.startswith(expected) for problem in problems), (expected, problems)


def test_a_wrong_row_of_a_sheet_is_reported_with_its_line(database: OpenDatabase) -> None:
    add_event(database)
    add_event(database)
    sheet = (
        "event,name,fee,hidden,quotas,team_price,sales_close_at\n"
        "Nowhere,A,5,,,,\n"
        "Robo Race,A,5,,,,\n"
        "robo-race,A,5,perhaps,,,\n"
        "robo-race,B,5,,Hall = 3,,\n"
        "robo-race,C,5,,Hall = 4,,\n"
        "robo-race,D,5,,,crew,03/04/2031\n"
        ",E,5,,,,\n"
    )
    assert refusal_of(database, read_type_sheet("types.csv", sheet.encode(), CONVENTIONS)) == [
        "line 2: event: There is no such event. Write its slug, or import the event first.",
        "line 3: event: Several events have this title. Write the slug of one: robo-race, robo-race-2.",
        "line 4: hidden: 'perhaps' is not an answer; write yes, or leave it empty.",
        "line 6: quotas: Hall has another number of tickets at line 5.",
        "line 7: team_price: write team or member.",
        "line 7: sales_close_at: '03/04/2031' can be 3 April or 4 March: give --date-order day-first or month-first.",
        "line 8: event: write the slug or the title of the event.",
    ]


def test_a_type_without_a_name_is_not_renamed_once_its_tickets_are_sold(database: OpenDatabase) -> None:
    event = add_event(database, fee=Money(0, "INR"))
    database.write(hold_seats, add_someone(database), event.slug, HOLD_MINUTES)
    document = read_type_sheet("types.csv", b"event,name,fee\nrobo-race,A,5\nrobo-race,B,5\n", CONVENTIONS)
    assert any("without a name has tickets already" in problem for problem in refusal_of(database, document))


def test_a_dry_run_is_undone(database: OpenDatabase) -> None:
    set_up_fest(database)
    document = json.loads(export(database))
    document["events"][0]["title"] = "Robo Night"
    before = export(database)
    with pytest.raises(DocumentTried) as tried:
        import_json(database, json.dumps(document), keep=False)
    assert tried.value.report.events.changed == 1
    assert export(database) == before


def test_an_event_with_seats_taken_moves_far_away_only_if_that_is_asked_for(database: OpenDatabase) -> None:
    event = add_event(database, fee=Money(0, "INR"))
    database.write(hold_seats, add_someone(database), event.slug, HOLD_MINUTES)
    document = json.loads(export(database))
    document["events"][0] |= {"starts_at": "2190-03-14T10:00+05:30", "ends_at": "2190-03-14T12:00+05:30"}
    contents = read_document(json.dumps(document).encode(), "INR")
    (problem,) = refusal_of(database, contents)
    assert problem == (
        "event 1 “Robo Race”: This would move the event by more than half a year. 1 person holds a seat. "
        "Add --update to move it."
    )
    import_contents(database, contents, may_move=True)
    assert json.loads(export(database)) == document


def test_types_that_follow_each_other_can_change_places(database: OpenDatabase) -> None:
    event = set_up_fest(database)
    document = json.loads(export(database))
    early, regular = document["events"][0]["types"][:2]
    early["follows"], regular["follows"] = regular["name"], None
    document["events"][0]["types"][:2] = [regular, early]
    import_json(database, json.dumps(document))
    kinds = database.read(types_of, event.id)
    assert [kind.name for kind in kinds] == ["Regular", "Early bird", "Crew", "Gone"]
    assert kinds[1].details.follows_id == kinds[0].id
    assert json.loads(export(database)) == document


def test_the_reference_lists_every_key_and_column() -> None:
    page = (ROOT / "docs" / "reference" / "programme-files.md").read_text(encoding="utf-8")
    for names in (PARTS, ROOM, QUOTA, EVENT, STEP, TYPE, EVENT_QUESTION, CODE, TYPE_COLUMNS):
        assert [name for name in names if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "this is not JSON"),
        (b"{" * 100_000, "this is not JSON"),
        (b'{"a": ' * 100_000, "This is not JSON in UTF-8"),
        (b"[]", "This is not a programme of Festgate"),
        (b'{"format": "x"}', "This is not a programme of Festgate"),
        (b'{"a": 1, "a": 2}', "the key 'a' appears twice"),
        (b'{"a": NaN}', "NaN is not a value"),
        (b"\xff\xfe", "This is not JSON in UTF-8"),
        (b'{"format": "festgate-programme-1", "currency": "EUR"}', "The amounts are in 'EUR'"),
        (b'{"format": "festgate-programme-1", "currency": "INR", "event": []}', "there is no key 'event'"),
    ],
)
def test_an_unreadable_document_is_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(Unreadable, match=message):
        read_document(data, "INR")


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    (
        *("name", "slug", "title", "fee", "types", "quotas", "refunds", "capacity", "code", "event"),
        *("questions", "label", "kind", "choices", "type", "admits_to"),
    )
)


@given(
    st.dictionaries(
        st.sampled_from(("rooms", "quotas", "questions", "events", "promo_codes")),
        _VALUES | st.lists(st.dictionaries(_KEYS, _VALUES, max_size=5), max_size=3),
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_document_is_imported_or_refused(database: OpenDatabase, parts: dict[str, Any]) -> None:
    text = json.dumps({"format": "festgate-programme-1", "currency": "INR", **parts})
    with suppress(Unreadable, DocumentRefused, DocumentTried):
        import_json(database, text, keep=False)
