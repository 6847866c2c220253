"""Every sentence of pages and emails goes through gettext: with a catalogue that marks each, no other word is left.

The data of this fest are Greek, so a Latin word outside every marked sentence is one that cannot be translated.
"""

import io
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.support import NullTranslations, Translations
from sqlalchemy import select

from festgate.kit.clock import DAY, HOUR
from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import mail
from festgate.kit.money import Money
from festgate.kit.roles import Role
from festgate.kit.translation import use_catalogue
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal import app as app_module
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.sessions import open_session
from festgate.portal.app import create_app
from festgate.portal.catalogue import facade as catalogue
from festgate.settings import Settings
from tests.rig.database import OpenDatabase
from tests.rig.forms import check_out
from tests.rig.served import served
from tests.rig.waiting import until
from tests.rules.project import ROOT

ONLY_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PACKAGE = ROOT / "src/festgate"
OPENS, CLOSES = "⟦", "⟧"
NOT_TRANSLATED = re.compile(
    r"""https?://\S+ | [\w.+-]+@[\w.-]+ | /\S+   # addresses
    | \b[0-9A-Z]{4,}\b | \b[0-9A-Z]{10}\b        # order numbers and ticket codes
    | \bEUR\b | \bEurope/Athens\b | \bdesk\b | \bsandbox\b | \bplay-\w+ | \bdesk-\S+
    | \bQR\b | \bAPI\b""",
    re.VERBOSE,
)
"""Latin letters that are not part of a sentence: addresses, codes, names of methods."""
INLINE = frozenset(
    {"a", "b", "bdi", "br", "code", "em", "i", "input", "s", "small", "span", "strong", "time", "wbr"}
)
"""Elements within a sentence."""
TEXT_ATTRIBUTES = ("aria-label", "title", "placeholder", "alt", "data-label")


def pseudo_catalogue() -> Translations:
    """Extract every message of the portal and the kit as translators do, and mark each one."""
    with (ROOT / "babel.cfg").open("rb") as file:
        methods, options = parse_mapping_cfg(  # type: ignore[no-untyped-call]
            io.StringIO(file.read().decode())
        )
    made = Catalog("el")
    for folder in (PACKAGE / "portal", PACKAGE / "kit"):
        for _, line, message, _, _ in extract_from_dir(folder, methods, options):
            if isinstance(message, tuple):
                made.add(message, tuple(f"{OPENS}{form}{CLOSES}" for form in message), lineno=line)
            else:
                made.add(message, f"{OPENS}{message}{CLOSES}")
    buffer = io.BytesIO()
    write_mo(buffer, made)
    buffer.seek(0)
    return Translations(buffer, "festgate")


@pytest.fixture
def marked() -> Iterator[Translations]:
    """Provide the catalogue, and switch it off after the test."""
    made = pseudo_catalogue()
    yield made
    use_catalogue(NullTranslations())


class TextCollector(HTMLParser):
    """A parser that collects the texts of a page, also those of attributes that a screen reader uses."""

    def __init__(self) -> None:
        """Start without texts."""
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._open: list[str] = []
        self._run: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("input", "meta", "link", "br", "hr", "img", "wbr"):
            self._open.append(tag)
        if tag not in INLINE:
            self.flush()
        self.texts += [value or "" for name, value in attrs if name in TEXT_ATTRIBUTES]

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE:
            self.flush()
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "svg", "pre"} & {*self._open}:
            self._run.append(data)

    def flush(self) -> None:
        self.texts.append(" ".join("".join(self._run).split()))
        self._run = []


def unmarked(text: str) -> str:
    """Return the Latin words of a text that are outside every marked sentence."""
    inner = re.compile(f"{OPENS}[^{OPENS}{CLOSES}]*{CLOSES}")
    while inner.search(text):
        text = inner.sub(" ", text)
    return " ".join(
        re.findall(r"[A-Za-z]{2,}", NOT_TRANSLATED.sub(" ", text.replace(OPENS, " ").replace(CLOSES, " ")))
    )


