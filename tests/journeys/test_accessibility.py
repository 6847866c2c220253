"""Every page in every state, in Chromium: WCAG 2.2 AA by axe, in light and dark, at 390 and 1280 pixels."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Browser, Page

from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.gallery import Gallery, gallery
from tests.journeys.stage import change_file
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, Visit, visit
from tests.rig.waiting import until

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MIN_WIDTH = 320
"""Pixels: the width that every page has to fit by WCAG 1.4.10."""
MAX_FIRST_PAGE = 30 * 1024
"""Bytes, compressed, of the page and all its files."""


@dataclass(frozen=True)
class PageState:
    """A page in one state: its path, the person who opens it, the form that leads to it, and its status."""

    path: str
    person: str = ""
    status: int = 200
    fields: dict[str, str] | None = None
    heading: str = ""
    """Text on the page, so that the test notices another page."""


WRONG_EVENT = {
    "title": "",
    "starts_at": "yesterday",
    "fee": "many",
    "capacity": "-1",
    "sales_open_at": "then",
}
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
            "few": "Only 4 of 5 left",
            "soldout": "Sold out",
            "soldout_free": "Cancelled seats become available",
            "soon": "Sales open",
            "closed": "Sales closed",
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
    "register, refused": PageState(
        "/register", fields={"username": "x", "email": "x", "password": "x"}, status=422
    ),
    "my events, none": PageState("/my-events", "newcomer", heading="No events yet"),
    "my events, held": PageState("/my-events", "holder", heading="Held for you"),
    "my events, long": PageState("/my-events", "long", heading="Donaudampf"),
    "my events, waiting for payment": PageState("/my-events", "desk", heading="Waiting for payment"),
    "my events, confirmed": PageState("/my-events", "attendee", heading="Confirmed"),
    "my events, over": PageState("/my-events", "leaver", heading="Hold expired"),
    "checkout": PageState("/checkout", "holder", heading="Pay with"),
    "checkout, nothing to pay": PageState("/checkout", "newcomer", heading="Nothing to pay"),
    "checkout, refused": PageState("/checkout", "holder", fields={"payment_method": "gold"}, status=422),
    "order, paid": PageState("/orders/{order_paid}", "attendee", heading="Paid. Your tickets"),
    **{
        f"order, {state}": PageState(f"/orders/{{order_{state}}}", state, heading=heading)
        for state, heading in {
            "desk": "Your order number is",
            "waiting": "is waiting for payment",
            "unanswered": "not been confirmed yet",
            "declined": "The card was declined",
            "cancelled": "This order is cancelled",
            "expired": "not paid in time",
            "refunding": "will be refunded",
            "refunded": "has been refunded",
        }.items()
    },
    "ticket": PageState("/tickets/{valid}", "attendee", heading="One person."),
    "ticket, void": PageState("/tickets/{void}", "leaver", heading="Not valid"),
    "ticket, checked in": PageState("/tickets/{in}", "attendee", heading="Checked in"),
    "doors": PageState("/door", "staff", heading="Choose the event"),
    "door, checked in": PageState("/door/{free}?in={in}&q=tend", "staff", heading="checked in by staff"),
    "door, refused": PageState("/door/{open}", "organiser", 422, {"code": "?"}, "Not a ticket of this fest"),
    "organise": PageState("/organise", "organiser", heading="New event"),
    "organise, saved": PageState("/organise?saved={open}", "organiser", heading="Robo Race is saved."),
    "organise, orders": PageState("/organise/orders", "organiser", heading="To pay at the desk"),
    "organise, payments": PageState("/organise/payments", "organiser", heading="asked about"),
    "organise, payments, found": PageState(
        "/organise/payments?ref={order_expired}", "organiser", heading="Mark paid"
    ),
    "organise, new": PageState("/organise/events/new", "organiser", heading="New event"),
    "organise, new, refused": PageState(
        "/organise/events/new", "organiser", fields=WRONG_EVENT, status=422, heading="Not saved yet"
    ),
    "organise, draft": PageState("/organise/events/{draft}", "organiser", heading="Edit A rough idea"),
    "organise, published": PageState("/organise/events/{open}", "organiser", heading="Edit Robo Race"),
    "organise, cancelled": PageState("/organise/events/{cancelled}", "organiser", heading="stays as it is"),
    "organise, cancel": PageState("/organise/events/{open}/cancel", "organiser", heading="Cancel Robo Race?"),
    "docs": PageState("/docs", heading="API"),
    "docs, a problem": PageState("/docs/problems/sold-out", heading="Sold out"),
    "400": PageState("/register", "", 400, {str(number): "" for number in range(60)}),
    "403": PageState("/organise", "attendee", 403, heading="Not allowed"),
    "404": PageState("/no-such-page", "attendee", 404, heading="Not found"),
    "405": PageState("/my-events", "attendee", 405, {}),
    "409, sold out": PageState("/events/{soldout}/register", "newcomer", 409, {}, "Sold out"),
    "409, registered": PageState(
        "/events/{open}/register", "attendee", 409, {}, "You are already registered"
    ),
    "409, not open": PageState("/events/{soon}/register", "newcomer", 409, {}, "Not open yet"),
    "409, nothing to pay": PageState(
        "/checkout", "newcomer", 409, {"payment_method": "desk"}, "Nothing to pay"
    ),
    "422": PageState("/events?day=someday", "", 422, heading="Please check"),
}

RECORD_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver(list => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput)
        window.shifts.push(entry.value + entry.sources.map(({node, previousRect, currentRect}) =>
          ` ${node && node.nodeName} ${JSON.stringify(previousRect)} to ${JSON.stringify(currentRect)}`));
  }).observe({type: "layout-shift", buffered: true});
"""
SLOW_LINE = {"offline": False, "latency": 20, "downloadThroughput": 2000, "uploadThroughput": 100_000}
"""Milliseconds and bytes a second: a page arrives in many pieces."""
NEXT_FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
SUBMIT = """([path, fields]) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = path;
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}"""


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with gallery(tmp_path_factory.mktemp("accessibility") / "fest") as shown:
        yield shown


