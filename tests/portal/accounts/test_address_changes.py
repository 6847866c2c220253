"""A new email address of one's own account, on both databases: nothing changes before the link to it is used."""

import re
from collections.abc import Callable
from functools import partial

import pytest

from festgate.kit.db.statements import Connection
from festgate.kit.errors import TooMany
from festgate.kit.messaging import mail, outbox
from festgate.portal.accounts import confirmation
from festgate.portal.accounts.address_changes import (
    AGAIN,
    LIFE,
    LINK_KIND,
    MAX_CHANGES,
    AddressChange,
    AddressLinkExpired,
    find_change,
    make_link,
    read_token,
    request_change,
    use_token,
    withdraw_change,
    write_token,
)
from festgate.portal.accounts.attempts import Limit
from festgate.portal.accounts.confirmation import MAX_CONFIRMATIONS, confirm_address
from festgate.portal.accounts.people import Taken, set_password
from festgate.portal.accounts.queries import Person, candidate_by_id, find_person, find_visitor, person_by_id
from festgate.portal.accounts.sessions import forget_expired, open_session
from festgate.portal.accounts.sign_ins import Checked, PasswordChanged
from festgate.portal.backoffice.crew import set_role
from festgate.settings import Settings
from tests.portal.accounts.conftest import Join
from tests.rig.database import OpenDatabase

SECRET = b"s" * 32
FEST = Settings(base_url="https://fest.example", fest_name="Aurora Fest", smtp_host="mail.example")
LINK_MAKERS = {LINK_KIND: partial(make_link, secret=SECRET, base_url=FEST.base_url)}
LINK = re.compile(r"https://fest\.example/account/email/confirm\?token=(\S+)")
CLIENT = Limit("a client", 1000, "Too many.")
OWN = Limit("own", 10)


@pytest.fixture
def asha(database: OpenDatabase, join: Join) -> Person:
    person = join("Asha")
    database.write(confirm_address, person.id)
    return person


def checked(database: OpenDatabase, person: Person) -> Checked:
    return Checked(database.read(candidate_by_id, person.id), [OWN])


def request(database: OpenDatabase, person: Person, email: str, client: Limit = CLIENT) -> dict[str, str]:
    return database.write(request_change, checked(database, person), email, client, SECRET, FEST)


def token_of(database: OpenDatabase) -> str:
    """Return the token in the latest queued email with a link."""
    messages = [message for message in database.read(mail.find_due) if message.links]
    latest = max(messages, key=lambda message: message.id)
    body = database.read(mail.fill_links, latest, LINK_MAKERS).body
    match = LINK.search(body)
    assert match is not None
    return match[1]


def use(database: OpenDatabase, token: str, session: str = "") -> AddressChange:
    return database.write(use_token, SECRET, token, session, FEST)


def test_the_old_address_works_until_the_link_is_used_and_is_informed_then(
    database: OpenDatabase, asha: Person
) -> None:
    assert request(database, asha, "asha@new.example") == {}
    (message,) = database.read(mail.find_due)
    assert (message.recipient, message.subject) == ("asha@new.example", "Confirm your new email address")
    token = token_of(database)
    waiting = database.read(find_change, asha.id)
    assert waiting is not None
    assert (waiting.email, waiting.is_done) == ("asha@new.example", False)
    assert database.read(read_token, SECRET, token) == waiting
    assert database.read(person_by_id, asha.id).email == "Asha@example.org"
    assert database.read(find_person, "asha@new.example") is None

    assert use(database, token).is_done
    person = database.read(person_by_id, asha.id)
    assert (person.email, person.is_confirmed) == ("asha@new.example", True)
    assert database.read(find_person, "Asha@example.org") is None
    assert database.read(find_change, asha.id) is None
    informed = [
        message for message in database.read(mail.find_due) if message.recipient == "Asha@example.org"
    ]
    assert [message.subject for message in informed] == ["Your email address was changed"]
    assert "If it was not you" in informed[0].body
    assert "asha@new.example" not in informed[0].body


def test_a_link_works_once_and_a_second_click_is_answered_like_the_first(
    database: OpenDatabase, asha: Person
) -> None:
    request(database, asha, "asha@new.example")
    token = token_of(database)
    for _ in range(2):
        assert use(database, token).email == "asha@new.example"
    assert len(database.read(mail.find_due)) == 2  # the link, and one email to the old address
    database.clock.move(1)
    request(database, asha, "asha@third.example")
    use(database, token_of(database))
    with pytest.raises(AddressLinkExpired):
        use(database, token)
    assert database.read(person_by_id, asha.id).email == "asha@third.example"


def test_a_second_click_on_the_form_sends_one_email_and_a_later_request_another(
    database: OpenDatabase, asha: Person
) -> None:
    request(database, asha, "asha@new.example")
    database.clock.move(AGAIN - 1)
    request(database, asha, "asha@new.example")
    first = token_of(database)
    assert len(database.read(mail.find_due)) == 1
    database.clock.move(1)
    request(database, asha, "asha@new.example")
    with pytest.raises(AddressLinkExpired):
        database.read(read_token, SECRET, first)
    assert database.read(read_token, SECRET, token_of(database)).email == "asha@new.example"


