"""The page of one's own account on a real server, as a browser without JavaScript sends its forms."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from festgate.effects import FAULTS_FILE
from festgate.portal.accounts.deletion_pages import MAX_DOWNLOADS
from tests.kit.mailing import emails, text_of
from tests.portal.accounts.visiting import (
    COOKIE,
    PASSWORD,
    error_at,
    join,
    log_in,
    new_name,
    signed_in_as,
    visitor,
)
from tests.rig.server import Serve, Server
from tests.rig.waiting import until

LINK = re.compile(r"(/account/email/confirm\?token=\S+)")


@pytest.fixture
def name(client: httpx.Client) -> str:
    return join(client)


@pytest.fixture
def other(server: Server, name: str) -> Iterator[httpx.Client]:
    """Return another browser of the same person."""
    with visitor(server) as browser:
        log_in(browser, name)
        yield browser


def link_to(data: Path, address: str) -> str:
    """Return the path of the link that was emailed to the address."""

    def find() -> str | None:
        if not (data / "mail").exists():
            return None
        matches = [LINK.search(text_of(email)) for email in emails(data) if email["To"] == address]
        return next((match[1] for match in matches if match), None)

    return until(find, f"an email to {address}") or ""


def deletion_fields(client: httpx.Client, name: str) -> dict[str, str]:
    """Return the fields of the form that deletes the account, as the page shows it now."""
    page = client.get("/account/delete").text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    return {**hidden, "confirmation": name, "password": PASSWORD}


@pytest.mark.parametrize("path", ["/account", "/account/data", "/account/delete"])
def test_the_account_is_only_for_its_owner_and_is_not_stored_by_browsers(
    client: httpx.Client, server: Server, name: str, path: str
) -> None:
    assert client.get(path).headers["cache-control"] == "no-store"
    with visitor(server) as stranger:
        assert stranger.get(path).headers["location"] == f"/login?next={path}"


@pytest.mark.parametrize(
    "path",
    ["name", "email", "email/withdraw", "sessions/end", "sessions/0123456789abcdef01234567/end", "delete"],
)
def test_forms_of_the_account_change_nothing_without_a_session_or_from_another_site(
    client: httpx.Client, server: Server, name: str, path: str
) -> None:
    fields = {"name": "Mallory", "email": "mallory@example.org", "email_password": PASSWORD}
    with visitor(server) as stranger:
        answer = stranger.post(f"/account/{path}", data=fields)
        assert (answer.status_code, answer.headers["location"][:6]) == (303, "/login")
    crossing = client.post(f"/account/{path}", data=fields, headers={"sec-fetch-site": "cross-site"})
    assert crossing.status_code == 403
    assert f"{name}@example.org" in client.get("/account").text
    assert "Mallory" not in client.get("/account").text


def test_a_name_is_saved_and_a_wrong_one_is_an_error_at_its_field(client: httpx.Client, name: str) -> None:
    response = client.post("/account/name", data={"name": "  Asha  María "})
    assert (response.status_code, response.headers["location"]) == (303, "/account?name")
    assert 'value="Asha María"' in client.get("/account").text
    refused = client.post("/account/name", data={"name": "https://evil.example"})
    assert refused.status_code == 422
    assert error_at(refused, "name")
    assert 'value="https://evil.example"' in refused.text


def test_a_new_address_needs_the_password_and_a_free_address(
    client: httpx.Client, server: Server, name: str
) -> None:
    with visitor(server) as neighbour:
        taken = f"{join(neighbour)}@example.org"
    new = f"{new_name()}@new.example"
    cases = [
        ({"email": new, "email_password": "not this one"}, "email_password", "This is not your password."),
        ({"email": "no address", "email_password": PASSWORD}, "email", "This is not an email address."),
        (
            {"email": taken, "email_password": PASSWORD},
            "email",
            f"Another account has the email address {taken}.",
        ),
        ({"email": f"{name}@example.org", "email_password": PASSWORD}, "email", "This is your address"),
    ]
    for fields, field, sentence in cases:
        response = client.post("/account/email", data=fields)
        assert response.status_code == 422
        assert error_at(response, field).startswith(sentence)
        assert PASSWORD not in response.text
    assert "We sent a link to" not in client.get("/account").text


def test_a_change_of_address_can_be_withdrawn_and_its_link_is_over_then(
    client: httpx.Client, server: Server, name: str
) -> None:
    new = f"{new_name()}@new.example"
    assert client.post("/account/email", data={"email": new, "email_password": PASSWORD}).status_code == 303
    assert f"We sent a link to <strong>{new}</strong>" in client.get("/account").text
    link = link_to(server.data, new)
    assert client.get(link).status_code == 200
    assert client.post("/account/email/withdraw").headers["location"] == "/account?withdrawn"
    for method in ("GET", "POST"):
        over = client.request(method, link)
        assert over.status_code == 410
        assert "This link has expired" in over.text
    assert f"{name}@example.org" in client.get("/account").text


def test_using_the_link_in_the_same_browser_stays_signed_in_there_only(
    client: httpx.Client, server: Server, name: str, other: httpx.Client
) -> None:
    new = f"{new_name()}@new.example"
    client.post("/account/email", data={"email": new, "email_password": PASSWORD})
    link = link_to(server.data, new)
    shown = client.get(link)
    assert (shown.headers["cache-control"], shown.headers["referrer-policy"]) == ("no-store", "same-origin")
    for _ in range(2):
        assert "Your email address is changed" in client.post(link).text
    assert signed_in_as(client) == name
    assert signed_in_as(other) is None
    assert f"<strong>{new}</strong>" in client.get("/account").text


def test_another_browser_is_signed_out_and_a_second_click_is_answered_the_same(
    client: httpx.Client, name: str, other: httpx.Client
) -> None:
    page = client.get("/account").text
    (path,) = re.findall(r'action="(/account/sessions/[0-9a-f]+/end)"', page)
    assert client.cookies[COOKIE] not in page
    for _ in range(2):
        response = client.post(path)
        assert (response.status_code, response.headers["location"]) == (303, "/account?session")
    assert signed_in_as(other) is None
    assert signed_in_as(client) == name
    assert "You are signed in nowhere else." in client.get("/account").text


def test_signing_out_everywhere_else_ends_browsers_and_tokens(
    client: httpx.Client, server: Server, name: str, other: httpx.Client
) -> None:
    made = client.post("/api/v1/tokens", json={"username": name, "password": PASSWORD}).json()
    bearer = {"authorization": f"Bearer {made['token']}"}
    assert "API token" in client.get("/account").text
    assert client.post("/account/sessions/end").headers["location"] == "/account?sessions"
    assert signed_in_as(other) is None
    assert client.get("/api/v1/people/me", headers=bearer).status_code == 401
    assert signed_in_as(client) == name


def test_the_download_is_a_file_of_json_and_a_limited_number_in_an_hour(
    client: httpx.Client, name: str
) -> None:
    response = client.get("/account/data")
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-disposition"] == 'attachment; filename="my-festgate-data.json"'
    data = json.loads(response.text)
    assert data["account"]["username"] == name
    assert set(data) == {
        "exported_at",
        "account",
        "invitation",
        "assigned_events",
        "sessions",
        "second_factor_since",
        "audit_log",
        "registrations",
        "answers",
        "teams",
        "waiting",
        "orders",
        "notes",
        "shifts",
        "tickets",
        "emails",
    }
    for _ in range(MAX_DOWNLOADS - 1):
        assert client.get("/account/data").status_code == 200
    refused = client.get("/account/data")
    assert refused.status_code == 429
    assert "Try again in" in refused.text


def test_deleting_needs_the_username_and_the_password(client: httpx.Client, name: str) -> None:
    fields = deletion_fields(client, name)
    for change, field in (
        ({"confirmation": ""}, "confirmation"),
        ({"confirmation": f"{name}x"}, "confirmation"),
        ({"password": "not this one"}, "password"),
        ({"password": ""}, "password"),
    ):
        refused = client.post("/account/delete", data=fields | change)
        assert refused.status_code == 422
        assert error_at(refused, field)
    assert signed_in_as(client) == name
    deleted = client.post("/account/delete", data=fields | {"confirmation": name.upper()})
    assert (deleted.status_code, deleted.headers["location"]) == (303, "/account/deleted")
    assert deleted.headers["clear-site-data"] == '"cache", "storage"'
    assert COOKIE not in client.cookies


def test_a_form_that_showed_less_deletes_nothing(client: httpx.Client, name: str) -> None:
    fields = deletion_fields(client, name)
    stale = client.post("/account/delete", data=fields | {"shown": "0;a seat"})
    assert stale.status_code == 409
    assert "This has changed since you opened the page" in stale.text
    assert signed_in_as(client) == name


def test_a_second_click_on_delete_shows_that_it_is_done_and_other_browsers_are_signed_out(
    client: httpx.Client, server: Server, name: str, other: httpx.Client
) -> None:
    fields = deletion_fields(client, name)
    for browser in (client, other):
        response = browser.post("/account/delete", data=fields)
        assert (response.status_code, response.headers["location"]) == (303, "/account/deleted")
    assert "Your account is deleted" in client.get("/account/deleted").text
    assert client.post("/account/delete", data=fields | {"form": "1-2-3"}).headers["location"][:6] == "/login"
    assert log_in(client, name).status_code == 401
    with visitor(server) as newcomer:
        assert join(newcomer, name) == name  # username and address are free again


def test_nobody_can_sign_in_sign_up_or_get_a_link_as_a_deleted_account(
    client: httpx.Client, server: Server, name: str
) -> None:
    number = client.get("/account/data").json()["account"]["id"]
    client.post("/account/delete", data=deletion_fields(client, name))
    with visitor(server) as stranger:
        for placeholder in (f"Deleted account {number}", f"DELETED {number}"):
            assert log_in(stranger, placeholder, "").status_code == 422
            assert log_in(stranger, placeholder, PASSWORD).status_code == 401
            fields = {"username": placeholder, "email": "x@example.org", "password": PASSWORD}
            assert stranger.post("/register", data=fields).status_code == 422


def test_without_one_module_the_account_is_neither_downloaded_nor_deleted_in_part(
    serve: Serve, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    fault = {"point": "import.tickets", "effect": "raise", "until": time.time() + 300}
    (data / FAULTS_FILE).write_text(json.dumps([fault]))
    server = serve(data=data, extra={"FESTGATE_DRILLS_TOKEN": "of-this-test"})
    with visitor(server) as client:
        name = join(client)
        assert client.get("/account").status_code == 200
        fields = {"confirmation": name, "password": PASSWORD}
        for answer in (
            client.get("/account/data"),
            client.get("/account/delete"),
            client.post("/account/delete", data=fields),
        ):
            assert answer.status_code == 503
            assert "Ticketing is unavailable" in answer.text
        assert signed_in_as(client) == name


def test_an_unconfirmed_address_is_shown_as_such_and_its_link_is_sent_again(serve: Serve) -> None:
    server = serve(extra={"FESTGATE_CONFIRM_EMAIL": "on"})
    with visitor(server) as client:
        name = join(client)
        page = client.get("/account").text
        assert "Not confirmed yet" in page
        assert 'action="/confirm/again"' in page
        assert f"We sent a link to {name}@example.org" in client.post("/confirm/again").text
