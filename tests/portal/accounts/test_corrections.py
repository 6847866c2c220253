"""Correcting a mistyped email address, on both databases: permissions, consequences and notices."""

from pathlib import Path
from typing import Literal

import pytest

from festgate.kit.db.statements import Connection
from festgate.kit.messaging import mail, outbox
from festgate.kit.shown import Changed
from festgate.portal.accounts import confirmation, recovery
from festgate.portal.accounts.confirmation import ConfirmationLinkExpired, confirm_address
from festgate.portal.accounts.corrections import CrewAddress, correct_email, correct_shown_email
from festgate.portal.accounts.facade import Person, find_visitor, person_by_id
from festgate.portal.accounts.people import Taken
from festgate.portal.accounts.queries import candidate_by_id, find_people
from festgate.portal.accounts.recovery import ResetLinkExpired
from festgate.portal.accounts.sessions import open_session
from festgate.settings import Settings
from tests.journeys.stage import query_file
from tests.portal.accounts.conftest import Join
from tests.portal.accounts.test_commands import run_user_command
from tests.rig.database import OpenDatabase
from tests.rig.server import festgate

SECRET = b"s" * 32
FEST = Settings(base_url="https://fest.example", fest_name="Aurora Fest", smtp_host="mail.example")
MISTYPED, RIGHT = "Asha@example.org", "asha@example.com"


def correct(database: OpenDatabase, person: Person, email: str = RIGHT, shown: str = MISTYPED) -> Person:
    """Correct the address as an organiser does."""
    return database.write(correct_shown_email, person.id, email, shown, SECRET, FEST)


def queued(database: OpenDatabase) -> list[tuple[str, str]]:
    """Return recipient and subject of the waiting emails."""
    return sorted((message.recipient, message.subject) for message in database.read(mail.find_due))


def test_a_corrected_address_is_unconfirmed_gets_the_link_and_ends_every_session(
    database: OpenDatabase, join: Join
) -> None:
    asha = join()
    session = database.write(open_session, asha.id, "cookie")
    link = database.read(lambda _: confirmation.write_token(SECRET, asha, database.clock() + 1_000))
    corrected = correct(database, asha)
    assert corrected == database.read(person_by_id, asha.id)
    assert (corrected.email, corrected.is_confirmed) == (RIGHT, False)
    assert database.read(find_visitor, session.token) is None
    assert queued(database) == [(RIGHT, "Confirm your email address")]
    with pytest.raises(ConfirmationLinkExpired):
        database.write(confirmation.use_token, SECRET, link)
    assert [kind for kind, _ in database.read(outbox.waiting)] == ["accounts.AddressCorrected"]
    assert [person.id for person in database.report(find_people, "asha example com", 5)] == [asha.id]


def test_the_owner_of_a_confirmed_old_address_gets_an_email_about_the_change(
    database: OpenDatabase, join: Join
) -> None:
    asha = join()
    database.write(confirm_address, asha.id)
    correct(database, asha)
    assert queued(database) == [
        (MISTYPED, "Your email address was changed"),
        (RIGHT, "Confirm your email address"),
    ]
    assert all(RIGHT not in email.body for email in database.read(mail.find_due) if email.recipient != RIGHT)


def test_a_link_for_the_password_that_the_old_address_got_does_not_work_any_more(
    database: OpenDatabase, join: Join
) -> None:
    asha = join()
    until = database.clock() + recovery.LIFE
    before = database.read(candidate_by_id, asha.id)
    token = recovery.write_token(SECRET, before, until)
    assert database.read(recovery.read_token, SECRET, token).person == asha
    correct(database, asha)
    with pytest.raises(ResetLinkExpired):
        database.read(recovery.read_token, SECRET, token)
    # The page of the link was open, and the new password being hashed, when the address was corrected.
    with pytest.raises(ResetLinkExpired):
        database.write(recovery.use_token, before, "new hash")
    assert database.read(candidate_by_id, asha.id).password_hash == before.password_hash


@pytest.mark.parametrize("role", ["staff", "organiser"])
def test_organisers_cannot_correct_the_address_of_staff_and_organisers(
    database: OpenDatabase, join: Join, role: Literal["staff", "organiser"]
) -> None:
    meena = join("Meena", role=role)
    with pytest.raises(CrewAddress):
        correct(database, meena, shown=meena.email)
    assert database.read(person_by_id, meena.id) == meena
    assert queued(database) == []


def test_a_second_click_changes_nothing_and_another_change_meanwhile_is_refused(
    database: OpenDatabase, join: Join
) -> None:
    asha = join()
    assert correct(database, asha) == correct(database, asha)
    assert len(queued(database)) == 1
    with pytest.raises(Changed):
        correct(database, asha, "asha@example.net")
    assert database.read(person_by_id, asha.id).email == RIGHT


def test_the_address_of_another_account_is_refused(database: OpenDatabase, join: Join) -> None:
    asha, ravi = join(), join("Ravi")
    with pytest.raises(Taken, match="Another account"):
        correct(database, asha, ravi.email.upper())
    assert database.read(person_by_id, asha.id) == asha


def test_the_address_is_corrected_even_if_its_mailbox_got_too_many_links_today(
    database: OpenDatabase, join: Join
) -> None:
    asha = join()

    def fill(connection: Connection) -> None:
        for number in range(confirmation.MAX_CONFIRMATIONS):
            other = Person(100 + number, "other", RIGHT, "attendee")
            confirmation.send_confirmation(connection, other, SECRET, FEST)

    database.write(fill)
    assert correct(database, asha).email == RIGHT


def test_the_operation_of_the_command_corrects_every_account(database: OpenDatabase, join: Join) -> None:
    meena = join("Meena", role="organiser")
    assert database.write(correct_email, "meena", RIGHT, SECRET, FEST).email == RIGHT
    assert queued(database) == [(RIGHT, "Confirm your email address")]
    assert database.read(person_by_id, meena.id).email == RIGHT


def test_the_command_informs_the_old_address(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert festgate("user", "add", "asha", "--email", MISTYPED, data=data).returncode == 0
    process = run_user_command(data, "email", "asha", RIGHT, stdin="")
    assert process.returncode == 0, process.stderr
    assert f"asha has the email address {RIGHT} now" in process.stdout
    emails = query_file(data, "SELECT recipient, subject FROM kit_mail ORDER BY id")
    assert (MISTYPED, "Your email address was changed") in emails  # `user add` confirms the address