def test_all_sessions_end_with_the_old_address_except_the_one_that_used_the_link(
    database: OpenDatabase, asha: Person
) -> None:
    here, elsewhere = (database.write(open_session, asha.id, "cookie").token for _ in range(2))
    request(database, asha, "asha@new.example")
    use(database, token_of(database), here)
    assert database.read(find_visitor, elsewhere) is None
    visitor = database.read(find_visitor, here)
    assert visitor is not None
    assert visitor.email == "asha@new.example"


def test_an_expired_forged_or_replaced_link_changes_nothing(
    database: OpenDatabase, asha: Person, join: Join
) -> None:
    ravi = join("Ravi")
    request(database, asha, "asha@new.example")
    token = token_of(database)
    number, until, signature = token.split("-")
    for forged in (
        "",
        token[:-1],
        f"{ravi.id}-{until}-{signature}",
        f"{number}-{int(until) + 1}-{signature}",
        f"999-{until}-{signature}",
        write_token(b"another fest's secret" * 2, asha.id, "asha@new.example", int(until)),
        write_token(SECRET, asha.id, "asha@else.example", int(until)),
        confirmation.write_token(SECRET, asha, int(until)),
    ):
        with pytest.raises(AddressLinkExpired):
            use(database, forged)
    database.clock.move(1)
    request(database, asha, "asha@second.example")
    with pytest.raises(AddressLinkExpired):
        use(database, token)
    token = token_of(database)
    database.clock.move(LIFE - 1)
    assert database.read(read_token, SECRET, token).email == "asha@second.example"
    database.clock.move(1)
    with pytest.raises(AddressLinkExpired):
        use(database, token)
    database.write(forget_expired)
    assert database.read(person_by_id, asha.id).email == "Asha@example.org"


@pytest.mark.parametrize(
    "change",
    [
        lambda connection, person: withdraw_change(connection, person.id),
        lambda connection, person: set_password(connection, person.username, "another hash"),
        lambda connection, person: set_role(connection, person.username, "staff"),
    ],
    ids=["withdrawn", "new password", "new role"],
)
def test_a_change_that_was_withdrawn_or_asked_for_with_an_old_password_is_not_made(
    database: OpenDatabase, asha: Person, change: Callable[[Connection, Person], object]
) -> None:
    request(database, asha, "asha@new.example")
    token = token_of(database)
    database.write(change, asha)
    assert database.read(find_change, asha.id) is None
    with pytest.raises(AddressLinkExpired):
        use(database, token)


def test_an_address_of_another_account_is_refused_and_the_attempt_stays_counted(
    database: OpenDatabase, asha: Person, join: Join
) -> None:
    join("Ravi")
    client = Limit("another client", 2, "Too many attempts.")
    for address in ("ravi@EXAMPLE.org", "Asha@example.org"):
        assert list(request(database, asha, address, client)) == ["email"]
    with pytest.raises(TooMany):
        request(database, asha, "asha@new.example", client)
    assert database.read(mail.find_due) == []


def test_an_address_that_another_account_took_meanwhile_is_not_given_twice(
    database: OpenDatabase, asha: Person, join: Join
) -> None:
    request(database, asha, "Ravi@example.org")
    token = token_of(database)
    join("Ravi")
    with pytest.raises(Taken):
        use(database, token)
    assert database.read(person_by_id, asha.id).email == "Asha@example.org"


def test_an_address_may_change_in_its_spelling_only(database: OpenDatabase, asha: Person) -> None:
    assert request(database, asha, "asha@example.org") == {}
    token = token_of(database)
    assert not database.read(read_token, SECRET, token).is_done
    use(database, token)
    assert database.read(person_by_id, asha.id).email == "asha@example.org"


def test_the_requests_of_an_account_and_the_emails_to_a_mailbox_are_limited(
    database: OpenDatabase, asha: Person, join: Join
) -> None:
    for number in range(MAX_CHANGES):
        request(database, asha, f"asha{number}@new.example")
    with pytest.raises(TooMany, match="several changes"):
        request(database, asha, "asha9@new.example")
    others = [join(f"guest{number}") for number in range(MAX_CONFIRMATIONS + 1)]
    for other in others[:-1]:
        request(database, other, f"victim+{other.username}@new.example")
    with pytest.raises(TooMany, match="several links"):
        request(database, others[-1], "victim@new.example")


def test_a_password_that_changed_after_it_was_checked_is_refused(
    database: OpenDatabase, asha: Person
) -> None:
    before = checked(database, asha)
    database.write(set_password, "Asha", "another hash")
    with pytest.raises(PasswordChanged):
        database.write(request_change, before, "asha@new.example", CLIENT, SECRET, FEST)


def test_a_queued_email_with_a_link_to_an_address_contains_no_link(
    database: OpenDatabase, asha: Person, rows: Callable[[str], list[str]]
) -> None:
    request(database, asha, "asha@new.example")
    signature = token_of(database).rpartition("-")[2]
    assert all(
        signature not in row for table in ("kit_mail", "accounts_address_changes") for row in rows(table)
    )


def test_a_confirmed_new_address_releases_the_tickets_that_an_unconfirmed_one_kept_back(
    database: OpenDatabase, join: Join
) -> None:
    person = join("Meena")
    request(database, person, "meena@new.example")
    use(database, token_of(database))
    assert database.read(outbox.waiting) == [("accounts.AddressConfirmed", {"person_id": person.id})]
