"""What no form of ours would send: always 4xx with a sentence, never a 500, and nothing half-written."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from festgate.accounts.passwords import hash_password
from festgate.accounts.people import Newcomer, add_person
from festgate.kit.gate import LARGEST_BODY
from tests.journeys.stage import Guest, announce, ask_file, holds, invite, invite_one, quiet
from tests.rig.database import copy_of, open_database
from tests.rig.postgres import Cluster
from tests.rig.server import Server, serving
from tests.rig.waiting import until
from tests.rig.wire import FORM, Answer, exchange, form, port_of, request

PASSWORD = "correct horse"
TOO_MUCH = LARGEST_BODY + 1
SEND = {"content-type": FORM}
JSON = {"content-type": "application/json"}
LOCAL = ("/", "/events", "/events/robo-race", "/login", "/my-events", "/checkout", "/docs", "/api/v1/events")
TABLES = (
    "accounts_people",
    "registrations_seats",
    "checkout_orders",
    "checkout_sandbox_charges",
    "tickets_tickets",
    "catalogue_events",
)


@dataclass(frozen=True)
class Fest:
    """A server; someone with a seat, an order and a ticket; someone else; and an organiser."""

    server: Server
    url: str
    owner: Guest
    other: Guest
    organiser: Guest
    ref: str
    code: str
    seat: int

    def ask(
        self,
        method: str,
        target: str | bytes,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        who: Guest | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        return exchange(
            self.server.url, request(method, target, (who.cookie if who else {}) | (headers or {}), body)
        )

    def post(self, path: str, fields: dict[str, str], who: Guest | None = None, **headers: str) -> Answer:
        """A form, as a browser sends it."""
        return self.ask("POST", path, SEND | headers, form(fields), who)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the data say, read beside the server."""
        if self.url.startswith("sqlite"):
            return ask_file(self.server.data, sql)
        with psycopg.connect(self.url) as connection:
            return connection.execute(sql.encode()).fetchall()

    def counts(self) -> list[int]:
        """How many rows each table has."""
        return [self.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]  # noqa: S608  (our own names)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def fest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("bad-input") / "fest"
    extra = {
        "FESTGATE_PAYMENT_METHODS": "sandbox,desk",
        "FESTGATE_SIGN_IN_LIMIT": "1000000",
        "FESTGATE_ADDRESS_LIMIT": "1000000",
    }
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = copy_of(request.getfixturevalue("migrated_sqlite"), data)
        else:
            cluster: Cluster = request.getfixturevalue("postgres_cluster")
            name = cluster.create(request.getfixturevalue("migrated_postgres"))
            stack.callback(cluster.drop, name)
            url = extra["FESTGATE_DATABASE_URL"] = cluster.url(name)
        with open_database(url) as database:
            for title in ("Robo Race", "Hackathon"):
                database.write(announce, title)
            owner, other = database.write(invite, 2)
            organiser = database.write(invite_one, "organiser", "organiser")
            database.write(add_person, Newcomer("asha", "asha@example.org"), hash_password(PASSWORD))
        server = stack.enter_context(serving(data, extra=extra))
        fest = Fest(server, url, owner, other, organiser, "", "", 0)
        assert fest.post("/events/robo-race/register", {}, owner).location == "/my-events"
        ref = fest.post("/checkout", {"payment_method": "sandbox"}, owner).location.removeprefix("/orders/")
        assert fest.post("/events/hackathon/register", {}, owner).location == "/my-events"
        quiet(server)
        ((code,),) = fest.rows("SELECT code FROM tickets_tickets")
        ((seat,),) = fest.rows("SELECT id FROM registrations_seats WHERE state = 'held'")
        yield replace(fest, ref=ref, code=code, seat=seat)
        holds(data, extra)


@pytest.fixture(autouse=True)
def _nothing_breaks_and_nothing_is_written(fest: Fest) -> Iterator[None]:
    """Whatever a test sends: the log has no bug, and each table has the rows that it had."""
    before, seen = fest.counts(), len(fest.server.log())
    yield
    assert "a bug" not in fest.server.log()[seen:]
    assert fest.counts() == before


