"""Register, sign in and sign out on a real server, as a browser without JavaScript does."""

from urllib.parse import urlsplit

import httpx
import pytest

from tests.portal.accounts.visiting import (
    COOKIE,
    PASSWORD,
    error_at,
    join,
    log_in,
    new_name,
    registration,
    signed_in_as,
    visitor,
)
from tests.rig.server import Serve, Server


def test_signing_up_signs_in_and_leads_to_the_events(client: httpx.Client) -> None:
    name = new_name()
    assert signed_in_as(client) is None
    answer = client.post("/register", data=registration(name))
    assert (answer.status_code, answer.headers["location"]) == (303, "/events")
    assert signed_in_as(client) == name


def test_a_visitor_signs_in_by_username_or_email_address(client: httpx.Client, server: Server) -> None:
    name = join(client)
    for entered in (name, name.upper(), f"{name}@example.org"):
        with visitor(server) as other:
            assert log_in(other, entered).status_code == 303
            assert signed_in_as(other) == name


def test_signing_out_ends_the_session_also_for_whoever_kept_the_cookie(
    client: httpx.Client, server: Server
) -> None:
    join(client)
    token = client.cookies[COOKIE]
    answer = client.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert COOKIE not in client.cookies
    with visitor(server) as thief:
        thief.cookies.set(COOKIE, token)
        assert signed_in_as(thief) is None


def test_signing_out_twice_or_without_a_session_is_no_error(client: httpx.Client) -> None:
    assert client.post("/logout").status_code == 303
    client.cookies.set(COOKIE, "never-given")
    assert client.post("/logout").status_code == 303


def test_a_link_cannot_sign_anybody_out(client: httpx.Client) -> None:
    name = join(client)
    assert client.get("/logout").status_code == 405
    assert signed_in_as(client) == name


def test_the_cookie_is_out_of_reach_for_scripts_and_for_other_sites(client: httpx.Client) -> None:
    answer = client.post("/register", data=registration(new_name()))
    session, device = answer.headers.get_list("set-cookie")
    for cookie, life in ((session, 14), (device, 180)):
        _, *attributes = [part.strip().lower() for part in cookie.split(";")]
        assert sorted(attributes) == ["httponly", f"max-age={life * 86_400}", "path=/", "samesite=lax"]


def test_over_tls_the_cookie_is_sent_over_tls_only(serve: Serve) -> None:
    server = serve(extra={"FESTGATE_BASE_URL": "https://fest.example"})
    with visitor(server) as client:
        answer = client.post("/register", data=registration(new_name()))
        cookies = answer.headers.get_list("set-cookie")
        assert [cookie.partition("=")[0] for cookie in cookies] == [
            f"__Host-{COOKIE}",
            "__Host-festgate_device",
        ]
        assert all("; secure" in cookie.lower() for cookie in cookies)
        token = cookies[0].partition("=")[2].partition(";")[0]
        # A session from before the prefix continues, and the next sign-in deletes the old cookie.
        with visitor(server) as older:
            older.cookies.set(COOKIE, token)
            name = signed_in_as(older)
            assert name is not None
            again = log_in(older, name).headers.get_list("set-cookie")
            assert any(
                cookie.startswith(f'{COOKIE}="";') and "max-age=0" in cookie.lower() for cookie in again
            )
        answer = client.post("/logout")
        assert all("; secure" in cookie.lower() for cookie in answer.headers.get_list("set-cookie"))
        assert answer.headers["clear-site-data"] == '"cache", "storage"'


def test_a_token_that_was_planted_before_is_never_taken_up(client: httpx.Client, server: Server) -> None:
    name = join(client)
    with visitor(server) as victim:
        victim.cookies.set(COOKIE, "planted-by-somebody-else", domain="127.0.0.1")
        log_in(victim, name)
        assert "planted-by-somebody-else" not in [cookie.value for cookie in victim.cookies.jar]
        assert signed_in_as(victim) == name
    with visitor(server) as planter:
        planter.cookies.set(COOKIE, "planted-by-somebody-else")
        assert signed_in_as(planter) is None


def test_signing_in_again_makes_a_new_session_and_ends_the_old_one(
    client: httpx.Client, server: Server
) -> None:
    name = join(client)
    first = client.cookies[COOKIE]
    log_in(client, name)
    assert client.cookies[COOKIE] != first
    assert signed_in_as(client) == name
    with visitor(server) as other:
        other.cookies.set(COOKIE, first)
        assert signed_in_as(other) is None


