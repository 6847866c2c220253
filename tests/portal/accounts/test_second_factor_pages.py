"""The pages and the API of the second factor, and the password that sensitive pages ask for again."""

import html
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import system_clock
from festgate.portal.accounts.passwords import hash_password
from festgate.portal.accounts.people import Newcomer, add_person
from tests.journeys.stage import announce, before_opening, change_file, query_file
from tests.portal.accounts.test_second_factors import app_code
from tests.portal.accounts.visiting import PASSWORD, error_at, log_in, signed_in_as, visitor
from tests.rig import command
from tests.rig.database import open_database
from tests.rig.server import Server, environment, serving

TEAM = ("meena", "gita", "hari", "ira", "jaya")
CANCEL = "/organise/events/robo-race/cancel"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data: Path = tmp_path_factory.mktemp("factors") / "data"
    with before_opening(data) as database:
        database.write(announce, "Robo Race")
        password_hash = hash_password(PASSWORD)
        for name in TEAM:
            newcomer = Newcomer(name, f"{name}@example.org", "organiser")
            database.write(add_person, newcomer, password_hash, confirmed=True)
        database.write(
            add_person, Newcomer("olga", "olga@example.org", "owner"), password_hash, confirmed=True
        )
        database.write(add_person, Newcomer("asha", "asha@example.org"), password_hash, confirmed=True)
    # A code is accepted once, so tests sign in with recovery codes; nothing here guesses.
    with serving(data, extra={"FESTGATE_SIGN_IN_LIMIT": "1000", "FESTGATE_ADDRESS_LIMIT": "1000"}) as running:
        yield running
        assert "unhandled exception" not in running.log()


@pytest.fixture
def browser(server: Server) -> Iterator[httpx.Client]:
    with visitor(server) as new_client:
        yield new_client


def forget_proofs(server: Server) -> None:
    """Let ten minutes pass since the last password of everybody."""
    change_file(server.data, "UPDATE accounts_sessions SET proved_at = proved_at - 600001")


def hidden(page: str, name: str) -> str:
    match = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert match is not None, page
    return html.unescape(match[1])


def switch_on(browser: httpx.Client) -> list[str]:
    """Set a second factor up; return its recovery codes."""
    assert browser.post("/account/second-factor").status_code == 303
    page = browser.get("/account/second-factor").text
    assert "<svg" in page
    match = re.search(r'class="code">([A-Z2-7 ]+)<', page)
    assert match is not None
    code = app_code(match[1].replace(" ", ""), system_clock())
    done = browser.post("/account/second-factor/confirm", data={"confirm_code": code})
    assert done.headers["cache-control"] == "no-store"
    return re.findall(r'<li class="code">([0-9A-Z-]+)</li>', done.text)


def tokens(server: Server, name: str, **fields: str) -> httpx.Response:
    body = {"username": name, "password": PASSWORD} | fields
    return httpx.post(f"{server.url}/api/v1/tokens", json=body, trust_env=False, verify=False, timeout=30)


def program(server: Server, token: str) -> httpx.Client:
    """Return a client of the API with a token."""
    headers = {"authorization": f"Bearer {token}"}
    return httpx.Client(
        base_url=f"{server.url}/api/v1", headers=headers, trust_env=False, verify=False, timeout=30
    )


def test_signing_in_asks_for_the_code_after_the_password(server: Server, browser: httpx.Client) -> None:
    log_in(browser, "meena")
    codes = switch_on(browser)
    assert len(codes) == 10
    assert "Signing in asks for a code" in browser.get("/account").text
    with visitor(server) as other:
        asked = log_in(other, "meena", next="/organise")
        assert (asked.status_code, asked.headers["cache-control"]) == (200, "no-store")
        assert signed_in_as(other) is None
        half_way = {"half_way": hidden(asked.text, "half_way"), "next": hidden(asked.text, "next")}
        wrong = other.post("/login/code", data=half_way | {"code": "000000"})
        assert wrong.status_code == 401
        assert "wrong or was used already" in error_at(wrong, "code")
        assert hidden(wrong.text, "half_way") == half_way["half_way"]
        right = other.post("/login/code", data=half_way | {"code": codes[0]})
        assert (right.status_code, right.headers["location"]) == (303, "/organise")
        assert signed_in_as(other) == "meena"
    with visitor(server) as other:
        again = other.post("/login/code", data=half_way | {"code": codes[0]})
        assert again.status_code == 401
        forged = other.post("/login/code", data={"half_way": "1-99-x", "next": "/organise", "code": codes[1]})
        assert forged.headers["location"] == "/login?next=/organise"


