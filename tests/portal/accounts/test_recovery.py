"""A forgotten password, on both databases and on a real server."""

import html
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from festgate.kit.clock import MINUTE
from festgate.kit.errors import TooMany
from festgate.kit.messaging import mail, mail_links
from festgate.portal.accounts.attempts import Limit, address_limit
from festgate.portal.accounts.facade import find_visitor
from festgate.portal.accounts.people import set_password
from festgate.portal.accounts.queries import Candidate, find_candidate, person_by_id
from festgate.portal.accounts.recovery import (
    LIFE,
    LINK_KIND,
    MAX_EMAILS,
    ResetLinkExpired,
    make_link,
    read_token,
    send_link,
    use_token,
    write_token,
)
from festgate.portal.accounts.sessions import open_session
from festgate.settings import Settings
from tests.kit.mailing import emails, text_of
from tests.portal.accounts.conftest import Join
from tests.portal.accounts.visiting import PASSWORD, error_at, join, log_in, signed_in_as, visitor
from tests.rig.database import OpenDatabase
from tests.rig.forms import hidden_fields
from tests.rig.server import Serve, Server
from tests.rig.waiting import until

SECRET = b"s" * 32
SETTINGS = Settings(base_url="https://fest.example", fest_name="Aurora Fest", fest_tagline="")
NEW_PASSWORD = "staple battery"
LINK_MAKERS = {LINK_KIND: partial(make_link, secret=SECRET, base_url=SETTINGS.base_url)}
LINK = re.compile(r"https?://\S+/reset\?token=(\S+)")


@pytest.fixture
def request_link(database: OpenDatabase) -> Callable[..., list[str]]:
    def request_link(name: str, limit: int = 100) -> list[str]:
        """Request one more email, and return the tokens of all queued ones."""
        database.write(send_link, name, address_limit(SECRET, "192.0.2.7", limit), SECRET, SETTINGS)
        return [match[1] for text in sent_texts(database) if (match := LINK.search(text))]

    return request_link


def sent_texts(database: OpenDatabase) -> list[str]:
    """Return the queued emails as they would be sent now, without those whose links have expired."""
    texts = []
    for message in database.read(mail.find_due):
        with suppress(mail_links.LinkOver):
            texts.append(database.read(mail.fill_links, message, LINK_MAKERS).body)
    return texts


def candidate_of(database: OpenDatabase, person: int) -> Candidate:
    person_found = database.read(person_by_id, person)
    candidate = database.read(find_candidate, person_found.username)
    assert candidate is not None
    return Candidate(person_found, candidate.password_hash)


@pytest.mark.parametrize("name", ["Asha", "ASHA", "asha@Example.org"])
def test_a_reset_link_replaces_the_password_and_ends_every_session(
    database: OpenDatabase, join: Join, request_link: Callable[..., list[str]], name: str
) -> None:
    asha = join("Asha", "old hash")
    session = database.write(open_session, asha.id, "cookie")
    (token,) = request_link(name)
    claim = database.read(read_token, SECRET, token)
    assert claim.person == asha
    database.write(use_token, claim, "new hash")
    assert candidate_of(database, asha.id).password_hash == "new hash"
    assert database.read(find_visitor, session.token) is None


def test_the_reset_email_goes_to_the_account_with_its_link(
    database: OpenDatabase, join: Join, request_link: Callable[..., list[str]]
) -> None:
    join("Asha")
    (token,) = request_link("asha")
    (message,) = database.read(mail.find_due)
    assert message.recipient == "Asha@example.org"
    (text,) = sent_texts(database)
    assert f"\nhttps://fest.example/reset?token={token}\n" in text
    assert message.body.startswith("Hello Asha,\n")
    assert "If you did not ask for this" in message.body


def test_a_reset_link_works_once_even_if_it_is_opened_twice(
    database: OpenDatabase, join: Join, request_link: Callable[..., list[str]]
) -> None:
    join("Asha", "old hash")
    (token,) = request_link("Asha")
    first, second = (database.read(read_token, SECRET, token) for _ in range(2))
    database.write(use_token, first, "new hash")
    with pytest.raises(ResetLinkExpired):
        database.write(use_token, second, "newer hash")
    with pytest.raises(ResetLinkExpired):
        database.read(read_token, SECRET, token)
    assert candidate_of(database, first.person.id).password_hash == "new hash"


def test_a_reset_link_expires_after_an_hour_or_when_the_password_changes(
    database: OpenDatabase, join: Join, request_link: Callable[..., list[str]]
) -> None:
    join("Asha", "old hash")
    (token,) = request_link("Asha")
    database.clock.move(LIFE - 1)
    database.read(read_token, SECRET, token)
    database.clock.move(1)
    with pytest.raises(ResetLinkExpired):
        database.read(read_token, SECRET, token)
    *_, token = request_link("Asha")
    database.read(read_token, SECRET, token)
    database.write(set_password, "Asha", "by an organiser")
    with pytest.raises(ResetLinkExpired):
        database.read(read_token, SECRET, token)


def test_forged_reset_links_are_refused(database: OpenDatabase, join: Join) -> None:
    asha, ravi = join("Asha", "one hash"), join("Ravi", "another hash")
    expires_at = database.clock() + LIFE
    token = write_token(SECRET, candidate_of(database, asha.id), expires_at)
    _, _, signature = token.split("-")
    forged_tokens = [
        f"{ravi.id}-{expires_at}-{signature}",
        f"{asha.id}-{expires_at + LIFE}-{signature}",
        f"{asha.id}-{expires_at}-{'0' * len(signature)}",
        f"0{token}",
        f"{token}0",
        f"{ravi.id + 1}-{expires_at}-{signature}",
        f"{10**17}-{expires_at}-{signature}",
        write_token(b"another fest's".ljust(32), candidate_of(database, asha.id), expires_at),
        "",
        "asha",
        f"\N{ARABIC-INDIC DIGIT ONE}-{expires_at}-{signature}",
    ]
    for token in forged_tokens:
        with pytest.raises(ResetLinkExpired):
            database.read(read_token, SECRET, token)


