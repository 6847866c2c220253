"""The description of the API, which takes a while to make."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from festgate.kit.web.routing import Routes
from festgate.portal.app import create_app
from festgate.settings import Settings
from tests.journeys.stage import invite_one
from tests.rig.database import copy_of, open_database

TIMEOUT = 60.0


def test_other_pages_are_served_while_the_description_is_made_once_for_all_who_wait(
    migrated_sqlite: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end, made = threading.Event(), threading.Event(), []
    describe = FastAPI.openapi

    def describe_slowly(app: FastAPI) -> dict[str, Any]:
        begun.set()
        assert may_end.wait(TIMEOUT)
        made.append(app)
        return describe(app)

    monkeypatch.setattr(FastAPI, "openapi", describe_slowly)
    with open_database(copy_of(migrated_sqlite, tmp_path / "data")) as database:
        database.write(invite_one, "meena", "owner")
    gate = create_app(Settings(data_dir=tmp_path / "data"))

    async def visit() -> list[httpx.Response]:
        assert isinstance(gate.life, Routes)
        async with (
            gate.life._whole.lifespan_context(gate.life),  # noqa: SLF001
            httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url="http://127.0.0.1") as client,
        ):
            waiting = [asyncio.ensure_future(client.get(path)) for path in ("/openapi.json", "/docs")]
            try:
                assert await asyncio.to_thread(begun.wait, TIMEOUT)
                meanwhile = await client.get("/healthz")
                assert not any(task.done() for task in waiting)
            finally:
                may_end.set()
            return [meanwhile, *await asyncio.gather(*waiting)]

    assert [answer.status_code for answer in asyncio.run(visit())] == [200, 200, 200]
    assert len(made) == 1