@dataclass
class Reader:
    """A reader of the portal's pages, which collects texts with unmarked words."""

    url: str
    database: OpenDatabase
    unmarked_texts: dict[str, str] = field(default_factory=dict)

    def browser(self, name: str, role: Role) -> httpx.Client:
        """Return the browser of a new person who is signed in; with an empty name, of an anonymous visitor."""
        cookies = {}
        if name:
            person = self.database.write(
                add_person, Newcomer(name, f"{len(name)}{role}@example.org", role), "no password"
            )
            cookies[SESSION_COOKIE] = self.database.write(open_session, person.id, "cookie").token
        return httpx.Client(base_url=self.url, cookies=cookies, trust_env=False, verify=False)

    def read(self, answer: httpx.Response) -> str:
        """Record each text of a page that contains an unmarked word; return the page."""
        collector = TextCollector()
        collector.feed(answer.text)
        collector.flush()
        for text in collector.texts:
            if unmarked(text):
                self.unmarked_texts[text] = f"{answer.request.method} {answer.request.url.path}"
        return answer.text


def create_events(connection: Connection) -> dict[str, str]:
    """Create two paid events, a free one, a small one and a draft; return their slugs by title."""
    slugs = {}
    now = connection.now
    for title, fee, capacity in (
        ("Ωμέγα", 4500, 9),
        ("Δέλτα", 0, 9),
        ("Σίγμα", 3000, 9),
        ("Λάμδα", 900, 1),
        ("Πι", 0, 4),
    ):
        times = (now + 30 * DAY, now + 30 * DAY + HOUR, now - DAY, now + 29 * DAY)
        details = catalogue.Details(title, "Ψ.", "Ψ.", "Φ", "Ξ", *times, Money(fee, "EUR"), capacity)
        event = catalogue.create_event(connection, details)
        slugs[title] = event.slug
        if title != "Πι":
            catalogue.publish_event(connection, event.slug)
    return slugs


@ONLY_SQLITE
def test_every_word_of_pages_and_emails_goes_through_gettext(
    database: OpenDatabase, tmp_path: Path, marked: Translations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "load_catalogue", lambda *_: use_catalogue(marked))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings(
            data_dir=tmp_path / "fest",
            base_url=url,
            payment_methods=("sandbox", "desk"),
            fest_name="Φεστ",
            fest_tagline="",
            locale="el_GR",
            timezone="Europe/Athens",
            currency="EUR",
        )
        app = create_app(settings, clock=database.clock)
        with served(app, listener):
            reader = Reader(url, database)
            slugs = database.write(create_events)
            read_as_visitor(reader, slugs)
            read_as_attendee(reader, slugs)
            read_as_organiser(reader, slugs)
            emails = database.read(
                Connection.all, Statement(select(mail.messages.c.subject, mail.messages.c.body))
            )
    for subject, body in emails:
        for text in (subject, *re.split(r"\n\n+", body)):
            if unmarked(text):
                reader.unmarked_texts[text] = f"email: {subject}"
    assert emails
    assert not reader.unmarked_texts, "\n".join(
        f"{place}: {text}" for text, place in sorted(reader.unmarked_texts.items())
    )


def read_as_visitor(reader: Reader, slugs: dict[str, str]) -> None:
    with reader.browser("", "attendee") as browser:
        for path in (
            "/",
            "/events",
            "/login",
            "/register",
            "/forgot",
            "/confirm?token=x",
            "/reset?token=x",
            "/nothing",
        ):
            reader.read(browser.get(path))
        for slug in slugs.values():
            reader.read(browser.get(f"/events/{slug}"))
        reader.read(browser.get("/events?q=Ω"))
        reader.read(browser.get("/events?q=Ж"))
        reader.read(browser.post("/login", data={"username": "φ", "password": "ψ"}))
        reader.read(browser.post("/login", data={}))
        reader.read(browser.post("/register", data={"username": "", "email": "x", "password": "1"}))
        reader.read(browser.post("/forgot", data={"username": "ψψφφ"}))


