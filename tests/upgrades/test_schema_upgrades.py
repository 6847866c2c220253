"""An upgrade of a data folder of an older release loses no row, sum or code.

The tests name no migration, so they cover every migration after the release that made the fixtures.
"""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from festgate.kit.db import schema
from festgate.kit.text import searchable
from tests.rig.postgres import Cluster
from tests.rig.server import festgate
from tests.upgrades.old_fest import KEPT, OLD_SCHEMA, OldFest, open_old

STATES = {
    "checkout_orders": {"pending", "paid", "declined", "cancelled", "expired", "refunding", "refunded"},
    "registrations_seats": {"held", "confirmed", "cancelled", "lapsed"},
    "catalogue_events": {"draft", "published", "cancelled"},
    "tickets_tickets": {"valid", "void"},
}


KINDS = ("sqlite", "backup", "postgresql")
ROLES = {"accounts_people": ("username", "role")}


@dataclass(frozen=True)
class Upgraded:
    """A fest of an older release after its upgrade, and its data before that."""

    fest: OldFest
    schema_before: str | None
    columns: dict[str, list[str]]
    summary_before: dict[str, dict[str, Any]]
    roles_before: dict[str, str]


@pytest.fixture(params=KINDS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> OldFest:
    """Provide a fest of an older release: on each kind of database, and from its backup."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    return open_old(request.param, tmp_path / "fest", url)


@pytest.fixture(scope="module", params=KINDS)
def upgraded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    """Upgrade such a fest, for tests that only read."""
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            cluster: Cluster = request.getfixturevalue("postgres_cluster")
            name = cluster.create()
            stack.callback(cluster.drop, name)
            url = cluster.url(name)
        fest = open_old(request.param, tmp_path_factory.mktemp("old") / "fest", url)
        columns, roles = fest.columns(), {row[0]: row[1] for row in fest.rows(ROLES)["accounts_people"]}
        summary = fest.summary(columns)
        yield Upgraded(fest, schema.upgrade(fest.settings), columns, summary, roles)


def test_an_upgrade_keeps_every_row_sum_count_and_code(upgraded: Upgraded) -> None:
    fest = upgraded.fest
    assert set(KEPT) <= set(upgraded.summary_before)
    assert upgraded.schema_before == OLD_SCHEMA
    assert schema.revision(fest.settings) == schema.HEAD
    assert schema.integrity(fest.settings) == []
    assert fest.summary(upgraded.columns) == upgraded.summary_before


def test_the_first_organiser_of_an_older_release_becomes_the_owner(upgraded: Upgraded) -> None:
    before = upgraded.roles_before
    organisers = [name for name, role in before.items() if role == "organiser"]
    after = {row[0]: row[1] for row in upgraded.fest.rows(ROLES)["accounts_people"]}
    assert after == before | {organisers[0]: "owner"}


def test_the_check_finds_no_broken_invariant_after_an_upgrade(upgraded: Upgraded) -> None:
    settings = upgraded.fest.settings
    extra = {"FESTGATE_DATABASE_URL": settings.database_url}
    checked = festgate("check", data=settings.data_dir, extra=extra)
    assert (checked.stdout, checked.returncode) == ("All invariants hold.\n", 0)


def test_searches_find_people_and_events_of_an_older_release_by_the_folded_text(upgraded: Upgraded) -> None:
    old = upgraded.fest
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


def test_events_of_an_older_release_ask_their_attendees_nothing(upgraded: Upgraded) -> None:
    asked = upgraded.fest.rows({"catalogue_events": ("asks", "answers_until")})["catalogue_events"]
    assert set(asked) == {(0, 0)}


def test_the_fixture_has_rows_in_every_state(tmp_path: Path) -> None:
    fest = open_old("sqlite", tmp_path / "fest", "")
    content = fest.summary(fest.columns())
    for table, states in STATES.items():
        column = KEPT[table].index("state")
        assert {row[column] for row in content[table]["content"]} == states
