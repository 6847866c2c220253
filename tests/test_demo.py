"""The demo uses only its own data."""

import pytest

from festgate.kit.db.notes import find_note, notes
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.errors import StartupError
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.catalogue.facade import all_codes, event_by_slug, types_of
from festgate.portal.demo import GUESTS, INTRODUCTION, NOTE, adopt, plant, refuse_foreign
from festgate.portal.inventory import checks
from festgate.portal.registrations.facade import entries_of_event
from festgate.settings import DEMO_SETTINGS, Settings
from tests.rig.database import OpenDatabase

SETTINGS = Settings(**DEMO_SETTINGS)  # type: ignore[arg-type]
VISITOR = Newcomer("asha", "asha@example.org")
_delete_notes = Statement(notes.delete())


def delete_notes(connection: Connection) -> None:
    connection.run(_delete_notes)


def test_an_empty_database_becomes_a_demo_and_stays_one_after_a_visitor_signs_up(
    database: OpenDatabase,
) -> None:
    database.run(plant(database.real, SETTINGS))
    database.write(add_person, VISITOR, "no hash")
    assert database.run(plant(database.real, SETTINGS)) == {}
    assert database.read(find_note, NOTE) == "1"


def test_a_demo_without_its_note_is_adopted(database: OpenDatabase) -> None:
    database.run(plant(database.real, SETTINGS))
    database.write(delete_notes)
    database.write(adopt)
    assert database.read(find_note, NOTE) == "1"


def test_data_that_the_demo_did_not_create_are_refused_and_not_changed(database: OpenDatabase) -> None:
    database.write(add_person, VISITOR, "no hash")
    with pytest.raises(StartupError, match=r"1 accounts that the demo did not make.*without --demo"):
        database.read(refuse_foreign, "0008")
    with pytest.raises(StartupError, match="without --demo"):
        database.run(plant(database.real, SETTINGS))
    assert database.read(find_note, NOTE) is None


def test_the_demo_has_teams_a_promo_code_and_a_full_event_with_a_waiting_list(database: OpenDatabase) -> None:
    database.run(plant(database.real, SETTINGS))
    full = database.read(event_by_slug, "pottery-corner")
    assert (full.taken, full.waiting_list) == (full.capacity, "open")
    assert len(database.read(entries_of_event, full.id)) == len(GUESTS) - full.capacity > 1
    hunt = database.read(types_of, database.read(event_by_slug, "treasure-hunt").id)
    assert [kind.details.is_for_teams for kind in hunt] == [False, True]
    (code,) = database.read(all_codes)
    assert code.code in INTRODUCTION
    for invariant in checks():
        assert database.report(invariant) == []
