"""Each change of the programme by an organiser has an entry in the audit log, with the values before and after."""

from dataclasses import replace

import pytest

from festgate.kit.clock import HOUR
from festgate.kit.errors import NotFound
from festgate.kit.money import Money
from festgate.kit.visitors import Actor
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


def actor_in(database: OpenDatabase) -> Actor:
    return Actor(add_someone(database), "session", "127.0.0.1")


def entries(database: OpenDatabase) -> list[tuple[str, str, dict[str, str | int]]]:
    """Return the action, the subject and the details of every entry, oldest first."""
    listed, _ = database.read(audit.find_entries, audit.Filters(), 100)
    return [(entry.action, entry.subject, dict(entry.details)) for entry in reversed(listed)]


def test_an_edited_event_has_the_old_and_the_new_values_but_no_long_text(database: OpenDatabase) -> None:
    actor, event = actor_in(database), add_event(database, title="Robo Race", capacity=10)
    details = replace(
        catalogue.details_of(event), title="Robot Race", description="Ask Asha, 98450 12345.", capacity=12
    )
    database.write(catalogue.edit_event, event.slug, details, actor=actor)
    database.write(catalogue.edit_event, event.slug, details, actor=actor)
    ((action, subject, values),) = entries(database)
    assert (action, subject) == ("event.edited", event.slug)
    assert values == {
        "fields": "title, description, capacity",
        "title": "Robo Race → Robot Race",
        "capacity": "10 → 12",
    }


def test_times_and_amounts_are_readable_in_an_entry(database: OpenDatabase) -> None:
    actor, event = actor_in(database), add_event(database, fee=50_000)
    ends_at = event.ends_at + HOUR
    details = replace(catalogue.details_of(event), ends_at=ends_at, fee=Money(45_050, "INR"))
    database.write(catalogue.edit_event, event.slug, details, actor=actor)
    ((_, _, values),) = entries(database)
    assert values["fee"] == "500.00 INR → 450.50 INR"
    assert str(values["ends_at"]).count(" UTC") == 2


def test_an_edit_that_is_refused_leaves_no_entry(database: OpenDatabase) -> None:
    actor, event = actor_in(database), add_event(database)
    details = replace(catalogue.details_of(event), title="Another")
    with pytest.raises(catalogue.EventEdited):
        database.write(catalogue.edit_event, event.slug, details, event.version - 1, actor=actor)
    assert entries(database) == []


def test_the_rules_of_an_event_are_edits_of_it(database: OpenDatabase) -> None:
    actor, slug = actor_in(database), add_event(database).slug
    for _ in range(2):
        database.write(catalogue.limit_per_person, slug, 4, actor=actor)
        rule = catalogue.stored_rule("14:100,2:50")
        database.write(catalogue.set_refund_rule, slug, rule, actor=actor)
        rules = catalogue.HolderRules("required", 0, has_transfers=False, transfers_until=0)
        database.write(catalogue.set_holder_rules, slug, rules, actor=actor)
        waiting = catalogue.WaitingSettings("open", 60, needs_approval=True)
        database.write(catalogue.set_waiting_list, slug, waiting, actor=actor)
        database.write(catalogue.set_answers_until, slug, database.clock.now, actor=actor)
    listed = entries(database)
    assert {(action, subject) for action, subject, _ in listed} == {("event.edited", slug)}
    assert [values["fields"] for *_, values in listed] == [
        "max_per_person",
        "refunds",
        "names, has_transfers",
        "waiting_list, offer_minutes, needs_approval",
        "answers_until",
    ]
    assert listed[1][2]["refunds"] == "- → 14:100,2:50"


def test_ticket_types_and_quotas_leave_entries(database: OpenDatabase) -> None:
    actor, event = actor_in(database), add_event(database)
    slug, count = event.slug, registrations.count_of_type
    (first,) = database.read(catalogue.types_of, event.id)
    named = replace(first.details, name="Regular")
    database.write(catalogue.edit_ticket_type, slug, first.id, named, count, actor=actor)
    quota = database.write(catalogue.create_quota, "Hall", 100, actor=actor)
    cheap = replace(named, name="Student", fee=Money(20_000, "INR"))
    added = database.write(catalogue.add_ticket_type, slug, cheap, [quota.id], actor=actor)
    database.write(catalogue.edit_ticket_type, slug, added.id, cheap, count, (), actor=actor)
    database.write(catalogue.move_ticket_type, slug, added.id, -1, actor=actor)
    database.write(catalogue.move_ticket_type, slug, added.id, -1, actor=actor)
    database.write(catalogue.remove_ticket_type, slug, added.id, count, actor=actor)
    database.write(catalogue.resize_quota, quota.id, "Great hall", 90, actor=actor)
    database.write(catalogue.drop_quota, quota.id, actor=actor)
    assert entries(database) == [
        ("type.edited", "", {"fields": "name", "name": "- → Regular"}),
        ("quota.added", "Hall", {"capacity": 100}),
        ("type.added", "Student", {"fee": "200.00 INR"}),
        ("type.edited", "Student", {"fields": "quotas", "quotas": "Hall → -"}),
        ("types.ordered", slug, {}),
        ("type.removed", "Student", {}),
        (
            "quota.edited",
            "Hall",
            {"fields": "name, capacity", "name": "Hall → Great hall", "capacity": "100 → 90"},
        ),
        ("quota.deleted", "Great hall", {}),
    ]


