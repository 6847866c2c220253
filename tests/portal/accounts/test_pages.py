"""Register, sign in and sign out on a real server, as a browser without JavaScript does."""

import re
from email import message_from_bytes
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
    sign_up_fields,
    signed_in_as,
    visitor,
)
from tests.rig.server import Serve, Server
from tests.rig.waiting import until


def test_signing_up_signs_in_and_redirects_to_the_events(client: httpx.Client) -> None:
    name = new_name()
    assert signed_in_as(client) is None
    response = client.post("/register", data=sign_up_fields(name))
    assert (response.status_code, response.headers["location"]) == (303, "/events")
    assert signed_in_as(client) == name


def test_a_visitor_signs_in_by_username_or_email_address(client: httpx.Client, server: Server) -> None:
    name = join(client)
    for username in (name, name.upper(), f"{name}@example.org"):
        with visitor(server) as other_browser:
            assert log_in(other_browser, username).status_code == 303
            assert signed_in_as(other_browser) == name


def test_signing_out_invalidates_a_copied_cookie(client: httpx.Client, server: Server) -> None:
    join(client)
    token = client.cookies[COOKIE]
    response = client.post("/logout")
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert COOKIE not in client.cookies
    with visitor(server) as other_browser:
        other_browser.cookies.set(COOKIE, token)
        assert signed_in_as(other_browser) is None


def test_signing_out_twice_or_without_a_session_succeeds(client: httpx.Client) -> None:
    assert client.post("/logout").status_code == 303
    client.cookies.set(COOKIE, "never-given")
    assert client.post("/logout").status_code == 303


def test_signing_out_with_get_is_refused(client: httpx.Client) -> None:
    name = join(client)
    assert client.get("/logout").status_code == 405
    assert signed_in_as(client) == name


def test_the_cookies_are_http_only_and_same_site(client: httpx.Client) -> None:
    response = client.post("/register", data=sign_up_fields(new_name()))
    session, device = response.headers.get_list("set-cookie")
    for cookie, life in ((session, 14), (device, 180)):
        _, *attributes = [part.strip().lower() for part in cookie.split(";")]
        assert sorted(attributes) == ["httponly", f"max-age={life * 86_400}", "path=/", "samesite=lax"]


def test_cookies_are_secure_over_tls(serve: Serve) -> None:
    server = serve(extra={"FESTGATE_BASE_URL": "https://fest.example"})
    with visitor(server) as client:
        response = client.post("/register", data=sign_up_fields(new_name()))
        cookies = response.headers.get_list("set-cookie")
        assert [cookie.partition("=")[0] for cookie in cookies] == [
            f"__Host-{COOKIE}",
            "__Host-festgate_device",
        ]
        assert all("; secure" in cookie.lower() for cookie in cookies)
        token = cookies[0].partition("=")[2].partition(";")[0]
        # A session from before the prefix continues, and the next sign-in deletes the old cookie.
        with visitor(server) as older_browser:
            older_browser.cookies.set(COOKIE, token)
            name = signed_in_as(older_browser)
            assert name is not None
            new_cookies = log_in(older_browser, name).headers.get_list("set-cookie")
            assert any(
                cookie.startswith(f'{COOKIE}="";') and "max-age=0" in cookie.lower() for cookie in new_cookies
            )
        response = client.post("/logout")
        assert all("; secure" in cookie.lower() for cookie in response.headers.get_list("set-cookie"))
        assert response.headers["clear-site-data"] == '"cache", "storage"'


def test_a_planted_session_token_is_never_used(client: httpx.Client, server: Server) -> None:
    name = join(client)
    with visitor(server) as victim:
        victim.cookies.set(COOKIE, "planted-by-somebody-else", domain="127.0.0.1")
        log_in(victim, name)
        assert "planted-by-somebody-else" not in [cookie.value for cookie in victim.cookies.jar]
        assert signed_in_as(victim) == name
    with visitor(server) as other_browser:
        other_browser.cookies.set(COOKIE, "planted-by-somebody-else")
        assert signed_in_as(other_browser) is None


def test_signing_in_again_opens_a_new_session_and_ends_the_old_one(
    client: httpx.Client, server: Server
) -> None:
    name = join(client)
    first = client.cookies[COOKIE]
    log_in(client, name)
    assert client.cookies[COOKIE] != first
    assert signed_in_as(client) == name
    with visitor(server) as other_browser:
        other_browser.cookies.set(COOKIE, first)
        assert signed_in_as(other_browser) is None


@pytest.mark.parametrize("page", ["/login", "/register"])
def test_a_signed_in_visitor_is_redirected(client: httpx.Client, page: str) -> None:
    join(client)
    response = client.get(page, params={"next": "/my-events"})
    assert (response.status_code, response.headers["location"]) == (303, "/my-events")
    assert client.get(page).headers["location"] == "/events"


@pytest.mark.parametrize("path", ["/events/robo-race?x=1&y=2", "/", "/my-events#tickets", "/caf%C3%A9"])
def test_next_redirects_to_the_page_the_visitor_came_from(client: httpx.Client, path: str) -> None:
    name = new_name()
    form = client.get("/register", params={"next": path}).text
    assert f'name="next" value="{path.replace("&", "&amp;")}"' in form
    assert client.post("/register", data=sign_up_fields(name, next=path)).headers["location"] == path
    assert log_in(client, name, next=path).headers["location"] == path


