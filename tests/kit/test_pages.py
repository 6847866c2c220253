"""Cached pages are rendered once for all visitors, and again when their content changes."""

import gzip
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from festgate.kit.clock import HOUR, MINUTE, NEVER, SECOND, milliseconds, minutes_left
from festgate.kit.db.statements import Connection
from festgate.kit.metrics import Metrics
from festgate.kit.web.compression import Piece, gzipped
from festgate.kit.web.pages import MAX_KEPT, Kept, Pages, Rendered, countdown
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.kit.web.portal import PageLinks, Portal
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.queries import find_visitor
from festgate.portal.accounts.sessions import note_seen, open_session
from festgate.portal.catalogue.offers import Offer
from festgate.portal.catalogue.queries import ListedEvent
from festgate.portal.catalogue.view_models import Card, HomePage
from festgate.portal.composition import NAVIGATION, TEMPLATE_PACKAGES
from festgate.settings import Settings
from tests.rig.database import OpenDatabase, open_database

TEMPLATE = "catalogue/home.html"
SETTINGS = Settings(fest_name="Aurora <Fest>")
# On PostgreSQL a commit of another process may appear up to 0.25 s late, so pages are checked that often.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def return_person_id(_connection: Connection, person: int) -> int:
    return person


@dataclass
class CachedPage:
    """A portal with a page that shows `view_model`."""

    database: OpenDatabase
    portal: Portal
    view_model: HomePage = field(default_factory=lambda: HomePage("13 Mar 2026", 3, (), NEVER))
    reads: int = 0

    def fetch(self, token: str = "", *, public: bool = True, encoding: str = "") -> Response:
        """Return the page as a browser gets it."""
        headers = [(b"cookie", f"{SESSION_COOKIE}={token}".encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": headers,
            "festgate.encodings": encoding.encode(),
        }

        async def read_view_model() -> HomePage:
            self.reads += 1
            return self.view_model

        return self.database.run(
            self.portal.kept_page(
                Request(scope), "home", read_view_model, TEMPLATE, public=public, section="events"
            )
        )

    def text(self, token: str = "") -> str:
        return bytes(self.fetch(token).body).decode()

    def cached(self) -> Kept:
        cached = self.portal.pages.kept((self.portal.pages.writing.year(), "home"))
        assert cached is not None
        return cached

    def commit(self) -> None:
        """Commit an unrelated change."""
        self.database.write(add_person, Newcomer(f"person-{self.reads}", f"{self.reads}@example.org"), "x")


@pytest.fixture
def cached_page(database: OpenDatabase) -> CachedPage:
    portal = Portal(
        settings=SETTINGS,
        database=database.real,
        pages=Pages(SETTINGS, TEMPLATE_PACKAGES, NAVIGATION, database.clock),
        metrics=Metrics(),
        secret=b"x" * 32,
        links=PageLinks(find_visitor, find_visitor, note_seen, return_person_id, comforts={}),
        bulkheads={},
    )
    return CachedPage(database, portal)


def sign_in(cached_page: CachedPage, name: str) -> str:
    person = cached_page.database.write(add_person, Newcomer(name, f"{name}@example.org"), "x")
    return cached_page.database.write(open_session, person.id, "cookie").token


@ON_SQLITE
def test_a_page_is_read_once_while_nothing_is_committed(cached_page: CachedPage) -> None:
    first = cached_page.text()
    assert "13" in first
    assert cached_page.text() == first
    assert cached_page.reads == 1


@ON_SQLITE
def test_after_a_commit_a_page_is_read_again_but_not_rendered_again_if_it_is_unchanged(
    cached_page: CachedPage,
) -> None:
    cached_page.fetch()
    page = cached_page.cached().page
    cached_page.commit()
    cached_page.fetch()
    assert cached_page.reads == 2
    assert cached_page.cached().page is page
    cached_page.fetch()
    assert cached_page.reads == 2


@ON_SQLITE
def test_a_page_is_rendered_again_when_its_content_changes(cached_page: CachedPage) -> None:
    cached_page.fetch()
    cached_page.view_model = replace(cached_page.view_model, dates="14 April 2026")
    assert "April" not in cached_page.text()
    cached_page.commit()
    assert "April" in cached_page.text()


@ON_SQLITE
def test_a_page_is_read_again_when_its_time_has_passed_without_a_commit(cached_page: CachedPage) -> None:
    cached_page.view_model = replace(cached_page.view_model, until=cached_page.database.clock.now + HOUR)
    cached_page.fetch()
    cached_page.view_model = replace(cached_page.view_model, dates="15 May 2026")
    cached_page.database.clock.move(HOUR - 1)
    assert "May" not in cached_page.text()
    cached_page.database.clock.move(1)
    assert "May" in cached_page.text()


@ON_SQLITE
def test_a_page_is_rendered_again_when_the_year_turns_without_a_commit(cached_page: CachedPage) -> None:
    clock = cached_page.database.clock
    clock.now = milliseconds(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    start, end = clock.now - 2 * HOUR, clock.now - HOUR
    event = ListedEvent(
        1, "robo-race", "published", "Robo Race", "", "Hall", start, end, 0, 0, 450, "INR", 0, 9, 0
    )
    card = Card(event, Offer("open", 0, 0), "h3")
    pages = cached_page.portal.pages

    def show_card() -> None:
        cached_page.view_model = HomePage("", 1, (pages.fragment("catalogue/card.html", card),), NEVER)

    show_card()
    assert "<span>Dec</span>" in cached_page.text()
    show_card()
    clock.move(SECOND)
    show_card()
    assert "<span>Dec 2026</span>" in cached_page.text()


@ON_SQLITE
def test_one_rendering_serves_all_visitors_with_their_own_header(cached_page: CachedPage) -> None:
    asha, ravi = sign_in(cached_page, "asha"), sign_in(cached_page, "ravi")
    texts = [cached_page.text(token) for token in (asha, ravi, "", "nobodys")]
    assert ["asha" in text for text in texts] == [True, False, False, False]
    assert ["ravi" in text for text in texts] == [False, True, False, False]
    assert [">Sign in<" in text for text in texts] == [False, False, True, True]
    assert texts[2] == texts[3]
    assert cached_page.reads == 1


def test_a_personal_page_shows_a_commit_of_another_process_at_once(cached_page: CachedPage) -> None:
    cached_page.fetch(public=False)
    cached_page.view_model = replace(cached_page.view_model, dates="16 June 2026")
    with open_database(cached_page.database.url) as other_process:
        other_process.write(add_person, Newcomer("elsewhere", "elsewhere@example.org"), "x")
    assert "June" in bytes(cached_page.fetch(public=False).body).decode()


def test_values_in_pages_are_escaped(cached_page: CachedPage) -> None:
    assert "Aurora &lt;Fest&gt;" in cached_page.text()
    assert "<Fest>" not in cached_page.text()


def test_a_compressed_page_has_the_same_content(cached_page: CachedPage) -> None:
    token = sign_in(cached_page, "asha")
    uncompressed, compressed = cached_page.fetch(token), cached_page.fetch(token, encoding="br, gzip")
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in uncompressed.headers
    assert gzip.decompress(bytes(compressed.body)) == bytes(uncompressed.body)
    assert len(bytes(compressed.body)) < len(bytes(uncompressed.body))
    for response in (uncompressed, compressed):
        assert response.headers["content-length"] == str(len(bytes(response.body)))
        assert response.headers["vary"] == "accept-encoding, cookie"
        assert response.headers["cache-control"] == "no-store"


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=5), st.sampled_from([0, 1, 6, 9]))
def test_separately_compressed_pieces_form_one_gzip_file(parts: list[bytes], level: int) -> None:
    pieces = tuple(Piece(part, level) for part in parts)
    assert gzip.decompress(gzipped(pieces)) == b"".join(parts)
    assert gzip.decompress(gzipped(pieces[::-1])) == b"".join(parts[::-1])


