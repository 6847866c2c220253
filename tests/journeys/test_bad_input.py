"""Requests that no client of the portal sends: always 4xx with a message, never a 500, and no partial write."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from festgate.kit.web.gate import MAX_BODY
from tests.journeys.served_fest import FORM_HEADERS, JSON, PASSWORD, Fest, assert_unchanged, message_of
from tests.rig.lengths import length, torture
from tests.rig.waiting import until
from tests.rig.wire import FORM, exchange, form, port_of, request

pytestmark = torture

TOO_MANY_BYTES = MAX_BODY + 1
PATHS = ("/", "/events", "/events/robo-race", "/login", "/my-events", "/checkout", "/docs", "/api/v1/events")


@pytest.fixture
def fest(served_fest: Fest) -> Iterator[Fest]:
    """Provide the fest, and assert that the test changes nothing."""
    with assert_unchanged(served_fest):
        yield served_fest


def chunked(body: bytes) -> bytes:
    """Return the body in chunks of some kilobytes, so that it needs no Content-Length."""
    pieces = [body[start : start + 8192] for start in range(0, len(body), 8192)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


BODIES: dict[str, tuple[dict[str, str], bytes, int]] = {
    "too large": (FORM_HEADERS, b"username=" + b"x" * TOO_MANY_BYTES, 413),
    "in an unknown type": ({"content-type": "text/plain"}, b"username=x", 400),
    "as JSON": (JSON, b'{"username": "x"}', 400),
    "in parts": (
        {"content-type": "multipart/form-data; boundary=b"},
        b'--b\r\ncontent-disposition: form-data; name="username"\r\n\r\nx\r\n--b--\r\n',
        400,
    ),
    "without a type": ({}, b"username=x", 400),
    "not UTF-8": (FORM_HEADERS, b"username=\xff\xfe\xfa", 400),
    "not UTF-8, percent-encoded": (FORM_HEADERS, b"username=%FF%FE", 400),
    "half a surrogate pair": (FORM_HEADERS, b"username=%ED%A0%80", 400),
    "with very many fields": (FORM_HEADERS, form({f"field{number}": "" for number in range(1000)}), 400),
    "only separators": (FORM_HEADERS, b"&" * 60_000, 400),
    "without the fields": (FORM_HEADERS, b"", 422),
    "with control characters": (FORM_HEADERS, b"username=%00%07%1b&password=x%00", 422),
    "with invalid percent signs": (FORM_HEADERS, b"username=%&password=%zz", 401),
}


@pytest.mark.parametrize("headers, body, status", BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_a_valid_form_is_refused_with_a_message(
    fest: Fest, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = fest.send("POST", "/login", headers, body)
    assert answer.status == status
    assert message_of(answer)


@pytest.mark.parametrize("path", ["/login", "/api/v1/tokens"])
def test_a_body_without_a_length_is_measured_while_it_arrives(fest: Fest, path: str) -> None:
    headers = {"content-type": FORM if path == "/login" else "application/json"}
    start = request("POST", path, headers | {"transfer-encoding": "chunked"})
    answer = exchange(fest.server.url, start, chunked(b"x" * TOO_MANY_BYTES))
    assert answer.status == 413
    assert message_of(answer) == "The request is larger than any form or API call of this portal needs."
    fits = exchange(fest.server.url, start, chunked(form({"username": "asha", "password": PASSWORD})))
    assert fits.status == (303 if path == "/login" else 422)


@pytest.mark.parametrize(
    "length", ["99999999999999999999999999", "1e3", "-1", "0x10", "\N{FULLWIDTH DIGIT FIVE}"]
)
def test_an_invalid_content_length_is_refused(fest: Fest, length: str) -> None:
    raw = request("POST", "/login", FORM_HEADERS)[:-2] + b"content-length: " + length.encode() + b"\r\n\r\n"
    assert exchange(fest.server.url, raw).status in (400, 413)


@pytest.mark.parametrize(
    "lines",
    [
        ["content-length: 5", "content-length: 6"],
        ["content-length: 5", "transfer-encoding: chunked"],
        ["transfer-encoding: gzip"],
        [" folded: line"],
        ["no colon"],
        ["bad\x00name: x"],
    ],
)
def test_invalid_http_is_refused(fest: Fest, lines: list[str]) -> None:
    raw = "\r\n".join(["POST /login HTTP/1.1", "host: localhost", *lines, "", "hello"]).encode()
    assert 400 <= exchange(fest.server.url, raw).status < 500


@pytest.mark.parametrize("path", ["/login", "/api/v1/tokens"])
def test_a_client_that_disconnects_during_a_form_causes_no_server_error(fest: Fest, path: str) -> None:
    seen = len(fest.server.log())
    for framing in ({"content-length": "1000"}, {"transfer-encoding": "chunked"}):
        with socket.create_connection(("127.0.0.1", port_of(fest.server.url)), timeout=10) as connection:
            connection.sendall(request("POST", path, FORM_HEADERS | framing) + b"5\r\nusern")
    until(lambda: fest.server.log()[seen:].count(f'"path": "{path}"') == 2, "both are in the log")
    assert '"status": 500' not in fest.server.log()[seen:]


TARGETS: dict[str, tuple[str | bytes, int]] = {
    "page 0": ("/events?page=0", 422),
    "a page before the first": ("/events?page=-1", 422),
    "an absurd page": ("/events?page=" + "9" * 400, 422),
    "a page in words": ("/events?page=two", 422),
    "a page in other digits": ("/events?page=%D9%A3", 422),
    "a page after the last": ("/events?page=4711", 404),
    "an invalid day": ("/events?day=2026-02-30", 422),
    "the day zero": ("/events?day=0000-00-00", 422),
    "a day of the far future": ("/events?day=9999-12-31", 422),
    "a search for control characters": ("/events?q=%01%02", 422),
    "a search for a NUL": ("/events?q=%00", 400),
    "a very long search": ("/events?q=" + "x" * 200, 422),
    "a search that is not UTF-8": ("/events?q=%FF%FE", 400),
    "a search that is not UTF-8, raw": (b"/events?q=\xff\xfe", 400),
    "a category of control characters": ("/events?category=%1b%5B31m", 422),
    "an unknown event": ("/events/no-such-event", 404),
    "an event that is not UTF-8": ("/events/%FF%FE", 404),
    "an event that is not UTF-8, raw": (b"/events/\xff\xfe", 400),
    "an event of control characters": ("/events/%01%02", 404),
    "an event with a NUL": ("/events/robo-race%00", 400),
    "path traversal in an event": ("/events/../../etc/passwd", 404),
    "path traversal in a static file": ("/static/..%2f..%2fapp.py", 404),
    "a static file with a NUL": ("/static/%00.css", 400),
    "a static file that is a folder": ("/static/", 404),
    "a static file with a very long name": ("/static/" + "x" * 3000, 404),
    "two slashes": ("//events", 404),
    "two slashes and a host": ("//evil.example/events", 404),
    "a slash at the end of an unknown page": ("/evil.example/", 404),
    "a slash at the end of an unknown event": ("/events/no-such-event/", 404),
    "two slashes at the end of an event": ("/events/robo-race//", 404),
    "many slashes": ("/" * 300, 404),
    "a backslash": ("/\\evil.example", 404),
    "a long address": ("/events/" + "x" * 10_000, 414),
    "a long query": ("/events?" + "x" * 10_000, 414),
    "a very long address": ("/" + "x" * 60_000, 414),
    "the calendar of an unknown event": ("/events/no-such-event.ics", 404),
    "an unknown problem": ("/docs/problems/none", 404),
    "the API, a page in words": ("/api/v1/events?page=two", 422),
    "the API, not UTF-8": ("/api/v1/events?q=%FF", 400),
    "the API, a NUL": ("/api/v1/events/%00", 400),
    "the API, a slash at the end": ("/api/v1/events/", 404),
}


@pytest.mark.parametrize("target, status", TARGETS.values(), ids=TARGETS)
def test_an_invalid_address_is_refused_with_a_message(fest: Fest, target: str | bytes, status: int) -> None:
    answer = fest.send("GET", target)
    assert (answer.status, answer.location) == (status, "")
    assert message_of(answer)


SIGNED_IN_TARGETS = {
    "an order of control characters": ("GET", "/orders/%01", 404),
    "an order that is not UTF-8": ("GET", "/orders/%FF", 404),
    "a ticket of control characters": ("GET", "/tickets/%01", 404),
    "a code that is not UTF-8": ("GET", "/tickets/%FF.svg", 404),
    "a very long code": ("GET", "/tickets/" + "x" * 3000, 404),
    "the question about a seat beyond 64 bits": ("GET", f"/registrations/{2**63}/cancel", 404),
    "a seat beyond 64 bits": ("POST", f"/registrations/{2**63}/cancel", 404),
    "a seat of 400 digits": ("POST", f"/registrations/{10**400}/cancel", 404),
    "a seat that is not a number": ("POST", "/registrations/x/cancel", 404),
    "a negative seat": ("POST", "/registrations/-1/cancel", 404),
    "a seat at an unknown event": ("POST", "/events/no-such-event/register", 404),
    "a seat at an event of control characters": ("POST", "/events/%01/register", 404),
}


@pytest.mark.parametrize("method, target, status", SIGNED_IN_TARGETS.values(), ids=SIGNED_IN_TARGETS)
def test_unknown_orders_tickets_and_seats_return_404_to_a_signed_in_person(
    fest: Fest, method: str, target: str, status: int
) -> None:
    answer = fest.send(method, target, FORM_HEADERS if method == "POST" else {}, guest=fest.owner)
    assert answer.status == status
    assert message_of(answer)


HEADERS: dict[str, str] = {
    "host": "[",
    "host ": "",
    "cookie": "festgate_session=\xff\x01; festgate_session; =; ;;" + "x" * 5000,
    "cookie ": "festgate_session=" + "x" * 90,
    "referer": "http://[::1",
    "referer ": "\xff\xfe",
    "origin": "null",
    "x-forwarded-for": "no address, 1.2.3.4:99, [::1]:80",
    "x-forwarded-for ": "\xff",
    "x-forwarded-proto": "gopher\xff",
    "accept-encoding": "gzip;q=nonsense, \xff",
    "authorization": "Bearer \xff",
    "authorization ": "Bearer " + "x" * 20_000,
    "content-type": "application/x-www-form-urlencoded; charset=\xff",
    "if-modified-since": "the day before yesterday",
    "range": "bytes=9-1",
    "accept-language": "\xff",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_malformed_header_breaks_no_page(fest: Fest, name: str) -> None:
    headers = {name.strip(): HEADERS[name]}
    statuses = {path: fest.send("GET", path, headers).status for path in PATHS}
    assert not {path: status for path, status in statuses.items() if not 200 <= status < 500}
    response = fest.send("POST", "/events/robo-race/register", FORM_HEADERS | headers, b"")
    assert response.status in (303, 400, 403)


@pytest.mark.parametrize(
    "origin", ["http://[", "http://[::1", "\xff", "http://localhost:99999999", "//", "x" * 3000]
)
def test_a_malformed_origin_counts_as_another_site(fest: Fest, origin: str) -> None:
    assert (
        fest.send("POST", "/login", FORM_HEADERS | {"origin": origin}, form({"username": "x"})).status == 403
    )


@pytest.mark.parametrize(
    "method, path",
    [
        ("BREW", "/"),
        ("PROPFIND", "/events"),
        ("TRACE", "/"),
        ("DELETE", "/events/robo-race"),
        ("PUT", "/login"),
        ("PATCH", "/my-events"),
        ("POST", "/"),
        ("POST", "/my-events"),
        ("GET", "/events/robo-race/register"),
        ("GET", "/logout"),
        ("PUT", "/registrations/1/cancel"),
        ("GET", "/api/v1/tokens"),
        ("POST", "/openapi.json"),
        ("POST", "/healthz"),
        ("POST", "/static/festgate.css"),
        ("OPTIONS", "*"),
    ],
)
def test_a_method_that_an_address_does_not_support_is_refused(fest: Fest, method: str, path: str) -> None:
    answer = fest.send(method, path, FORM_HEADERS, b"" if method != "GET" else None)
    assert answer.status in (400, 404, 405)
    if answer.status == 405:
        assert method not in answer.headers["allow"]
        assert message_of(answer)


@pytest.mark.parametrize(
    "path", [*PATHS[:-1], "/static/festgate.css", "/events/robo-race.ics", "/no-such-page"]
)
def test_head_returns_the_headers_of_get_without_a_body(fest: Fest, path: str) -> None:
    get = fest.send("GET", path)
    raw = request("HEAD", path)
    # The Content-Length is that of the page, and no body follows.
    with_head = exchange(
        fest.server.url, raw.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), head=True
    )
    assert (with_head.status, with_head.body) == (get.status, b"")
    assert with_head.headers.get("content-length") == get.headers.get("content-length")


@settings(max_examples=length(200, 600), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(target=st.binary(min_size=1, max_size=60).filter(lambda raw: not set(raw) & set(b" \r\n")))
def test_random_addresses_never_cause_a_server_error(fest: Fest, target: bytes) -> None:
    for prefix in (b"/", b"/events/", b"/events?", b"/orders/", b"/tickets/", b"/static/", b"/api/v1/", b""):
        assert fest.send("GET", prefix + target, guest=fest.other).status < 500, prefix + target
