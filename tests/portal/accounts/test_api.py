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
PROGRAM_NUMBERS = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("accounts-api") / "data") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{server.url}/api/v1", trust_env=False, verify=False, timeout=60
    ) as new_client:
        yield new_client


def join(client: httpx.Client) -> str:
    name = f"program{next(PROGRAM_NUMBERS)}"
    person = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    assert client.post("/people", json=person).status_code == 201
    return name


def token_of(client: httpx.Client, name: str) -> str:
    response = client.post("/tokens", json={"username": name, "password": PASSWORD})
    assert response.status_code == 201
    return str(response.json()["token"])


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that a response is a problem with this status and code; return its body."""
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response.headers["x-request-id"]
    return body


def test_a_token_identifies_the_caller_until_it_is_revoked(client: httpx.Client) -> None:
    name = join(client)
    token = token_of(client, name)
    me = client.get("/people/me", headers=bearer(token))
    assert me.status_code == 200
    assert me.json() == {
        "id": me.json()["id"],
        "name": "",
        "username": name,
        "email": f"{name}@example.org",
        "role": "attendee",
        "email_confirmed": False,
    }
    assert client.delete("/tokens/current", headers=bearer(token)).status_code == 204
    problem(client.get("/people/me", headers=bearer(token)), 401, "sign-in-needed")
    problem(client.delete("/tokens/current", headers=bearer(token)), 401, "sign-in-needed")


def test_a_new_token_expires_after_14_days(client: httpx.Client) -> None:
    response = client.post("/tokens", json={"username": join(client), "password": PASSWORD})
    expires_at = datetime.fromisoformat(response.json()["expires_at"])
    assert expires_at.utcoffset() == timedelta(0)
    assert timedelta(days=13) < expires_at - datetime.now(UTC) <= timedelta(days=14)


def test_revoking_one_token_leaves_the_others_valid(client: httpx.Client) -> None:
    name = join(client)
    first, second = token_of(client, name), token_of(client, name)
    client.delete("/tokens/current", headers=bearer(first))
    assert client.get("/people/me", headers=bearer(second)).status_code == 200


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
def test_a_request_without_a_valid_token_is_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    response = client.get("/people/me", headers=headers)
    problem(response, 401, "sign-in-needed")
    assert response.headers["www-authenticate"].startswith("Bearer")


def test_a_cookie_is_not_accepted_as_a_token_nor_a_token_as_a_cookie(
    client: httpx.Client, server: Server
) -> None:
    name = join(client)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60) as browser:
        browser.post("/login", data={"username": name, "password": PASSWORD})
        cookie = browser.cookies["festgate_session"]
        # The browser sends its cookie to the API too, which ignores it.
        problem(browser.get("/api/v1/people/me"), 401, "sign-in-needed")
        problem(client.get("/people/me", headers=bearer(cookie)), 401, "sign-in-needed")
        browser.cookies.clear()
        browser.cookies.set("festgate_session", token_of(client, name))
        assert browser.get("/login").status_code == 200


def test_a_wrong_password_and_an_unknown_name_get_the_same_response(client: httpx.Client) -> None:
    name = join(client)
    bodies = []
    for username, password in ((name, "incorrect horse"), ("nobody-at-all", PASSWORD)):
        response = client.post("/tokens", json={"username": username, "password": password})
        bodies.append({**problem(response, 401, "wrong-password"), "request_id": ""})
    assert bodies[0] == bodies[1]


def test_too_many_wrong_passwords_are_refused_with_the_time_to_wait(client: httpx.Client) -> None:
    name = join(client)
    for number in range(10):
        response = client.post("/tokens", json={"username": name, "password": f"guess {number}"})
        problem(response, 401, "wrong-password")
    response = client.post("/tokens", json={"username": name, "password": PASSWORD})
    problem(response, 429, "too-many")
    assert 0 < int(response.headers["retry-after"]) <= 15 * 60


def test_a_name_is_cleaned_and_returned_and_may_be_left_out(client: httpx.Client) -> None:
    number = next(PROGRAM_NUMBERS)
    person = {"username": f"program{number}", "email": f"{number}@example.org", "password": PASSWORD}
    made = client.post("/people", json=person | {"name": " Ünal  O\u2019Brien\u200b "})
    assert (made.status_code, made.json()["name"]) == (201, "Ünal O\u2019Brien")


def test_a_name_that_is_taken_is_a_conflict(client: httpx.Client) -> None:
    name = join(client)
    person = {"username": name.upper(), "email": f"other-{name}@example.org", "password": PASSWORD}
    body = problem(client.post("/people", json=person), 409, "taken")
    assert body["detail"] == "This username is taken. Choose another."


@pytest.mark.parametrize(
    "changes,invalid_fields",
    [
        ({"username": "x"}, {"username"}),
        ({"email": "nowhere", "password": "short"}, {"email", "password"}),
        ({"username": "as\x00ha"}, {"username"}),
        ({"username": "as\ud800ha"}, {"username"}),
        ({"password": "password\ud800"}, {"password"}),
        ({"username": None}, {"username"}),
        ({"name": "<b>Asha</b>"}, {"name"}),
        ({"name": ""}, {"name"}),
        ({"username": 12345}, {"username"}),
        ({"role": "organiser"}, {"role"}),
    ],
)
def test_every_invalid_field_of_a_new_account_is_named(
    client: httpx.Client, changes: dict[str, Any], invalid_fields: set[str]
) -> None:
    person = {"username": "somebody", "email": "somebody@example.org", "password": PASSWORD} | changes
    # Written in ASCII, since half a character can only be sent as an escape.
    response = client.post(
        "/people", content=json.dumps(person), headers={"content-type": "application/json"}
    )
    body = problem(response, 422, "invalid")
    assert set(body["fields"]) == invalid_fields


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff", b"null", b"[" * 20_000])
@pytest.mark.parametrize("path", ["/tokens", "/people"])
def test_a_body_that_is_not_a_json_object_is_refused(client: httpx.Client, path: str, content: bytes) -> None:
    response = client.post(path, content=content, headers={"content-type": "application/json"})
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == "application/problem+json"


def test_sessions_are_listed_and_ended_one_by_one_or_all_others(client: httpx.Client) -> None:
    name = join(client)
    here, second, third = (bearer(token_of(client, name)) for _ in range(3))
    listed = client.get("/people/me/sessions", headers=here).json()
    assert [(session["kind"], session["is_current"]) for session in listed] == [
        ("token", True),
        ("token", False),
        ("token", False),
    ]
    client.delete(f"/people/me/sessions/{listed[0]['name']}", headers=second)
    problem(client.get("/people/me", headers=here), 401, "sign-in-needed")
    left = client.get("/people/me/sessions", headers=second).json()
    problem(client.delete(f"/people/me/sessions/{listed[0]['name']}", headers=second), 404, "not-found")
    problem(client.delete(f"/people/me/sessions/{'0' * 200}", headers=second), 422, "invalid")
    assert client.delete("/people/me/sessions", headers=second).status_code == 204
    assert len(left) == 2
    problem(client.get("/people/me", headers=third), 401, "sign-in-needed")
    assert len(client.get("/people/me/sessions", headers=second).json()) == 1


def test_a_session_of_another_person_cannot_be_ended(client: httpx.Client) -> None:
    mine, other = (bearer(token_of(client, join(client))) for _ in range(2))
    (session,) = client.get("/people/me/sessions", headers=mine).json()
    problem(client.delete(f"/people/me/sessions/{session['name']}", headers=other), 404, "not-found")
    assert client.get("/people/me", headers=mine).status_code == 200
