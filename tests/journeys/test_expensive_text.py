"""Text that is made to be expensive, in every field of every form, call and address: the work stays small.

The work is counted, not timed. Normalising sorts each run of combining marks in quadratic time.
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
from functools import cache
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
from tests.journeys.expensive_texts import (
    HEADERS,
    MAX_HEADER,
    OTHER_FIELDS,
    PARAMETERS,
    expensive_texts,
    longest_texts,
)
from tests.journeys.stage import Guest, announce, invite_one
from tests.rig.database import copy_of, open_database
from tests.rig.lengths import length, torture

pytestmark = torture
MAX_WORK = 200_000
"""Steps that one request may take. Sorting 32,000 marks, as many as fit into a form of 64 KB, takes 500 million."""
PORTAL = ("kit", "portal")
MAX_CALLS = 400_000
"""Calls of Python and C functions that one request may make: several times as many as the first request of the most
expensive page makes. A function that is called for each pair of the accepted bytes makes millions."""


@dataclass
class Work:
    """A count of the steps of normalising."""

    steps: int = 0

    def count(self, text: str) -> None:
        run = 0
        for sign in text:
            run = run + 1 if sign >= "\u0300" and unicodedata.combining(sign) else 0
            self.steps += 1 + run


@dataclass(frozen=True)
class Portal:
    """A portal in this process, and a person who may do everything there."""

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


@pytest.fixture(autouse=True)
def _without_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep httpx from searching all folders for trio's sniffio in every request, a tenth of these tests' time."""
    monkeypatch.setitem(sys.modules, "sniffio", None)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    counted, real = Work(), unicodedata.normalize

    def normalize(form: Any, text: str, /) -> str:  # noqa: ANN401
        counted.count(text)
        return real(form, text)

    monkeypatch.setattr(unicodedata, "normalize", normalize)
    return counted