@pytest.mark.parametrize("page", ["/login", "/register"])
def test_a_signed_in_visitor_is_redirected(client: httpx.Client, page: str) -> None:
    join(client)
    answer = client.get(page, params={"next": "/my-events"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/my-events")
    assert client.get(page).headers["location"] == "/events"


@pytest.mark.parametrize("way", ["/events/robo-race?x=1&y=2", "/", "/my-events#tickets", "/caf%C3%A9"])
def test_next_leads_back_to_where_somebody_was_going(client: httpx.Client, way: str) -> None:
    name = new_name()
    form = client.get("/register", params={"next": way}).text
    assert f'name="next" value="{way.replace("&", "&amp;")}"' in form
    assert client.post("/register", data=registration(name, next=way)).headers["location"] == way
    assert log_in(client, name, next=way).headers["location"] == way


@pytest.mark.parametrize(
    "way",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "HTTPS:evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\t/evil.example",
        " //evil.example",
        "/\r\nLocation: https://evil.example",
        "/" + "x" * 3000,
    ],
)
def test_next_never_leads_to_another_site(client: httpx.Client, way: str) -> None:
    name = new_name()
    for answer in (
        client.post("/register", data=registration(name, next=way)),
        log_in(client, name, next=way),
        client.get("/login", params={"next": way}),
    ):
        assert answer.status_code == 303
        assert answer.headers["location"] == "/events"
        assert urlsplit(answer.headers["location"]).netloc == ""


def test_the_link_between_the_two_forms_keeps_where_somebody_was_going(client: httpx.Client) -> None:
    assert 'href="/register?next=/events/robo-race"' in client.get("/login?next=/events/robo-race").text
    assert 'href="/login?next=/events/robo-race"' in client.get("/register?next=/events/robo-race").text


def test_a_wrong_password_and_an_unknown_name_look_alike(client: httpx.Client, server: Server) -> None:
    name = join(client)
    with visitor(server) as other:
        wrong = log_in(other, name, "incorrect horse", next="/my-events")
        unknown = log_in(other, name[::-1], next="/my-events")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(name, "NAME") == unknown.text.replace(name[::-1], "NAME")
    assert "The username or password is wrong." in wrong.text
    assert 'value="/my-events"' in wrong.text
    own = {"x-request-id", "date", "content-length"}
    assert {key: value for key, value in wrong.headers.items() if key not in own} == {
        key: value for key, value in unknown.headers.items() if key not in own
    }


def test_a_password_is_never_sent_back(client: httpx.Client) -> None:
    for path, fields in (
        ("/login", {"username": "nobody", "password": "incorrect horse"}),
        ("/register", {"username": "x", "email": "x", "password": "incorrect horse"}),
    ):
        assert "incorrect horse" not in client.post(path, data=fields).text


def test_a_name_that_is_taken_is_said_at_its_field_and_the_rest_is_kept(client: httpx.Client) -> None:
    name = join(client)
    client.cookies.clear()
    other = new_name()
    page = client.post("/register", data=registration(other, username=name.upper()))
    assert page.status_code == 409
    assert error_at(page, "username") == "This username is taken. Choose another."
    assert f'value="{other}@example.org"' in page.text
    page = client.post("/register", data=registration(other, email=f"{name}@EXAMPLE.org"))
    assert page.status_code == 409
    assert "Sign in" in error_at(page, "email")
    assert signed_in_as(client) is None
    # Nothing was stored: the name is still free.
    join(client, other)


@pytest.mark.parametrize(
    "field,value",
    [
        ("username", ""),
        ("username", "ab"),
        ("username", "x" * 33),
        ("username", "as\x00ha"),
        ("username", "as\x07ha"),
        ("username", "as\u202eha"),
        ("username", "a@b.example"),
        ("email", ""),
        ("email", "somebody"),
        ("email", "a@b@example.org"),
        ("email", "a@example.org\r\nBcc: all@example.org"),
        ("email", "a" * 250 + "@example.org"),
        ("password", ""),
        ("password", "1234567"),
        ("password", "x" * 201),
        ("password", "1234567\x00"),
    ],
)
def test_what_cannot_be_registered_is_said_at_its_field(client: httpx.Client, field: str, value: str) -> None:
    page = client.post("/register", data=registration(new_name(), **{field: value}))
    assert page.status_code == 422
    assert error_at(page, field).endswith(".")
    assert all(sign.isprintable() or sign == "\n" for sign in page.text)
    assert COOKIE not in client.cookies


def test_a_form_without_fields_names_every_one_of_them(client: httpx.Client) -> None:
    page = client.post("/register")
    assert page.status_code == 422
    for field in ("username", "email", "password"):
        assert error_at(page, field) == "This field is required."


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"username": "asha"},
        {"username": " ", "password": PASSWORD},
        {"username": "as\x00ha", "password": PASSWORD},
        {"username": "x" * 300, "password": PASSWORD},
        {"username": "asha", "password": "x" * 300},
        {"username": "asha", "password": "1234567\x00"},
    ],
)
def test_a_wrong_sign_in_shows_the_form_with_an_error(client: httpx.Client, fields: dict[str, str]) -> None:
    page = client.post("/login", data=fields)
    assert page.status_code == 422
    assert 'class="error"' in page.text


