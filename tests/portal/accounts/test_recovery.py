"""A forgotten password, on both databases and on a real server."""

import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import MINUTE
from festgate.kit.errors import TooMany
from festgate.kit.messaging import mail, mail_links
from festgate.portal.accounts.attempts import Limit, address_limit
from festgate.portal.accounts.facade import find_visitor
from festgate.portal.accounts.people import set_password
from festgate.portal.accounts.queries import find_candidate, person_by_id
from festgate.portal.accounts.recovery import (
    LIFE,
    LINK_KIND,
    MAX_EMAILS,
    Claim,
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
from tests.rig.server import Serve, Server
from tests.rig.waiting import until

SECRET = b"s" * 32
SETTINGS = Settings(base_url="https://fest.example", fest_name="Aurora Fest", fest_tagline="")
ANOTHER = "staple battery"
MAKERS = {LINK_KIND: partial(make_link, secret=SECRET, base_url=SETTINGS.base_url)}
LINK = re.compile(r"https?://\S+/reset\?token=(\S+)")


@pytest.fixture
def ask(database: OpenDatabase) -> Callable[..., list[str]]:
    def ask(name: str, most: int = 100) -> list[str]:
        """Request one more email, and return the tokens of all queued ones."""
        database.write(send_link, name, address_limit(SECRET, "192.0.2.7", most), SECRET, SETTINGS)
        return [found[1] for text in sent_texts(database) if (found := LINK.search(text))]

    return ask


def sent_texts(database: OpenDatabase) -> list[str]:
    """Return the queued emails as they would be sent now, without those whose links have expired."""
    texts = []
    for message in database.read(mail.find_due):
        with suppress(mail_links.LinkOver):
            texts.append(database.read(mail.fill_links, message, MAKERS).body)
    return texts


def claim_of(database: OpenDatabase, person: int) -> Claim:
    found = database.read(person_by_id, person)
    candidate = database.read(find_candidate, found.username)
    assert candidate is not None
    return Claim(found, candidate.password_hash)


@pytest.mark.parametrize("name", ["Asha", "ASHA", "asha@Example.org"])
def test_the_link_of_an_email_replaces_the_password_and_ends_every_session(
    database: OpenDatabase, join: Join, ask: Callable[..., list[str]], name: str
) -> None:
    asha = join("Asha", "old hash")
    session = database.write(open_session, asha.id, "cookie")
    (token,) = ask(name)
    claim = database.read(read_token, SECRET, token)
    assert claim.person == asha
    database.write(use_token, claim, "new hash")
    assert claim_of(database, asha.id).password_hash == "new hash"
    assert database.read(find_visitor, session.token) is None


def test_an_email_goes_to_the_account_with_instructions(
    database: OpenDatabase, join: Join, ask: Callable[..., list[str]]
) -> None:
    join("Asha")
    (token,) = ask("asha")
    (message,) = database.read(mail.find_due)
    assert message.recipient == "Asha@example.org"
    (text,) = sent_texts(database)
    assert f"\nhttps://fest.example/reset?token={token}\n" in text
    assert message.body.startswith("Hello Asha,\n")
    assert "If you did not ask for this" in message.body


def test_a_link_works_once_also_where_it_is_opened_twice(
    database: OpenDatabase, join: Join, ask: Callable[..., list[str]]
) -> None:
    join("Asha", "old hash")
    (token,) = ask("Asha")
    first, second = (database.read(read_token, SECRET, token) for _ in range(2))
    database.write(use_token, first, "new hash")
    with pytest.raises(ResetLinkExpired):
        database.write(use_token, second, "newer hash")
    with pytest.raises(ResetLinkExpired):
        database.read(read_token, SECRET, token)
    assert claim_of(database, first.person.id).password_hash == "new hash"


def test_a_link_is_over_after_an_hour_and_once_the_password_is_another(
    database: OpenDatabase, join: Join, ask: Callable[..., list[str]]
) -> None:
    join("Asha", "old hash")
    (token,) = ask("Asha")
    database.clock.move(LIFE - 1)
    database.read(read_token, SECRET, token)
    database.clock.move(1)
    with pytest.raises(ResetLinkExpired):
        database.read(read_token, SECRET, token)
    *_, token = ask("Asha")
    database.read(read_token, SECRET, token)
    database.write(set_password, "Asha", "by an organiser")
    with pytest.raises(ResetLinkExpired):
        database.read(read_token, SECRET, token)


def test_a_link_opens_nobody_elses_account_and_none_can_be_made_up(
    database: OpenDatabase, join: Join
) -> None:
    asha, ravi = join("Asha", "one hash"), join("Ravi", "another hash")
    end = database.clock() + LIFE
    token = write_token(SECRET, claim_of(database, asha.id), end)
    _, _, signature = token.split("-")
    made_up = [
        f"{ravi.id}-{end}-{signature}",
        f"{asha.id}-{end + LIFE}-{signature}",
        f"{asha.id}-{end}-{'0' * len(signature)}",
        f"0{token}",
        f"{token}0",
        f"{ravi.id + 1}-{end}-{signature}",
        f"{10**17}-{end}-{signature}",
        write_token(b"another fest's".ljust(32), claim_of(database, asha.id), end),
        "",
        "asha",
        f"\N{ARABIC-INDIC DIGIT ONE}-{end}-{signature}",
    ]
    for token in made_up:
        with pytest.raises(ResetLinkExpired):
            database.read(read_token, SECRET, token)


def test_nobody_gets_an_email_without_an_account_or_one_after_another(
    database: OpenDatabase, join: Join, ask: Callable[..., list[str]]
) -> None:
    join("Asha")
    assert ask("Ravi") == ask("ravi@example.org") == []
    for number in range(MAX_EMAILS):
        database.clock.move(MINUTE)
        assert len(ask("asha" if number % 2 else "asha@example.org")) == number + 1
    assert len(ask("Asha")) == MAX_EMAILS
    with pytest.raises(TooMany):
        ask("Asha", most=1)


def test_an_email_about_a_password_goes_before_those_that_wait_after_an_opening(
    database: OpenDatabase, join: Join
) -> None:
    join("Asha")
    for number in range(9):
        database.write(mail.post, f"order:{number}", "ravi@example.org", "Your ticket", "Here.\n")
    database.clock.move(MINUTE)
    database.write(send_link, "Asha", Limit("here", 9, ""), SECRET, SETTINGS)
    assert [each.subject for each in database.read(mail.find_due)][:2] == [
        "Reset your password",
        "Your ticket",
    ]


def link_to(data: Path, name: str) -> str:
    """Return the path of the link in the latest email."""

    def found() -> str | None:
        folder = data / "mail"
        texts = [text_of(email) for email in emails(data)] if folder.is_dir() else []
        links = [match for text in texts if text.startswith(f"Hello {name},") for match in LINK.findall(text)]
        return f"/reset?token={links[-1]}" if links else None

    path = until(found, "the email")
    assert path is not None
    return path


def test_a_forgotten_password_is_replaced_and_every_other_session_ends(
    serve: Serve,
) -> None:
    server = serve(extra={"FESTGATE_SIGN_IN_LIMIT": "2"})
    with visitor(server) as forgetful, visitor(server) as elsewhere:
        name = join(elsewhere)
        for _ in range(3):
            locked_out = log_in(forgetful, name, "was it this one?")
        assert locked_out.status_code == 429
        assert 'href="/forgot"' in forgetful.get("/login").text
        assert "we have sent a link" in forgetful.post("/forgot", data={"username": name}).text
        path = link_to(server.data, name)

        form = forgetful.get(path)
        assert f"For {name}." in form.text
        short = forgetful.post(path, data={"password": "short"})
        assert (short.status_code, error_at(short, "password")) == (422, "At least 8 characters.")
        done = forgetful.post(path, data={"password": ANOTHER})
        assert (done.status_code, done.headers["location"]) == (303, "/events")
        assert signed_in_as(forgetful) == name
        assert signed_in_as(elsewhere) is None

        for answer in (forgetful.get(path), forgetful.post(path, data={"password": "a third one"})):
            assert answer.status_code == 410
            assert "The link works once and for one hour." in answer.text
            assert 'href="/forgot"' in answer.text
        assert path.partition("=")[2] not in server.log()
        assert log_in(elsewhere, name, PASSWORD).status_code == 401
        assert log_in(elsewhere, name, ANOTHER).status_code == 303


def test_the_page_is_the_same_whether_or_not_there_is_such_an_account(
    client: httpx.Client, server: Server
) -> None:
    with visitor(server) as other:
        name = join(other)
    known, unknown = (client.post("/forgot", data={"username": entered}) for entered in (name, f"{name}-not"))
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)
    assert error_at(client.post("/forgot", data={"username": " "}), "username") == "This field is required."
