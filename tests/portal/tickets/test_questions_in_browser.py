"""Questions in a real browser without JavaScript: asked, answered before payment, shown at the door, and exported."""

import csv
import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.journeys.visitor_steps import follow_link, press_button
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving

SETTINGS = {
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_PAYMENT_METHODS": "sandbox",
    "FESTGATE_CONFIRM_EMAIL": "off",
}
LETTER = b"%PDF-1.7 a letter of consent"


@dataclass
class Fest:
    """A served fest and its people."""

    server: Server
    organiser: Guest
    staff: Guest
    buyer: Guest


def prepare(data: Path) -> tuple[Guest, Guest, Guest]:
    with before_opening(data) as database:
        database.write(announce, "Robo Race", fee=45_000)
        database.write(announce, "Open Stage", fee=0)
        database.write(announce, "Quiz", fee=0)
        organiser = database.write(invite_one, "meena", "organiser")
        return organiser, database.write(invite_one, "ravi", "staff"), database.write(invite_one, "asha")


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("questions") / "data"
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        organiser, staff, buyer = thread.submit(prepare, data).result()
    with serving(data, extra=SETTINGS) as server:
        yield Fest(server, organiser, staff, buyer)
        assert "unhandled exception" not in server.log()
        check_data(data, SETTINGS)


@pytest.fixture
def phone(fest: Fest, browser: Browser) -> Iterator[Page]:
    """Open the fest on a phone without JavaScript."""
    with visit(browser, base_url=fest.server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        yield visitor.context.new_page()
        assert not visitor.problems


def sign_in(page: Page, fest: Fest, guest: Guest) -> None:
    page.context.clear_cookies()
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": guest.session, "url": fest.server.url}])


def ask_questions(phone: Page, fest: Fest) -> None:
    """Ask for the T-shirt size and the roll number with the buttons, for workshops, and for a letter."""
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/robo-race/tickets")
    follow_link(phone, "Questions")
    follow_link(phone, "T-shirt size")
    press_button(phone, "Save")
    follow_link(phone, "Roll number")
    press_button(phone, "Save")
    follow_link(phone, "Add a question")
    phone.get_by_label("Question", exact=True).fill("Workshops")
    phone.get_by_label("Answer", exact=True).select_option("choices")
    press_button(phone, "Save")
    expect(phone.get_by_text("Enter 2 to 40 different choices, one on each line.")).to_be_visible()
    phone.get_by_label("Choices").fill("Arduino\nROS\nSoldering")
    press_button(phone, "Save")
    follow_link(phone, "Add a question")
    phone.get_by_label("Question", exact=True).fill("Letter of consent")
    phone.get_by_label("Answer", exact=True).select_option("file")
    phone.get_by_label("Required").check()
    press_button(phone, "Save")
    expect(phone.get_by_role("rowheader")).to_have_count(4)


def answer_and_pay(phone: Page, fest: Fest) -> str:
    """Answer, with a mistake first, and pay; return the ticket's code."""
    sign_in(phone, fest, fest.buyer)
    phone.goto("/events/robo-race")
    press_button(phone, re.compile("^Register"))
    expect(phone.get_by_role("heading", name="Questions")).to_be_visible()
    phone.goto("/checkout")
    phone.get_by_label("Card number").fill("4242 4242 4242 4242")
    press_button(phone, re.compile("^Pay"))
    expect(phone.get_by_role("heading", name="Questions")).to_be_visible()  # nothing was paid
    phone.get_by_label("File: Letter of consent").set_input_files(
        {"name": "letter.pdf", "mimeType": "application/pdf", "buffer": b"<html>no letter</html>"}
    )
    press_button(phone, re.compile("^Upload"))
    expect(phone.get_by_text("Choose a PDF, PNG or JPEG file.")).to_be_visible()
    phone.get_by_label("File: Letter of consent").set_input_files(
        {"name": "letter.html", "mimeType": "text/html", "buffer": LETTER}
    )
    press_button(phone, re.compile("^Upload"))
    link = phone.get_by_role("link", name="letter.html.pdf")
    expect(link).to_be_visible()
    check_download(phone, link.get_attribute("href") or "")
    phone.get_by_label("T-shirt size").select_option("M")
    phone.get_by_label("Roll number").fill("21CS042")
    phone.get_by_label("ROS").check()
    phone.get_by_label("Arduino").check()
    press_button(phone, "Save and pay")
    phone.get_by_label("Card number").fill("4242 4242 4242 4242")
    press_button(phone, re.compile("^Pay"))
    phone.get_by_role("link", name=re.compile("^Show ticket")).click()
    return (phone.locator(".ticket-code").text_content() or "").strip()


def check_download(phone: Page, path: str) -> None:
    answer = phone.request.get(path)
    assert answer.body() == LETTER
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-type"] == "application/pdf"
    assert "sandbox; default-src 'none'" in answer.headers["content-security-policy"]
    assert "nosniff" in answer.headers["x-content-type-options"]


def test_answers_are_given_before_payment_and_shown_at_the_door_and_in_the_export(
    fest: Fest, phone: Page
) -> None:
    ask_questions(phone, fest)
    code = answer_and_pay(phone, fest)
    phone.goto("/my-events")
    follow_link(phone, "Questions of the organisers")
    phone.get_by_label("T-shirt size").select_option("L")
    press_button(phone, "Save")

    sign_in(phone, fest, fest.staff)
    phone.goto("/door/robo-race")
    phone.get_by_label("Ticket", exact=True).fill(code)
    press_button(phone, "Check in")
    expect(phone.locator("#answer")).to_contain_text("21CS042")
    assert phone.request.get("/organise/events/robo-race/guests/export").status == 403

    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/events/robo-race/guests")
    expect(phone.get_by_role("link", name="letter.html.pdf")).to_be_visible()
    check_download(phone, phone.get_by_role("link", name="letter.html.pdf").get_attribute("href") or "")
    follow_link(phone, "Export")
    with phone.expect_download() as download:
        press_button(phone, "Export")
    exported = Path(download.value.path()).read_text(encoding="utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(exported))
    assert (row["T-shirt size"], row["Workshops"], row["State"]) == ("L", "Arduino, ROS", "Confirmed")

    sign_in(phone, fest, fest.buyer)
    phone.goto("/my-events/robo-race/questions")
    expect(phone.get_by_label("Roll number")).to_have_count(0)  # the attendee was checked in


def test_a_question_of_the_fest_holds_a_free_seat_and_is_removed_with_its_answers(
    fest: Fest, phone: Page
) -> None:
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/questions")
    follow_link(phone, "College")
    phone.get_by_label("Required").check()
    press_button(phone, "Save")
    sign_in(phone, fest, fest.buyer)
    phone.goto("/events/open-stage")
    press_button(phone, re.compile("^Register"))
    phone.goto("/my-events")
    press_button(phone, re.compile("^Confirm"))
    phone.get_by_label("College").fill("IIT Madras")
    press_button(phone, "Save and confirm my seat")
    expect(phone.locator(".card", has_text="Open Stage").get_by_text("Confirmed", exact=True)).to_be_visible()
    sign_in(phone, fest, fest.organiser)
    phone.goto("/organise/questions")
    follow_link(phone, re.compile("^Remove"))
    press_button(phone, "Delete it with 1 answer")
    expect(phone.get_by_text("No questions yet")).to_be_visible()