@asynccontextmanager
async def client_of(gate: Gate) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of the portal, whose database is open until the end of the block."""
    assert isinstance(gate.life, Routes)
    router = gate.life._whole  # noqa: SLF001
    transport = httpx.ASGITransport(gate, raise_app_exceptions=False)
    async with (
        router.lifespan_context(gate.life),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        yield client


def models() -> Sequence[type[BaseModel]]:
    """Return every model of the portal, after importing all its modules."""
    for package in PORTAL:
        parent = importlib.import_module(f"festgate.{package}")
        for module in pkgutil.walk_packages(parent.__path__, f"{parent.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    portal_models: list[type[BaseModel]] = []
    waiting = list(BaseModel.__subclasses__())
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        if model.__module__.startswith(tuple(f"{festgate.__name__}.{package}" for package in PORTAL)):
            portal_models.append(model)
    return portal_models


def field_names() -> Sequence[str]:
    """Return the name of every field of forms, calls and addresses."""
    names = {name for model in models() if not model.__name__.startswith("_") for name in model.model_fields}
    return sorted(names | {*FIELDS} | {*OTHER_FIELDS})


def addresses_of(routes: Sequence[BaseRoute], prefix: str = "") -> Mapping[str, set[str]]:
    """Return every address of the portal with its methods."""
    addresses: dict[str, set[str]] = {}
    for route in routes:
        if isinstance(route, Mount):
            for path, methods in addresses_of(route.routes, prefix + route.path).items():
                addresses.setdefault(path, set()).update(methods)
        elif isinstance(route, Route | fastapi.routing.APIRoute):
            addresses.setdefault(prefix + route.path, set()).update((route.methods or set()) - {"HEAD"})
        elif router := getattr(route, "original_router", None):  # as FastAPI stores included routers
            for path, methods in addresses_of(router.routes, prefix).items():
                addresses.setdefault(path, set()).update(methods)
    return addresses


def fill_path(path: str, value: str) -> str:
    """Return the path with each parameter replaced by `value`, and numeric parameters by a number."""
    parts = []
    for part in path.split("/"):
        name = part.partition("{")[2].partition("}")[0]
        number = name.endswith((":int", "_id"))
        parts.append(part if not name else "7" if number else value)
    return "/".join(parts)


LONG = 700
"""Marks of a long text, of which many fit into a body: sorting them takes more than MAX_WORK, if anything does it."""
GROUP = 25
"""Fields of one body. A field that is refused may keep others from being read, so the next bodies have others."""


@cache
def bodies_of(largest: int, *, is_api: bool) -> Sequence[bytes]:
    """Return bodies of at most `largest` bytes, in which each field has a long text once and each short one once.

    In `make torture`, each field also has the longest text, alone in its body.
    """
    names = field_names()
    assert {"username", "password", "payment_method", "description", "code"} <= {*names}
    longest, *short = longest_texts(largest - 200)
    long_ones = _fields_with(names, falling_marks(LONG), min(GROUP, (largest - 200) // (3 * LONG)))
    short_ones = [fields for text in short for fields in _fields_with(names, text, GROUP)]
    alone = length([], [{name: longest} for name in names])
    if is_api:
        bodies = (*long_ones, *short_ones, *alone)
        return [json.dumps(fields, ensure_ascii=False).encode() for fields in bodies]
    # Three times as many marks fit into a form as they are than percent-encoded, and reading them takes less time.
    as_they_are = [
        "&".join(f"{name}={text}" for name, text in fields.items()) for fields in (*long_ones, *alone)
    ]
    return [*(form.encode() for form in as_they_are), *(urlencode(fields).encode() for fields in short_ones)]


def _fields_with(names: Sequence[str], text: str, size: int) -> Sequence[Mapping[str, str]]:
    """Return groups of `size` fields with that text."""
    return [dict.fromkeys(names[at : at + size], text) for at in range(0, len(names), size)]


def test_no_field_of_a_form_or_call_causes_quadratic_work(portal: Portal, work: Work) -> None:
    costly: list[str] = []
    sent = 0

    async def send(client: httpx.AsyncClient, method: str, path: str, **options: Any) -> None:  # noqa: ANN401
        nonlocal sent
        sent += 1
        before = work.steps
        answer = await client.request(method, path, **options)
        if work.steps - before > MAX_WORK or answer.status_code >= 500:
            costly.append(f"{method} {path[:60]}: {answer.status_code}, {work.steps - before:,} steps")

    async def go() -> None:
        async with client_of(portal.gate) as client:
            client.headers.update(portal.guest.cookie | {"authorization": f"Bearer {portal.guest.token}"})
            for path, methods in paths_with_bodies(portal.gate).items():
                address, largest = fill_path(path, "robo-race"), portal.gate.max_body(path)
                is_api = path.startswith("/api/")
                kind = "application/json" if is_api else "application/x-www-form-urlencoded"
                if methods & {"POST", "PUT"}:
                    for body in bodies_of(largest, is_api=is_api):
                        assert len(body) <= largest
                        await send(client, "POST", address, content=body, headers={"content-type": kind})

    asyncio.run(go())
    assert costly == []
    assert sent > 1_000


def paths_with_bodies(gate: Gate) -> Mapping[str, set[str]]:
    """Return the addresses that accept a body, except /logout, which would end the session of the test."""
    assert isinstance(gate.routes, Routes)
    addresses = addresses_of(gate.routes.listed)
    assert {"/login", "/checkout", "/api/v1/people", "/api/v1/orders"} <= {*addresses}
    return {path: methods for path, methods in addresses.items() if "POST" in methods and path != "/logout"}


@dataclass
class Calls:
    """A count of the functions that were called during a request."""

    count: int = 0

    def note(self, _frame: object, event: str, _what: object) -> None:
        self.count += event in {"call", "c_call"}


@dataclass
class MeasuredClient:
    """A client of a portal that measures the work of each request."""

    client: httpx.AsyncClient
    work: Work
    costly: list[str]
    sent: int = 0

    async def send(self, method: str, path: str, **options: Any) -> int:  # noqa: ANN401
        """Send a request, and return its number of function calls. Record it in `costly` if it took too much work."""
        self.sent += 1
        before, calls = self.work.steps, Calls()
        outer = sys.getprofile()
        sys.setprofile(calls.note)
        try:
            answer = await self.client.request(method, path, **options)
        finally:
            sys.setprofile(outer)
        steps = self.work.steps - before
        if answer.status_code >= 500 or steps > MAX_WORK or calls.count > MAX_CALLS:
            shown = {name: str(value)[:40] for name, value in options.items()}
            self.costly.append(
                f"{method} {path[:60]} {shown}: {answer.status_code}, {steps:,} steps, {calls.count:,} calls"
            )
        return calls.count


def send_all(
    portal: Portal, work: Work, requests: Sequence[tuple[str, str, Mapping[str, Any]]]
) -> MeasuredClient:
    """Send the requests as a person who may do everything, after one ordinary request to each page."""

    async def go() -> MeasuredClient:
        async with client_of(portal.gate) as client:
            client.headers.update(portal.guest.cookie | {"authorization": f"Bearer {portal.guest.token}"})
            for path in {path.partition("?")[0] for method, path, _ in requests if method == "GET"}:
                await client.get(path)  # templates are read and compiled once
            measured = MeasuredClient(client, work, [])
            for method, path, options in requests:
                await measured.send(method, path, **options)
            return measured

    return asyncio.run(go())


def pages_of(gate: Gate) -> Sequence[str]:
    """Return the addresses that accept GET."""
    assert isinstance(gate.routes, Routes)
    addresses = addresses_of(gate.routes.listed)
    assert {"/events", "/door/{slug}", "/organise/payments", "/api/v1/events"} <= {*addresses}
    return sorted(path for path, methods in addresses.items() if "GET" in methods)


def test_no_query_parameter_causes_quadratic_work(portal: Portal, work: Work) -> None:
    room = MAX_TARGET_LENGTH - 200
    costly_texts = [quote(text) for text in (*expensive_texts(room // 3)[:6], *expensive_texts(300)[:4])]
    costly_texts += ["%25" * (room // 3), "&=" * (room // 2), "%" * room]
    pages = ("/events", "/door/{slug}", "/organise", "/organise/payments", "/login", "/api/v1/events")
    assert {*pages} <= {*pages_of(portal.gate)}
    # Each parameter of each page gets some of the texts, the search all of them.
    cycled_texts = cycle(costly_texts)
    cases = [(path, name, next(cycled_texts)) for path in pages for name in PARAMETERS]
    cases += [(path, "q", text) for path in ("/events", "/door/{slug}") for text in costly_texts]
    requests: list[tuple[str, str, Mapping[str, Any]]] = [
        ("GET", f"{fill_path(path, 'robo-race')}?{name}={text}", {}) for path, name, text in cases
    ]
    measured = send_all(portal, work, requests)
    assert measured.costly == []
    assert measured.sent > 100


def test_no_path_parameter_causes_quadratic_work(portal: Portal, work: Work) -> None:
    room = (MAX_TARGET_LENGTH - 100) // 2
    cycled_texts = cycle(
        [*(quote(text, safe="") for text in expensive_texts(room // 3)), "-" * room, "1" * room]
    )
    requests: list[tuple[str, str, Mapping[str, Any]]] = [
        ("GET", fill_path(path, text), {})
        for path in pages_of(portal.gate)
        if "{" in path
        for text in islice(cycled_texts, 3)
    ]
    measured = send_all(portal, work, requests)
    assert measured.costly == []
    assert measured.sent > 30


def test_no_header_causes_quadratic_work(portal: Portal, work: Work) -> None:
    quoted = b'festgate_session="' + b"\\\\" * (MAX_HEADER // 2 - 20) + b'"'
    costly_texts = [text.encode() for text in expensive_texts(MAX_HEADER)]
    costly_texts += [
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
    cycled_texts = cycle(costly_texts)
    calls = (
        ("GET", "/my-events"),
        ("GET", "/api/v1/tickets"),
        ("GET", "/static/festgate.css"),
        ("POST", "/checkout"),
        ("POST", "/api/v1/orders"),
        ("POST", "/webhooks/stripe"),
    )
    requests = [
        (method, path, {"headers": {name: text}, "content": b"{}" if method == "POST" else None})
        for method, path in calls
        for name in HEADERS
        for text in islice(cycled_texts, 3)
    ]
    measured = send_all(portal, work, requests)
    assert measured.costly == []
    assert measured.sent > 200


def test_no_shape_of_a_body_causes_quadratic_work(portal: Portal, work: Work) -> None:
    def members(max_bytes: int) -> bytes:
        return b"{" + b",".join(b'"%d":0' % number for number in range(max_bytes // 9)) + b"}"

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
    for path in paths_with_bodies(portal.gate):
        is_api = path.startswith("/api/")
        kind = "application/json" if is_api else "application/x-www-form-urlencoded"
        for body in calls if is_api else forms:
            assert len(body) <= portal.gate.max_body(path)
            options: Mapping[str, Any] = {"content": body, "headers": {"content-type": kind}}
            requests.append(("POST", fill_path(path, "robo-race"), options))
    measured = send_all(portal, work, requests)
    assert measured.costly == []
    assert measured.sent > 150


def test_quadratic_work_is_detected(work: Work) -> None:
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
