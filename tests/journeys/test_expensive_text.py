"""Text that is made to be expensive, in every field of every form, call and address: the work stays small.

Counted, not timed: normalising sorts each run of combining marks, which takes the square of the run.
"""

import asyncio
import importlib
import json
import pkgutil
import sys
import unicodedata
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import fastapi.routing
import httpx
import pytest
from pydantic import BaseModel
from starlette.routing import BaseRoute, Mount, Route

import festgate
from festgate.drills.hostile_text import falling_marks
from festgate.kit.web.gate import MAX_API_BODY, MAX_BODY, MAX_TARGET_LENGTH, Gate
from festgate.kit.web.routing import Routes
from festgate.portal.app import create_app
from festgate.portal.catalogue.details import FIELDS
from festgate.settings import Settings
from tests.journeys.expensive import HEADERS, MAX_HEADER, OTHER_FIELDS, PARAMETERS, expensive, texts
from tests.journeys.stage import Guest, announce, invite_one
from tests.rig.database import copy_of, open_database

MAX_WORK = 200_000
"""Steps that one request may take. Sorting the 10,900 marks that a form of 64 KB has room for takes sixty million."""
PORTAL = ("kit", "portal")
MAX_CALLS = 400_000
"""Calls of functions, Python's and C's, that one request may take: what the dearest page takes when it is first asked
for, several times over. A function called for each pair of the bytes that are let in takes millions."""


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
    # Without bulkheads: on a busy machine one would open for requests that only waited for the processor.
    settings = Settings(data_dir=data, payment_methods=("sandbox", "desk"), bulkheads=False)
    return Portal(create_app(settings), guest)


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
            if ".migrations" not in each.name:
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
                address, largest = filled(path, "robo-race"), portal.gate.max_body(path)
                program = path.startswith("/api/")
                longest, *short = texts(largest - 200 if program else (largest - 200) // 3)
                # The longest has room for one field at a time, the short ones for many fields at once.
                fields = [{name: longest} for name in names]
                fields += [
                    dict.fromkeys(some, text)
                    for text in short
                    for some in (names[at : at + 25] for at in range(0, len(names), 25))
                ]
                if program:
                    bodies = [json.dumps(each, ensure_ascii=False).encode() for each in fields]
                    kind = "application/json"
                else:
                    bodies = [urlencode(each).encode() for each in fields]
                    kind = "application/x-www-form-urlencoded"
                if methods & {"POST", "PUT"}:
                    for body in bodies:
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


@dataclass
class Calls:
    """Functions that were called while something was asked for."""

    count: int = 0

    def note(self, _frame: object, event: str, _what: object) -> None:
        self.count += event in {"call", "c_call"}


@dataclass
class Asking:
    """Requests to a portal, each with the work that it takes."""

    client: httpx.AsyncClient
    work: Work
    costly: list[str]
    asked: int = 0

    async def ask(self, method: str, path: str, **named: Any) -> int:  # noqa: ANN401
        """Ask, and return the calls that it took; what takes too much is put down."""
        self.asked += 1
        before, calls = self.work.steps, Calls()
        outer = sys.getprofile()
        sys.setprofile(calls.note)
        try:
            answer = await self.client.request(method, path, **named)
        finally:
            sys.setprofile(outer)
        steps = self.work.steps - before
        if answer.status_code >= 500 or steps > MAX_WORK or calls.count > MAX_CALLS:
            shown = {name: str(value)[:40] for name, value in named.items()}
            self.costly.append(
                f"{method} {path[:60]} {shown}: {answer.status_code}, {steps:,} steps, {calls.count:,} calls"
            )
        return calls.count


def ask_all(portal: Portal, work: Work, requests: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Asking:
    """Make the requests, as somebody who may do everything, once each page has been asked for as usual."""

    async def go() -> Asking:
        async with running(portal.gate) as client:
            client.headers.update(portal.guest.cookie | {"authorization": f"Bearer {portal.guest.token}"})
            for path in {path.partition("?")[0] for method, path, _ in requests if method == "GET"}:
                await client.get(path)  # templates are read and compiled once
            asking = Asking(client, work, [])
            for method, path, named in requests:
                await asking.ask(method, path, **named)
            return asking

    return asyncio.run(go())


def shown(gate: Gate) -> Sequence[str]:
    """The addresses that can be looked at, without parts that vary."""
    assert isinstance(gate.routes, Routes)
    every = paths(gate.routes.listed)
    assert {"/events", "/door/{slug}", "/organise/payments", "/api/v1/events"} <= {*every}
    return sorted(path for path, methods in every.items() if "GET" in methods)


def test_no_parameter_of_any_page_costs_more_than_its_length(portal: Portal, work: Work) -> None:
    room = MAX_TARGET_LENGTH - 200
    hostile = [quote(text) for text in (*expensive(room // 3)[:6], *expensive(300)[:4])]
    hostile += ["%25" * (room // 3), "&=" * (room // 2), "%" * room]
    pages = ("/events", "/door/{slug}", "/organise", "/organise/payments", "/login", "/api/v1/events")
    assert {*pages} <= {*shown(portal.gate)}
    # Each parameter of each page gets some of the texts, the search all of them.
    turns = cycle(hostile)
    asked = [(path, name, next(turns)) for path in pages for name in PARAMETERS]
    asked += [(path, "q", text) for path in ("/events", "/door/{slug}") for text in hostile]
    requests: list[tuple[str, str, Mapping[str, Any]]] = [
        ("GET", f"{filled(path, 'robo-race')}?{name}={text}", {}) for path, name, text in asked
    ]
    asking = ask_all(portal, work, requests)
    assert asking.costly == []
    assert asking.asked > 100


def test_no_part_of_any_path_costs_more_than_its_length(portal: Portal, work: Work) -> None:
    room = (MAX_TARGET_LENGTH - 100) // 2
    turns = cycle([*(quote(each, safe="") for each in expensive(room // 3)), "-" * room, "1" * room])
    requests: list[tuple[str, str, Mapping[str, Any]]] = [
        ("GET", filled(path, text), {})
        for path in shown(portal.gate)
        if "{" in path
        for text in islice(turns, 3)
    ]
    asking = ask_all(portal, work, requests)
    assert asking.costly == []
    assert asking.asked > 30


def test_no_header_costs_more_than_its_length(portal: Portal, work: Work) -> None:
    quoted = b'festgate_session="' + b"\\\\" * (MAX_HEADER // 2 - 20) + b'"'
    hostile = [text.encode() for text in expensive(MAX_HEADER)]
    hostile += [
        quoted,
        b"festgate_session=x; " * (MAX_HEADER // 20),
        b";" * MAX_HEADER,
        b"t=1," * (MAX_HEADER // 4),
        b"Bearer " + b"a" * MAX_HEADER,
        b"bytes=" + b"0-1," * (MAX_HEADER // 4) + b"0-1",
        b'"a", ' * (MAX_HEADER // 5),
        b"1.1.1.1, " * (MAX_HEADER // 9),
        b"gzip;q=0.1," * (MAX_HEADER // 11),
        b"http://[" + b":" * MAX_HEADER,
    ]
    turns = cycle(hostile)
    asked = (
        ("GET", "/my-events"),
        ("GET", "/api/v1/tickets"),
        ("GET", "/static/festgate.css"),
        ("POST", "/checkout"),
        ("POST", "/api/v1/orders"),
        ("POST", "/webhooks/stripe"),
    )
    requests = [
        (method, path, {"headers": {name: text}, "content": b"{}" if method == "POST" else None})
        for method, path in asked
        for name in HEADERS
        for text in islice(turns, 3)
    ]
    asking = ask_all(portal, work, requests)
    assert asking.costly == []
    assert asking.asked > 200


def test_no_body_costs_more_than_its_length_by_its_shape(portal: Portal, work: Work) -> None:
    def members(most: int) -> bytes:
        return b"{" + b",".join(b'"%d":0' % number for number in range(most // 9)) + b"}"

    calls = (
        b"[" * (MAX_API_BODY - 1),
        b'{"username":' * ((MAX_API_BODY - 1) // 12),
        members(MAX_API_BODY - 100),
        b'{"registrations":[' + b",".join([b"1"] * (MAX_API_BODY // 2 - 50)) + b"]}",
        b'{"registrations":[' + b"9" * (MAX_API_BODY - 100) + b"]}",
        b'{"username":"' + b"\\u0301" * (MAX_API_BODY // 6 - 10) + b'"}',
        b'{"a":1,' * 10,
    )
    forms = (
        b"%" * MAX_BODY,
        b"&" * MAX_BODY,
        b"a=1&" * (MAX_BODY // 4),
        b"=" * MAX_BODY,
        b"username=" + b"%CC%81" * (MAX_BODY // 6 - 10),
        b"a" * MAX_BODY,
        b"username=a&" * 40 + b"password=" + b"+" * (MAX_BODY - 500),
    )
    requests: list[tuple[str, str, Mapping[str, Any]]] = []
    for path in posted(portal.gate):
        program = path.startswith("/api/")
        kind = "application/json" if program else "application/x-www-form-urlencoded"
        for body in calls if program else forms:
            assert len(body) <= portal.gate.max_body(path)
            named: Mapping[str, Any] = {"content": body, "headers": {"content-type": kind}}
            requests.append(("POST", filled(path, "robo-race"), named))
    asking = ask_all(portal, work, requests)
    assert asking.costly == []
    assert asking.asked > 150


def test_work_that_takes_the_square_of_a_text_is_found(work: Work) -> None:
    unicodedata.normalize("NFC", falling_marks(2_000))
    assert work.steps > MAX_WORK
    calls = Calls()
    outer = sys.getprofile()
    sys.setprofile(calls.note)
    try:
        for _ in range(700):
            for sign in "a" * 700:
                ord(sign)
    finally:
        sys.setprofile(outer)
    assert calls.count > MAX_CALLS
