"""The ticket on a real server: only its holder can see it."""

from collections.abc import Iterator

import httpx
import icalendar
import pytest

from festgate.kit.ids import new_code
from festgate.kit.secret import load_secret
from festgate.portal.tickets.facade import read_qr
from festgate.portal.tickets.qr import in_fours
from tests.kit.mailing import emails, text_of
from tests.portal.door.served_fest import PASSWORD, ServedFest, Visitor, serve_fest
from tests.portal.tickets.pictures import draw_svg, read_pixels
from tests.rig.smtp import Mailbox
from tests.rig.waiting import until


@pytest.fixture(scope="module")
def served_fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedFest]:
    with serve_fest(tmp_path_factory.mktemp("tickets") / "data") as new_fest:
        yield new_fest


def mail_environment(mailbox: Mailbox) -> dict[str, str]:
    """Return the environment of a fest with this mail server."""
    return {
        "FESTGATE_SMTP_HOST": mailbox.host,
        "FESTGATE_SMTP_PORT": str(mailbox.port),
        "FESTGATE_SMTP_SECURITY": "none",
    }


@pytest.fixture(scope="module")
def asha(served_fest: ServedFest) -> Visitor:
    return served_fest.visitor()


@pytest.fixture(scope="module")
def code(asha: Visitor) -> str:
    """Return the code of the attendee's ticket."""
    return asha.get_free_ticket()


def test_the_page_shows_event_place_time_holder_code_and_the_state_of_the_email(
    asha: Visitor, code: str
) -> None:
    response = asha.client.get(f"/tickets/{code}")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    page = " ".join(response.text.split())
    for shown in ("Open Talk", "Gallery 2", "10:00", "12:00", asha.full_name, in_fours(code), "Spring Fest"):
        assert shown in page
    assert f'role="img" aria-label="QR code of ticket {in_fours(code)}"' in page
    assert asha.client.get(f"/tickets/{code}.svg").text in page
    assert "/orders/" not in page


def test_a_fest_without_a_mail_server_warns_its_organisers_and_not_its_visitors(
    served_fest: ServedFest,
) -> None:
    visitor, organiser = served_fest.visitor(), served_fest.visitor()
    organiser.become("organiser", served_fest.server.data)
    code = visitor.get_free_ticket()
    folder = served_fest.server.data / "mail"
    until(
        lambda: folder.is_dir() and any(code in text_of(email) for email in emails(served_fest.server.data)),
        "the email in the folder",
    )
    page = visitor.client.get(f"/tickets/{code}").text.partition("<main")[2]
    assert in_fours(code) in page
    assert visitor.email not in page
    assert "mail" not in page.partition("</main>")[0]
    assert (
        "No email reaches anybody yet, because no mail server is set. Until then emails are written to"
        in " ".join(organiser.client.get("/organise").text.split())
    )
    assert str(folder) in organiser.client.get("/organise").text


def test_the_picture_contains_a_signed_code(asha: Visitor, served_fest: ServedFest, code: str) -> None:
    response = asha.client.get(f"/tickets/{code}.svg")
    assert (response.status_code, response.headers["content-type"]) == (200, "image/svg+xml")
    assert response.headers["cache-control"] == "no-store"
    pixels, width = draw_svg(response.text, scale=4)
    (text,) = read_pixels(bytes(pixels), width)
    assert read_qr(load_secret(served_fest.server.data), text) == code


def test_the_calendar_file_contains_the_event(asha: Visitor, code: str) -> None:
    response = asha.client.get(f"/tickets/{code}.ics")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert response.headers["content-disposition"] == 'attachment; filename="open-talk.ics"'
    assert response.headers["cache-control"] == "no-store"
    (event,) = icalendar.Calendar.from_ical(response.text).walk("VEVENT")
    assert (event["SUMMARY"], event["LOCATION"]) == ("Open Talk", "Gallery 2")
    assert not {"ATTENDEE", "ORGANIZER"} & set(event)
    assert "METHOD" not in response.text


SUFFIXES = ("", ".svg", ".ics")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_visitor_cannot_find_the_ticket(served_fest: ServedFest, code: str, suffix: str) -> None:
    other_visitor = served_fest.visitor()
    response = other_visitor.client.get(f"/tickets/{code}{suffix}")
    unknown_response = other_visitor.client.get(f"/tickets/{new_code(16)}{suffix}")
    assert response.status_code == unknown_response.status_code == 404
    assert "Open Talk" not in response.text


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_signed_out_visitor_is_redirected_to_the_sign_in(
    served_fest: ServedFest, code: str, suffix: str
) -> None:
    response = served_fest.client().get(f"/tickets/{code}{suffix}")
    assert (response.status_code, response.headers["location"]) == (
        303,
        f"/login?next=/tickets/{code}{suffix}",
    )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_spellings_of_a_code_redirect_to_the_ticket(asha: Visitor, code: str, suffix: str) -> None:
    for typed_code in (in_fours(code).lower(), code.lower(), in_fours(code).replace("-", "%20")):
        response = asha.client.get(f"/tickets/{typed_code}{suffix}")
        assert (response.status_code, response.headers["location"]) == (303, f"/tickets/{code}{suffix}")