def sentence(answer: Answer) -> str:
    """What a refusal says: on a page below its heading, in a problem as its detail."""
    kind = answer.headers.get("content-type", "")
    if kind == "application/problem+json":
        said: str = json.loads(answer.body)["detail"]
    elif kind.startswith("text/html"):
        found = re.search(
            r'<p class="lead">([^<]+)</p>|class="(?:error|notice[^"]*)"[^>]*>([^<]+)<', answer.text
        )
        assert found is not None, answer.text
        said = found.group(1) or found.group(2)
    else:
        # What cannot be read as HTTP at all does not come as far as the portal.
        said = answer.text
    assert re.match(r"\S.{8,}[.:]", said), said
    return said


def chunked(body: bytes) -> bytes:
    """The body in chunks of some kilobytes, so that nothing tells its length."""
    pieces = [body[start : start + 8192] for start in range(0, len(body), 8192)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


BODIES: dict[str, tuple[dict[str, str], bytes, int]] = {
    "too large": (SEND, b"username=" + b"x" * TOO_MUCH, 413),
    "in an unknown type": ({"content-type": "text/plain"}, b"username=x", 400),
    "as JSON": (JSON, b'{"username": "x"}', 400),
    "in parts": (
        {"content-type": "multipart/form-data; boundary=b"},
        b'--b\r\ncontent-disposition: form-data; name="username"\r\n\r\nx\r\n--b--\r\n',
        400,
    ),
    "without a type": ({}, b"username=x", 400),
    "not UTF-8": (SEND, b"username=\xff\xfe\xfa", 400),
    "not UTF-8, percent-encoded": (SEND, b"username=%FF%FE", 400),
    "half a character": (SEND, b"username=%ED%A0%80", 400),
    "with very many fields": (SEND, form({f"field{number}": "" for number in range(1000)}), 400),
    "of nothing but separators": (SEND, b"&" * 60_000, 400),
    "without the fields": (SEND, b"", 422),
    "with control characters": (SEND, b"username=%00%07%1b&password=x%00", 422),
    "with percent signs that mean nothing": (SEND, b"username=%&password=%zz", 401),
}


@pytest.mark.parametrize("headers, body, status", BODIES.values(), ids=BODIES)
def test_a_body_that_is_no_form_is_refused_with_a_sentence(
    fest: Fest, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = fest.ask("POST", "/login", headers, body)
    assert answer.status == status
    assert sentence(answer)


@pytest.mark.parametrize("path", ["/login", "/api/v1/tokens"])
def test_a_body_that_does_not_tell_its_length_is_counted_as_it_comes(fest: Fest, path: str) -> None:
    headers = {"content-type": FORM if path == "/login" else "application/json"}
    start = request("POST", path, headers | {"transfer-encoding": "chunked"})
    answer = exchange(fest.server.url, start, chunked(b"x" * TOO_MUCH))
    assert answer.status == 413
    assert sentence(answer) == "The request is larger than anything this portal takes."
    fits = exchange(fest.server.url, start, chunked(form({"username": "asha", "password": PASSWORD})))
    assert fits.status == (303 if path == "/login" else 422)


@pytest.mark.parametrize("length", ["99999999999999999999999999", "1e3", "-1", "0x10", "５"])
def test_a_length_that_is_none_is_refused(fest: Fest, length: str) -> None:
    raw = request("POST", "/login", SEND)[:-2] + b"content-length: " + length.encode() + b"\r\n\r\n"
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
def test_what_is_not_http_is_refused(fest: Fest, lines: list[str]) -> None:
    raw = "\r\n".join(["POST /login HTTP/1.1", "host: localhost", *lines, "", "hello"]).encode()
    assert 400 <= exchange(fest.server.url, raw).status < 500


@pytest.mark.parametrize("path", ["/login", "/api/v1/tokens"])
def test_whoever_hangs_up_in_the_middle_of_a_form_is_no_bug(fest: Fest, path: str) -> None:
    seen = len(fest.server.log())
    for told in ({"content-length": "1000"}, {"transfer-encoding": "chunked"}):
        with socket.create_connection(("127.0.0.1", port_of(fest.server.url)), timeout=10) as connection:
            connection.sendall(request("POST", path, SEND | told) + b"5\r\nusern")
    until(lambda: fest.server.log()[seen:].count(f'"path": "{path}"') == 2, "both are in the log")
    assert '"status": 500' not in fest.server.log()[seen:]


TARGETS: dict[str, tuple[str | bytes, int]] = {
    "page 0": ("/events?page=0", 422),
    "a page before the first": ("/events?page=-1", 422),
    "an absurd page": ("/events?page=" + "9" * 400, 422),
    "a page in words": ("/events?page=two", 422),
    "a page in other digits": ("/events?page=%D9%A3", 422),
    "a page that is not there": ("/events?page=4711", 404),
    "no day": ("/events?day=2026-02-30", 422),
    "a day long gone": ("/events?day=0000-00-00", 422),
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
    "an event up the tree": ("/events/../../etc/passwd", 404),
    "a static file up the tree": ("/static/..%2f..%2fapp.py", 404),
    "a static file with a NUL": ("/static/%00.css", 400),
    "a static file that is a folder": ("/static/", 404),
    "a static file with a very long name": ("/static/" + "x" * 3000, 404),
    "two slashes": ("//events", 404),
    "two slashes and a host": ("//evil.example/events", 404),
    "a slash at the end": ("/events/", 404),
    "a slash at the end of an event": ("/events/robo-race/", 404),
    "many slashes": ("/" * 300, 404),
    "a backslash": ("/\\evil.example", 404),
    "a long address": ("/events/" + "x" * 10_000, 400),
    "a long query": ("/events?" + "x" * 10_000, 400),
    "a very long address": ("/" + "x" * 60_000, 400),
    "a calendar of no event": ("/events/no-such-event.ics", 404),
    "a problem that there is not": ("/docs/problems/none", 404),
    "the API, a page in words": ("/api/v1/events?page=two", 422),
    "the API, not UTF-8": ("/api/v1/events?q=%FF", 400),
    "the API, a NUL": ("/api/v1/events/%00", 400),
    "the API, a slash at the end": ("/api/v1/events/", 404),
}


@pytest.mark.parametrize("target, status", TARGETS.values(), ids=TARGETS)
def test_an_address_that_is_none_is_refused_with_a_sentence(
    fest: Fest, target: str | bytes, status: int
) -> None:
    answer = fest.ask("GET", target)
    assert (answer.status, answer.location) == (status, "")
    assert sentence(answer)


OWN = {
    "an order of control characters": ("GET", "/orders/%01", 404),
    "an order that is not UTF-8": ("GET", "/orders/%FF", 404),
    "a ticket of control characters": ("GET", "/tickets/%01", 404),
    "a code that is not UTF-8": ("GET", "/tickets/%FF.svg", 404),
    "a very long code": ("GET", "/tickets/" + "x" * 3000, 404),
    "a seat beyond 64 bits": ("POST", f"/registrations/{2**63}/cancel", 404),
    "a seat beyond anything": ("POST", f"/registrations/{10**400}/cancel", 404),
    "a seat that is none": ("POST", "/registrations/x/cancel", 404),
    "a seat before the first": ("POST", "/registrations/-1/cancel", 404),
    "a seat at no event": ("POST", "/events/no-such-event/register", 404),
    "a seat at an event of control characters": ("POST", "/events/%01/register", 404),
}


@pytest.mark.parametrize("method, target, status", OWN.values(), ids=OWN)
def test_what_nobody_has_is_not_found_by_those_who_are_signed_in_either(
    fest: Fest, method: str, target: str, status: int
) -> None:
    answer = fest.ask(method, target, SEND if method == "POST" else {}, who=fest.owner)
    assert answer.status == status
    assert sentence(answer)


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
def test_a_header_that_makes_no_sense_breaks_no_page(fest: Fest, name: str) -> None:
    headers = {name.strip(): HEADERS[name]}
    statuses = {path: fest.ask("GET", path, headers).status for path in LOCAL}
    assert not {path: status for path, status in statuses.items() if not 200 <= status < 500}
    asked = fest.ask("POST", "/events/robo-race/register", SEND | headers, b"")
    assert asked.status in (303, 400, 403)


@pytest.mark.parametrize(
    "origin", ["http://[", "http://[::1", "\xff", "http://localhost:99999999", "//", "x" * 3000]
)
def test_an_origin_that_makes_no_sense_is_another_site(fest: Fest, origin: str) -> None:
    assert fest.ask("POST", "/login", SEND | {"origin": origin}, form({"username": "x"})).status == 403


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
        ("GET", "/registrations/1/cancel"),
        ("GET", "/api/v1/tokens"),
        ("POST", "/openapi.json"),
        ("POST", "/healthz"),
        ("POST", "/static/festgate.css"),
        ("OPTIONS", "*"),
    ],
)
def test_a_method_that_an_address_does_not_take_is_refused(fest: Fest, method: str, path: str) -> None:
    answer = fest.ask(method, path, SEND, b"" if method != "GET" else None)
    assert answer.status in (400, 404, 405)
    if answer.status == 405:
        assert method not in answer.headers["allow"]
        assert sentence(answer)