OpenPage = Callable[[str], tuple[Visit, Page]]


@pytest.fixture(scope="module")
def page_of(browser: Browser, fest: Gallery) -> Iterator[OpenPage]:
    """Return a function that opens the browser of a person, once each, and returns it with its page."""
    opened: dict[str, tuple[Visit, Page]] = {}
    with ExitStack() as stack:

        def open_for(person: str) -> tuple[Visit, Page]:
            if person not in opened:
                visitor = stack.enter_context(visit(browser, viewport=PHONE))
                if person:
                    sign_in(visitor, fest, person)
                visitor.context.add_init_script(RECORD_SHIFTS)
                opened[person] = (visitor, visitor.context.new_page())
            visitor, page = opened[person]
            visitor.problems.clear()
            page.set_viewport_size(PHONE)
            page.emulate_media(color_scheme="light")
            return visitor, page

        yield open_for


def sign_in(visitor: Visit, fest: Gallery, person: str) -> None:
    """Add the cookie of the person's open session."""
    session = fest.guests[person].session
    visitor.context.add_cookies([{"name": SESSION_COOKIE, "value": session, "url": fest.server.url}])


def open_page(page: Page, fest: Gallery, shown: PageState) -> None:
    """Open the page as its visitor does."""
    path = shown.path.format(**fest.names)
    if shown.fields is None:
        answer = page.goto(fest.server.url + path)
    else:
        page.goto(f"{fest.server.url}/login")
        with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
            page.evaluate(SUBMIT, [path, shown.fields])
        answer = sent.value
        page.wait_for_load_state()
    assert answer is not None
    assert answer.status == shown.status
    assert shown.heading in page.get_by_role("main").inner_text()


WIDEST_CODES = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data.replace(/\\b[0-9A-Z]{8,}\\b/g, (code) => "W".repeat(code.length));
  }
}"""
"""Codes are random and differ in width: this script replaces each by the widest of its length."""


def layout_shifts(page: Page) -> list[str]:
    page.evaluate(NEXT_FRAME)
    recorded: list[str] = page.evaluate("() => window.shifts")
    return recorded


def scrolls_sideways(page: Page) -> bool:
    """Return whether the page, or the content of a panel, is too wide."""
    return bool(
        page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll(".panel")].some(
                element => element.scrollWidth > element.clientWidth
            )"""
        )
    )


