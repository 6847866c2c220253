"""The ticket in a real browser: read by a camera from the screen, on a phone, in the dark, printed; and by everyone."""

import base64
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.secret import load_secret
from festgate.portal.tickets.facade import read_qr
from festgate.portal.tickets.qr import in_fours
from tests.portal.door.doors import Doors, Visitor, open_doors
from tests.portal.tickets.pictures import read_pixels
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, PageError, Visit, visit
from tests.rig.waiting import until

LIGHT_OF_PICTURE = """async png => {
    const bytes = Uint8Array.from(atob(png), letter => letter.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], {type: 'image/png'}));
    const canvas = document.createElement('canvas');
    canvas.width = image.width; canvas.height = image.height;
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    const light = [];
    for (let at = 0; at < pixels.length; at += 4) light.push(pixels[at]);
    return {light, width: canvas.width};
}"""


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with open_doors(tmp_path_factory.mktemp("tickets") / "data") as opened:
        yield opened


@pytest.fixture(scope="module")
def asha(doors: Doors) -> Visitor:
    return doors.visitor()


@pytest.fixture(scope="module")
def codes(asha: Visitor) -> tuple[str, str]:
    """Of the ticket that she gave back, and of the one that she took after that."""
    given_back = asha.get_free_ticket()
    asha.give_back()
    until(lambda: asha.client.get(f"/tickets/{given_back}.svg").status_code == 404, "a void ticket")
    return given_back, asha.get_free_ticket()


@pytest.fixture(scope="module")
def void_code(codes: tuple[str, str]) -> str:
    return codes[0]


@pytest.fixture(scope="module")
def code(codes: tuple[str, str]) -> str:
    return codes[1]


def sign_in(opened: Visit, doors: Doors, who: Visitor) -> None:
    for cookie in who.client.cookies.jar:
        opened.context.add_cookies(
            [{"name": cookie.name, "value": cookie.value or "", "url": doors.server.url}]
        )


@pytest.fixture(params=["phone dark", "desk light"])
def page(request: pytest.FixtureRequest, browser: Browser, doors: Doors, asha: Visitor) -> Iterator[Page]:
    """A browser in which she is signed in."""
    device, scheme = request.param.split()
    options = {"viewport": PHONE if device == "phone" else DESK, "color_scheme": scheme}
    with visit(browser, **options) as opened:
        sign_in(opened, doors, asha)
        yield opened.context.new_page()
        assert not opened.wrongs, f"the page did what it must not: {opened.wrongs}"


def test_a_camera_reads_the_ticket_from_the_screen(page: Page, doors: Doors, code: str) -> None:
    page.goto(f"{doors.server.url}/tickets/{code}")
    picture = page.get_by_role("img", name=f"QR code of ticket {in_fours(code)}")
    drawn = page.evaluate(LIGHT_OF_PICTURE, base64.b64encode(picture.screenshot()).decode())
    (text,) = read_pixels(bytes(drawn["light"]), drawn["width"])
    assert read_qr(load_secret(doors.server.data), text) == code


def test_the_ticket_leaves_nobody_out_and_fits_the_screen(page: Page, doors: Doors, code: str) -> None:
    page.goto(f"{doors.server.url}/tickets/{code}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Open Talk")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_ticket_opens_at_a_gate_without_signal_until_its_holder_signs_out(
    browser: Browser, doors: Doors
) -> None:
    guest = doors.visitor()
    code = guest.get_free_ticket()
    address = f"{doors.server.url}/tickets/{code}"
    with visit(browser, viewport=PHONE) as opened:
        sign_in(opened, doors, guest)
        page = opened.context.new_page()
        answer = page.goto(address)
        assert answer is not None
        assert answer.headers["cache-control"] == "no-store"
        expect(page.locator("html[data-kept]")).to_have_count(1)
        opened.context.set_offline(True)
        page.reload()
        expect(page.get_by_role("img", name=f"QR code of ticket {in_fours(code)}")).to_be_visible()
        opened.context.set_offline(False)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{doors.server.url}/")
        assert page.evaluate("caches.keys()") == []
        opened.context.set_offline(True)
        with pytest.raises(PageError, match="ERR_INTERNET_DISCONNECTED"):
            page.goto(address)


def test_printed_it_is_the_ticket_alone(page: Page, doors: Doors, code: str) -> None:
    page.goto(f"{doors.server.url}/tickets/{code}")
    page.emulate_media(media="print")
    expect(page.get_by_role("img", name="QR code of ticket")).to_be_visible()
    expect(page.get_by_text(in_fours(code), exact=True)).to_be_visible()
    for hidden in ("Add to calendar", "My events", "Printing this page gives the ticket alone."):
        for found in page.get_by_text(hidden).all():
            expect(found).to_be_hidden()


def test_a_ticket_that_is_not_valid_says_so_without_a_qr_code(
    page: Page, doors: Doors, void_code: str
) -> None:
    page.goto(f"{doors.server.url}/tickets/{void_code}")
    expect(page.get_by_text("Not valid")).to_be_visible()
    expect(page.locator("svg")).to_have_count(0)
    assert violations(page) == []


def test_a_scanner_that_types_and_presses_enter_checks_one_guest_after_the_other_without_javascript(
    browser: Browser, doors: Doors
) -> None:
    guests = [doors.visitor() for _ in range(2)]
    first, second = [guest.get_free_ticket() for guest in guests]
    ravi = doors.visitor()
    ravi.become("staff", doors.server.data)
    with visit(browser, viewport=PHONE, java_script_enabled=False) as opened:
        sign_in(opened, doors, ravi)
        page = opened.context.new_page()
        page.goto(f"{doors.server.url}/events")
        page.get_by_role("link", name="Door").click()
        page.get_by_role("link", name="Open Talk").click()
        field = page.get_by_role("textbox", name="Ticket")

        def scan(text: str) -> None:
            # Nothing is clicked between two scans: the field has the focus whatever the last answer was.
            expect(field).to_be_focused()
            page.keyboard.type(text)
            page.keyboard.press("Enter")

        scan(f"{doors.server.url}/tickets/{first}")
        expect(page.get_by_role("status")).to_contain_text(guests[0].name)
        expect(field).to_have_accessible_description(re.compile(f"In {guests[0].name}"))
        scan(first)
        expect(page.get_by_role("alert")).to_contain_text("Already in")
        scan(in_fours(second).lower())
        expect(page.get_by_role("status")).to_contain_text(guests[1].name)
        page.get_by_role("button", name=f"Undo {guests[1].name}").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Check-in undone")
        scan(second)
        expect(page).to_have_title(re.compile(f"^In: {guests[1].name}"))