def test_the_least_recently_used_page_is_evicted() -> None:
    pages = Pages(SETTINGS, ["festgate.kit"])
    page = Kept(HomePage("", 0, (), NEVER), 0, NEVER, Rendered((), ()))
    pages.keep("first", page)
    pages.keep("second", page)
    for number in range(MAX_KEPT - 1):
        pages.kept("first")
        pages.keep(number, page)
    assert pages.kept("first") is page
    assert pages.kept("second") is None


def test_a_fragment_is_rendered_once_for_each_value() -> None:
    pages = Pages(SETTINGS, TEMPLATE_PACKAGES)
    event = ListedEvent(
        1, "robo-race", "published", "Robo <Race>", "", "Hall", 0, HOUR, 0, 0, 450, "INR", 0, 9, 0
    )
    card = Card(event, Offer("few", 0, 0), "h2")
    first = pages.fragment("catalogue/card.html", card)
    assert "Robo &lt;Race&gt;" in first
    assert "Few left" in first
    assert pages.fragment("catalogue/card.html", replace(card)) is first
    assert "Sold out" in pages.fragment("catalogue/card.html", replace(card, offer=Offer("soldout", 0, 0)))


@pytest.mark.parametrize(
    "duration, text",
    [
        (1, "1 minute"),
        (MINUTE, "1 minute"),
        (MINUTE + 1, "2 minutes"),
        (119 * MINUTE, "119 minutes"),
        (3 * HOUR, "3 hours"),
    ],
)
def test_the_time_left_is_rounded_up(duration: int, text: str) -> None:
    assert minutes_left(duration) == text


@pytest.mark.parametrize(
    "duration, text",
    [
        (15 * MINUTE, "15 min 00 s left"),
        (64 * SECOND + 1, "1 min 05 s left"),
        (1, "0 min 01 s left"),
        (0, "time is up"),
        (-SECOND, "time is up"),
        (119 * MINUTE, "119 min 00 s left"),
        (150 * MINUTE, "2 hours left"),
    ],
)
def test_a_countdown_has_the_same_format_as_in_the_script(duration: int, text: str) -> None:
    assert countdown(duration) == text