@pytest.mark.parametrize("shown", PAGES.values(), ids=PAGES)
def test_a_page_is_accessible_and_fits_every_width_in_light_and_dark(
    page_of: OpenPage, fest: Gallery, shown: PageState
) -> None:
    problems: list[str] = []
    visitor, page = page_of(shown.person)
    open_page(page, fest, shown)
    problems += [f"shifts at {PHONE['width']}: {shift}" for shift in layout_shifts(page)]
    if shown.fields is None:
        page.set_viewport_size(DESK)
        page.reload()
        problems += [f"shifts at {DESK['width']}: {shift}" for shift in layout_shifts(page)]
    # The page is checked in all sizes and colours without a reload, so that axe is loaded once.
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            lines = violations(page, colours_only=scheme == "dark")
            problems += [f"{size['width']}, {scheme}: {line}" for line in lines]
    page.evaluate(WIDEST_CODES)
    for width in (MIN_WIDTH, PHONE["width"], DESK["width"]):
        page.set_viewport_size({"width": width, "height": 800})
        if scrolls_sideways(page):
            problems.append(f"scrolls sideways at {width}")
    assert [*problems, *visitor.problems] == []


def test_the_page_of_an_unavailable_module_is_accessible(page_of: OpenPage, fest: Gallery) -> None:
    change_file(fest.server.data, "ALTER TABLE catalogue_seats RENAME TO out_of_reach")
    try:
        test_a_page_is_accessible_and_fits_every_width_in_light_and_dark(
            page_of, fest, PageState("/events", "attendee", 503, heading="The list of events is unavailable")
        )
    finally:
        change_file(fest.server.data, "ALTER TABLE out_of_reach RENAME TO catalogue_seats")
        # The circuit of the module is open until a trial request succeeds.
        until(
            lambda: (
                httpx.get(f"{fest.server.url}/events", trust_env=False, verify=False).status_code
                == httpx.codes.OK
            ),
            "events are back",
        )


@pytest.mark.parametrize("name", ["my events, held", "organise"])
def test_the_layout_does_not_shift_while_a_page_loads_slowly(
    browser: Browser, fest: Gallery, name: str
) -> None:
    with visit(browser, viewport=DESK) as visitor:
        shown = PAGES[name]
        sign_in(visitor, fest, shown.person)
        visitor.context.add_init_script(RECORD_SHIFTS)
        page = visitor.context.new_page()
        # The style sheet is cached, so that the browser can draw the first lines of the page early.
        page.goto(f"{fest.server.url}/login")
        visitor.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_LINE)
        open_page(page, fest, shown)
        assert layout_shifts(page) == []


def test_the_layout_does_not_shift_while_a_hold_counts_down(browser: Browser, fest: Gallery) -> None:
    with visit(browser, viewport=PHONE) as visitor:
        sign_in(visitor, fest, "holder")
        visitor.context.add_init_script(RECORD_SHIFTS)
        page = visitor.context.new_page()
        page.goto(f"{fest.server.url}/my-events")
        first = page.locator("time[data-countdown]").first.inner_text()
        page.wait_for_function(
            "first => document.querySelector('time[data-countdown]').innerText !== first", arg=first
        )
        assert layout_shifts(page) == []


def test_the_home_page_with_its_files_is_under_30_kb_compressed(browser: Browser, fest: Gallery) -> None:
    requested: list[str] = []
    with visit(browser) as visitor:
        page = visitor.context.new_page()
        page.on("request", lambda request: requested.append(request.url))
        page.goto(fest.server.url, wait_until="load")
        icon = page.locator("link[rel=icon]").get_attribute("href")
    assert icon is not None
    needed = {*requested, urljoin(fest.server.url, icon)}
    assert {re.sub(r"^.*[/.]", "", address.partition("?")[0]) for address in needed} == {
        "",
        "css",
        "js",
        "svg",
    }
    with httpx.Client(trust_env=False, verify=False, headers={"accept-encoding": "gzip"}) as client:
        size = sum(client.get(address).num_bytes_downloaded for address in needed)
    assert size < MAX_FIRST_PAGE