def test_rooms_leave_entries(database: OpenDatabase) -> None:
    actor = actor_in(database)
    room = database.write(catalogue.add_room, catalogue.RoomDetails("Lab", 80), actor=actor)
    changed = catalogue.RoomDetails("Lab", None, "1 College Road")
    for _ in range(2):
        database.write(catalogue.edit_room, room.id, changed, actor=actor)
    database.write(catalogue.drop_room, room.id, actor=actor)
    assert [(action, subject) for action, subject, _ in entries(database)] == [
        ("room.added", "Lab"),
        ("room.edited", "Lab"),
        ("room.deleted", "Lab"),
    ]
    assert entries(database)[1][2] == {
        "fields": "capacity, address",
        "capacity": "80 → -",
        "address": "- → 1 College Road",
        "events": 0,
    }


def test_promo_codes_leave_entries(database: OpenDatabase) -> None:
    actor, event = actor_in(database), add_event(database, title="Robo Race")
    terms = catalogue.CodeTerms("percentage", 2000)
    code = database.write(catalogue.create_code, "CAMPUS20", terms, actor=actor)
    database.write(catalogue.create_codes, "CLUB", 3, terms, actor=actor)
    narrow = replace(terms, kind="amount", value=5000, currency="INR", event_id=event.id, max_uses=5)
    for _ in range(2):
        database.write(catalogue.edit_code, code.id, narrow, actor=actor)
        database.write(catalogue.end_code, code.id, actor=actor)
    for _ in range(2):
        database.write(catalogue.resume_code, code.id, actor=actor)
    database.write(catalogue.drop_code, code.id, actor=actor)
    listed = entries(database)
    assert [(action, subject) for action, subject, _ in listed] == [
        ("promo-code.added", "CAMPUS20"),
        ("promo-codes.added", "CLUB-"),
        ("promo-code.edited", "CAMPUS20"),
        ("promo-code.ended", "CAMPUS20"),
        ("promo-code.resumed", "CAMPUS20"),
        ("promo-code.deleted", "CAMPUS20"),
    ]
    assert listed[1][2] == {"count": 3}
    assert listed[2][2] == {
        "fields": "kind, value, scope, max_uses",
        "kind": "percentage → amount",
        "value": "20 → 50.00 INR",
        "scope": f"- → {event.slug}",
        "max_uses": "- → 5",
    }


def test_questions_leave_entries(database: OpenDatabase) -> None:
    actor, slug = actor_in(database), add_event(database).slug
    ids = [
        database.write(catalogue.add_question, slug, catalogue.QuestionDetails("text", label), actor=actor)
        for label in ("College", "Roll number")
    ]
    required = catalogue.QuestionDetails("text", "College", is_required=True)
    for _ in range(2):
        database.write(catalogue.edit_question, slug, ids[0], required, actor=actor)
        database.write(catalogue.move_question, slug, ids[1], -1, actor=actor)
        database.write(catalogue.withdraw_question, slug, ids[0], actor=actor)
    database.write(catalogue.withdraw_question, slug, ids[0], is_withdrawn=False, actor=actor)
    database.write(catalogue.drop_question, slug, ids[0], registrations.delete_answers, actor=actor)
    listed = entries(database)
    assert [(action, subject) for action, subject, _ in listed] == [
        ("question.added", "College"),
        ("question.added", "Roll number"),
        ("question.edited", "College"),
        ("questions.ordered", ""),
        ("question.stopped", "College"),
        ("question.resumed", "College"),
        ("question.deleted", "College"),
    ]
    assert listed[2][2] == {"fields": "is_required", "is_required": "no → yes"}


def test_an_organiser_cannot_take_the_quota_of_a_single_type_for_a_shared_one(database: OpenDatabase) -> None:
    event = add_event(database)
    (kind,) = database.read(catalogue.types_of, event.id)
    limited = replace(kind.details, own_quota=5)
    database.write(catalogue.edit_ticket_type, event.slug, kind.id, limited, registrations.count_of_type)
    ((own,),) = (database.read(catalogue.types_of, event.id)[0].quotas,)
    with pytest.raises(NotFound):
        database.write(catalogue.resize_quota, own.id, "Mine", 9)
    with pytest.raises(NotFound):
        database.write(catalogue.drop_quota, own.id)
