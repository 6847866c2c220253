"""Building the portal again: what ends with an earlier build, and what a failed one leaves."""

import gc
from pathlib import Path
from weakref import ref

import pytest

from festgate.kit.errors import StartupError
from festgate.kit.web.portal import Portal
from festgate.portal import composition, renewal
from tests.portal.fest.factories import fest_of, invite, save
from tests.rig.database import OpenDatabase
from tests.rig.waiting import until

ROOT = "/organise/settings"


def test_an_earlier_build_is_freed_and_listens_to_no_commit(
    database: OpenDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "GRACE", 0.05)
    made: list[ref[Portal]] = []
    assemble = composition.assemble

    def recorded(portal: Portal, *more: object) -> object:
        made.append(ref(portal))
        return assemble(portal, *more)  # type: ignore[arg-type]

    monkeypatch.setattr("festgate.portal.app.assemble", recorded)
    with fest_of(database, tmp_path) as fest:
        portal = made[0]()
        assert portal is not None
        process = portal.database
        before = {topic: len(listeners) for topic, listeners in process.listeners().items()}
        del portal
        owner = database.write(invite, "asha")
        with fest.client(owner) as client:
            for name in ("One", "Two", "Three"):
                save(client, ROOT, fest_name=name)
                # The connection keeps its last request, and that the routes which answered it.
                assert name in client.get("/").text

            def is_freed() -> bool:
                gc.collect()
                # A thread of the database may keep the build that it served last, until it serves another.
                return sum(portal() is not None for portal in made) <= 2

            until(is_freed, "earlier builds are freed")
            assert {topic: len(listeners) for topic, listeners in process.listeners().items()} == before
            assert "Three" in client.get("/").text


def test_a_build_that_fails_leaves_the_earlier_settings_in_force(
    database: OpenDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fest_of(database, tmp_path) as fest:
        owner = database.write(invite, "asha")
        with fest.client(owner) as client:
            save(client, ROOT, fest_name="Before")

            def fail(*_: object) -> None:
                msg = "no library"
                raise StartupError(msg)

            monkeypatch.setattr("festgate.portal.app.assemble", fail)
            save(client, ROOT, fest_name="Broken")
            assert "Before" in client.get("/").text
            monkeypatch.undo()
            save(client, ROOT, fest_name="After")
            assert "After" in client.get("/").text
