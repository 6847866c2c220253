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
    "site, origin, cross_site",
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
def test_cross_site_requests_are_recognised(
    site: bytes | None, origin: bytes | None, cross_site: bool
) -> None:
    headers = {b"host": HOST, b"sec-fetch-site": site, b"origin": origin}
    assert is_cross_site({name: value for name, value in headers.items() if value is not None}) is cross_site


@given(st.binary(min_size=1), st.one_of(st.none(), st.binary()))
def test_an_origin_is_same_site_only_if_it_names_our_host(origin: bytes, host: bytes | None) -> None:
    headers = {b"origin": origin} | ({} if host is None else {b"host": host})
    assert is_cross_site(headers) or (host and origin.endswith(b"://" + host))
    if host:
        assert not is_cross_site({b"origin": b"https://" + host, b"host": host})


def bytes_received(pieces: Iterable[int]) -> int:
    """Return how many bytes of a body in pieces of these sizes pass the limit."""

    async def read_pieces() -> int:
        messages = [{"type": "http.request", "body": b"x" * size, "more_body": True} for size in pieces]

        async def receive() -> Message:
            return messages.pop(0)

        limited_receive = limited(receive)
        total = 0
        while messages:
            total += len((await limited_receive())["body"])
        return total

    return asyncio.run(read_pieces())


