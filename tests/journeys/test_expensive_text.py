"""Text that is made to be expensive, in every field of every form, call and address: the work stays small.

Counted, not timed: normalising sorts each run of combining marks, which takes the square of the run.
"""

import asyncio
import importlib
import json
import pkgutil
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fastapi.routing
import httpx
import pytest
from pydantic import BaseModel
from starlette.routing import BaseRoute, Mount, Route

import festgate
from festgate.app import create_app
from festgate.catalogue.entries import FIELDS
from festgate.drills.hostile_text import falling_marks
from festgate.kit.gate import Gate, largest_body
from festgate.kit.routing import Routes
from festgate.settings import Settings
from tests.journeys.stage import Guest, announce, invite_one
from tests.rig.database import copy_of, open_database

MAX_WORK = 200_000
"""Steps that one request may take. Sorting the 10,900 marks that a form of 64 KB has room for takes sixty million."""
PORTAL = ("accounts", "backoffice", "catalogue", "checkout", "kit", "registrations", "tickets")
OTHER_FIELDS = ("code", "next", "then", "token", "q", "ref", "in", "out", "done", "tried", "returned")
"""Fields and parameters that no model has."""


@dataclass
class Work:
    """Steps that normalising has taken."""

    steps: int = 0

    def count(self, text: str) -> None:
        run = 0
        for sign in text:
            run = run + 1 if sign >= "\u0300" and unicodedata.combining(sign) else 0
            self.steps += 1 + run


@dataclass(frozen=True)
class Portal:
    """A portal within this process, and somebody who may do everything there."""

    gate: Gate
    guest: Guest


@pytest.fixture
def portal(migrated_sqlite: Path, tmp_path: Path) -> Portal:
    data = tmp_path / "fest"
    with open_database(copy_of(migrated_sqlite, data)) as database:
        database.write(announce, "Robo Race")
        guest = database.write(invite_one, "organiser", "organiser")
    return Portal(create_app(Settings(data_dir=data, payment_methods=("sandbox", "desk"))), guest)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    counted, real = Work(), unicodedata.normalize

    def normalize(form: Any, text: str, /) -> str:  # noqa: ANN401
        counted.count(text)
        return real(form, text)

    monkeypatch.setattr(unicodedata, "normalize", normalize)
    return counted


@asynccontextmanager
async def running(gate: Gate) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the portal, whose database is open for the length of the block."""
    assert isinstance(gate.routes, Routes)
    router = gate.routes._whole  # noqa: SLF001
    transport = httpx.ASGITransport(gate, raise_app_exceptions=False)
    async with (
        router.lifespan_context(gate.routes),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        yield client


def models() -> Sequence[type[BaseModel]]:
    """Every model of the portal, by the modules that have them."""
    for package in PORTAL:
        found = importlib.import_module(f"festgate.{package}")
        for each in pkgutil.walk_packages(found.__path__, f"{found.__name__}."):
            importlib.import_module(each.name)
    every: list[type[BaseModel]] = []
    waiting = list(BaseModel.__subclasses__())
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        if model.__module__.startswith(tuple(f"{festgate.__name__}.{each}" for each in PORTAL)):
            every.append(model)
    return every


def field_names() -> Sequence[str]:
    """What any form, call or address may call a field."""
    named = {name for model in models() if not model.__name__.startswith("_") for name in model.model_fields}
    return sorted(named | {*FIELDS} | {*OTHER_FIELDS})


def paths(routes: Sequence[BaseRoute], prefix: str = "") -> Mapping[str, set[str]]:
    """Every address of the portal with the methods that it takes."""
    found: dict[str, set[str]] = {}
    for route in routes:
        if isinstance(route, Mount):
            for path, methods in paths(route.routes, prefix + route.path).items():
                found.setdefault(path, set()).update(methods)
        elif isinstance(route, Route | fastapi.routing.APIRoute):
            found.setdefault(prefix + route.path, set()).update((route.methods or set()) - {"HEAD"})
        elif router := getattr(route, "original_router", None):  # as FastAPI keeps those that are included
            for path, methods in paths(router.routes, prefix).items():
                found.setdefault(path, set()).update(methods)
    return found


def filled(path: str, value: str) -> str:
    """The address with each of its parts in braces replaced; numbers stay numbers."""
    parts = []
    for part in path.split("/"):
        name = part.partition("{")[2].partition("}")[0]
        number = name.endswith((":int", "_id"))
        parts.append(part if not name else "7" if number else value)
    return "/".join(parts)


def texts(most: int) -> Sequence[str]:
    """The most expensive text, in `most` bytes of UTF-8 and in what a title may have; and what grows most."""
    return (
        falling_marks(most // 2 - 1),
        falling_marks(115),
        "\ufdfa" * 115,
    )


def test_no_field_of_any_form_or_call_costs_more_than_its_length(portal: Portal, work: Work) -> None:
    names = field_names()
    assert {"username", "password", "payment_method", "description", "code"} <= {*names}
    costly: list[str] = []
    asked = 0

    async def ask(client: httpx.AsyncClient, method: str, path: str, **named: Any) -> None:  # noqa: ANN401
        nonlocal asked
        asked += 1
        before = work.steps
        answer = await client.request(method, path, **named)
        if work.steps - before > MAX_WORK or answer.status_code >= 500:
            costly.append(f"{method} {path[:60]}: {answer.status_code}, {work.steps - before:,} steps")

    async def go() -> None:
        async with running(portal.gate) as client:
            client.headers.update(portal.guest.cookie | {"authorization": f"Bearer {portal.guest.token}"})
            for path, methods in posted(portal.gate).items():
                address, largest = filled(path, "robo-race"), largest_body(path)
                program = path.startswith("/api/")
                for text in texts(largest - 200 if program else (largest - 200) // 3):
                    if program:
                        bodies = [json.dumps({name: text}, ensure_ascii=False).encode() for name in names]
                        kind = "application/json"
                    else:
                        bodies = [f"{name}={quote(text)}".encode() for name in names]
                        kind = "application/x-www-form-urlencoded"
                    for body in bodies if methods & {"POST", "PUT"} else []:
                        assert len(body) <= largest
                        await ask(client, "POST", address, content=body, headers={"content-type": kind})

    asyncio.run(go())
    assert costly == []
    assert asked > 1_000


def posted(gate: Gate) -> Mapping[str, set[str]]:
    """The addresses that take a body, but for signing out, which would end the session that asks."""
    assert isinstance(gate.routes, Routes)
    every = paths(gate.routes.listed)
    assert {"/login", "/checkout", "/api/v1/people", "/api/v1/orders"} <= {*every}
    return {path: methods for path, methods in every.items() if "POST" in methods and path != "/logout"}