def test_a_program_sets_a_second_factor_up_renews_its_codes_and_switches_it_off(server: Server) -> None:
    token = tokens(server, "jaya").json()["token"]
    with program(server, token) as api:
        path = "/people/me/second-factor"
        jaya = api.get("/people/me").json()["id"]
        assert api.get(path).json() == {
            "is_on": False,
            "switched_on_at": None,
            "recovery_codes_left": 0,
            "is_required": False,
        }
        begun = api.post(path)
        assert (begun.status_code, begun.headers["cache-control"]) == (201, "no-store")
        key = begun.json()["secret"]
        assert begun.json()["uri"].startswith("otpauth://totp/")
        assert f"secret={key}" in begun.json()["uri"]
        wrong = api.post(f"{path}/confirm", json={"code": "000000"})
        assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong-code")
        done = api.post(f"{path}/confirm", json={"code": app_code(key, system_clock())})
        assert (done.status_code, done.headers["cache-control"]) == (200, "no-store")
        codes = done.json()["recovery_codes"]
        assert len(codes) == 10
        assert api.get(path).json()["is_on"]
        assert api.post(path).json()["code"] == "second-factor-changed"
        renewed = api.post(f"{path}/codes", json={"code": codes[0]}).json()["recovery_codes"]
        assert not set(renewed) & set(codes)
        assert tokens(server, "jaya").json()["code"] == "code-needed"
        assert tokens(server, "jaya", code=renewed[0]).status_code == 201
        without = api.post(f"{path}/off", json={"password": PASSWORD, "code": ""})
        assert without.json()["code"] == "code-needed"
        refused = api.post(f"{path}/off", json={"password": "incorrect horse", "code": renewed[1]})
        assert refused.json()["code"] == "wrong-password"
        right = {"password": PASSWORD, "code": renewed[1]}
        assert api.post(f"{path}/off", json=right).status_code == 204
        assert tokens(server, "jaya").status_code == 201
        forget_proofs(server)
        for step, body in (
            ("", {}),
            ("/confirm", {"code": "1"}),
            ("/codes", {"code": "1"}),
            ("/off", right),
        ):
            assert api.post(path + step, json=body).json()["code"] == "proof-needed"
    actions = query_file(
        server.data,
        "SELECT action, origin FROM audit_entries WHERE action LIKE 'second-factor.%' AND origin = 'token'"
        " AND person_id = ? ORDER BY id",
        jaya,
    )
    assert actions == [
        ("second-factor.on", "token"),
        ("second-factor.codes-renewed", "token"),
        ("second-factor.off", "token"),
    ]


def test_an_attendee_gets_no_second_factor_by_the_api(server: Server) -> None:
    with program(server, tokens(server, "asha").json()["token"]) as api:
        assert api.post("/people/me/second-factor").json()["code"] == "forbidden"


def test_a_wrong_password_is_refused_before_any_code_is_asked_for(
    server: Server, browser: httpx.Client
) -> None:
    assert log_in(browser, "meena", "incorrect horse").status_code == 401
    assert tokens(server, "meena", password="incorrect horse").json()["code"] == "wrong-password"


def test_a_token_of_the_api_needs_the_code_too(server: Server, browser: httpx.Client) -> None:
    log_in(browser, "gita")
    codes = switch_on(browser)
    without = tokens(server, "gita")
    assert (without.status_code, without.json()["code"]) == (401, "code-needed")
    assert without.headers["www-authenticate"].startswith("Bearer")
    wrong = tokens(server, "gita", code="000000")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong-code")
    assert tokens(server, "gita", code=codes[0]).status_code == 201
    assert tokens(server, "gita", code=codes[0]).status_code == 401


def test_a_link_to_a_new_password_does_not_replace_the_code(server: Server, browser: httpx.Client) -> None:
    log_in(browser, "hari")
    codes = switch_on(browser)
    forget_proofs(server)
    asked = browser.get("/account/second-factor")
    assert asked.headers["location"] == "/account/prove?next=/account/second-factor"
    page = browser.get("/account/prove").text
    assert 'name="code"' in page
    without = browser.post("/account/prove", data={"password": PASSWORD})
    assert (without.status_code, error_at(without, "code")) == (401, "Enter the code.")
    wrong = browser.post("/account/prove", data={"password": "no", "code": codes[0]})
    assert "not your password" in error_at(wrong, "password")
    right = browser.post("/account/prove", data={"password": PASSWORD, "code": codes[0], "next": "/account"})
    assert (right.status_code, right.headers["location"]) == (303, "/account")
    off = browser.post("/account/second-factor/off", data={"password": PASSWORD, "off_code": codes[0]})
    assert off.status_code == 401
    off = browser.post("/account/second-factor/off", data={"password": PASSWORD, "off_code": codes[1]})
    assert off.headers["location"] == "/account?second-factor-off"
    assert "Your second factor is switched off." in browser.get("/account?second-factor-off").text


def test_a_sensitive_page_asks_for_the_password_after_ten_minutes(
    server: Server, browser: httpx.Client
) -> None:
    log_in(browser, "ira")
    shown = hidden(browser.get(CANCEL).text, "shown")
    forget_proofs(server)
    assert browser.get("/organise").status_code == 200
    asked = browser.get(f"{CANCEL}?x=1")
    assert asked.headers["location"] == f"/account/prove?next={CANCEL}%3Fx%3D1"
    headers = {"referer": f"{server.url}{CANCEL}?x=1"}
    refused = browser.post(CANCEL, data={"shown": shown}, headers=headers)
    assert refused.status_code == 403
    assert "nothing has been changed" in refused.text
    assert f'href="/account/prove?next={CANCEL}%3Fx%3D1"' in refused.text
    done = browser.post("/account/prove", data={"password": PASSWORD, "next": f"{CANCEL}?x=1"})
    assert done.headers["location"] == f"{CANCEL}?x=1"
    assert browser.get(f"/account/prove?next={CANCEL}").headers["location"] == CANCEL
    elsewhere = browser.post("/account/prove", data={"password": PASSWORD, "next": "https://example.org"})
    assert elsewhere.headers["location"] == "/account"
    assert browser.get(CANCEL).status_code == 200