@pytest.mark.parametrize(
    "path", [*LOCAL[:-1], "/static/festgate.css", "/events/robo-race.ics", "/no-such-page"]
)
def test_head_answers_as_get_does_without_the_body(fest: Fest, path: str) -> None:
    get = fest.ask("GET", path)
    raw = request("HEAD", path)
    # The length is that of the page, and no byte of it follows.
    with_head = exchange(
        fest.server.url, raw.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"), head=True
    )
    assert (with_head.status, with_head.body) == (get.status, b"")
    assert with_head.headers.get("content-length") == get.headers.get("content-length")


ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r\nset-cookie: a=b",
    "/\x00//evil.example",
    " //evil.example",
    "https://evil.example",
    "HTTPS:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "/%0d%0aset-cookie:%20a=b",
    "/.//evil.example",
    "/..//evil.example",
    "/\u2028/evil.example",
    "/ü/evil.example",
    "http://[",
    "/" + "x" * 5000,
    "",
)


@pytest.mark.parametrize("next_", ELSEWHERE)
def test_next_never_leads_to_another_site(fest: Fest, next_: str) -> None:
    signed_in = fest.post("/login", {"username": "asha", "password": PASSWORD, "next": next_})
    assert signed_in.status == 303
    assert "\r" not in signed_in.location
    leads_to = urlsplit(urljoin("http://fest.example/login", signed_in.location.replace("\\", "/")))
    assert (leads_to.scheme, leads_to.netloc) == ("http", "fest.example")
    for page in ("/login", "/register"):
        shown = fest.ask("GET", f"{page}?next={quote(next_)}")
        if shown.status == 200:
            (kept,) = re.findall(r'name="next" value="([^"]*)"', shown.text)
            assert kept.startswith("/")
            assert not kept.startswith(("//", "/\\"))
        else:
            assert sentence(shown)


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "nonsense"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"origin": "http://localhost:1"}, 403),
        ({"origin": "http://localhost", "sec-fetch-site": "cross-site"}, 403),
    ],
)
@pytest.mark.parametrize(
    "path",
    [
        "/events/hackathon/register",
        "/registrations/{seat}/cancel",
        "/checkout",
        "/orders/{ref}/cancel",
        "/logout",
        "/login",
        "/register",
    ],
)
def test_a_form_on_another_site_does_nothing(
    fest: Fest, path: str, headers: dict[str, str], status: int
) -> None:
    path = path.format(seat=fest.seat, ref=fest.ref)
    answer = fest.ask("POST", path, SEND | headers, form({"payment_method": "sandbox"}), fest.owner)
    assert answer.status == status
    assert "only accepted from the fest" in sentence(answer)
    assert fest.rows(f"SELECT state FROM registrations_seats WHERE id = {fest.seat}") == [("held",)]
    assert "Sign out" in fest.ask("GET", "/events", who=fest.owner).text


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/orders/{ref}"),
        ("POST", "/orders/{ref}/cancel"),
        ("GET", "/tickets/{code}"),
        ("GET", "/tickets/{code}.svg"),
        ("GET", "/tickets/{code}.ics"),
        ("POST", "/registrations/{seat}/cancel"),
        ("GET", "/api/v1/orders/{ref}"),
        ("POST", "/api/v1/orders/{ref}/cancel"),
        ("GET", "/api/v1/tickets/{code}"),
        ("POST", "/api/v1/registrations/{seat}/cancel"),
    ],
)
def test_what_is_someone_elses_looks_as_if_it_were_not_there(fest: Fest, method: str, path: str) -> None:
    path = path.format(ref=fest.ref, code=fest.code, seat=fest.seat)
    headers = fest.other.bearer if path.startswith("/api/") else SEND
    answer = fest.ask(method, path, headers, who=fest.other)
    assert answer.status == 404
    assert sentence(answer) == "There is nothing at this address, or it is not yours."
    organiser = fest.organiser.bearer if path.startswith("/api/") else SEND
    assert fest.ask(method, path, organiser, who=fest.organiser).status == 404
    states = fest.rows("SELECT state FROM registrations_seats ORDER BY id")
    assert states == [("confirmed",), ("held",)]


