"""Public pages, error pages and the layout in Chromium: WCAG 2.2 AA by axe, in light and dark, on phone and desk."""

import re
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Browser

from tests.journeys.gallery import Gallery
from tests.journeys.stage import change_file
from tests.journeys.viewer import PageState, Viewer, layout_shifts
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.waiting import until

MAX_FIRST_PAGE = 30 * 1024
"""Bytes, compressed, of the page and all its files."""
SLOW_LINE = {"offline": False, "latency": 20, "downloadThroughput": 2000, "uploadThroughput": 100_000}
"""Milliseconds and bytes a second: a page arrives in many pieces."""
PAGES = {
    "home": PageState("/", heading="Aurora Fest"),
    "list": PageState("/events"),
    "list, last page": PageState("/events?page=2"),
    "list, nothing found": PageState("/events?q=nothing+fits+this&day=2031-01-01", heading="No events found"),
    **{
        f"event, {state}": PageState(f"/events/{{{state}}}", heading=heading)
        for state, heading in {
            "open": "of 100 left",
            "free": "Free",
            "few": "4 of 5 left",
            "soldout": "Sold out",
            "soldout_free": "Cancelled seats become available",
            "soon": "Sales open",
            "closed": "Sales closed",
            "running": "Over Soon",
            "over": "This event has ended",
            "cancelled": "This event has been cancelled",
            "long": "Donaudampf",
        }.items()
    },
    "sign in": PageState("/login?next=/my-events"),
    "sign in, refused": PageState("/login", fields={"username": "nobody", "password": "wrong"}, status=401),
    "forgot": PageState("/forgot", heading="Send link"),
    "forgot, sent": PageState("/forgot", fields={"username": "nobody"}, heading="Check your email"),
    "reset": PageState("/reset?token={link}", heading="For newcomer."),
    "reset, refused": PageState(
        "/reset?token={link}", fields={"password": "x"}, status=422, heading="has not changed"
    ),
    "reset, over": PageState("/reset?token=1-1-0", status=410, heading="This link has expired"),
    "register": PageState("/register"),
    "account, deleted": PageState("/account/deleted", heading="Your account is deleted"),
    "address, over": PageState("/account/email/confirm?token=1-1-0", status=410, heading="has expired"),
    "register, refused": PageState(
        "/register", fields={"username": "x", "email": "x", "password": "x"}, status=422
    ),
    "register without an account, refused": PageState(
        "/events/{open}/register", fields={"name": "", "email": "x"}, status=422, heading="marked fields"
    ),
    "find tickets": PageState("/find-tickets", heading="Find my tickets"),
    "find tickets, refused": PageState("/find-tickets", fields={"email": "x"}, status=422),
    "find tickets, sent": PageState(
        "/find-tickets", fields={"email": "a@example.org"}, heading="Check your email"
    ),
    "guest link": PageState("/guest/open?token={guest_link}", heading="Open my tickets"),
    "guest link, over": PageState("/guest/open?token=0", status=410, heading="does not work any more"),
    "guest, deleted": PageState("/guest/deleted", heading="Your data is deleted"),
    "docs": PageState("/docs", heading="API"),
    "docs, a problem": PageState("/docs/problems/sold-out", heading="Sold out"),
    "400": PageState("/register", "", 400, {str(number): "" for number in range(60)}),
    "403": PageState("/organise", "attendee", 403, heading="Not allowed"),
    "404": PageState("/no-such-page", "attendee", 404, heading="Not found"),
    "405": PageState("/my-events", "attendee", 405, {}),
    "409, sold out": PageState("/events/{soldout}/register", "newcomer", 409, {}, "Sold out"),
    "409, not open": PageState("/events/{soon}/register", "newcomer", 409, {}, "Not open yet"),
    "409, nothing to pay": PageState(
        "/checkout", "newcomer", 409, {"payment_method": "desk"}, "Nothing to pay"
    ),
    "422": PageState("/events?day=someday", "", 422, heading="Please check"),
}


@pytest.mark.parametrize("shown", PAGES.values(), ids=PAGES)
def test_a_page_is_accessible_and_fits_every_width_in_light_and_dark(
    viewer: Viewer, shown: PageState
) -> None:
    assert viewer.problems(shown) == []


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