@given(st.lists(st.integers(0, MAX_BODY // 4), max_size=12))
def test_a_body_is_accepted_up_to_the_limit_and_no_further(pieces: list[int]) -> None:
    if sum(pieces) <= MAX_BODY:
        assert bytes_received(pieces) == sum(pieces)
    else:
        with pytest.raises(TooLarge):
            bytes_received(pieces)


class SoldOutForever(Conflict):
    """An error of an endpoint."""

    def headers(self) -> dict[str, str]:
        return {"retry-after": "never"}


async def succeed(_request: Request) -> Response:
    return PlainTextResponse("x" * 2000)


async def refuse(_request: Request) -> Response:
    raise SoldOutForever


async def crash(_request: Request) -> Response:
    raise ZeroDivisionError


async def crash_halfway(_request: Request) -> Response:
    async def body() -> Any:  # noqa: ANN401
        yield b"half"
        raise ZeroDivisionError

    return StreamingResponse(body())


async def no_lifespan(_routes: Routes) -> None:
    """Do nothing; the tests never start it."""


async def show_error(_request: Request, error: Exception) -> Response:
    return PlainTextResponse(type(error).__name__, getattr(error, "status", 500))


def gate(*, secure: bool = False, metrics: Metrics | None = None, **more: Any) -> Gate:  # noqa: ANN401
    endpoints = {
        "/well/{name}": succeed,
        "/api/{name}": succeed,
        "/refuses": refuse,
        "/breaks": crash,
        "/halfway": crash_halfway,
    }
    routes = [Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in endpoints.items()]
    lifespan: Lifespan[Routes] = no_lifespan  # type: ignore[assignment]
    return Gate(
        Routes(routes, lifespan),
        metrics=metrics or Metrics(),
        headers=security_headers(secure=secure, form_targets=["https://pay.example"]),
        answer=show_error,
        **more,
    )


def fetch(
    gate_under_test: Gate, method: str, path: str, headers: dict[str, str] | None = None
) -> httpx.Response:
    async def send_request() -> httpx.Response:
        transport = httpx.ASGITransport(gate_under_test)
        async with httpx.AsyncClient(transport=transport, base_url="http://fest.example") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send_request())


@pytest.mark.parametrize("path", ["/well/one", "/refuses", "/breaks", "/nowhere", "/" + "x" * 5000])
def test_every_response_has_the_security_headers_and_a_unique_request_id(path: str) -> None:
    gate_under_test = gate()
    first, second = fetch(gate_under_test, "GET", path), fetch(gate_under_test, "GET", path)
    policy = first.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://pay.example" in policy
    assert "unsafe" not in policy
    assert first.headers["x-content-type-options"] == "nosniff"
    assert first.headers["referrer-policy"] == "same-origin"
    assert "strict-transport-security" not in first.headers
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_hsts_is_sent_only_over_tls() -> None:
    response = fetch(gate(secure=True), "GET", "/well/one")
    assert response.headers["strict-transport-security"].startswith("max-age=")


def test_errors_of_endpoints_and_unhandled_exceptions_get_a_response() -> None:
    gate_under_test = gate()
    statuses = {
        path: fetch(gate_under_test, "GET", path).status_code for path in ("/refuses", "/breaks", "/nowhere")
    }
    assert statuses == {"/refuses": 409, "/breaks": 500, "/nowhere": 500}


def test_a_response_that_fails_halfway_is_not_completed() -> None:
    with pytest.raises(ZeroDivisionError):
        fetch(gate(), "GET", "/halfway")


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
def test_a_request_must_have_exactly_one_valid_host(version: str, hosts: list[bytes], status: int) -> None:
    gate_under_test = gate()
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
        asyncio.run(gate_under_test(dict(scope), receive, send))
    assert [message["status"] for message in sent if "status" in message] == [status] * 2


@pytest.mark.parametrize("encodings, compressed", [("gzip, br", True), ("identity", False)])
def test_a_large_response_is_compressed_if_the_client_accepts_gzip(encodings: str, compressed: bool) -> None:
    response = fetch(gate(), "GET", "/api/one", {"accept-encoding": encodings})
    assert (response.headers.get("content-encoding") == "gzip") is compressed
    assert response.text == "x" * 2000


def test_pages_are_not_compressed_a_second_time() -> None:
    response = fetch(gate(), "GET", "/well/one", {"accept-encoding": "gzip"})
    assert "content-encoding" not in response.headers


def test_requests_are_counted_by_route_and_not_by_path() -> None:
    metrics = Metrics()
    gate_under_test = gate(metrics=metrics)
    for path in ("/well/one", "/well/two", "/nowhere"):
        fetch(gate_under_test, "GET", path)
    fetch(gate_under_test, "BREW", "/well/three")
    text = metrics.exposition().decode()
    assert 'festgate_http_requests_total{method="GET",route="/well/{name}",status="200"} 2.0' in text
    assert 'method="OTHER"' in text
    assert "nowhere" not in text
    assert "three" not in text


def test_scopes_other_than_http_are_passed_to_the_routes() -> None:
    scopes: list[Scope] = []

    class RecordingRoutes(Routes):
        async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:  # noqa: ANN401, ARG002
            scopes.append(scope)

    lifespan: Lifespan[Routes] = no_lifespan  # type: ignore[assignment]
    gate_under_test = Gate(RecordingRoutes([], lifespan), metrics=Metrics(), headers=[], answer=show_error)
    asyncio.run(gate_under_test({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert scopes == [{"type": "lifespan"}]


def test_the_limit_of_a_body_can_be_registered_for_a_path_prefix() -> None:
    gate_under_test = gate(max_bodies={"/well/": MAX_BODY + 1})
    max_body = {"content-length": str(MAX_BODY + 1)}
    assert fetch(gate_under_test, "POST", "/well/one", max_body).status_code == 200
    assert (
        fetch(gate_under_test, "POST", "/well/one", {"content-length": str(MAX_BODY + 2)}).status_code == 413
    )
    assert fetch(gate_under_test, "POST", "/refuses", max_body).text == "TooLarge"


def test_a_request_that_a_module_registered_as_a_security_event_is_logged_under_its_name() -> None:
    gate_under_test = gate(security_events={("POST", "/well/{name}"): "tea-made"})
    with capture_logs() as lines:
        fetch(gate_under_test, "POST", "/well/one")
        fetch(gate_under_test, "GET", "/well/one")
    assert [line["event"] for line in lines if line.get("security")] == ["tea-made"]


def test_a_client_with_too_many_requests_in_progress_is_refused() -> None:
    gate_under_test, counts = gate(), Counts(1, Trusted())
    gate_under_test._clients = counts  # noqa: SLF001  (the default limit would take 2,000 requests)

    async def send_request(address: str) -> httpx.Response:
        transport = httpx.ASGITransport(gate_under_test, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://fest.example") as client:
            return await client.get("/well/one")

    assert asyncio.run(send_request("192.0.2.8")).status_code == 200
    assert counts.by_client == {}
    counts.add("192.0.2.8")
    assert asyncio.run(send_request("192.0.2.8")).status_code == 429
    assert asyncio.run(send_request("192.0.2.9")).status_code == 200
    assert counts.by_client == {"192.0.2.8": 1}
