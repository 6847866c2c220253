"""Invalid fields: each gets an error, and nothing of the form is stored."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.journeys.served_fest import JSON, PASSWORD, Fest, assert_unchanged, message_of
from tests.rig.lengths import length
from tests.rig.wire import FORM


@pytest.fixture
def fest(served_fest: Fest) -> Iterator[Fest]:
    """Provide the fest, and assert that the test changes nothing."""
    with assert_unchanged(served_fest):
        yield served_fest


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
def test_an_invalid_event_field_gets_an_error_at_the_field(fest: Fest, field: str) -> None:
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
def test_an_unreadable_username_is_refused(fest: Fest, name: str) -> None:
    fields = {"username": name, "email": "new@example.org", "password": PASSWORD}
    answer = fest.post("/register", fields)
    assert answer.status == 422
    assert 'id="f-username-error"' in answer.text
    assert fest.send("POST", "/api/v1/people", JSON, json.dumps(fields).encode()).status == 422


JSONS: dict[str, bytes] = {
    "unclosed brackets": b"[" * 16_000,
    "unclosed objects": b'{"a":' * 3_000,
    "a number of many digits": b'{"username": ' + b"9" * 6000 + b', "password": "x"}',
    "half a surrogate pair": b'{"username": "\\ud800", "password": "x"}',
    "a NUL": b'{"username": "a\\u0000b", "password": "x"}',
    "not a number": b'{"username": NaN, "password": Infinity}',
    "the same key twice": b'{"username": "a", "username": 1, "password": 2}',
    "not UTF-8": b'{"username": "\xff", "password": "x"}',
    "UTF-16": '{"username": 1}'.encode("utf-16"),
    "a list": b"[1, 2]",
    "a string": b'"asha"',
    "an empty body": b"",
}


@pytest.mark.parametrize("body", JSONS.values(), ids=JSONS)
def test_invalid_json_is_refused_with_a_message(fest: Fest, body: bytes) -> None:
    answer = fest.send("POST", "/api/v1/tokens", JSON, body)
    assert answer.status == 422
    assert message_of(answer)


FORMS = (
    "/login",
    "/register",
    "/checkout",
    "/events/no-such-event/register",
    "/registrations/4711/cancel",
    "/organise/events/new",
    "/organise/events/robo-race/edit",
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


@settings(max_examples=length(300, 3000), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(FORMS),
    body=bodies,
    kind=st.sampled_from([FORM, FORM, FORM, "application/json", "text/plain", f"{FORM}; charset=utf-7", ""]),
    as_organiser=st.booleans(),
)
def test_random_form_bodies_never_cause_a_server_error(
    fest: Fest, path: str, body: bytes, kind: str, as_organiser: bool
) -> None:
    guest = fest.organiser if as_organiser else None
    if path.startswith("/organise/events"):
        # A title and a fee of 0 are enough for a draft. The last value of a field counts, and this one is refused.
        body += b"&capacity=many"
    answer = fest.send("POST", path, {"content-type": kind}, body, guest)
    # Random fields never have the right username and password.
    assert answer.status in (303, 400, 401, 403, 404, 409, 422), (path, body)
    if answer.status == 303:
        assert answer.location.startswith("/login")
