"""The ticket on a real server: its holder sees it, nobody else does."""

from collections.abc import Iterator

import httpx
import icalendar
import pytest

from festgate.kit.ids import new_code
from festgate.kit.secret import load_secret
from festgate.portal.tickets.facade import read_qr
from festgate.portal.tickets.qr import in_fours
from tests.portal.door.doors import PASSWORD, Doors, Visitor, open_doors
from tests.portal.tickets.pictures import draw_svg, read_pixels
from tests.rig.smtp import Mailbox
from tests.rig.waiting import until


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with open_doors(tmp_path_factory.mktemp("tickets") / "data") as opened:
        yield opened


def sends_to(mailbox: Mailbox) -> dict[str, str]:
    """The environment of a fest that has a mail server."""
    return {
        "FESTGATE_SMTP_HOST": mailbox.host,
        "FESTGATE_SMTP_PORT": str(mailbox.port),
        "FESTGATE_SMTP_SECURITY": "none",
    }


@pytest.fixture(scope="module")
def asha(doors: Doors) -> Visitor:
    return doors.visitor()


@pytest.fixture(scope="module")
def code(asha: Visitor) -> str:
    """Of her ticket for the talk."""
    return asha.get_free_ticket()


def test_the_page_shows_event_place_time_holder_code_and_where_the_email_is(asha: Visitor, code: str) -> None:
    answer = asha.client.get(f"/tickets/{code}")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    page = " ".join(answer.text.split())
    for shown in ("Open Talk", "Gallery 2", "10:00", "12:00", asha.name, in_fours(code), "Spring Fest"):
        assert shown in page
    assert f'role="img" aria-label="QR code of ticket {in_fours(code)}"' in page
    assert asha.client.get(f"/tickets/{code}.svg").text in page
    assert "/orders/" not in page
    email = until(
        lambda: (
            f"the email to {asha.email} is in its mail folder" in asha.client.get(f"/tickets/{code}").text
        ),
        "the email in the mail folder",
    )
    assert email


