"""The ticket in a real browser: read from the screen, offline, and printed."""

import base64
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.secret import load_secret
from festgate.portal.tickets.facade import read_qr
from festgate.portal.tickets.qr import in_fours
from tests.journeys.visitor_steps import open_menu
from tests.portal.door.served_fest import ServedFest, Visitor, serve_fest
from tests.portal.tickets.pictures import read_pixels
from tests.rig.browser import DESK, PHONE, PageError, Visit, visit
from tests.rig.waiting import until

BRIGHTNESS_OF_PICTURE = """async png => {
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
def served_fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedFest]:
    with serve_fest(tmp_path_factory.mktemp("tickets") / "data") as session:
        yield session


@pytest.fixture(scope="module")
def asha(served_fest: ServedFest) -> Visitor:
    return served_fest.visitor()


@pytest.fixture(scope="module")
def codes(asha: Visitor) -> tuple[str, str]:
    """Return the codes of a void ticket and of a valid one of the same attendee."""
    void_code = asha.get_free_ticket()
    asha.cancel_registration()
    until(lambda: asha.client.get(f"/tickets/{void_code}.svg").status_code == 404, "a void ticket")
    return void_code, asha.get_free_ticket()


@pytest.fixture(scope="module")
def void_code(codes: tuple[str, str]) -> str:
    return codes[0]


@pytest.fixture(scope="module")
def code(codes: tuple[str, str]) -> str:
    return codes[1]


def sign_in(session: Visit, served_fest: ServedFest, visitor: Visitor) -> None:
    for cookie in visitor.client.cookies.jar:
        session.context.add_cookies(
            [{"name": cookie.name, "value": cookie.value or "", "url": served_fest.server.url}]
        )


@pytest.fixture(params=["phone dark", "desk light"])
def page(
    request: pytest.FixtureRequest, browser: Browser, served_fest: ServedFest, asha: Visitor
) -> Iterator[Page]:
    """Open a page in a browser in which the attendee is signed in."""
    device, scheme = request.param.split()
    options = {"viewport": PHONE if device == "phone" else DESK, "color_scheme": scheme}
    with visit(browser, **options) as session:
        sign_in(session, served_fest, asha)
        yield session.context.new_page()
        assert not session.problems, f"problems on the page: {session.problems}"


def test_a_camera_reads_the_ticket_from_the_screen(page: Page, served_fest: ServedFest, code: str) -> None:
    page.goto(f"{served_fest.server.url}/tickets/{code}")
    picture = page.get_by_role("img", name=f"QR code of ticket {in_fours(code)}")
    brightness = page.evaluate(BRIGHTNESS_OF_PICTURE, base64.b64encode(picture.screenshot()).decode())
    (text,) = read_pixels(bytes(brightness["light"]), brightness["width"])
    assert read_qr(load_secret(served_fest.server.data), text) == code


def test_a_ticket_opens_offline_until_its_holder_signs_out(browser: Browser, served_fest: ServedFest) -> None:
    guest = served_fest.visitor()
    code = guest.get_free_ticket()
    url = f"{served_fest.server.url}/tickets/{code}"
    with visit(browser, viewport=PHONE) as session:
        sign_in(session, served_fest, guest)
        page = session.context.new_page()
        response = page.goto(url)
        assert response is not None
        assert response.headers["cache-control"] == "no-store"
        expect(page.locator("html[data-kept]")).to_have_count(1)
        session.context.set_offline(True)
        page.reload()
        expect(page.get_by_role("img", name=f"QR code of ticket {in_fours(code)}")).to_be_visible()
        session.context.set_offline(False)
        open_menu(page)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url(f"{served_fest.server.url}/")
        assert page.evaluate("caches.keys()") == []
        session.context.set_offline(True)
        with pytest.raises(PageError, match="ERR_INTERNET_DISCONNECTED"):
            page.goto(url)


def test_only_the_ticket_is_printed(page: Page, served_fest: ServedFest, code: str) -> None:
    page.goto(f"{served_fest.server.url}/tickets/{code}")
    page.emulate_media(media="print")
    expect(page.get_by_role("img", name="QR code of ticket")).to_be_visible()
    expect(page.get_by_text(in_fours(code), exact=True)).to_be_visible()
    for hidden in ("Add to calendar", "My events", "Printing this page gives the ticket alone."):
        for element in page.get_by_text(hidden).all():
            expect(element).to_be_hidden()


@pytest.mark.parametrize("page", ["phone dark"], indirect=True)
def test_a_void_ticket_shows_no_qr_code(page: Page, served_fest: ServedFest, void_code: str) -> None:
    page.goto(f"{served_fest.server.url}/tickets/{void_code}")
    expect(page.get_by_text("Not valid")).to_be_visible()
    expect(page.locator("svg")).to_have_count(0)


def test_a_keyboard_scanner_checks_in_guests_without_javascript(
    browser: Browser, served_fest: ServedFest
) -> None:
    guests = [served_fest.visitor() for _ in range(2)]
    first, second = [guest.get_free_ticket() for guest in guests]
    ravi = served_fest.visitor()
    ravi.become("staff", served_fest.server.data)
    with visit(browser, viewport=PHONE, java_script_enabled=False) as session:
        sign_in(session, served_fest, ravi)
        page = session.context.new_page()
        page.goto(f"{served_fest.server.url}/events")
        open_menu(page)
        page.get_by_role("link", name="Door").click()
        page.get_by_role("link", name="Open Talk").click()
        field = page.get_by_role("textbox", name="Ticket")

        def scan(text: str) -> None:
            # Nothing is clicked between two scans: the field has the focus after every result.
            expect(field).to_be_focused()
            page.keyboard.type(text)
            page.keyboard.press("Enter")

        scan(f"{served_fest.server.url}/tickets/{first}")
        expect(page.get_by_role("status")).to_contain_text(guests[0].name)
        expect(field).to_have_accessible_description(re.compile(f"In {guests[0].full_name} {guests[0].name}"))
        scan(first)
        expect(page.get_by_role("alert")).to_contain_text("Already in")
        scan(in_fours(second).lower())
        expect(page.get_by_role("status")).to_contain_text(guests[1].name)
        page.get_by_role("button", name=f"Undo {guests[1].full_name}").press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Check-in undone")
        scan(second)
        expect(page).to_have_title(re.compile(f"^In: {guests[1].full_name}"))
