"""Every page of the portal in Chromium: WCAG 2.2 AA by axe on a phone, in light and dark, its width, and paper."""

import re
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Browser, expect
from starlette.routing import Route

from tests.journeys.gallery import Gallery
from tests.journeys.gallery_pages import PAGES
from tests.journeys.stage import change_file
from tests.journeys.test_permissions import listed
from tests.journeys.viewer import PageState, Viewer, layout_shifts
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.waiting import until

MAX_FIRST_PAGE = 30 * 1024
"""Bytes, compressed, of the page and all its files."""
SLOW_LINE = {"offline": False, "latency": 20, "downloadThroughput": 2000, "uploadThroughput": 100_000}
"""Milliseconds and bytes a second: a page arrives in many pieces."""
NO_PAGES = re.compile(
    r"\.(csv|ics|svg)$|/$|/answers$|/data$|/files/|/logo$|^/(healthz|metrics|readyz|openapi\.json|webhooks)"
)
"""Addresses of files and of the machine, and those that lead to another page."""
SHEET = re.compile(rb"/Type\s*/Page\b")
A4 = re.compile(rb"/MediaBox \[0 0 59[45]\S* 84[12]\S*\]")
"""Of a PDF file: the beginning of a sheet, and the size of A4."""


def path_of(shown: PageState, names: dict[str, str]) -> str:
    return shown.path.format(**names).partition("?")[0]


def test_every_page_of_the_portal_is_in_the_gallery(shown_fest: Gallery, tmp_path: Path) -> None:
    paths = {path_of(shown, shown_fest.names) for shown in PAGES.values()}
    missing = [
        route.path
        for route in listed(tmp_path)
        if isinstance(route, Route)
        and "GET" in (route.methods or ())
        and not NO_PAGES.search(route.path)
        and not any(route.path_regex.fullmatch(path) for path in paths)
    ]
    assert missing == []


@pytest.mark.parametrize("shown", PAGES.values(), ids=PAGES)
def test_a_page_is_accessible_and_fits_every_width_in_light_and_dark(
    viewer: Viewer, shown: PageState
) -> None:
    assert viewer.problems(shown) == []


@pytest.mark.parametrize(
    "name",
    [
        "organise, guests of an event, print",
        "box office, sold",
        "box office, closed shift",
        "ticket",
        "order, paid",
    ],
)
def test_what_is_short_is_printed_on_one_sheet_of_a4(viewer: Viewer, name: str) -> None:
    viewer.sign_in(PAGES[name].person)
    viewer.open(PAGES[name])
    printed = viewer.page.pdf(format="A4", prefer_css_page_size=True)
    assert len(SHEET.findall(printed)) == len(A4.findall(printed)) == 1


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_menu_of_the_header_is_accessible_by_keyboard_on_a_phone(viewer: Viewer, dark: bool) -> None:
    page = viewer.page
    viewer.sign_in("organiser")
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark" if dark else "light")
    viewer.open(PageState("/events", "organiser"))
    menu = page.get_by_role("button", name="Menu")
    menu.focus()
    page.keyboard.press("Enter")
    assert violations(page) == []
    page.keyboard.press("Tab")
    expect(page.get_by_role("banner").get_by_role("link", name="My events")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()


def test_the_page_of_an_unavailable_module_is_accessible(viewer: Viewer) -> None:
    change_file(viewer.fest.server.data, "ALTER TABLE catalogue_seats RENAME TO out_of_reach")
    try:
        shown = PageState("/events", "attendee", 503, heading="The list of events is unavailable")
        assert viewer.problems(shown) == []
    finally:
        change_file(viewer.fest.server.data, "ALTER TABLE out_of_reach RENAME TO catalogue_seats")
        # The circuit of the module is open until a trial request succeeds.
        until(
            lambda: (
                httpx.get(f"{viewer.fest.server.url}/events", trust_env=False, verify=False).status_code
                == httpx.codes.OK
            ),
            "events are back",
        )


@pytest.mark.parametrize(
    "shown",
    [
        PageState("/my-events", "holder", heading="To pay"),
        PageState("/organise", "organiser", heading="New event"),
    ],
)
def test_the_layout_does_not_shift_while_a_page_loads_slowly(
    browser: Browser, shown_fest: Gallery, shown: PageState
) -> None:
    with visit(browser, viewport=DESK) as visitor:
        viewer = Viewer(visitor, shown_fest)
        viewer.sign_in(shown.person)
        page = viewer.page
        # The style sheet is cached, so that the browser can draw the first lines of the page early.
        page.goto(f"{shown_fest.server.url}/login")
        visitor.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_LINE)
        viewer.open(shown)
        assert layout_shifts(page) == []


def test_the_layout_does_not_shift_while_a_hold_counts_down(browser: Browser, shown_fest: Gallery) -> None:
    with visit(browser, viewport=PHONE) as visitor:
        viewer = Viewer(visitor, shown_fest)
        viewer.sign_in("holder")
        page = viewer.page
        page.goto(f"{shown_fest.server.url}/my-events")
        first = page.locator("time[data-countdown]").first.inner_text()
        page.wait_for_function(
            "first => document.querySelector('time[data-countdown]').innerText !== first", arg=first
        )
        assert layout_shifts(page) == []


def test_the_home_page_with_its_files_is_under_30_kb_compressed(
    browser: Browser, shown_fest: Gallery
) -> None:
    requested: list[str] = []
    with visit(browser) as visitor:
        page = visitor.context.new_page()
        page.on("request", lambda request: requested.append(request.url))
        page.goto(shown_fest.server.url, wait_until="load")
        icon = page.locator("link[rel=icon]").get_attribute("href")
    assert icon is not None
    needed = {*requested, urljoin(shown_fest.server.url, icon)}
    assert {re.sub(r"^.*[/.]", "", address.partition("?")[0]) for address in needed} == {
        "",
        "css",
        "js",
        "svg",
    }
    with httpx.Client(trust_env=False, verify=False, headers={"accept-encoding": "gzip"}) as client:
        size = sum(client.get(address).num_bytes_downloaded for address in needed)
    assert size < MAX_FIRST_PAGE
