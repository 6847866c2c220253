"""Check-in with a phone's camera: a real browser whose camera plays a film of tickets."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.portal.door.served_fest import ServedFest, Visitor, serve_fest
from tests.portal.tickets.pictures import draw_svg, paste
from tests.rig.axe import violations
from tests.rig.browser import ARGUMENTS, PHONE, Visit, visit
from tests.rig.find_browser import find

WIDTH, HEIGHT, RATE = 320, 240, 10
TALK = "/door/open-talk"
RECORD_RESULTS = """() => {
    window.results = [];
    const record = changes => {
        for (const node of changes.flatMap(change => [...change.addedNodes])) {
            if (node.id === "answer") window.results.push(node.querySelector(".answer-title").textContent);
        }
    };
    new MutationObserver(record).observe(document.querySelector(".door"), {childList: true});
}"""


@dataclass(frozen=True)
class Scanner:
    """A member of staff on the check-in page of the talk, in a browser."""

    served_fest: ServedFest
    ravi: Visitor

    @contextmanager
    def page(self, browser: Browser) -> Iterator[tuple[Page, Visit]]:
        """Open the check-in page; fail if the browser reports problems on it."""
        with visit(browser, viewport=PHONE) as session:
            yield self.open(session, self.served_fest.server.url), session
            assert not session.problems, f"problems on the page: {session.problems}"

    def open(self, session: Visit, site: str) -> Page:
        """Open the check-in page at an address of the fest."""
        for cookie in self.ravi.client.cookies.jar:
            session.context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": site}])
        page = session.context.new_page()
        page.goto(f"{site}{TALK}")
        return page


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanner]:
    with serve_fest(tmp_path_factory.mktemp("camera") / "data") as served_fest:
        ravi = served_fest.visitor()
        ravi.become("staff", served_fest.server.data)
        yield Scanner(served_fest, ravi)


@contextmanager
def launch_browser(browser: Browser, *switches: str) -> Iterator[Browser]:
    """Launch another browser with additional switches."""
    other_browser = browser.browser_type.launch(
        executable_path=find(), args=[*ARGUMENTS, *(f"--{switch}" for switch in switches)]
    )
    try:
        yield other_browser
    finally:
        other_browser.close()


@contextmanager
def browser_with_camera(browser: Browser, film: Path) -> Iterator[Browser]:
    """Launch a browser whose camera plays the film in a loop."""
    switches = ("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream")
    with launch_browser(browser, *switches, f"use-file-for-fake-video-capture={film}") as other_browser:
        yield other_browser


def write_film(path: Path, pictures: Sequence[str]) -> None:
    """Write a film with two seconds of each ticket (an SVG) on grey, or of plain grey for an empty text."""
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for svg in pictures:
            brightness = bytearray(b"\x90" * WIDTH * HEIGHT)
            if svg:
                code = draw_svg(svg, scale=4)
                paste(code, brightness, WIDTH, (WIDTH - code[1]) // 2, (HEIGHT - code[1]) // 2)
            film.write((b"FRAME\n" + bytes(brightness) + b"\x80" * (WIDTH * HEIGHT // 2)) * (2 * RATE))


def test_tickets_shown_to_the_camera_are_checked_in_one_after_the_other(
    browser: Browser, scanner: Scanner, tmp_path: Path
) -> None:
    guests = [scanner.served_fest.visitor() for _ in range(2)]
    pictures = [guest.client.get(f"/tickets/{guest.get_free_ticket()}.svg").text for guest in guests]
    write_film(tmp_path / "film.y4m", [pictures[0], pictures[1], ""])
    with browser_with_camera(browser, tmp_path / "film.y4m") as camera, scanner.page(camera) as (page, _):
        page.evaluate(RECORD_RESULTS)
        before = page.locator("#inside").inner_text()
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_label("The picture of the camera")).to_be_visible()
        for guest in guests:
            expect(page.locator("#arrivals")).to_contain_text(guest.name)
        assert int(page.locator("#inside").inner_text().split()[0]) == int(before.split()[0]) + 2
        # The film starts again: a checked-in guest is not admitted again.
        expect(page.get_by_role("alert")).to_contain_text("Already in")
        # Each ticket was in many frames and admitted by the first of them; the page was never reloaded.
        assert page.evaluate("window.results.slice(0, 3)") == ["In", "In", "Already in"]
        assert violations(page) == []
        page.get_by_role("button", name="Stop the camera").click()
        expect(page.get_by_label("The picture of the camera")).to_be_hidden()


def test_scanning_continues_after_undoing_a_check_in(
    browser: Browser, scanner: Scanner, tmp_path: Path
) -> None:
    guest = scanner.served_fest.visitor()
    picture = guest.client.get(f"/tickets/{guest.get_free_ticket()}.svg").text
    write_film(tmp_path / "film.y4m", [picture, "", "", "", ""])
    with browser_with_camera(browser, tmp_path / "film.y4m") as camera, scanner.page(camera) as (page, _):
        page.get_by_role("button", name="Scan with the camera").click()
        page.get_by_role("button", name=f"Undo {guest.full_name}").click()
        expect(page.get_by_label("The picture of the camera")).to_be_visible()
        expect(page.get_by_role("status").filter(has_text=guest.name)).to_contain_text("In")


def test_a_lost_connection_is_shown_and_the_scan_retried(
    browser: Browser, scanner: Scanner, tmp_path: Path
) -> None:
    guest = scanner.served_fest.visitor()
    picture = guest.client.get(f"/tickets/{guest.get_free_ticket()}.svg").text
    write_film(tmp_path / "film.y4m", [picture, ""])
    with (
        browser_with_camera(browser, tmp_path / "film.y4m") as camera,
        scanner.page(camera) as (page, session),
    ):
        session.context.set_offline(True)
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_text("No connection to the fest")).to_be_visible()
        session.context.set_offline(False)
        expect(page.locator("#arrivals")).to_contain_text(guest.name)
        expect(page.get_by_text("Hold a ticket's QR code in front of the camera.")).to_be_visible()


def test_a_signed_out_scanner_is_redirected_to_the_sign_in_with_next(
    browser: Browser, scanner: Scanner, tmp_path: Path
) -> None:
    write_film(tmp_path / "film.y4m", [""])
    with (
        browser_with_camera(browser, tmp_path / "film.y4m") as camera,
        scanner.page(camera) as (page, session),
    ):
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_text("Hold a ticket's QR code in front of the camera.")).to_be_visible()
        session.context.clear_cookies()
        page.wait_for_url(f"**/login?next={TALK}")


def test_a_device_without_a_camera_shows_a_message_and_accepts_typed_codes(
    browser: Browser, scanner: Scanner
) -> None:
    guest = scanner.served_fest.visitor()
    code = guest.get_free_ticket()
    with scanner.page(browser) as (page, _):
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.locator("#camera").get_by_role("status")).to_have_text(
            "This device has no camera that the browser can use."
        )
        page.get_by_role("textbox", name="Ticket").fill(code)
        page.keyboard.press("Enter")
        expect(page.locator("#answer")).to_contain_text(guest.name)


def test_the_answer_to_the_last_scan_stays_in_view_on_a_phone(browser: Browser, scanner: Scanner) -> None:
    guest = scanner.served_fest.visitor()
    code = guest.get_free_ticket()
    with scanner.page(browser) as (page, _):
        # The camera is the main button: the first of the page, in the colour of the accent.
        camera = page.get_by_role("main").get_by_role("button").first
        expect(camera).to_have_accessible_name("Scan with the camera")
        typed = page.get_by_role("button", name="Check in", exact=True)
        assert background_of(camera) != background_of(typed)
        page.get_by_role("textbox", name="Ticket").fill(code)
        page.keyboard.press("Enter")
        answer = page.locator("#answer")
        expect(answer).to_contain_text(guest.name)
        page.set_viewport_size({"width": PHONE["width"], "height": 500})
        page.locator("#arrivals").get_by_role("button").last.scroll_into_view_if_needed()
        assert page.evaluate("window.scrollY") > 0
        expect(answer).to_be_in_viewport(ratio=1)


def background_of(button: Locator) -> str:
    return str(button.evaluate("button => getComputedStyle(button).backgroundColor"))


def test_over_http_from_another_machine_the_page_asks_for_https(browser: Browser, scanner: Scanner) -> None:
    site = scanner.served_fest.server.url.replace("127.0.0.1", "fest.example")
    with (
        launch_browser(browser, "host-resolver-rules=MAP fest.example 127.0.0.1") as other_browser,
        visit(other_browser, viewport=PHONE) as session,
    ):
        page = scanner.open(session, site)
        expect(page.get_by_role("button", name="Scan with the camera")).to_be_disabled()
        expect(page.get_by_text("To scan with the camera, open this page over https.")).to_be_visible()
        assert violations(page) == []