@pytest.mark.parametrize(
    "content,kind,status",
    [
        (b"username=%ff&password=x", "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 400),
        (b"username=" + b"x" * 100_000, "application/x-www-form-urlencoded", 413),
    ],
)
@pytest.mark.parametrize("path", ["/login", "/register"])
def test_a_body_that_is_no_form_is_turned_away_with_a_sentence(
    client: httpx.Client, path: str, content: bytes, kind: str, status: int
) -> None:
    answer = client.post(path, content=content, headers={"content-type": kind})
    assert answer.status_code == status
    assert 'class="lead"' in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_another_sites_page_can_neither_sign_in_nor_out_nor_register(
    client: httpx.Client, server: Server, headers: dict[str, str]
) -> None:
    name = join(client)
    assert client.post("/logout", headers=headers).status_code == 403
    assert signed_in_as(client) == name
    with visitor(server) as other:
        fields = {"username": name, "password": PASSWORD}
        assert other.post("/login", data=fields, headers=headers).status_code == 403
        assert other.post("/register", data=registration(new_name()), headers=headers).status_code == 403
        assert COOKIE not in other.cookies


@pytest.mark.parametrize("parameter", ["user", "username", "person", "role"])
def test_nobody_becomes_anybody_by_a_query_parameter(client: httpx.Client, parameter: str) -> None:
    name = join(client)
    client.cookies.clear()
    page = client.get("/login", params={parameter: name})
    assert page.status_code == 200
    assert name not in page.text


def test_a_form_cannot_choose_a_role(client: httpx.Client) -> None:
    name = new_name()
    assert client.post("/register", data=registration(name, role="organiser")).status_code == 303
    assert signed_in_as(client) == name
    assert 'href="/organise"' not in client.get("/events").text


def test_a_page_of_somebody_signed_in_is_never_stored_and_a_public_one_is_asked_for(
    client: httpx.Client,
) -> None:
    assert client.get("/events").headers["cache-control"] == "private, no-cache"
    join(client)
    for path in ("/events", "/my-events", "/account", "/nowhere"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_changing_ones_password_ends_all_other_sessions(client: httpx.Client, server: Server) -> None:
    name = join(client)
    with visitor(server) as other:
        log_in(other, name)
        wrong = client.post("/account", data={"current": "incorrect horse", "password": "another horse"})
        assert (wrong.status_code, error_at(wrong, "current")[:25]) == (422, "This is not your password")
        weak = client.post("/account", data={"current": PASSWORD, "password": f"{name}!!"})
        assert "Choose a password without them" in error_at(weak, "password")
        assert signed_in_as(other) == name
        done = client.post("/account", data={"current": PASSWORD, "password": "another horse"})
        assert (done.status_code, done.headers["location"]) == (303, "/account?changed")
        assert "Your password has been changed." in client.get("/account?changed").text
        assert signed_in_as(client) == name
        assert signed_in_as(other) is None
        assert log_in(other, name).status_code == 401
        assert log_in(other, name, "another horse").status_code == 303


@pytest.mark.parametrize("password", ["password", "Passw0rd!", "sunshine26", "12345678", "aaaaaaaaaa"])
def test_a_password_that_guessers_try_first_is_refused(client: httpx.Client, password: str) -> None:
    page = client.post("/register", data=registration(new_name(), password=password))
    assert page.status_code == 422
    assert error_at(page, "password").startswith("Guessers try this password first.")