def test_the_picture_holds_a_code_that_the_fest_has_signed(asha: Visitor, doors: Doors, code: str) -> None:
    answer = asha.client.get(f"/tickets/{code}.svg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert answer.headers["cache-control"] == "no-store"
    pixels, width = draw_svg(answer.text, scale=4)
    (text,) = read_pixels(bytes(pixels), width)
    assert read_qr(load_secret(doors.server.data), text) == code


def test_the_calendar_file_is_the_event(asha: Visitor, code: str) -> None:
    answer = asha.client.get(f"/tickets/{code}.ics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert answer.headers["content-disposition"] == 'attachment; filename="open-talk.ics"'
    assert answer.headers["cache-control"] == "no-store"
    (event,) = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
    assert (event["SUMMARY"], event["LOCATION"]) == ("Open Talk", "Gallery 2")


PARTS = ("", ".svg", ".ics")


@pytest.mark.parametrize("part", PARTS)
def test_for_anyone_else_it_does_not_exist(doors: Doors, code: str, part: str) -> None:
    stranger = doors.visitor()
    answer = stranger.client.get(f"/tickets/{code}{part}")
    unknown = stranger.client.get(f"/tickets/{new_code(16)}{part}")
    assert answer.status_code == unknown.status_code == 404
    assert "Open Talk" not in answer.text


@pytest.mark.parametrize("part", PARTS)
def test_whoever_is_not_signed_in_is_asked_to(doors: Doors, code: str, part: str) -> None:
    answer = doors.client().get(f"/tickets/{code}{part}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next=/tickets/{code}{part}")


@pytest.mark.parametrize("part", PARTS)
def test_a_code_typed_as_it_is_read_leads_to_the_ticket(asha: Visitor, code: str, part: str) -> None:
    for typed in (in_fours(code).lower(), code.lower(), in_fours(code).replace("-", "%20")):
        answer = asha.client.get(f"/tickets/{typed}{part}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/tickets/{code}{part}")


@pytest.mark.parametrize(
    "typed", ["x", "0" * 15, "U" * 16, "..%2f..%2fsecret", "%f0%9f%8e%9f", "a" * 3000, "'--"]
)
@pytest.mark.parametrize("part", PARTS)
def test_what_can_be_no_code_is_not_found(asha: Visitor, typed: str, part: str) -> None:
    assert asha.client.get(f"/tickets/{typed}{part}").status_code == 404


def test_a_ticket_given_back_says_that_it_is_not_valid_and_has_no_qr_code_any_more(doors: Doors) -> None:
    ben = doors.visitor()
    code = ben.get_free_ticket()
    ben.give_back()
    until(lambda: "Not valid" in ben.client.get(f"/tickets/{code}").text, "a ticket that is not valid")
    page = ben.client.get(f"/tickets/{code}").text
    assert "Cancelled by you." in page
    assert "<img" not in page
    assert ben.client.get(f"/tickets/{code}.svg").status_code == 404


def test_a_paid_ticket_leads_to_its_receipt(doors: Doors) -> None:
    chitra = doors.visitor()
    code = chitra.buy_ticket()
    page = chitra.client.get(f"/tickets/{code}").text
    receipt = page.partition('href="/orders/')[2].partition('"')[0]
    assert code in chitra.client.get(f"/orders/{receipt}").text


def test_a_receipt_speaks_of_mail_only_where_the_fest_sends_some(
    doors: Doors, tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox
) -> None:
    def said(visitor: Visitor) -> str:
        ticket = visitor.client.get(f"/tickets/{visitor.buy_ticket()}").text
        receipt = ticket.partition('href="/orders/')[2].partition('"')[0]
        page = visitor.client.get(f"/orders/{receipt}").text
        return page[page.index("Paid. Your tickets are") :].partition("<")[0].strip()

    assert said(doors.visitor()) == "Paid. Your tickets are below."
    with open_doors(tmp_path_factory.mktemp("mailed") / "data", sends_to(mailbox)) as mailed:
        assert said(mailed.visitor()) == "Paid. Your tickets are below and in your mail."


def test_the_page_says_that_the_email_waits_and_then_when_it_was_sent(
    tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox
) -> None:
    mailbox.refuse()
    with open_doors(tmp_path_factory.mktemp("mailed") / "data", sends_to(mailbox)) as doors:
        asha = doors.visitor()
        code = asha.get_free_ticket()

        def said(what: str) -> bool:
            return what in asha.client.get(f"/tickets/{code}").text

        mailbox.wait_for_attempts(1)
        until(lambda: said(f"Waiting to be sent to {asha.email}; trying again at"), "an email that waits")
        mailbox.accept()
        arrived = mailbox.wait_for(2)
        assert {each.recipients for each in arrived} == {(asha.email,)}
        until(lambda: said(f"Sent to {asha.email} on"), "an email that was sent")
    # One email with the ticket, and the one that confirms the address.
    subjects = sorted(str(each.message["Subject"]).partition(":")[0] for each in mailbox.emails)
    assert subjects == ["Confirm your email address", "Your ticket"]


def test_a_program_lists_its_tickets_and_sees_each_and_no_other(
    asha: Visitor, doors: Doors, code: str
) -> None:
    def ask(path: str, who: Visitor | None) -> httpx.Response:
        headers = {}
        if who is not None:
            form = {"username": who.name, "password": PASSWORD}
            token = who.client.post("/api/v1/tokens", json=form).json()["token"]
            headers["authorization"] = f"Bearer {token}"
        return doors.client().get(f"/api/v1{path}", headers=headers)

    (listed,) = ask("/tickets", asha).json()
    assert (listed["code"], listed["state"], listed["event"]) == (code, "valid", "open-talk")
    assert (listed["title"], listed["place"]) == ("Open Talk", "Gallery 2")
    assert listed["starts_at"].endswith("T04:30:00Z")
    assert read_qr(load_secret(doors.server.data), listed["qr"]) == code
    assert ask(f"/tickets/{code}", asha).json() == listed
    assert ask(f"/tickets/{in_fours(code).lower()}", asha).json() == listed

    stranger = doors.visitor()
    assert ask("/tickets", stranger).json() == []
    for path, who, status in (
        (f"/tickets/{code}", stranger, 404),
        (f"/tickets/{new_code(16)}", asha, 404),
        ("/tickets", None, 401),
        (f"/tickets/{code}", None, 401),
    ):
        answer = ask(path, who)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