@pytest.mark.parametrize(
    "path", ["/organise", "/organise/events/new", "/organise/events/robo-race", "/organise/orders"]
)
def test_the_organisers_pages_are_theirs(fest: Fest, path: str) -> None:
    assert fest.ask("GET", path).location == f"/login?next={path}"
    answer = fest.ask("GET", path, who=fest.other)
    assert answer.status == 403
    assert sentence(answer)


@pytest.mark.parametrize(
    "path", ["/organise/events/new", "/organise/events/robo-race", "/organise/events/robo-race/cancel"]
)
def test_who_organises_nothing_changes_nothing(fest: Fest, path: str) -> None:
    assert fest.post(path, {"title": "Mine", "fee": "0"}, fest.other).status == 403
    assert fest.rows("SELECT DISTINCT state FROM catalogue_events") == [("published",)]


@pytest.mark.parametrize("parameter", ["user", "username", "person", "person_id", "session", "token"])
def test_nobody_becomes_someone_by_a_parameter_of_the_address(fest: Fest, parameter: str) -> None:
    for value in (fest.owner.username, str(fest.owner.id), fest.owner.session):
        query = f"{parameter}={quote(value)}"
        anonymous = fest.ask("GET", f"/my-events?{query}")
        assert (anonymous.status, anonymous.location) == (303, f"/login?next={quote(f'/my-events?{query}')}")
        assert "No seat yet" in fest.ask("GET", f"/my-events?{query}", who=fest.other).text
        assert fest.post(f"/events/hackathon/register?{query}", {}).location.startswith("/login")


