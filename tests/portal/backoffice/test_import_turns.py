"""Imports by pages and by the API take turns: only one file is read and tried at a time."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from festgate.kit.web.gate import Gate
from festgate.kit.web.routing import Routes
from festgate.portal.app import create_app
from festgate.portal.backoffice import import_api, import_pages
from festgate.portal.backoffice.import_previews import try_import
from festgate.settings import Settings
from tests.journeys.stage import Guest, invite_one
from tests.rig.database import copy_of, open_database

CSV = b"title,place,starts_at,ends_at,fee,capacity\nChess,Hall,2199-03-14T10:00,2199-03-14T12:00,0,20\n"


@asynccontextmanager
async def client_of(gate: Gate) -> AsyncIterator[httpx.AsyncClient]:
    assert isinstance(gate.life, Routes)
    async with (
        gate.life._whole.lifespan_context(gate.life),  # noqa: SLF001
        httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://127.0.0.1") as client,
    ):
        yield client


@pytest.fixture
def organiser(migrated_sqlite: Path, tmp_path: Path) -> Guest:
    with open_database(copy_of(migrated_sqlite, tmp_path / "data")) as database:
        return database.write(invite_one, "meena", "organiser")


@pytest.mark.parametrize("first", ["page", "api"])
def test_an_import_by_the_api_and_one_by_a_page_wait_for_each_other(
    organiser: Guest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    steps: list[str] = []
    begun, may_end = asyncio.Event(), asyncio.Event()

    def noted(name: str) -> Any:  # noqa: ANN401  (a stand-in for try_import, which it calls)
        async def try_slowly(*arguments: Any) -> Any:  # noqa: ANN401
            steps.append(f"{name} begins")
            begun.set()
            await may_end.wait()
            tried = await try_import(*arguments)
            steps.append(f"{name} ends")
            return tried

        return try_slowly

    monkeypatch.setattr(import_pages, "try_import", noted("page"))
    monkeypatch.setattr(import_api, "try_import", noted("api"))

    async def visit() -> list[httpx.Response]:
        async with client_of(create_app(Settings(data_dir=tmp_path / "data"))) as client:

            def ask(kind: str) -> asyncio.Future[httpx.Response]:
                if kind == "page":
                    files = {"file": ("events.csv", CSV)}
                    answer = client.post("/organise/import", files=files, headers=organiser.cookie)
                else:
                    body = {"name": "events.csv", "content": base64.b64encode(CSV).decode()}
                    answer = client.post("/api/v1/imports/preview", json=body, headers=organiser.bearer)
                return asyncio.ensure_future(answer)

            waiting = [ask(first)]
            await begun.wait()
            waiting.append(ask("api" if first == "page" else "page"))
            for _ in range(5):  # other requests are answered meanwhile
                shown = await client.get("/api/v1/dashboard", headers=organiser.bearer)
                assert shown.status_code == 200
            assert steps == [f"{first} begins"]
            may_end.set()
            return await asyncio.gather(*waiting)

    answers = asyncio.run(visit())
    assert [answer.status_code for answer in answers] == [200, 200]
    second = "api" if first == "page" else "page"
    assert steps == [f"{first} begins", f"{first} ends", f"{second} begins", f"{second} ends"]
