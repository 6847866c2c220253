"""Parts of the portal that are loaded when the first request for them arrives."""

import asyncio
import errno
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from festgate.kit.web.routing import Routes
from festgate.portal.app import create_app
from festgate.settings import Settings
from tests.journeys.stage import invite_one
from tests.rig.database import copy_of, open_database


@pytest.fixture
def settings(migrated_sqlite: Path, tmp_path: Path) -> Settings:
    with open_database(copy_of(migrated_sqlite, tmp_path / "data")) as database:
        database.write(invite_one, "meena", "owner")
    return Settings(data_dir=tmp_path / "data")


def visit(settings: Settings, paths: Sequence[str]) -> list[httpx.Response]:
    """Return the responses of a new portal, requested one after the other."""
    gate = create_app(settings)

    async def visit_all() -> list[httpx.Response]:
        assert isinstance(gate.life, Routes)
        async with (
            gate.life._whole.lifespan_context(gate.life),  # noqa: SLF001
            httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://127.0.0.1") as client,
        ):
            return [await client.get(path) for path in paths]

    return asyncio.run(visit_all())


def test_pages_of_the_office_answer_from_the_first_request_on(settings: Settings) -> None:
    paths = ["/organise/guests", "/organise", "/organise/settings", "/organise/none", "/organise/guests/"]
    statuses = [response.status_code for response in visit(settings, paths)]
    assert statuses == [303, 303, 303, 404, 308]  # signed-in people only


def test_an_office_that_cannot_be_loaded_is_reported_and_leaves_placeholders(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "festgate.portal.backoffice.guest_pages", None)
    before, office, guests, other, after = visit(
        settings, ["/readyz", "/organise", "/organise/guests", "/organise/settings", "/readyz"]
    )
    assert before.json()["modules"]["backoffice"] == {"state": "well"}
    assert [office.status_code, guests.status_code, other.status_code] == [503, 503, 303]
    assert after.json()["modules"]["backoffice"]["state"] == "absent"
    assert "guest_pages" in after.json()["modules"]["backoffice"]["why"]


def test_a_part_of_the_api_that_cannot_be_loaded_leaves_placeholders_and_its_pages(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "festgate.portal.catalogue.api", None)
    events, tickets, page = visit(settings, ["/api/v1/events", "/api/v1/tickets", "/events"])
    assert events.status_code == 503
    assert events.json()["code"] == "resting"
    assert tickets.status_code == 401
    assert page.status_code == 200


@pytest.mark.parametrize(
    "part, name, path, status",
    [
        ("festgate.portal.backoffice.guest_pages", "GuestPages", "/organise/guests", 303),
        ("festgate.portal.backoffice.api", "office_router", "/api/v1/guests", 401),
    ],
)
def test_a_part_that_a_process_short_of_files_could_not_load_is_loaded_for_the_next_request(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, part: str, name: str, path: str, status: int
) -> None:
    module = importlib.import_module(part)
    load = getattr(module, name)
    failures = iter([OSError(errno.EMFILE, "Too many open files")])

    def fail_once(*arguments: object, **named: object) -> object:
        for failure in failures:
            raise failure
        return load(*arguments, **named)

    monkeypatch.setattr(module, name, fail_once)
    first, second, health = visit(settings, [path, path, "/readyz"])
    assert [first.status_code, second.status_code] == [500, status]
    assert health.json()["modules"]["backoffice"] == {"state": "well"}
