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
NARROW = 320
"""Pixels: what WCAG 1.4.10 asks a page to fit into."""
MAX_FIRST_PAGE = 30 * 1024
"""Bytes, compressed: the page and everything that it needs."""


@dataclass(frozen=True)
class Shown:
    """A page in one state: where it is, who looks at it, what they sent to come there, and its status."""

    path: str
    who: str = ""
    status: int = 200
    fields: dict[str, str] | None = None
    heading: str = ""
    """What it says, so that it cannot be another page unnoticed."""


WRONG_EVENT = {
    "title": "",
    "starts_at": "yesterday",
    "fee": "many",
    "capacity": "-1",
    "sales_open_at": "then",
}
PAGES = {
    "home": Shown("/", heading="Aurora Fest"),
    "list": Shown("/events"),
    "list, last page": Shown("/events?page=2"),
    "list, nothing found": Shown("/events?q=nothing+fits+this&day=2031-01-01", heading="No events found"),
    **{
        f"event, {state}": Shown(f"/events/{{{state}}}", heading=heading)
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
    "sign in": Shown("/login?next=/my-events"),
    "sign in, refused": Shown("/login", fields={"username": "nobody", "password": "wrong"}, status=401),
    "forgot": Shown("/forgot", heading="Send link"),
    "forgot, sent": Shown("/forgot", fields={"username": "nobody"}, heading="Check your email"),
    "reset": Shown("/reset?token={link}", heading="For newcomer."),
    "reset, refused": Shown(
        "/reset?token={link}", fields={"password": "x"}, status=422, heading="has not changed"
    ),
    "reset, over": Shown("/reset?token=1-1-0", status=410, heading="This link has expired"),
    "register": Shown("/register"),
    "register, refused": Shown(
        "/register", fields={"username": "x", "email": "x", "password": "x"}, status=422
    ),
    "my events, none": Shown("/my-events", "newcomer", heading="No events yet"),
    "my events, held": Shown("/my-events", "holder", heading="Held for you"),
    "my events, long": Shown("/my-events", "long", heading="Donaudampf"),
    "my events, waiting for payment": Shown("/my-events", "desk", heading="Waiting for payment"),
    "my events, confirmed": Shown("/my-events", "attendee", heading="Confirmed"),
    "my events, over": Shown("/my-events", "leaver", heading="Hold expired"),
    "checkout": Shown("/checkout", "holder", heading="Pay with"),
    "checkout, nothing to pay": Shown("/checkout", "newcomer", heading="Nothing to pay"),
    "checkout, refused": Shown("/checkout", "holder", fields={"payment_method": "gold"}, status=422),
    "order, paid": Shown("/orders/{order_paid}", "attendee", heading="Paid. Your tickets"),
    **{
        f"order, {state}": Shown(f"/orders/{{order_{state}}}", state, heading=heading)
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
    "ticket": Shown("/tickets/{valid}", "attendee", heading="One person."),
    "ticket, void": Shown("/tickets/{void}", "leaver", heading="Not valid"),
    "ticket, checked in": Shown("/tickets/{in}", "attendee", heading="Checked in"),
    "doors": Shown("/door", "staff", heading="Choose the event"),
    "door, in": Shown("/door/{free}?in={in}&q=tend", "staff", heading="checked in by staff"),
    "door, refused": Shown("/door/{open}", "organiser", 422, {"code": "?"}, "Not a ticket of this fest"),
    "organise": Shown("/organise", "organiser", heading="New event"),
    "organise, said": Shown("/organise?saved={open}", "organiser", heading="Robo Race is saved."),
    "organise, orders": Shown("/organise/orders", "organiser", heading="To pay at the desk"),
    "organise, payments": Shown("/organise/payments", "organiser", heading="asked about"),
    "organise, payments, found": Shown(
        "/organise/payments?ref={order_expired}", "organiser", heading="Mark paid"
    ),
    "organise, new": Shown("/organise/events/new", "organiser", heading="New event"),
    "organise, new, refused": Shown(
        "/organise/events/new", "organiser", fields=WRONG_EVENT, status=422, heading="Not saved yet"
    ),
    "organise, draft": Shown("/organise/events/{draft}", "organiser", heading="Edit A rough idea"),
    "organise, published": Shown("/organise/events/{open}", "organiser", heading="Edit Robo Race"),
    "organise, cancelled": Shown("/organise/events/{cancelled}", "organiser", heading="stays as it is"),
    "organise, cancel": Shown("/organise/events/{open}/cancel", "organiser", heading="Cancel Robo Race?"),
    "docs": Shown("/docs", heading="API"),
    "docs, a problem": Shown("/docs/problems/sold-out", heading="Sold out"),
    "400": Shown("/register", "", 400, {str(number): "" for number in range(60)}),
    "403": Shown("/organise", "attendee", 403, heading="Not allowed"),
    "404": Shown("/no-such-page", "attendee", 404, heading="Not found"),
    "405": Shown("/my-events", "attendee", 405, {}),
    "409, sold out": Shown("/events/{soldout}/register", "newcomer", 409, {}, "Sold out"),
    "409, registered": Shown("/events/{open}/register", "attendee", 409, {}, "You are already registered"),
    "409, not open": Shown("/events/{soon}/register", "newcomer", 409, {}, "Not open yet"),
    "409, nothing to pay": Shown("/checkout", "newcomer", 409, {"payment_method": "desk"}, "Nothing to pay"),
    "422": Shown("/events?day=someday", "", 422, heading="Please check"),
}

WATCH = """
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
DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
SEND = """([path, fields]) => {
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


Seats = Callable[[str], tuple[Visit, Page]]


@pytest.fixture(scope="module")
def seat(browser: Browser, fest: Gallery) -> Iterator[Seats]:
    """A browser in which somebody is signed in, and its page: opened once for each person."""
    seats: dict[str, tuple[Visit, Page]] = {}
    with ExitStack() as stack:

        def of(who: str) -> tuple[Visit, Page]:
            if who not in seats:
                visitor = stack.enter_context(visit(browser, viewport=PHONE))
                if who:
                    sign_in(visitor, fest, who)
                visitor.context.add_init_script(WATCH)
                seats[who] = (visitor, visitor.context.new_page())
            visitor, page = seats[who]
            visitor.wrongs.clear()
            page.set_viewport_size(PHONE)
            page.emulate_media(color_scheme="light")
            return visitor, page

        yield of


def sign_in(visitor: Visit, fest: Gallery, who: str) -> None:
    """As somebody whose session is open already."""
    session = fest.guests[who].session
    visitor.context.add_cookies([{"name": SESSION_COOKIE, "value": session, "url": fest.server.url}])


def go(page: Page, fest: Gallery, shown: Shown) -> None:
    """Come to the page as its visitor would."""
    path = shown.path.format(**fest.names)
    if shown.fields is None:
        answer = page.goto(fest.server.url + path)
    else:
        page.goto(f"{fest.server.url}/login")
        with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
            page.evaluate(SEND, [path, shown.fields])
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
"""Numbers of orders and the like are drawn by chance, and one is wider than another: all of them as wide as can be."""


def shifts(page: Page) -> list[str]:
    page.evaluate(DRAWN)
    found: list[str] = page.evaluate("() => window.shifts")
    return found


def scrolls_sideways(page: Page) -> bool:
    """The page, or what is in a panel would stick out of it."""
    return bool(
        page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll(".panel")].some(
                each => each.scrollWidth > each.clientWidth
            )"""
        )
    )


@pytest.mark.parametrize("shown", PAGES.values(), ids=PAGES)
def test_a_page_is_for_everyone_on_every_screen_in_light_and_dark(
    seat: Seats, fest: Gallery, shown: Shown
) -> None:
    wrong: list[str] = []
    visitor, page = seat(shown.who)
    go(page, fest, shown)
    wrong += [f"shifts at {PHONE['width']}: {shift}" for shift in shifts(page)]
    if shown.fields is None:
        page.set_viewport_size(DESK)
        page.reload()
        wrong += [f"shifts at {DESK['width']}: {shift}" for shift in shifts(page)]
    # What axe is made of is loaded once: the page stands as it is, and is looked at in all its sizes and colours.
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found = violations(page, colours_only=scheme == "dark")
            wrong += [f"{size['width']}, {scheme}: {line}" for line in found]
    page.evaluate(WIDEST_CODES)
    for width in (NARROW, PHONE["width"], DESK["width"]):
        page.set_viewport_size({"width": width, "height": 800})
        if scrolls_sideways(page):
            wrong.append(f"scrolls sideways at {width}")
    assert [*wrong, *visitor.wrongs] == []


def test_the_page_that_says_that_something_broke_is_for_everyone_too(seat: Seats, fest: Gallery) -> None:
    change_file(fest.server.data, "ALTER TABLE catalogue_seats RENAME TO out_of_reach")
    try:
        test_a_page_is_for_everyone_on_every_screen_in_light_and_dark(
            seat, fest, Shown("/events", "attendee", 503, heading="The list of events is unavailable")
        )
    finally:
        change_file(fest.server.data, "ALTER TABLE out_of_reach RENAME TO catalogue_seats")
        # A module that failed so often rests, until those who come find it well.
        until(
            lambda: (
                httpx.get(f"{fest.server.url}/events", trust_env=False, verify=False).status_code
                == httpx.codes.OK
            ),
            "events are back",
        )


@pytest.mark.parametrize("name", ["my events, held", "organise"])
def test_nothing_moves_while_a_page_arrives_over_a_slow_line(
    browser: Browser, fest: Gallery, name: str
) -> None:
    with visit(browser, viewport=DESK) as visitor:
        shown = PAGES[name]
        sign_in(visitor, fest, shown.who)
        visitor.context.add_init_script(WATCH)
        page = visitor.context.new_page()
        # The style is there already, so the browser could draw the first lines of the page.
        page.goto(f"{fest.server.url}/login")
        visitor.context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW_LINE)
        go(page, fest, shown)
        assert shifts(page) == []


def test_nothing_moves_while_the_time_of_a_hold_runs(browser: Browser, fest: Gallery) -> None:
    with visit(browser, viewport=PHONE) as visitor:
        sign_in(visitor, fest, "holder")
        visitor.context.add_init_script(WATCH)
        page = visitor.context.new_page()
        page.goto(f"{fest.server.url}/my-events")
        first = page.locator("time[data-countdown]").first.inner_text()
        page.wait_for_function(
            "first => document.querySelector('time[data-countdown]').innerText !== first", arg=first
        )
        assert shifts(page) == []


def test_the_first_page_and_all_it_needs_is_under_30_kb_compressed(browser: Browser, fest: Gallery) -> None:
    asked: list[str] = []
    with visit(browser) as visitor:
        page = visitor.context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(fest.server.url, wait_until="load")
        icon = page.locator("link[rel=icon]").get_attribute("href")
    assert icon is not None
    needed = {*asked, urljoin(fest.server.url, icon)}
    assert {re.sub(r"^.*[/.]", "", address.partition("?")[0]) for address in needed} == {
        "",
        "css",
        "js",
        "svg",
    }
    with httpx.Client(trust_env=False, verify=False, headers={"accept-encoding": "gzip"}) as client:
        size = sum(client.get(address).num_bytes_downloaded for address in needed)
    assert size < MAX_FIRST_PAGE
