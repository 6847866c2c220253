"""The cross-site check, the limit on bodies, and the headers and log lines of every response."""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Lifespan, Message, Scope
from structlog.testing import capture_logs

from festgate.kit.errors import Conflict, TooLarge
from festgate.kit.metrics import Metrics
from festgate.kit.web.clients import Counts, Trusted
from festgate.kit.web.gate import MAX_BODY, Gate, is_cross_site, limited, security_headers
from festgate.kit.web.routing import Routes

HOST = b"fest.example:8443"


@pytest.mark.parametrize(
    "site, origin, crosses",
    [
        (b"same-origin", None, False),
        (b"none", None, False),
        (b"same-site", None, True),
        (b"cross-site", None, True),
        (b"", b"https://fest.example:8443", False),
        (b"SAME-ORIGIN", None, True),
        (b"same-origin, cross-site", None, True),
        # Fetch Metadata comes first; Origin counts only without it.
        (b"same-origin", b"https://evil.example", False),
        (b"cross-site", b"https://fest.example:8443", True),
        (None, b"https://fest.example:8443", False),
        (None, b"http://fest.example:8443", False),
        (None, b"https://fest.example", True),
        (None, b"https://fest.example:8443.evil.example", True),
        (None, b"https://evil.example/fest.example:8443", True),
        (None, b"https://fest.example:8443@evil.example", True),
        (None, b"null", True),
        (None, b"http://[", True),
        (None, b"\xff", True),
        (None, None, False),
    ],
)
def test_what_crosses_sites(site: bytes | None, origin: bytes | None, crosses: bool) -> None:
    headers = {b"host": HOST, b"sec-fetch-site": site, b"origin": origin}
    assert is_cross_site({name: value for name, value in headers.items() if value is not None}) is crosses


@given(st.binary(min_size=1), st.one_of(st.none(), st.binary()))
def test_an_origin_is_ours_only_if_it_names_our_host(origin: bytes, host: bytes | None) -> None:
    headers = {b"origin": origin} | ({} if host is None else {b"host": host})
    assert is_cross_site(headers) or (host and origin.endswith(b"://" + host))
    if host:
        assert not is_cross_site({b"origin": b"https://" + host, b"host": host})


def received(pieces: Iterable[int]) -> int:
    """Return how many bytes of a body in pieces of these sizes pass the limit."""

    async def go() -> int:
        messages = [{"type": "http.request", "body": b"x" * size, "more_body": True} for size in pieces]

        async def receive() -> Message:
            return messages.pop(0)

        guarded = limited(receive)
        total = 0
        while messages:
            total += len((await guarded())["body"])
        return total

    return asyncio.run(go())