@pytest.mark.parametrize(
    "path",
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
def test_next_never_redirects_to_another_site(client: httpx.Client, path: str) -> None:
    name = new_name()
    for response in (
        client.post("/register", data=sign_up_fields(name, next=path)),
        log_in(client, name, next=path),
        client.get("/login", params={"next": path}),
    ):
        assert response.status_code == 303
        assert response.headers["location"] == "/events"
        assert urlsplit(response.headers["location"]).netloc == ""


def test_the_links_between_the_two_forms_keep_next(client: httpx.Client) -> None:
    assert 'href="/register?next=/events/robo-race"' in client.get("/login?next=/events/robo-race").text
    assert 'href="/login?next=/events/robo-race"' in client.get("/register?next=/events/robo-race").text


def test_a_wrong_password_and_an_unknown_name_get_the_same_page(client: httpx.Client, server: Server) -> None:
    name = join(client)
    with visitor(server) as other_browser:
        wrong_password = log_in(other_browser, name, "incorrect horse", next="/my-events")
        unknown_name = log_in(other_browser, name[::-1], next="/my-events")
    assert wrong_password.status_code == unknown_name.status_code == 401
    assert wrong_password.text.replace(name, "NAME") == unknown_name.text.replace(name[::-1], "NAME")
    assert "The username or password is wrong." in wrong_password.text
    assert 'value="/my-events"' in wrong_password.text
    varying_headers = {"x-request-id", "date", "content-length"}
    assert {key: value for key, value in wrong_password.headers.items() if key not in varying_headers} == {
        key: value for key, value in unknown_name.headers.items() if key not in varying_headers
    }


def test_a_password_is_never_sent_back(client: httpx.Client) -> None:
    for path, fields in (
        ("/login", {"username": "nobody", "password": "incorrect horse"}),
        ("/register", {"username": "x", "email": "x", "password": "incorrect horse"}),
    ):
        assert "incorrect horse" not in client.post(path, data=fields).text


def test_an_email_address_is_cleaned_and_its_domain_may_have_any_letters(
    client: httpx.Client, server: Server
) -> None:
    name = new_name()
    pasted = f" Asha Rao <mailto:{name}@BÜCHER.example>\u200b"
    assert client.post("/register", data=sign_up_fields(name, email=pasted)).status_code == 303
    stored = f"{name}@xn--bcher-kva.example"
    for written in (
        f"\u202a{name}@bücher.example\u202c",
        stored.upper(),
        f"mailto:{stored}",
        f" {name}\ufeff",
    ):
        with visitor(server) as other_browser:
            assert log_in(other_browser, written).status_code == 303
            assert signed_in_as(other_browser) == name
    client.cookies.clear()
    taken = client.post("/register", data=sign_up_fields(new_name(), email=stored))
    assert (taken.status_code, "already exists" in error_at(taken, "email")) == (409, True)
    local = client.post("/register", data=sign_up_fields(new_name(), email="jürgen@bücher.example"))
    assert (local.status_code, "Before the @ only" in error_at(local, "email")) == (422, True)
    assert client.post("/forgot", data={"username": f"{name}@bücher.example"}).status_code == 200

    def recipients() -> list[str]:
        emails = (server.data / "mail").glob("*.eml")
        return [message_from_bytes(email.read_bytes())["To"] for email in emails]

    until(lambda: stored in recipients(), "the email about the password is sent")


def test_a_second_click_on_sign_up_opens_the_account_and_reveals_none(
    client: httpx.Client, server: Server
) -> None:
    fields = sign_up_fields(new_name(), next="/events?day=2031-03-14")
    for _ in range(2):
        answer = client.post("/register", data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/events?day=2031-03-14")
        assert signed_in_as(client) == fields["username"]
    with visitor(server) as other_browser:
        refused = other_browser.post("/register", data=fields | {"password": "another horse"})
        assert refused.status_code == 409
        assert error_at(refused, "username") == "This username is taken. Choose another."
        assert signed_in_as(other_browser) is None


def test_a_taken_name_is_an_error_at_its_field_and_the_other_fields_are_kept(client: httpx.Client) -> None:
    name = join(client)
    client.cookies.clear()
    other_name = new_name()
    page = client.post("/register", data=sign_up_fields(other_name, username=name.upper()))
    assert page.status_code == 409
    assert error_at(page, "username") == "This username is taken. Choose another."
    assert f'value="{other_name}@example.org"' in page.text
    page = client.post("/register", data=sign_up_fields(other_name, email=f"{name}@EXAMPLE.org"))
    assert page.status_code == 409
    assert "Sign in" in error_at(page, "email")
    assert signed_in_as(client) is None
    # Nothing was stored: the name is still free.
    join(client, other_name)


@pytest.mark.parametrize(
    "field,value",
    [
        ("name", ""),
        ("name", "\u200b"),
        ("name", "<b>Asha</b>"),
        ("name", "x" * 101),
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
def test_an_invalid_value_is_an_error_at_its_field(client: httpx.Client, field: str, value: str) -> None:
    page = client.post("/register", data=sign_up_fields(new_name(), **{field: value}))
    assert page.status_code == 422
    assert error_at(page, field).endswith(".")
    assert all(character.isprintable() or character == "\n" for character in page.text)
    assert COOKIE not in client.cookies


def test_the_form_asks_for_a_name_and_keeps_it_when_another_field_is_wrong(client: httpx.Client) -> None:
    (field,) = re.findall(r'<input id="f-name" [^>]*>', client.get("/register").text)
    assert all(part in field for part in (" required", 'autocomplete="name"', 'maxlength="100"'))
    page = client.post("/register", data=sign_up_fields(new_name(), name="Zoë O\u2019Brien", password="1"))
    assert 'value="Zoë O\u2019Brien"' in page.text


def test_a_client_that_knows_no_field_for_the_name_signs_up_without(client: httpx.Client) -> None:
    fields = sign_up_fields(new_name())
    del fields["name"]
    assert client.post("/register", data=fields).status_code == 303


def test_an_empty_form_has_an_error_at_every_field(client: httpx.Client) -> None:
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
def test_an_invalid_sign_in_shows_the_form_with_an_error(
    client: httpx.Client, fields: dict[str, str]
) -> None:
    page = client.post("/login", data=fields)
    assert page.status_code == 422
    assert 'class="error"' in page.text


@pytest.mark.parametrize(
    "content,content_type,status",
    [
        (b"username=%ff&password=x", "application/x-www-form-urlencoded", 400),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 400),
        (b"username=" + b"x" * 100_000, "application/x-www-form-urlencoded", 413),
    ],
)
@pytest.mark.parametrize("path", ["/login", "/register"])
def test_a_body_that_is_not_a_form_is_refused_with_a_message(
    client: httpx.Client, path: str, content: bytes, content_type: str, status: int
) -> None:
    response = client.post(path, content=content, headers={"content-type": content_type})
    assert response.status_code == status
    assert 'class="lead"' in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_another_site_can_neither_sign_in_nor_sign_out_nor_sign_up(
    client: httpx.Client, server: Server, headers: dict[str, str]
) -> None:
    name = join(client)
    assert client.post("/logout", headers=headers).status_code == 403
    assert signed_in_as(client) == name
    with visitor(server) as other_browser:
        fields = {"username": name, "password": PASSWORD}
        assert other_browser.post("/login", data=fields, headers=headers).status_code == 403
        assert (
            other_browser.post("/register", data=sign_up_fields(new_name()), headers=headers).status_code
            == 403
        )
        assert COOKIE not in other_browser.cookies


@pytest.mark.parametrize("parameter", ["user", "username", "person", "role"])
def test_a_query_parameter_cannot_choose_the_user(client: httpx.Client, parameter: str) -> None:
    name = join(client)
    client.cookies.clear()
    page = client.get("/login", params={parameter: name})
    assert page.status_code == 200
    assert name not in page.text


def test_a_form_cannot_choose_a_role(client: httpx.Client) -> None:
    name = new_name()
    assert client.post("/register", data=sign_up_fields(name, role="organiser")).status_code == 303
    assert signed_in_as(client) == name
    assert 'href="/organise"' not in client.get("/events").text


def test_pages_are_not_stored_when_signed_in_and_revalidated_when_signed_out(
    client: httpx.Client,
) -> None:
    assert client.get("/events").headers["cache-control"] == "private, no-cache"
    join(client)
    for path in ("/events", "/my-events", "/account", "/nowhere"):
        assert client.get(path).headers["cache-control"] == "no-store"


def test_changing_the_password_ends_all_other_sessions(client: httpx.Client, server: Server) -> None:
    name = join(client)
    with visitor(server) as other_browser:
        log_in(other_browser, name)
        wrong_password = client.post(
            "/account", data={"current": "incorrect horse", "password": "another horse"}
        )
        assert (wrong_password.status_code, error_at(wrong_password, "current")[:25]) == (
            422,
            "This is not your password",
        )
        weak_password = client.post("/account", data={"current": PASSWORD, "password": f"{name}!!"})
        assert "Choose a password without them" in error_at(weak_password, "password")
        assert signed_in_as(other_browser) == name
        response = client.post("/account", data={"current": PASSWORD, "password": "another horse"})
        assert (response.status_code, response.headers["location"]) == (303, "/account?changed")
        assert "Your password has been changed." in client.get("/account?changed").text
        assert signed_in_as(client) == name
        assert signed_in_as(other_browser) is None
        assert log_in(other_browser, name).status_code == 401
        assert log_in(other_browser, name, "another horse").status_code == 303


@pytest.mark.parametrize("password", ["password", "Passw0rd!", "sunshine26", "12345678", "aaaaaaaaaa"])
def test_a_common_password_is_refused(client: httpx.Client, password: str) -> None:
    page = client.post("/register", data=sign_up_fields(new_name(), password=password))
    assert page.status_code == 422
    assert error_at(page, "password").startswith("Guessers try this password first.")