FIELDS: dict[str, list[str]] = {
    "title": ["", "x" * 121, "a\x00b", "a\u202eb"],
    "summary": ["x" * 201, "a\nb", "a\x1bb"],
    "description": ["x" * 10_001, "a\x00b"],
    "place": ["x" * 121, "\x7f"],
    "starts_at": [
        "tomorrow",
        "2026-02-30T10:00",
        "0000-00-00T00:00",
        "9999-12-31T23:59",
        "2026-11-22T25:00",
        "\x00",
    ],
    "ends_at": ["2001-01-01T10:00", "x" * 500],
    "sales_open_at": ["never"],
    "fee": ["", "-1", "NaN", "Infinity", "1e999999", "1e-999999", "-0.001", "1.234", "10" + "0" * 40, "\x00"],
    "capacity": ["-1", "1.5", "1e3", "1000001", "9" * 400, "٣", "many", "\x00"],
}
EVENT = {
    "title": "Another",
    "place": "Main Hall",
    "starts_at": "2031-03-14T10:00",
    "ends_at": "2031-03-14T12:00",
    "fee": "100",
    "capacity": "10",
    "then": "publish",
}


@pytest.mark.parametrize("field", FIELDS)
def test_an_organiser_is_told_what_is_wrong_with_a_field(fest: Fest, field: str) -> None:
    for value in FIELDS[field]:
        answer = fest.post("/organise/events/new", EVENT | {field: value}, fest.organiser)
        assert answer.status == 422, f"{field}={value[:40]!r}"
        assert f'id="f-{field}-error"' in answer.text


