"""The door with a phone's camera: a real browser, whose camera shows a film of tickets that are held before it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal.door.doors import Doors, Visitor, open_doors
from tests.portal.tickets.pictures import draw_svg, paste
from tests.rig.axe import violations
from tests.rig.browser import ARGUMENTS, PHONE, Visit, visit
from tests.rig.find_browser import find

WIDTH, HEIGHT, RATE = 320, 240, 10
TALK = "/door/open-talk"
KEEP_ANSWERS = """() => {
    window.told = [];
    const keep = changes => {
        for (const node of changes.flatMap(change => [...change.addedNodes])) {
            if (node.id === "answer") window.told.push(node.querySelector(".answer-title").textContent);
        }
    };
    new MutationObserver(keep).observe(document.querySelector(".door"), {childList: true});
}"""


@dataclass(frozen=True)
class Scanning:
    """A member of staff before the door of the talk, in a browser."""

    doors: Doors
    ravi: Visitor

    @contextmanager
    def page(self, browser: Browser) -> Iterator[tuple[Page, Visit]]:
        """The door, and what its page must not do."""
        with visit(browser, viewport=PHONE) as opened:
            yield self.open(opened, self.doors.server.url), opened
            assert not opened.wrongs, f"the page did what it must not: {opened.wrongs}"

    def open(self, opened: Visit, site: str) -> Page:
        """The door, at any address of the fest."""
        for cookie in self.ravi.client.cookies.jar:
            opened.context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": site}])
        page = opened.context.new_page()
        page.goto(f"{site}{TALK}")
        return page


@pytest.fixture(scope="module")
def scanning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanning]:
    with open_doors(tmp_path_factory.mktemp("camera") / "data") as doors:
        ravi = doors.visitor()
        ravi.become("staff", doors.server.data)
        yield Scanning(doors, ravi)


@contextmanager
def launched(browser: Browser, *switches: str) -> Iterator[Browser]:
    """Another one beside the given one, with these switches besides."""
    other = browser.browser_type.launch(
        executable_path=find(), args=[*ARGUMENTS, *(f"--{switch}" for switch in switches)]
    )
    try:
        yield other
    finally:
        other.close()


@contextmanager
def seeing(browser: Browser, film: Path) -> Iterator[Browser]:
    """A browser whose camera shows the film again and again."""
    switches = ("use-fake-device-for-media-stream", "use-fake-ui-for-media-stream")
    with launched(browser, *switches, f"use-file-for-fake-video-capture={film}") as other:
        yield other


def write_film(path: Path, pictures: Sequence[str]) -> None:
    """Two seconds of each ticket (an SVG) before grey, and of nothing but grey where it is empty."""
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for svg in pictures:
            light = bytearray(b"\x90" * WIDTH * HEIGHT)
            if svg:
                code = draw_svg(svg, scale=4)
                paste(code, light, WIDTH, (WIDTH - code[1]) // 2, (HEIGHT - code[1]) // 2)
            film.write((b"FRAME\n" + bytes(light) + b"\x80" * (WIDTH * HEIGHT // 2)) * (2 * RATE))


def test_one_ticket_after_the_other_is_held_before_the_camera_and_let_in(
    browser: Browser, scanning: Scanning, tmp_path: Path
) -> None:
    guests = [scanning.doors.visitor() for _ in range(2)]
    pictures = [guest.client.get(f"/tickets/{guest.get_free_ticket()}.svg").text for guest in guests]
    write_film(tmp_path / "film.y4m", [pictures[0], pictures[1], ""])
    with seeing(browser, tmp_path / "film.y4m") as camera, scanning.page(camera) as (page, _):
        page.evaluate(KEEP_ANSWERS)
        before = page.locator("#inside").inner_text()
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_label("The picture of the camera")).to_be_visible()
        for guest in guests:
            expect(page.locator("#arrivals")).to_contain_text(guest.name)
        assert int(page.locator("#inside").inner_text().split()[0]) == int(before.split()[0]) + 2
        # The film begins anew: who is in already is not let in again.
        expect(page.get_by_role("alert")).to_contain_text("Already in")
        # Each was held there for many pictures, and let in by the first of them; the page was never loaded anew.
        assert page.evaluate("window.told.slice(0, 3)") == ["In", "In", "Already in"]
        assert violations(page) == []
        page.get_by_role("button", name="Stop the camera").click()
        expect(page.get_by_label("The picture of the camera")).to_be_hidden()


def test_who_takes_a_check_in_back_scans_on_afterwards(
    browser: Browser, scanning: Scanning, tmp_path: Path
) -> None:
    guest = scanning.doors.visitor()
    picture = guest.client.get(f"/tickets/{guest.get_free_ticket()}.svg").text
    write_film(tmp_path / "film.y4m", [picture, "", "", "", ""])
    with seeing(browser, tmp_path / "film.y4m") as camera, scanning.page(camera) as (page, _):
        page.get_by_role("button", name="Scan with the camera").click()
        page.get_by_role("button", name=f"Undo {guest.name}").click()
        expect(page.get_by_label("The picture of the camera")).to_be_visible()
        expect(page.get_by_role("status").filter(has_text=guest.name)).to_contain_text("In")


def test_a_fest_that_does_not_answer_is_said_and_asked_again(
    browser: Browser, scanning: Scanning, tmp_path: Path
) -> None:
    guest = scanning.doors.visitor()
    picture = guest.client.get(f"/tickets/{guest.get_free_ticket()}.svg").text
    write_film(tmp_path / "film.y4m", [picture, ""])
    with seeing(browser, tmp_path / "film.y4m") as camera, scanning.page(camera) as (page, opened):
        opened.context.set_offline(True)
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_text("No connection to the fest")).to_be_visible()
        opened.context.set_offline(False)
        expect(page.locator("#arrivals")).to_contain_text(guest.name)
        expect(page.get_by_text("Hold a ticket's QR code in front of the camera.")).to_be_visible()


def test_who_is_signed_out_meanwhile_is_led_to_the_sign_in_and_back(
    browser: Browser, scanning: Scanning, tmp_path: Path
) -> None:
    write_film(tmp_path / "film.y4m", [""])
    with seeing(browser, tmp_path / "film.y4m") as camera, scanning.page(camera) as (page, opened):
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.get_by_text("Hold a ticket's QR code in front of the camera.")).to_be_visible()
        opened.context.clear_cookies()
        page.wait_for_url(f"**/login?next={TALK}")


def test_a_device_without_a_camera_says_so_and_the_field_still_takes_a_code(
    browser: Browser, scanning: Scanning
) -> None:
    guest = scanning.doors.visitor()
    code = guest.get_free_ticket()
    with scanning.page(browser) as (page, _):
        page.get_by_role("button", name="Scan with the camera").click()
        expect(page.locator("#camera").get_by_role("status")).to_have_text(
            "This device has no camera that the browser can use."
        )
        page.get_by_role("textbox", name="Ticket").fill(code)
        page.keyboard.press("Enter")
        expect(page.locator("#answer")).to_contain_text(guest.name)


def test_over_plain_http_from_another_machine_the_page_says_what_it_takes(
    browser: Browser, scanning: Scanning
) -> None:
    site = scanning.doors.server.url.replace("127.0.0.1", "fest.example")
    with (
        launched(browser, "host-resolver-rules=MAP fest.example 127.0.0.1") as other,
        visit(other, viewport=PHONE) as opened,
    ):
        page = scanning.open(opened, site)
        expect(page.get_by_role("button", name="Scan with the camera")).to_be_disabled()
        expect(page.get_by_text("To scan with the camera, open this page over https.")).to_be_visible()
        assert violations(page) == []
