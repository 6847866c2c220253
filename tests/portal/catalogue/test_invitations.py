"""Invitations: calendars of one attendee, in the formats of iTIP and iMIP."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from festgate.kit.clock import HOUR, milliseconds
from festgate.portal.catalogue.calendars import calendar
from festgate.portal.catalogue.files.calendars import read_calendar
from festgate.portal.catalogue.files.rows import Unreadable
from festgate.portal.catalogue.invitations import Method, Party, invitation
from tests.portal.catalogue.programme import CONVENTIONS, any_details
from tests.portal.catalogue.test_calendars import BASE, EVENT, STARTS_AT, event_of

FEST, ASHA = Party("Aurora Fest", "fest@example.org"), Party("asha", "asha@example.org")
NOW = milliseconds(datetime(2026, 2, 1, 8, 30, 15, tzinfo=UTC))


def parse(text: str) -> tuple[str, Any]:
    """Return the method of the calendar, and its only event."""
    whole = icalendar.Calendar.from_ical(text)
    (event,) = whole.walk("VEVENT")
    assert not event.errors
    return str(whole["METHOD"]), event


def invite(attendee: Party = ASHA, method: Method = "REQUEST", **changes: Any) -> str:  # noqa: ANN401  (any field)
    return invitation(replace(EVENT, **changes), BASE, FEST, attendee, NOW, method)


def test_an_invitation_has_everything_of_the_calendar_file_and_its_attendee_who_has_accepted() -> None:
    method, event = parse(invite())
    assert method == "REQUEST"
    (file,) = icalendar.Calendar.from_ical(calendar(EVENT, BASE)).walk("VEVENT")
    shared = set(file) - {"DTSTAMP"}
    assert {name: event[name].to_ical() for name in shared} == {name: file[name].to_ical() for name in shared}
    assert event["DTSTAMP"].dt == datetime(2026, 2, 1, 8, 30, 15, tzinfo=UTC)
    assert (event["ORGANIZER"], event["ORGANIZER"].params["CN"]) == ("mailto:fest@example.org", "Aurora Fest")
    assert event["ATTENDEE"] == "mailto:asha@example.org"
    assert dict(event["ATTENDEE"].params) == {
        "CN": "asha",
        "ROLE": "REQ-PARTICIPANT",
        "PARTSTAT": "ACCEPTED",
        "RSVP": "FALSE",
    }


def test_a_calendar_file_names_no_attendee_and_no_method() -> None:
    text = calendar(EVENT, BASE, "Aurora Fest")
    assert not {"METHOD", "ATTENDEE", "ORGANIZER"} & {line.partition(":")[0] for line in text.split("\r\n")}


def test_a_cancelled_event_ends_for_all_and_a_cancelled_registration_for_one() -> None:
    method, event = parse(invite(method="CANCEL", state="cancelled"))
    assert (method, event["STATUS"]) == ("CANCEL", "CANCELLED")
    method, event = parse(invite(method="CANCEL"))
    assert (method, "STATUS" in event) == ("CANCEL", False)


def test_each_attendee_gets_an_invitation_without_the_others() -> None:
    texts = {name: invite(Party(name, f"{name}@example.org")) for name in ("asha", "ben")}
    assert "ben" not in texts["asha"]
    assert "asha" not in texts["ben"]


@pytest.mark.parametrize(
    "address, written",
    [
        ("o'brien+fest@example.org", "mailto:o'brien+fest@example.org"),
        ("a&b=c/d?e#f%g@example.org", "mailto:a%26b%3Dc%2Fd%3Fe%23f%25g@example.org"),
        ("{x}|~`^_!$*-@example.org", "mailto:%7Bx%7D%7C~%60%5E_!$*-@example.org"),
    ],
)
def test_marks_of_an_address_that_a_uri_cannot_have_are_encoded(address: str, written: str) -> None:
    assert parse(invite(Party("asha", address)))[1]["ATTENDEE"] == written


@pytest.mark.parametrize(
    "name, shown",
    [
        ("Zoë; Müller, M.Sc.: 한국어", "Zoë; Müller, M.Sc.: 한국어"),
        ('The "Robo" ^n club', "The 'Robo' ^n club"),
        ("two\r\nATTENDEE:mailto:ben@example.org", "two ATTENDEE:mailto:ben@example.org"),
        ("നന്\u200dമ " * 20, ("നന്\u200dമ " * 20).strip()),
    ],
)
def test_any_name_is_one_parameter(name: str, shown: str) -> None:
    event = parse(invite(Party(name, "asha@example.org")))[1]
    assert event["ATTENDEE"] == "mailto:asha@example.org"
    assert event["ATTENDEE"].params["CN"] == shown


@pytest.mark.parametrize("method", ["REPLY", "counter"])
def test_an_answer_to_an_invitation_is_not_imported(method: str) -> None:
    answer = invite().replace("METHOD:REQUEST", f"METHOD:{method}").replace("=ACCEPTED", "=DECLINED")
    with pytest.raises(Unreadable, match="an answer to an invitation"):
        read_calendar(answer.encode(), CONVENTIONS)


@given(any_details(), st.text(max_size=80), st.from_regex(r"[a-z&'%+]{1,60}", fullmatch=True))
def test_every_line_of_an_invitation_is_folded_by_the_standard(
    details_given: Any,  # noqa: ANN401  (as `any_details` has them)
    name: str,
    local_part: str,
) -> None:
    starts_at = details_given.starts_at or STARTS_AT
    event = event_of(replace(details_given, starts_at=starts_at, ends_at=starts_at + HOUR))
    party = Party(name, f"{local_part}@example.org")
    text = invitation(event, BASE, party, party, NOW, "REQUEST")
    assert text.endswith("END:VCALENDAR\r\n")
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 and "\n" not in line for line in lines)
    for prop in ("UID", "DTSTAMP", "ORGANIZER", "ATTENDEE", "END:VEVENT"):
        assert sum(line.startswith(prop) for line in lines) == 1
    parse(text)