@pytest.mark.parametrize(
    "typed_code", ["x", "0" * 15, "U" * 16, "..%2f..%2fsecret", "%f0%9f%8e%9f", "a" * 3000, "'--"]
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_invalid_code_is_not_found(asha: Visitor, typed_code: str, suffix: str) -> None:
    assert asha.client.get(f"/tickets/{typed_code}{suffix}").status_code == 404


def test_a_cancelled_ticket_is_shown_as_not_valid_without_a_qr_code(served_fest: ServedFest) -> None:
    ben = served_fest.visitor()
    code = ben.get_free_ticket()
    ben.cancel_registration()
    until(lambda: "Not valid" in ben.client.get(f"/tickets/{code}").text, "a ticket that is not valid")
    page = ben.client.get(f"/tickets/{code}").text
    assert "You cancelled." in page
    assert "<img" not in page
    assert ben.client.get(f"/tickets/{code}.svg").status_code == 404


def test_a_paid_ticket_links_to_its_receipt(served_fest: ServedFest) -> None:
    chitra = served_fest.visitor()
    code = chitra.buy_ticket()
    page = chitra.client.get(f"/tickets/{code}").text
    receipt = page.partition('href="/orders/')[2].partition('"')[0]
    assert code in chitra.client.get(f"/orders/{receipt}").text


def test_a_receipt_mentions_email_only_if_the_fest_has_a_mail_server(
    served_fest: ServedFest, tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox
) -> None:
    def payment_sentence(visitor: Visitor) -> str:
        ticket = visitor.client.get(f"/tickets/{visitor.buy_ticket()}").text
        receipt = ticket.partition('href="/orders/')[2].partition('"')[0]
        page = visitor.client.get(f"/orders/{receipt}").text
        return page[page.index("Paid. Your tickets are") :].partition("<")[0].strip()

    assert payment_sentence(served_fest.visitor()) == "Paid. Your tickets are below."
    with serve_fest(tmp_path_factory.mktemp("mailed") / "data", mail_environment(mailbox)) as fest_with_mail:
        visitor = fest_with_mail.visitor()
        assert payment_sentence(visitor) == "Paid. Your tickets are below and in your mail."
        visitor.become("organiser", fest_with_mail.server.data)
        assert "no mail server is set" not in visitor.client.get("/organise").text


def test_the_page_shows_the_waiting_email_and_then_when_it_was_sent(
    tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox
) -> None:
    mailbox.refuse()
    with serve_fest(tmp_path_factory.mktemp("mailed") / "data", mail_environment(mailbox)) as served_fest:
        asha = served_fest.visitor()
        code = asha.get_free_ticket()

        def page_has(text: str) -> bool:
            return text in asha.client.get(f"/tickets/{code}").text

        mailbox.wait_for_attempts(1)
        until(lambda: page_has(f"Waiting to be sent to {asha.email}; trying again at"), "an email that waits")
        mailbox.accept()
        arrived = mailbox.wait_for(2)
        assert {email.recipients for email in arrived} == {(asha.email,)}
        until(lambda: page_has(f"Sent to {asha.email} on"), "an email that was sent")
    # One email with the ticket, and one that asks to confirm the address.
    subjects = sorted(str(email.message["Subject"]).partition(":")[0] for email in mailbox.emails)
    assert subjects == ["Confirm your email address", "Your ticket"]


def test_the_api_lists_and_returns_only_the_tickets_of_the_caller(
    asha: Visitor, served_fest: ServedFest, code: str
) -> None:
    def call_api(path: str, visitor: Visitor | None) -> httpx.Response:
        headers = {}
        if visitor is not None:
            form = {"username": visitor.name, "password": PASSWORD}
            token = visitor.client.post("/api/v1/tokens", json=form).json()["token"]
            headers["authorization"] = f"Bearer {token}"
        return served_fest.client().get(f"/api/v1{path}", headers=headers)

    (ticket,) = call_api("/tickets", asha).json()
    assert (ticket["code"], ticket["state"], ticket["event"]) == (code, "valid", "open-talk")
    assert (ticket["title"], ticket["place"]) == ("Open Talk", "Gallery 2")
    assert ticket["starts_at"].endswith("T04:30:00Z")
    assert read_qr(load_secret(served_fest.server.data), ticket["qr"]) == code
    assert call_api(f"/tickets/{code}", asha).json() == ticket
    assert call_api(f"/tickets/{in_fours(code).lower()}", asha).json() == ticket

    other_visitor = served_fest.visitor()
    assert call_api("/tickets", other_visitor).json() == []
    for path, visitor, status in (
        (f"/tickets/{code}", other_visitor, 404),
        (f"/tickets/{new_code(16)}", asha, 404),
        ("/tickets", None, 401),
        (f"/tickets/{code}", None, 401),
    ):
        response = call_api(path, visitor)
        assert (response.status_code, response.headers["content-type"]) == (
            status,
            "application/problem+json",
        )
