"""Second factors on both databases: codes of an app, recovery codes, and the rule of the owner."""

import base64
from collections.abc import Callable, Sequence

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import update

from festgate.kit.clock import HOUR, SECOND
from festgate.kit.db.statements import Statement
from festgate.kit.errors import Forbidden, TooMany
from festgate.kit.messaging import mail
from festgate.kit.visitors import COMMAND, Actor
from festgate.portal.accounts import second_factors, tables
from festgate.portal.accounts.checks import check_second_factors
from festgate.portal.accounts.confirmation import confirm_address
from festgate.portal.accounts.queries import Person
from festgate.portal.accounts.second_factors import (
    CODES_HERE,
    RECOVERY_CODES,
    STEP,
    NotBegun,
    WrongCode,
    check_code,
    lacks_second_factor,
    set_requirement,
)
from festgate.portal.audit import facade as audit
from tests.portal.accounts.conftest import Join
from tests.rig.database import OpenDatabase

SECRET, HOST = b"s" * 32, "192.0.2.7"


def app_code(key: str, now: int, steps: int = 0) -> str:
    """Return the code that an app shows at that time, or some half minutes before or after."""
    totp = TOTP(base64.b32decode(key), 6, SHA1(), STEP)  # noqa: S303  (what apps use)
    return totp.generate(now // SECOND + steps * STEP).decode()


def key_of(database: OpenDatabase, person: Person) -> str:
    """Return the key that is being set up, as the page shows it."""
    enrolment = database.read(second_factors.read_enrolment, person, SECRET, "Fest")
    assert enrolment is not None
    assert enrolment.key in enrolment.address
    assert enrolment.in_fours.replace(" ", "") == enrolment.key
    return enrolment.key


def set_up(database: OpenDatabase, person: Person) -> tuple[str, Sequence[str]]:
    """Switch the second factor on; return its key and the recovery codes."""
    database.write(second_factors.begin, person.id, SECRET)
    key = key_of(database, person)
    actor = Actor(person.id, "session", HOST)
    code = app_code(key, database.clock.now)
    codes = database.write(second_factors.confirm, person.id, code, SECRET, HOST, actor, "Fest")
    assert not isinstance(codes, WrongCode)
    database.clock.move(2 * STEP * SECOND)
    return key, codes


def accepts(database: OpenDatabase, person: Person, code: str, secret: bytes = SECRET) -> bool:
    return database.write(check_code, person.id, code, secret, HOST) is None


def test_nothing_asks_for_a_code_before_the_first_one_was_entered(database: OpenDatabase, join: Join) -> None:
    meena = join("meena", role="organiser")
    database.write(second_factors.begin, meena.id, SECRET)
    assert not database.read(second_factors.has_second_factor, meena.id)
    actor = Actor(meena.id, "session", HOST)
    wrong = database.write(second_factors.confirm, meena.id, "000000", SECRET, HOST, actor, "Fest")
    assert isinstance(wrong, WrongCode)
    assert not database.read(second_factors.has_second_factor, meena.id)
    set_up(database, meena)
    assert database.read(second_factors.has_second_factor, meena.id)
    factor = database.read(second_factors.find_second_factor, meena.id)
    assert factor is not None
    assert (factor.is_on, factor.codes_left) == (True, RECOVERY_CODES)


@pytest.mark.parametrize("steps, accepted", [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_the_clock_of_a_phone_may_be_half_a_minute_wrong(
    database: OpenDatabase, join: Join, steps: int, accepted: bool
) -> None:
    meena = join("meena", role="owner")
    key, _ = set_up(database, meena)
    database.clock.move(HOUR)
    code = app_code(key, database.clock.now, steps)
    assert accepts(database, meena, f"{code[:3]} {code[3:]}") == accepted


def test_a_code_is_accepted_once_and_so_is_none_from_before_it(database: OpenDatabase, join: Join) -> None:
    meena = join("meena", role="organiser")
    key, _ = set_up(database, meena)
    now = database.clock.now
    assert accepts(database, meena, app_code(key, now))
    assert not accepts(database, meena, app_code(key, now))
    assert not accepts(database, meena, app_code(key, now, -1))
    assert accepts(database, meena, app_code(key, now, 1))


def test_a_recovery_code_is_accepted_once_in_any_spelling(database: OpenDatabase, join: Join) -> None:
    meena, ravi = join("meena", role="organiser"), join("ravi", role="organiser")
    _, codes = set_up(database, meena)
    set_up(database, ravi)
    assert len(set(codes)) == RECOVERY_CODES
    assert not accepts(database, ravi, codes[0])
    assert accepts(database, meena, codes[0].lower().replace("-", " "))
    assert not accepts(database, meena, codes[0])
    factor = database.read(second_factors.find_second_factor, meena.id)
    assert factor is not None
    assert factor.codes_left == RECOVERY_CODES - 1


def test_new_recovery_codes_replace_the_earlier_ones(database: OpenDatabase, join: Join) -> None:
    meena = join("meena", role="organiser")
    key, earlier = set_up(database, meena)
    actor = Actor(meena.id, "session", HOST)
    code = app_code(key, database.clock.now)
    newer = database.write(second_factors.renew_codes, meena.id, code, SECRET, HOST, actor, "Fest")
    assert not isinstance(newer, WrongCode)
    assert not set(newer) & set(earlier)
    assert not accepts(database, meena, earlier[0])
    assert accepts(database, meena, newer[0])


def test_wrong_codes_are_limited_and_right_ones_clear_the_count(database: OpenDatabase, join: Join) -> None:
    meena = join("meena", role="organiser")
    key, codes = set_up(database, meena)
    for _ in range(CODES_HERE - 1):
        assert not accepts(database, meena, "000000")
    assert accepts(database, meena, codes[0])
    for _ in range(CODES_HERE):
        assert not accepts(database, meena, "000000")
    with pytest.raises(TooMany, match="Too many wrong codes"):
        accepts(database, meena, app_code(key, database.clock.now))


def test_neither_the_key_nor_a_recovery_code_is_stored_as_it_is(
    database: OpenDatabase, join: Join, rows: Callable[[str], list[str]]
) -> None:
    meena = join("meena", role="organiser")
    key, codes = set_up(database, meena)
    stored = "".join(rows("accounts_second_factors") + rows("accounts_recovery_codes"))
    assert key not in stored
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)


def test_with_another_secret_only_a_recovery_code_works(database: OpenDatabase, join: Join) -> None:
    meena = join("meena", role="organiser")
    key, codes = set_up(database, meena)
    assert not accepts(database, meena, app_code(key, database.clock.now), b"o" * 32)
    assert accepts(database, meena, codes[0], b"o" * 32)


def test_attendees_cannot_set_one_up_and_nobody_a_second_one(database: OpenDatabase, join: Join) -> None:
    with pytest.raises(Forbidden):
        database.write(second_factors.begin, join("asha").id, SECRET)
    meena = join("meena", role="staff")
    set_up(database, meena)
    with pytest.raises(NotBegun):
        database.write(second_factors.begin, meena.id, SECRET)


def emails_of(database: OpenDatabase) -> list[tuple[str, str, str]]:
    """Return recipient, subject and text of the emails that wait, and let them be sent."""
    messages = sorted(database.read(mail.find_due), key=lambda message: message.id)
    for message in messages:
        database.write(mail.note_sent, message.id)
    return [(message.recipient, message.subject, message.body) for message in messages]


def test_the_person_gets_an_email_about_each_change_of_it(database: OpenDatabase, join: Join) -> None:
    meena = join("meena", role="organiser")
    database.write(confirm_address, meena.id)
    actor = Actor(meena.id, "session", HOST)
    key, codes = set_up(database, meena)
    code = app_code(key, database.clock.now)
    database.write(second_factors.renew_codes, meena.id, "000000", SECRET, HOST, actor, "Fest")
    database.write(second_factors.renew_codes, meena.id, code, SECRET, HOST, actor, "Fest")
    database.write(second_factors.remove, meena.id, actor, "Fest")
    database.write(second_factors.remove, meena.id, actor, "Fest")
    emails = emails_of(database)
    assert [(recipient, subject) for recipient, subject, _ in emails] == [
        ("meena@example.org", "Your second factor was switched on"),
        ("meena@example.org", "You have new recovery codes"),
        ("meena@example.org", "Your second factor was switched off"),
    ]
    assert all("your account meena at Fest" in text for *_, text in emails)
    assert all("Choose a new password at once" in text for *_, text in emails)
    assert not any(code in text for code in codes for *_, text in emails)
    database.clock.move(HOUR)
    set_up(database, meena)
    database.write(second_factors.remove, meena.id, COMMAND, "Fest")
    assert "The administrator of Fest did this on the fest's machine." in emails_of(database)[-1][2]


def test_switching_it_off_forgets_everything_and_is_in_the_audit_log(
    database: OpenDatabase, join: Join, rows: Callable[[str], list[str]]
) -> None:
    meena = join("meena", role="organiser")
    set_up(database, meena)
    actor = Actor(meena.id, "session", HOST)
    assert database.write(second_factors.remove, meena.id, actor, "Fest")
    assert not database.write(second_factors.remove, meena.id, actor, "Fest")
    assert not rows("accounts_second_factors") + rows("accounts_recovery_codes")
    entries, _ = database.read(audit.find_entries, audit.Filters(), 10)
    assert {entry.details[audit.PERSON] for entry in entries} == {meena.id}
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("second-factor.off", ""),
        ("second-factor.on", ""),
    ]


def test_the_check_finds_codes_without_a_factor_and_a_factor_of_a_deleted_account(
    database: OpenDatabase, join: Join
) -> None:
    meena, ravi = join("meena", role="organiser"), join("ravi", role="organiser")
    set_up(database, meena)
    set_up(database, ravi)
    assert database.report(check_second_factors) == []
    unconfirm = Statement(
        update(tables.second_factors)
        .where(tables.second_factors.c.person_id == meena.id)
        .values(confirmed_at=None)
    )
    forget_address = Statement(update(tables.people).where(tables.people.c.id == ravi.id).values(email=""))
    database.write(lambda connection: (connection.run(unconfirm), connection.run(forget_address)))
    assert [finding.where for finding in database.report(check_second_factors)] == [
        f"person {meena.id}",
        f"person {ravi.id}",
    ]


def test_the_owner_can_require_it_of_the_team(database: OpenDatabase, join: Join) -> None:
    owner, ravi = join("meena", role="owner"), join("ravi", role="staff")
    actor = Actor(owner.id, "session", HOST)
    assert not database.read(lacks_second_factor, ravi.id)
    for _ in range(2):
        database.write(lambda connection: set_requirement(connection, actor, required=True))
    assert database.read(lacks_second_factor, ravi.id)
    set_up(database, ravi)
    assert not database.read(lacks_second_factor, ravi.id)
    team = database.read(second_factors.team_factors)
    assert [(person.username, since is not None) for person, since in team] == [
        ("meena", False),
        ("ravi", True),
    ]
    database.write(lambda connection: set_requirement(connection, actor, required=False))
    assert not database.read(lacks_second_factor, owner.id)
    entries, total = database.read(audit.find_entries, audit.Filters(person=owner.id), 10)
    assert [entry.action for entry in entries] == ["second-factor.optional", "second-factor.required"]
    assert total == 2