def test_reset_emails_are_limited_and_go_only_to_existing_accounts(
    database: OpenDatabase, join: Join, request_link: Callable[..., list[str]]
) -> None:
    join("Asha")
    assert request_link("Ravi") == request_link("ravi@example.org") == []
    for number in range(MAX_EMAILS):
        database.clock.move(MINUTE)
        assert len(request_link("asha" if number % 2 else "asha@example.org")) == number + 1
    assert len(request_link("Asha")) == MAX_EMAILS
    with pytest.raises(TooMany):
        request_link("Asha", limit=1)


def test_a_reset_email_is_sent_before_waiting_ticket_emails(database: OpenDatabase, join: Join) -> None:
    join("Asha")
    for number in range(9):
        database.write(mail.post, f"order:{number}", "ravi@example.org", "Your ticket", "Here.\n")
    database.clock.move(MINUTE)
    database.write(send_link, "Asha", Limit("here", 9, ""), SECRET, SETTINGS)
    assert [message.subject for message in database.read(mail.find_due)][:2] == [
        "Reset your password",
        "Your ticket",
    ]


def wait_for_link(data: Path, name: str) -> str:
    """Wait for an email to this person; return the path of the link in the latest one."""

    def find_link() -> str | None:
        folder = data / "mail"
        sent = emails(data) if folder.is_dir() else []
        texts = [text_of(email) for email in sent if str(email["to"]).startswith(f"{name}@")]
        links = [match for text in texts for match in LINK.findall(text)]
        return f"/reset?token={links[-1]}" if links else None

    path = until(find_link, "the email")
    assert path is not None
    return path


def test_a_forgotten_password_is_replaced_and_every_other_session_ends(
    serve: Serve,
) -> None:
    server = serve(extra={"FESTGATE_SIGN_IN_LIMIT": "2"})
    with visitor(server) as browser, visitor(server) as other_browser:
        name = join(other_browser)
        for _ in range(3):
            response_when_locked = log_in(browser, name, "was it this one?")
        assert response_when_locked.status_code == 429
        assert 'href="/forgot"' in browser.get("/login").text
        assert "we have sent a link" in browser.post("/forgot", data={"username": name}).text
        path = wait_for_link(server.data, name)

        form = browser.get(path)
        assert f"For {name}." in form.text
        response_to_short = browser.post(path, data={"password": "short"})
        assert (response_to_short.status_code, error_at(response_to_short, "password")) == (
            422,
            "At least 8 characters.",
        )
        response = browser.post(path, data={"password": NEW_PASSWORD})
        assert (response.status_code, response.headers["location"]) == (303, "/events")
        assert signed_in_as(browser) == name
        assert signed_in_as(other_browser) is None

        for expired in (browser.get(path), browser.post(path, data={"password": "a third one"})):
            assert expired.status_code == 410
            assert "The link works once and for one hour." in expired.text
            assert 'href="/forgot"' in expired.text
        assert path.partition("=")[2] not in server.log()
        assert log_in(other_browser, name, PASSWORD).status_code == 401
        assert log_in(other_browser, name, NEW_PASSWORD).status_code == 303


def ask_at(browser: httpx.Client, name: str, going_to: str) -> str:
    """Follow "Forgot your password?" on the way to a page and ask for a link; return the page that follows."""
    sign_in = browser.get(going_to).headers["location"]
    (forgot,) = re.findall(r'href="(/forgot[^"]*)"', browser.get(sign_in).text)
    form = browser.get(html.unescape(forgot)).text
    return browser.post("/forgot", data=hidden_fields(form, "/forgot") | {"username": name}).text


def test_after_a_reset_the_visitor_gets_the_page_that_they_wanted(server: Server) -> None:
    with visitor(server) as browser, visitor(server) as other_browser:
        name = join(other_browser)
        sent = ask_at(browser, name, "/checkout?a=b%26c")
        assert 'href="/login?next=/checkout%3Fa%3Db%2526c"' in sent
        assert 'href="/forgot?next=/checkout%3Fa%3Db%2526c"' in sent
        path = wait_for_link(server.data, name)
        assert path.endswith("&next=/checkout%3Fa%3Db%2526c")
        # A refused password loses nothing.
        assert browser.post(path, data={"password": "short"}).status_code == 422
        response = browser.post(path, data={"password": NEW_PASSWORD})
        assert (response.status_code, response.headers["location"]) == (303, "/checkout?a=b%26c")
        assert signed_in_as(browser) == name


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", f"/events?q={'x' * 3000}"]
)
def test_a_reset_never_leads_to_another_site(server: Server, elsewhere: str) -> None:
    with visitor(server) as browser, visitor(server) as other_browser:
        name = join(other_browser)
        browser.post("/forgot", data={"username": name, "next": elsewhere[:1000]})
        path = wait_for_link(server.data, name)
        assert "next=" not in path
        # Somebody may add one to the link itself.
        response = browser.post(f"{path}&next={quote(elsewhere)}", data={"password": NEW_PASSWORD})
        assert (response.status_code, response.headers["location"]) == (303, "/events")


def test_the_response_does_not_reveal_whether_an_account_exists(client: httpx.Client, server: Server) -> None:
    with visitor(server) as other_browser:
        name = join(other_browser)
    known, unknown = (
        client.post("/forgot", data={"username": username}) for username in (name, f"{name}-not")
    )
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert error_at(client.post("/forgot", data={"username": " "}), "username") == "This field is required."
