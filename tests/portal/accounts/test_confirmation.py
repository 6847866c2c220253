"""Confirming an email address, on both databases and by the command line."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from festgate.kit.clock import DAY
from festgate.kit.errors import NotFound, TooMany
from festgate.kit.messaging import mail, mail_links, outbox
from festgate.portal.accounts import recovery
from festgate.portal.accounts.attempts import Limit
from festgate.portal.accounts.confirmation import (
    LIFE,
    LINK_KIND,
    MAX_CONFIRMATIONS,
    MAX_EMAILS,
    AddressNotConfirmed,
    ConfirmationLinkExpired,
    confirm_address,
    confirm_by_name,
    mailbox_of,
    make_link,
    may_email,
    read_token,
    require_confirmed,
    send_again,
    use_token,
    write_token,
)
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.queries import Candidate, find_visitor, person_by_id
from festgate.portal.accounts.sign_ins import Opening, add_newcomer, add_person_and_sign_in
from festgate.settings import Settings
from tests.portal.accounts.conftest import Join
from tests.rig.database import OpenDatabase
from tests.rig.server import festgate

SECRET = b"s" * 32
FEST = Settings(base_url="https://fest.example", fest_name="Aurora Fest", smtp_host="mail.example")
LINK_MAKERS = {LINK_KIND: partial(make_link, secret=SECRET, base_url=FEST.base_url)}
LINK = re.compile(r"https://fest\.example/confirm\?token=(\S+)")


def sign_up(database: OpenDatabase, name: str = "Asha", email: str = "", settings: Settings = FEST) -> int:
    newcomer = Newcomer(name, email or f"{name}@example.org")
    return database.write(add_newcomer, newcomer, "none", SECRET, settings).id


def token_of(database: OpenDatabase) -> str:
    """Return the token in the queued email."""
    (message,) = database.read(mail.find_due)
    match = LINK.search(database.read(mail.fill_links, message, LINK_MAKERS).body)
    assert match is not None
    return match[1]


def is_confirmed(database: OpenDatabase, person: int) -> bool:
    return database.read(person_by_id, person).is_confirmed


def test_the_emailed_link_confirms_the_address_and_using_it_again_changes_nothing(
    database: OpenDatabase,
) -> None:
    person = sign_up(database)
    (message,) = database.read(mail.find_due)
    assert (message.recipient, message.subject) == ("Asha@example.org", "Confirm your email address")
    token = token_of(database)
    assert database.read(read_token, SECRET, token).id == person
    assert not is_confirmed(database, person)
    for _ in range(2):
        assert database.write(use_token, SECRET, token).id == person
        assert is_confirmed(database, person)
    assert database.read(outbox.waiting) == [("accounts.AddressConfirmed", {"person_id": person})]


def test_a_new_person_is_signed_in_unconfirmed_until_the_link_is_used(
    database: OpenDatabase,
) -> None:
    newcomer = Newcomer("Asha", "asha@example.org")
    session = database.write(add_person_and_sign_in, newcomer, "none", Opening("cookie"), SECRET, FEST)
    visitor = database.read(find_visitor, session.token)
    assert visitor is not None
    assert not visitor.is_confirmed
    database.write(use_token, SECRET, token_of(database))
    visitor = database.read(find_visitor, session.token)
    assert visitor is not None
    assert visitor.is_confirmed


def test_a_confirmation_link_expires_after_three_days_and_cannot_be_forged(
    database: OpenDatabase, join: Join
) -> None:
    asha, ravi = join("Asha"), join("Ravi")
    expires_at = database.clock.now + LIFE
    token = write_token(SECRET, asha, expires_at)
    number, end, signature = token.split("-")
    for forged in (
        "",
        token[:-1],
        f"{ravi.id}-{end}-{signature}",
        f"{number}-{int(end) + 1}-{signature}",
        f"999-{end}-{signature}",
        write_token(b"another fest's secret" * 2, asha, expires_at),
        recovery.write_token(SECRET, Candidate(asha, "none"), expires_at),
    ):
        with pytest.raises(ConfirmationLinkExpired):
            database.write(use_token, SECRET, forged)
    database.clock.move(LIFE - 1)
    database.read(read_token, SECRET, token)
    database.clock.move(1)
    with pytest.raises(ConfirmationLinkExpired):
        database.read(read_token, SECRET, token)
    assert not is_confirmed(database, asha.id)


def test_queued_emails_contain_no_confirmation_or_reset_link(
    database: OpenDatabase, rows: Callable[[str], list[str]], join: Join
) -> None:
    person = sign_up(database)
    token = token_of(database)
    limit = Limit("here", 9, "")
    database.write(recovery.send_link, "Asha", limit, SECRET, FEST)
    claim = Candidate(database.read(person_by_id, person), "none")
    password = recovery.write_token(SECRET, claim, database.clock.now + recovery.LIFE)
    stored = "\n".join(rows("kit_mail"))
    assert "Confirm your email address" in stored
    assert "Reset your password" in stored
    for secret in (token, password):
        signature = secret.rpartition("-")[2]
        assert signature not in stored
    assert "token=" not in stored


def test_an_email_whose_link_has_expired_is_not_sent(database: OpenDatabase) -> None:
    person = sign_up(database)
    (message,) = database.read(mail.find_due)
    database.write(confirm_address, person)
    with pytest.raises(mail_links.LinkOver):
        database.read(mail.fill_links, message, LINK_MAKERS)


def test_a_reset_link_confirms_the_address_too(database: OpenDatabase, join: Join) -> None:
    asha = join("Asha", "old hash")
    database.write(recovery.use_token, Candidate(asha, "old hash"), "new hash")
    assert is_confirmed(database, asha.id)


def test_without_a_mail_server_no_confirmation_email_is_queued(
    database: OpenDatabase,
) -> None:
    person = sign_up(database, settings=Settings())
    assert database.read(mail.find_due) == []
    assert all(
        database.write(may_email, database.read(person_by_id, person), Settings(), SECRET) for _ in range(9)
    )


def test_confirmation_emails_to_one_mailbox_are_limited_for_all_its_spellings(database: OpenDatabase) -> None:
    first = sign_up(database, "a0", "asha@example.org")
    for number in range(1, 20):
        sign_up(database, f"a{number}", f"asha+{number}@Example.org")
    assert database.read(mail.count_waiting) == MAX_CONFIRMATIONS
    with pytest.raises(TooMany, match=r"several links to asha@example\.org\. Try again in 24 hours\."):
        database.write(send_again, first, SECRET, FEST)
    database.clock.move(DAY)
    database.write(send_again, first, SECRET, FEST)
    assert database.read(mail.count_waiting) == MAX_CONFIRMATIONS + 1
    assert mailbox_of("+x@example.org") == "+x@example.org"


def test_a_confirmed_address_gets_no_second_confirmation_email(database: OpenDatabase) -> None:
    person = sign_up(database)
    database.write(confirm_address, person)
    database.write(send_again, person, SECRET, FEST)
    assert database.read(mail.count_waiting) == 1


def test_other_emails_to_an_unconfirmed_address_are_limited_per_day(
    database: OpenDatabase, join: Join
) -> None:
    asha = join("Asha")
    allowed = [database.write(may_email, asha, FEST, SECRET) for _ in range(MAX_EMAILS + 2)]
    assert allowed == [True] * MAX_EMAILS + [False] * 2
    database.clock.move(DAY)
    assert database.write(may_email, asha, FEST, SECRET)
    database.write(confirm_address, asha.id)
    confirmed = database.read(person_by_id, asha.id)
    assert all(database.write(may_email, confirmed, FEST, SECRET) for _ in range(MAX_EMAILS + 2))


def test_an_operation_that_requires_a_confirmed_address_names_the_address(
    database: OpenDatabase, join: Join
) -> None:
    asha = join("Asha")
    with pytest.raises(AddressNotConfirmed, match=r"a link to Asha@example\.org\. Then come back\."):
        database.read(require_confirmed, asha.id, "Then come back.")
    database.write(confirm_by_name, "ASHA@example.org")
    database.read(require_confirmed, asha.id)
    with pytest.raises(NotFound):
        database.write(confirm_by_name, "nobody")


def test_reset_links_for_one_account_are_limited_per_day(database: OpenDatabase, join: Join) -> None:
    join("Asha")
    for number in range(200):
        limit = Limit(f"address {number}", 9, "")
        database.write(recovery.send_link, "Asha", limit, SECRET, FEST)
        database.clock.move(5 * 60_000)
    assert database.read(mail.count_waiting) == recovery.MAX_LINKS_A_DAY


def test_an_organiser_can_confirm_an_address_by_adding_the_account_or_by_command(
    database: OpenDatabase, tmp_path: Path
) -> None:
    added = database.write(add_person, Newcomer("Asha", "asha@example.org"), "none", confirmed=True)
    assert database.read(person_by_id, added.id) == added
    assert added.is_confirmed
    data = tmp_path / "data"
    add = festgate("user", "add", "ravi", "--email", "ravi@example.org", data=data)
    assert add.returncode == 0, add.stderr
    process = festgate("user", "confirm", "ravi", data=data)
    assert process.stdout == "The email address ravi@example.org of ravi is confirmed.\n"
    unknown = festgate("user", "confirm", "meena", data=data)
    assert (unknown.returncode, "no account named meena" in unknown.stderr) == (2, True)