def test_a_sensitive_operation_needs_a_young_token(server: Server) -> None:
    token = tokens(server, "ira").json()["token"]
    api = httpx.Client(
        base_url=f"{server.url}/api/v1",
        headers={"authorization": f"Bearer {token}"},
        trust_env=False,
        verify=False,
    )
    with api:
        assert api.post("/orders/0000/refund", json={}).status_code == 404
        forget_proofs(server)
        refused = api.post("/orders/0000/refund", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "proof-needed")
        assert "younger than ten minutes" in refused.json()["detail"]
        assert api.get("/orders").status_code == 200


def test_an_account_of_the_team_without_one_is_led_to_it_if_the_owner_requires_it(
    server: Server, browser: httpx.Client
) -> None:
    with visitor(server) as owner, visitor(server) as attendee:
        log_in(owner, "olga")
        switch_on(owner)
        assert browser.get("/organise/second-factor").status_code == 303
        log_in(browser, "ira")
        assert browser.get("/organise/second-factor").status_code == 403
        token = tokens(server, "ira").json()["token"]
        try:
            saved = owner.post("/organise/second-factor", data={"required": "yes"})
            assert saved.headers["location"] == "/organise/second-factor?saved=1"
            assert "is required" in owner.get("/organise/second-factor").text
            for path in ("/organise", "/door"):
                led = browser.get(path)
                assert led.headers["location"] == f"/account/second-factor?next={path}"
            assert browser.post("/organise/rooms").status_code in (403, 405)
            headers = {"authorization": f"Bearer {token}"}
            refused = httpx.get(f"{server.url}/api/v1/audit", headers=headers, trust_env=False, verify=False)
            assert (refused.status_code, refused.json()["code"]) == (403, "second-factor-needed")
            assert browser.get("/events").status_code == 200
            log_in(attendee, "asha")
            assert attendee.get("/my-events").status_code == 200
            assert "needs none" in attendee.get("/account/second-factor").text
            with program(server, token) as api:
                assert api.get("/people/me/second-factor").json()["is_required"]
                assert api.post("/people/me/second-factor").status_code == 201
            page = browser.get("/account/second-factor?next=/organise").text
            assert "Set it up to go on." in page
            assert hidden(page, "next") == "/organise"
            switch_on(browser)
            assert browser.get("/organise").status_code == 200
        finally:
            owner.post("/organise/second-factor", data={"required": "no"})
    # So that the next run of this test begins as this one did.
    off = command.run(["user", "second-factor", "ira", "--off"], environment(server.data))
    assert off.stdout == "The second factor of ira is off. The password alone signs in now.\n"


def test_a_program_of_an_owner_requires_a_second_factor_of_the_team(server: Server) -> None:
    path = "/settings/second-factor"
    owner = Newcomer("otto", "otto@example.org", "owner")
    with open_database(f"sqlite:///{server.data / 'festgate.sqlite3'}") as database:
        database.write(add_person, owner, hash_password(PASSWORD), confirmed=True)
    with program(server, tokens(server, "otto").json()["token"]) as api:
        shown = api.get(path).json()
        assert shown["required"] is False
        assert {"otto", "meena"} <= {member["username"] for member in shown["members"]}
        try:
            answers = [api.put(path, json={"required": True}) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [200, 403]
            assert answers[0].json()["required"]
            assert answers[1].json()["code"] == "second-factor-needed"
        finally:
            change_file(server.data, "DELETE FROM accounts_requirements")
        assert api.put(path, json={"required": False}).json()["required"] is False
    with program(server, tokens(server, "ira").json()["token"]) as api:
        assert api.put(path, json={"required": True}).json()["code"] == "forbidden"


def test_the_command_switches_it_off_for_a_lost_phone(server: Server, browser: httpx.Client) -> None:
    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        return command.run(["user", "second-factor", "ira", *options], environment(server.data))

    assert run().stdout == "ira has no second factor.\n"
    log_in(browser, "ira")
    switch_on(browser)
    assert run().stdout == "ira has a second factor. --off switches it off.\n"
    assert run("--off").returncode == 0
    with visitor(server) as other:
        assert log_in(other, "ira").status_code == 303
    ((origin, details),) = query_file(
        server.data,
        "SELECT origin, details FROM audit_entries WHERE action = 'second-factor.off' ORDER BY id DESC LIMIT 1",
    )
    ((ira,),) = query_file(server.data, "SELECT id FROM accounts_people WHERE username = 'ira'")
    assert (origin, json.loads(details)) == ("command", {"person": ira})
