"""An upgrade of a data folder of an older release loses no row, sum or code.

The tests name no migration, so they cover every migration after the release that made the fixtures.
"""

import itertools
from pathlib import Path

import pytest

from festgate.kit.db import schema
from festgate.kit.text import searchable
from tests.rig.server import festgate
from tests.upgrades.old_fest import KEPT, OLD_SCHEMA, OldFest, open_old

STATES = {
    "checkout_orders": {"pending", "paid", "declined", "cancelled", "expired", "refunding", "refunded"},
    "registrations_seats": {"held", "confirmed", "cancelled", "lapsed"},
    "catalogue_events": {"draft", "published", "cancelled"},
    "tickets_tickets": {"valid", "void"},
}


@pytest.fixture(params=["sqlite", "backup", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> OldFest:
    """Provide a fest of an older release: on each kind of database, and from its backup."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return open_old(request.param, tmp_path / "fest", url)


def test_an_upgrade_keeps_every_row_sum_count_and_code(old: OldFest) -> None:
    columns = old.columns()
    before = old.summary(columns)
    assert set(KEPT) <= set(before)
    assert schema.upgrade(old.settings) == OLD_SCHEMA
    assert schema.revision(old.settings) == schema.HEAD
    assert schema.integrity(old.settings) == []
    assert old.summary(columns) == before


def test_the_first_organiser_of_an_older_release_becomes_the_owner(old: OldFest) -> None:
    roles = {"accounts_people": ("username", "role")}
    before: dict[str, str] = {row[0]: row[1] for row in old.rows(roles)["accounts_people"]}
    organisers = [name for name, role in before.items() if role == "organiser"]
    schema.upgrade(old.settings)
    after = {row[0]: row[1] for row in old.rows(roles)["accounts_people"]}
    assert after == before | {organisers[0]: "owner"}


def test_the_check_finds_no_broken_invariant_after_an_upgrade(old: OldFest) -> None:
    schema.upgrade(old.settings)
    extra = {"FESTGATE_DATABASE_URL": old.settings.database_url}
    checked = festgate("check", data=old.settings.data_dir, extra=extra)
    assert (checked.stdout, checked.returncode) == ("All invariants hold.\n", 0)


def test_searches_find_people_and_events_of_an_older_release_by_the_folded_text(old: OldFest) -> None:
    schema.upgrade(old.settings)
    columns = {
        "accounts_people": ("name", "username", "email", "search"),
        "catalogue_events": ("title", "summary", "place", "category", "search"),
    }
    for *values, search in itertools.chain.from_iterable(old.rows(columns).values()):
        assert search == searchable(" ".join(values)) != ""
    assert {name for (name, *_) in old.rows({"accounts_people": ("name",)})["accounts_people"]} == {""}


def test_events_of_an_older_release_keep_their_names_in_calendars(old: OldFest) -> None:
    schema.upgrade(old.settings.model_copy(update={"base_url": "https://fest.example.org:8443"}))
    events = old.rows({"catalogue_events": ("id", "state", "uid", "sequence")})["catalogue_events"]
    assert len({uid for _, _, uid, _ in events}) == len(events) > 1
    for number, state, uid, sequence in events:
        was_public = state != "draft"
        assert (uid == f"event-{number}@fest.example.org") == was_public
        assert sequence == was_public  # an entry without a SEQUENCE counts as 0
    assert False in {state != "draft" for _, state, _, _ in events}


def test_events_that_were_only_on_this_machine_get_random_names_in_calendars(old: OldFest) -> None:
    schema.upgrade(old.settings.model_copy(update={"base_url": "http://localhost:8000"}))
    uids = [uid for (uid,) in old.rows({"catalogue_events": ("uid",)})["catalogue_events"]]
    assert len(set(uids)) == len(uids)
    assert not any("localhost" in uid for uid in uids)


def test_events_of_an_older_release_ask_their_attendees_nothing(old: OldFest) -> None:
    schema.upgrade(old.settings)
    asked = old.rows({"catalogue_events": ("asks", "answers_until")})["catalogue_events"]
    assert set(asked) == {(0, 0)}


def test_the_fixture_has_rows_in_every_state(tmp_path: Path) -> None:
    fest = open_old("sqlite", tmp_path / "fest", "")
    content = fest.summary(fest.columns())
    for table, states in STATES.items():
        column = KEPT[table].index("state")
        assert {row[column] for row in content[table]["content"]} == states
