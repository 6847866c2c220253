"""The pages of a fest in one browser, each opened by its visitor, and the checks of a page."""

from dataclasses import dataclass

from playwright.sync_api import Page

from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.gallery import Gallery
from tests.rig.axe import violations
from tests.rig.browser import DESK, PHONE, Visit

MIN_WIDTH = 320
"""Pixels: the width that every page has to fit by WCAG 1.4.10."""


@dataclass(frozen=True)
class PageState:
    """A page in one state: its path, the person who opens it, the form that leads to it, and its status."""

    path: str
    person: str = ""
    status: int = 200
    fields: dict[str, str] | None = None
    heading: str = ""
    """Text on the page, so that the test notices another page."""


RECORD_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver(list => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput)
        window.shifts.push(entry.value + entry.sources.map(({node, previousRect, currentRect}) =>
          ` ${node && node.nodeName} ${JSON.stringify(previousRect)} to ${JSON.stringify(currentRect)}`));
  }).observe({type: "layout-shift", buffered: true});
"""
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
WIDEST_CODES = """() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    texts.currentNode.data = texts.currentNode.data.replace(/\\b[0-9A-Z]{8,}\\b/g, (code) => "W".repeat(code.length));
  }
}"""
"""Codes are random and differ in width: this script replaces each by the widest of its length."""


class Viewer:
    """A page of a browser in which one person after another is signed in.

    One browser context serves all people, because Chromium starts a process for each.
    """

    def __init__(self, visitor: Visit, fest: Gallery) -> None:
        """Open an empty page that records its layout shifts."""
        self.visitor = visitor
        self.fest = fest
        visitor.context.add_init_script(RECORD_SHIFTS)
        self.page: Page = visitor.context.new_page()

    def sign_in(self, person: str) -> None:
        """Replace the session by that of the person; an empty name is a visitor who is not signed in."""
        self.visitor.context.clear_cookies()
        if person:
            session = self.fest.guests[person].session
            self.visitor.context.add_cookies(
                [{"name": SESSION_COOKIE, "value": session, "url": self.fest.server.url}]
            )

    def open(self, shown: PageState) -> None:
        """Open the page as its visitor does."""
        url, page = self.fest.server.url, self.page
        path = shown.path.format(**self.fest.names)
        if shown.fields is None:
            answer = page.goto(url + path)
        else:
            # The form is sent from a page of the fest, as browsers send no cookies from another site.
            if not page.url.startswith(url):
                page.goto(f"{url}/login")
            with page.expect_response(lambda answer: answer.request.method == "POST") as sent:
                page.evaluate(SUBMIT, [path, shown.fields])
            answer = sent.value
            page.wait_for_load_state()
        assert answer is not None
        assert answer.status == shown.status
        assert shown.heading in page.get_by_role("main").inner_text()

    def problems(self, shown: PageState) -> list[str]:
        """Return the problems of a page: of accessibility, of the layout, and those that the browser reports.

        The page is checked in light and dark, at 390 and 1280 pixels, and for its width also at 320 pixels.
        """
        page, problems = self.page, []
        self.visitor.problems.clear()
        self.sign_in(shown.person)
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="light")
        self.open(shown)
        problems += [f"shifts at {PHONE['width']}: {shift}" for shift in layout_shifts(page)]
        if shown.fields is None:
            page.set_viewport_size(DESK)
            page.reload()
            problems += [f"shifts at {DESK['width']}: {shift}" for shift in layout_shifts(page)]
        if page.locator("h1").count() != 1:
            problems.append("not one main heading")
        page.evaluate(WIDEST_CODES)
        # The page is checked in all sizes and colours without a reload, so that axe is loaded once.
        for size in (DESK, PHONE):
            page.set_viewport_size(size)
            if scrolls_sideways(page):
                problems.append(f"scrolls sideways at {size['width']}")
            for dark in (False, True):
                page.emulate_media(color_scheme="dark" if dark else "light")
                lines = violations(page, colours_only=dark)
                problems += [f"{size['width']}, {'dark' if dark else 'light'}: {line}" for line in lines]
        page.set_viewport_size({"width": MIN_WIDTH, "height": 800})
        if scrolls_sideways(page):
            problems.append(f"scrolls sideways at {MIN_WIDTH}")
        return [*problems, *self.visitor.problems]


def layout_shifts(page: Page) -> list[str]:
    """Return the layout shifts that the page has recorded."""
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
