"""Tokens and people as JSON, on a real server."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest

from tests.rig.server import Server, serving

PASSWORD = "correct horse"
NUMBERS = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("accounts-api") / "data") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/api/v1", trust_env=False, verify=False, timeout=60) as opened:
        yield opened


def join(client: httpx.Client) -> str:
    name = f"program{next(NUMBERS)}"
    person = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    assert client.post("/people", json=person).status_code == 201
    return name


def token_of(client: httpx.Client, name: str) -> str:
    answer = client.post("/tokens", json={"username": name, "password": PASSWORD})
    assert answer.status_code == 201
    return str(answer.json()["token"])


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the body of an error, after checking that it has the shape of all errors."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == answer.headers["x-request-id"]
    return body


def test_a_token_identifies_the_caller_until_it_is_ended(client: httpx.Client) -> None:
    name = join(client)
    token = token_of(client, name)
    me = client.get("/people/me", headers=bearing(token))
    assert me.status_code == 200
    assert me.json() == {
        "id": me.json()["id"],
        "username": name,
        "email": f"{name}@example.org",
        "role": "attendee",
        "email_confirmed": False,
    }
    assert client.delete("/tokens/current", headers=bearing(token)).status_code == 204
    problem(client.get("/people/me", headers=bearing(token)), 401, "sign-in-needed")
    problem(client.delete("/tokens/current", headers=bearing(token)), 401, "sign-in-needed")


def test_a_new_token_has_its_expiry(client: httpx.Client) -> None:
    answer = client.post("/tokens", json={"username": join(client), "password": PASSWORD})
    ends = datetime.fromisoformat(answer.json()["expires_at"])
    assert ends.utcoffset() == timedelta(0)
    assert timedelta(days=13) < ends - datetime.now(UTC) <= timedelta(days=14)


def test_giving_one_token_back_leaves_the_others(client: httpx.Client) -> None:
    name = join(client)
    first, second = token_of(client, name), token_of(client, name)
    client.delete("/tokens/current", headers=bearing(first))
    assert client.get("/people/me", headers=bearing(second)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer"},
        {"authorization": "Bearer never-given"},
        {"authorization": "Basic YXNoYTpwYXNz"},
        {"authorization": "Bearer " + "x" * 4000},
    ],
)
def test_without_a_token_that_holds_nobody_is_calling(client: httpx.Client, headers: dict[str, str]) -> None:
    answer = client.get("/people/me", headers=headers)
    problem(answer, 401, "sign-in-needed")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_browsers_cookie_is_no_token_and_a_token_no_cookie(client: httpx.Client, server: Server) -> None:
    name = join(client)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as browser:
        browser.post("/login", data={"username": name, "password": PASSWORD})
        cookie = browser.cookies["festgate_session"]
        # The browser sends its cookie to the API too, which ignores it.
        problem(browser.get("/api/v1/people/me"), 401, "sign-in-needed")
        problem(client.get("/people/me", headers=bearing(cookie)), 401, "sign-in-needed")
        browser.cookies.clear()
        browser.cookies.set("festgate_session", token_of(client, name))
        assert browser.get("/login").status_code == 200


def test_a_wrong_password_and_an_unknown_name_look_alike(client: httpx.Client) -> None:
    name = join(client)
    bodies = []
    for entered, password in ((name, "incorrect horse"), ("nobody-at-all", PASSWORD)):
        answer = client.post("/tokens", json={"username": entered, "password": password})
        bodies.append({**problem(answer, 401, "wrong-password"), "request_id": ""})
    assert bodies[0] == bodies[1]


def test_too_many_wrong_passwords_are_refused_with_the_time_to_wait(client: httpx.Client) -> None:
    name = join(client)
    for number in range(10):
        answer = client.post("/tokens", json={"username": name, "password": f"guess {number}"})
        problem(answer, 401, "wrong-password")
    answer = client.post("/tokens", json={"username": name, "password": PASSWORD})
    problem(answer, 429, "too-many")
    assert 0 < int(answer.headers["retry-after"]) <= 15 * 60


def test_a_name_that_is_taken_is_a_conflict(client: httpx.Client) -> None:
    name = join(client)
    person = {"username": name.upper(), "email": f"other-{name}@example.org", "password": PASSWORD}
    body = problem(client.post("/people", json=person), 409, "taken")
    assert body["detail"] == "This username is taken. Choose another."


@pytest.mark.parametrize(
    "changes,wrong",
    [
        ({"username": "x"}, {"username"}),
        ({"email": "nowhere", "password": "short"}, {"email", "password"}),
        ({"username": "as\x00ha"}, {"username"}),
        ({"username": "as\ud800ha"}, {"username"}),
        ({"password": "password\ud800"}, {"password"}),
        ({"username": None}, {"username"}),
        ({"username": 12345}, {"username"}),
        ({"role": "organiser"}, {"role"}),
    ],
)
def test_wrong_data_of_an_account_are_named_field_by_field(
    client: httpx.Client, changes: dict[str, Any], wrong: set[str]
) -> None:
    person = {"username": "somebody", "email": "somebody@example.org", "password": PASSWORD} | changes
    # Written in ASCII, since half a character can only be sent as an escape.
    answer = client.post("/people", content=json.dumps(person), headers={"content-type": "application/json"})
    body = problem(answer, 422, "invalid")
    assert set(body["fields"]) == wrong


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff", b"null", b"[" * 20_000])
@pytest.mark.parametrize("path", ["/tokens", "/people"])
def test_a_body_that_is_no_object_is_turned_away(client: httpx.Client, path: str, content: bytes) -> None:
    answer = client.post(path, content=content, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