@given(st.lists(st.integers(0, MAX_BODY // 4), max_size=12))
def test_a_body_is_taken_up_to_the_limit_and_not_a_byte_further(pieces: list[int]) -> None:
    if sum(pieces) <= MAX_BODY:
        assert received(pieces) == sum(pieces)
    else:
        with pytest.raises(TooLarge):
            received(pieces)


class SoldOutForever(Conflict):
    """An error of an endpoint."""

    def headers(self) -> dict[str, str]:
        return {"retry-after": "never"}


async def well(_request: Request) -> Response:
    return PlainTextResponse("x" * 2000)


async def refuses(_request: Request) -> Response:
    raise SoldOutForever


async def breaks(_request: Request) -> Response:
    raise ZeroDivisionError


async def breaks_halfway(_request: Request) -> Response:
    async def body() -> Any:  # noqa: ANN401
        yield b"half"
        raise ZeroDivisionError

    return StreamingResponse(body())


async def no_lifespan(_routes: Routes) -> None:
    """Do nothing; the tests never start it."""


async def answer(_request: Request, error: Exception) -> Response:
    return PlainTextResponse(type(error).__name__, getattr(error, "status", 500))


def gate(*, secure: bool = False, metrics: Metrics | None = None, **more: Any) -> Gate:  # noqa: ANN401
    endpoints = {
        "/well/{name}": well,
        "/api/{name}": well,
        "/refuses": refuses,
        "/breaks": breaks,
        "/halfway": breaks_halfway,
    }
    routes = [Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in endpoints.items()]
    lifespan: Lifespan[Routes] = no_lifespan  # type: ignore[assignment]
    return Gate(
        Routes(routes, lifespan),
        metrics=metrics or Metrics(),
        headers=security_headers(secure=secure, form_targets=["https://pay.example"]),
        answer=answer,
        **more,
    )


def ask(through: Gate, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(through)
        async with httpx.AsyncClient(transport=transport, base_url="http://fest.example") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(go())


@pytest.mark.parametrize("path", ["/well/one", "/refuses", "/breaks", "/nowhere", "/" + "x" * 5000])
def test_every_answer_has_the_security_headers_and_an_id_of_its_own(path: str) -> None:
    through = gate()
    first, second = ask(through, "GET", path), ask(through, "GET", path)
    policy = first.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://pay.example" in policy
    assert "unsafe" not in policy
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in first.headers
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_browsers_are_held_to_tls_only_where_there_is_tls() -> None:
    secured = ask(gate(secure=True), "GET", "/well/one")
    assert secured.headers["strict-transport-security"].startswith("max-age=")


def test_what_is_raised_is_answered_and_a_bug_is_too() -> None:
    through = gate()
    statuses = {path: ask(through, "GET", path).status_code for path in ("/refuses", "/breaks", "/nowhere")}
    assert statuses == {"/refuses": 409, "/breaks": 500, "/nowhere": 500}


def test_an_answer_that_breaks_off_is_not_made_to_look_whole() -> None:
    with pytest.raises(ZeroDivisionError):
        ask(gate(), "GET", "/halfway")


@pytest.mark.parametrize(
    "version, hosts, status",
    [
        ("1.1", [b"fest.example"], 200),
        ("1.1", [b"[::1]:8000"], 200),
        ("1.1", [b"fest.example", b"fest.example"], 400),
        ("1.1", [b"fest.example", b"evil.example"], 400),
        ("1.1", [], 400),
        ("1.0", [], 200),
        ("1.1", [b""], 400),
        ("1.1", [b"evil.example/path"], 400),
        ("1.1", [b"a b"], 400),
    ],
)
def test_a_request_names_one_host(version: str, hosts: list[bytes], status: int) -> None:
    through = gate()
    sent: list[Message] = []
    scope: Scope = {
        "type": "http",
        "http_version": version,
        "method": "GET",
        "path": "/well/one",
        "raw_path": b"/well/one",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", host) for host in hosts],
    }

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    for _ in range(2):
        asyncio.run(through(dict(scope), receive, send))
    assert [message["status"] for message in sent if "status" in message] == [status] * 2


@pytest.mark.parametrize("encodings, zipped", [("gzip, br", True), ("identity", False)])
def test_what_is_large_is_compressed_for_whoever_takes_that(encodings: str, zipped: bool) -> None:
    found = ask(gate(), "GET", "/api/one", {"accept-encoding": encodings})
    assert (found.headers.get("content-encoding") == "gzip") is zipped
    assert found.text == "x" * 2000


def test_pages_are_not_compressed_a_second_time() -> None:
    found = ask(gate(), "GET", "/well/one", {"accept-encoding": "gzip"})
    assert "content-encoding" not in found.headers


def test_requests_are_counted_by_the_route_and_not_by_the_address() -> None:
    metrics = Metrics()
    through = gate(metrics=metrics)
    for path in ("/well/one", "/well/two", "/nowhere"):
        ask(through, "GET", path)
    ask(through, "BREW", "/well/three")
    text = metrics.exposition().decode()
    assert 'festgate_http_requests_total{method="GET",route="/well/{name}",status="200"} 2.0' in text
    assert 'method="OTHER"' in text
    assert "nowhere" not in text
    assert "three" not in text


def test_what_is_no_http_is_left_to_the_routes() -> None:
    seen: list[Scope] = []

    class Listening(Routes):
        async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:  # noqa: ANN401, ARG002
            seen.append(scope)

    lifespan: Lifespan[Routes] = no_lifespan  # type: ignore[assignment]
    through = Gate(Listening([], lifespan), metrics=Metrics(), headers=[], answer=answer)
    asyncio.run(through({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == [{"type": "lifespan"}]


def test_a_body_may_be_as_large_as_is_registered_for_the_beginning_of_its_path() -> None:
    through = gate(max_bodies={"/well/": MAX_BODY + 1})
    largest = {"content-length": str(MAX_BODY + 1)}
    assert ask(through, "POST", "/well/one", largest).status_code == 200
    assert ask(through, "POST", "/well/one", {"content-length": str(MAX_BODY + 2)}).status_code == 413
    assert ask(through, "POST", "/refuses", largest).text == "TooLarge"


def test_a_request_that_a_module_registered_as_a_security_event_is_logged_under_its_name() -> None:
    through = gate(security_events={("POST", "/well/{name}"): "tea-made"})
    with capture_logs() as lines:
        ask(through, "POST", "/well/one")
        ask(through, "GET", "/well/one")
    assert [line["event"] for line in lines if line.get("security")] == ["tea-made"]


def test_a_client_with_too_many_requests_in_progress_is_told_when_to_come_back() -> None:
    through, counts = gate(), Counts(1, Trusted())
    through._clients = counts  # noqa: SLF001  (with the limit that is shipped this takes 2,000 requests)

    async def go(address: str) -> httpx.Response:
        transport = httpx.ASGITransport(through, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://fest.example") as client:
            return await client.get("/well/one")

    assert asyncio.run(go("192.0.2.8")).status_code == 200
    assert counts.by_client == {}
    counts.add("192.0.2.8")
    assert asyncio.run(go("192.0.2.8")).status_code == 429
    assert asyncio.run(go("192.0.2.9")).status_code == 200
    assert counts.by_client == {"192.0.2.8": 1}