NAMES = [
    "",
    "x",
    "x" * 33,
    "a b",
    "a\x00b",
    "\u202eadmin",
    "name@example.org",
    "-asha",
    "a\nb",
    "\u200b\u200b\u200b",
    "../..",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_nobody_can_read_is_refused(fest: Fest, name: str) -> None:
    fields = {"username": name, "email": "new@example.org", "password": PASSWORD}
    answer = fest.post("/register", fields)
    assert answer.status == 422
    assert 'id="f-username-error"' in answer.text
    assert fest.ask("POST", "/api/v1/people", JSON, json.dumps(fields).encode()).status == 422


JSONS: dict[str, bytes] = {
    "brackets without end": b"[" * 60_000,
    "objects without end": b'{"a":' * 10_000,
    "a number of many digits": b'{"username": ' + b"9" * 6000 + b', "password": "x"}',
    "half a character": b'{"username": "\\ud800", "password": "x"}',
    "a NUL": b'{"username": "a\\u0000b", "password": "x"}',
    "not a number": b'{"username": NaN, "password": Infinity}',
    "the same key twice": b'{"username": "a", "username": 1, "password": 2}',
    "not UTF-8": b'{"username": "\xff", "password": "x"}',
    "UTF-16": '{"username": 1}'.encode("utf-16"),
    "a list": b"[1, 2]",
    "a text": b'"asha"',
    "nothing": b"",
}


@pytest.mark.parametrize("body", JSONS.values(), ids=JSONS)
def test_json_that_is_none_is_refused_with_a_sentence(fest: Fest, body: bytes) -> None:
    answer = fest.ask("POST", "/api/v1/tokens", JSON, body)
    assert answer.status == 422
    assert sentence(answer)


FORMS = (
    "/login",
    "/register",
    "/checkout",
    "/events/no-such-event/register",
    "/registrations/4711/cancel",
    "/organise/events/new",
    "/organise/events/robo-race",
    "/api/v1/tokens",
    "/api/v1/people",
)
names = st.sampled_from(
    ["username", "email", "password", "next", "payment_method", "idempotency_key", "card_number", *EVENT]
)
texts = st.text(st.characters(exclude_categories=()), max_size=60).map(
    lambda text: quote(text.encode("utf-8", "surrogatepass"))
)
values = st.one_of(
    texts, st.binary(max_size=40).map(lambda raw: raw.replace(b"&", b"")), st.sampled_from(["", "%", "0"])
)
bodies = st.one_of(
    st.binary(max_size=300),
    st.lists(st.tuples(names, values), max_size=12).map(
        lambda pairs: b"&".join(
            name.encode() + b"=" + (value if isinstance(value, bytes) else value.encode())
            for name, value in pairs
        )
    ),
)


@settings(max_examples=300)
@given(
    path=st.sampled_from(FORMS),
    body=bodies,
    kind=st.sampled_from([FORM, FORM, FORM, "application/json", "text/plain", f"{FORM}; charset=utf-7", ""]),
    organises=st.booleans(),
)
def test_whatever_a_form_is_sent_the_answer_is_no_500(
    fest: Fest, path: str, body: bytes, kind: str, organises: bool
) -> None:
    who = fest.organiser if organises else None
    answer = fest.ask("POST", path, {"content-type": kind}, body, who)
    # By chance nobody has a right name and password, or fills in a whole event.
    assert answer.status in (303, 400, 401, 403, 404, 409, 422), (path, body)
    if answer.status == 303:
        assert answer.location.startswith("/login")


@settings(max_examples=200)
@given(target=st.binary(min_size=1, max_size=60).filter(lambda raw: not set(raw) & set(b" \r\n")))
def test_whatever_an_address_is_the_answer_is_no_500(fest: Fest, target: bytes) -> None:
    for prefix in (b"/", b"/events/", b"/events?", b"/orders/", b"/tickets/", b"/static/", b"/api/v1/", b""):
        assert fest.ask("GET", prefix + target, who=fest.other).status < 500, prefix + target