def read_as_attendee(reader: Reader, slugs: dict[str, str]) -> None:
    with reader.browser("ψψφφ", "attendee") as browser:
        for path in ("/my-events", "/checkout", "/account", "/organise", "/door", "/orders/AAAAAAAAAA"):
            reader.read(browser.get(path))
        for path in ("/account/delete", "/account/deleted", "/account?name", "/account?sessions"):
            reader.read(browser.get(path))
        for path in ("/account", "/account/name", "/account/email", "/account/delete"):
            reader.read(browser.post(path, data={}))
        for title in ("Ωμέγα", "Δέλτα"):
            browser.post(f"/events/{slugs[title]}/register")
        until(lambda: "/tickets/" in browser.get("/my-events").text, "the free ticket is issued")
        for path in ("/my-events", "/checkout", f"/events/{slugs['Ωμέγα']}"):
            reader.read(browser.get(path))
        reader.read(browser.post("/checkout", data={"payment_method": "gold"}))
        paid = check_out(browser, payment_method="sandbox").headers["location"]
        until(lambda: "/tickets/" in browser.get(paid).text, "the ticket is issued")
        ticket = re.findall(r"/tickets/\w+", browser.get(paid).text)[0]
        for path in (paid, "/my-events", ticket):
            reader.read(browser.get(path))
        browser.post(f"/events/{slugs['Σίγμα']}/register")
        declined = check_out(browser, payment_method="sandbox", card_number="4000000000000002").headers[
            "location"
        ]
        reader.read(browser.get(declined))
        desk = check_out(browser, payment_method="desk").headers["location"]
        for path in (desk, "/my-events", "/account/delete"):
            reader.read(browser.get(path))
        browser.post(f"/events/{slugs['Λάμδα']}/register")


def read_as_organiser(reader: Reader, slugs: dict[str, str]) -> None:
    with reader.browser("φφψψ", "organiser") as browser:
        for path in (
            "/organise",
            "/organise/orders",
            "/organise/payments",
            "/organise/payments?ref=X",
            "/organise/events/new",
        ):
            reader.read(browser.get(path))
        for slug in slugs.values():
            for path in (f"/organise/events/{slug}", f"/organise/events/{slug}/cancel", f"/door/{slug}"):
                reader.read(browser.get(path))
        reader.read(browser.post("/organise/events/new", data={"title": "", "fee": "x", "starts_at": "y"}))
        (ref,) = set(re.findall(r"/organise/orders/(\w+)/paid", browser.get("/organise/orders").text))
        for path in (
            f"/organise/orders/{ref}",
            f"/organise/orders/{ref}/cancel",
            f"/organise/payments?ref={ref}",
        ):
            reader.read(browser.get(path))
        reader.read(browser.get("/door"))
        reader.read(browser.post(f"/door/{slugs['Ωμέγα']}", data={"code": "x"}))
        guest = re.search(r'name="code" value="(\w+)"', browser.get(f"/door/{slugs['Δέλτα']}?q=ψψφφ").text)
        assert guest is not None
        for _ in range(2):
            reader.read(
                browser.post(f"/door/{slugs['Δέλτα']}", data={"code": guest[1]}, follow_redirects=True)
            )
        for title in ("Ωμέγα", "Δέλτα", "Σίγμα", "Λάμδα"):
            shown = re.search(
                r'name="shown" value="([^"]*)"', browser.get(f"/organise/events/{slugs[title]}/cancel").text
            )
            assert shown is not None
            browser.post(f"/organise/events/{slugs[title]}/cancel", data={"shown": shown[1]})
        reader.read(browser.get(f"/organise?cancelled={slugs['Ωμέγα']}"))


def test_an_unmarked_word_is_detected() -> None:
    assert unmarked(f"{OPENS}Pay {OPENS}₹5{CLOSES}{CLOSES} now") == "now"
    assert unmarked(f"{OPENS}Order {{ref}}{CLOSES} 7GK2M9QX04 asha@example.org") == ""
