"""The pages of a fest in one browser, each opened by its visitor, and the checks of a page."""

from dataclasses import dataclass

from playwright.sync_api import Page

from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.gallery import Gallery
from tests.rig.axe import SCRIPT, violations
from tests.rig.browser import DESK, PHONE, Visit
from tests.rig.forms import hidden_fields

MIN_WIDTH = 320
"""Pixels: the width that every page has to fit by WCAG 1.4.10."""


@dataclass(frozen=True)
class PageState:
    """A page in one state: its path, the person that opens it, the form that leads to it, and its status."""

    path: str
    person: str = ""
    status: int = 200
    fields: dict[str, str] | None = None
    heading: str = ""
    """Text on the page, so that the test notices another page."""
    form: str = ""
    """The page whose form is sent: its hidden fields are sent too."""
    file: tuple[str, str] | None = None
    """The name and the content of a file that is sent as the field `file`."""

    @property
    def is_sent(self) -> bool:
        """Return whether the page is the answer to a form."""
        return self.fields is not None or self.file is not None


RECORD_SHIFTS = """
  window.shifts = [];
  new PerformanceObserver(list => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput)
        window.shifts.push(entry.value + entry.sources.map(({node, previousRect, currentRect}) =>
          ` ${node && node.nodeName} ${JSON.stringify(previousRect)} to ${JSON.stringify(currentRect)}`));
  }).observe({type: "layout-shift", buffered: true});
"""
SHIFTS = (
    "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(window.shifts))))"
)
"""The shifts up to the next frame."""
SUBMIT = """([path, fields, file]) => {
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
  if (file) {
    const input = document.createElement("input"), list = new DataTransfer();
    list.items.add(new File([file[1]], file[0]));
    input.type = "file";
    input.name = "file";
    input.files = list.files;
    form.enctype = "multipart/form-data";
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
HEADINGS = "() => document.querySelectorAll('h1').length"
# A locator of Playwright brings its own script to every page, which takes longer than the page.
MAIN_TEXT = "() => document.querySelector('main').innerText"


class Viewer:
    """A page of a browser in which one person after another is signed in.

    One browser context serves all people, because Chromium starts a process for each.
    """

    def __init__(self, visitor: Visit, fest: Gallery) -> None:
        """Open an empty page that records its layout shifts."""
        self.visitor = visitor
        self.fest = fest
        visitor.context.add_init_script(RECORD_SHIFTS)
        visitor.context.add_init_script(SCRIPT)
        self.page: Page = visitor.context.new_page()

    def sign_in(self, person: str) -> None:
        """Replace the session by that of the person; an empty name signs nobody in."""
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
        if not shown.is_sent:
            answer = page.goto(url + path)
        else:
            # The form is sent from a page of the fest, as browsers send no cookies from another site.
            if not page.url.startswith(url):
                page.goto(f"{url}/login")
            fields, file = dict(shown.fields or {}), shown.file
            if shown.form:
                text = page.request.get(url + shown.form.format(**self.fest.names)).text()
                fields = hidden_fields(text, path) | fields
            if file:
                file = file[0], file[1].format(**self.fest.names)
            with page.expect_navigation() as sent:
                page.evaluate(SUBMIT, [path, fields, file])
            answer = sent.value
        assert answer is not None
        assert answer.status == shown.status
        assert shown.heading in page.evaluate(MAIN_TEXT)

    def problems(self, shown: PageState) -> list[str]:
        """Return the problems of a page: of accessibility, of the layout, and those that the browser reports.

        Axe checks the page on a phone, in light and dark; its width is checked on every screen.
        """
        page, problems = self.page, []
        self.visitor.problems.clear()
        self.sign_in(shown.person)
        page.set_viewport_size(PHONE)
        page.emulate_media(color_scheme="light")
        self.open(shown)
        problems += [f"shifts: {shift}" for shift in layout_shifts(page)]
        if page.evaluate(HEADINGS) != 1:
            problems.append("not one main heading")
        page.evaluate(WIDEST_CODES)
        # The page is checked in both colour schemes without a reload.
        problems += [f"light: {line}" for line in violations(page)]
        page.emulate_media(color_scheme="dark")
        problems += [f"dark: {line}" for line in violations(page, colours_only=True)]
        if scrolls_sideways(page):
            problems.append(f"scrolls sideways at {PHONE['width']}")
        for width in (DESK["width"], MIN_WIDTH):
            page.set_viewport_size({"width": width, "height": 800})
            if scrolls_sideways(page):
                problems.append(f"scrolls sideways at {width}")
        return [*problems, *self.visitor.problems]


def layout_shifts(page: Page) -> list[str]:
    """Return the layout shifts that the page has recorded."""
    recorded: list[str] = page.evaluate(SHIFTS)
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
