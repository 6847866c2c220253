"""Cached pages are rendered once for all visitors, and again when their content changes."""

import gzip
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from festgate.kit.clock import HOUR, MINUTE, NEVER, SECOND, milliseconds, minutes_left
from festgate.kit.db.statements import Connection
from festgate.kit.metrics import Metrics
from festgate.kit.money import Money
from festgate.kit.visitors import Visitor
from festgate.kit.web.compression import Piece, gzipped
from festgate.kit.web.pages import MAX_KEPT, Kept, Pages, Rendered, Writing, countdown
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.kit.web.portal import Portal
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.queries import find_visitor
from festgate.portal.accounts.sessions import note_seen, open_session
from festgate.portal.catalogue.offers import Offer
from festgate.portal.catalogue.view_models import Card, HomePage
from festgate.portal.composition import NAVIGATION, TEMPLATE_PACKAGES
from festgate.settings import Settings
from tests.rig.database import OpenDatabase, open_database

TEMPLATE = "catalogue/home.html"
SETTINGS = Settings(fest_name="Aurora <Fest>")
# On PostgreSQL a commit of another process may show a quarter of a second late, so pages are checked that often.
WHERE_EVERY_COMMIT_IS_SEEN = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def count_own_number(_connection: Connection, person: int) -> int:
    return person


@dataclass
class House:
    """A portal with a page that shows `shown`."""

    database: OpenDatabase
    portal: Portal
    shown: HomePage = field(default_factory=lambda: HomePage(("13", "March 2026"), 3, (), NEVER))
    looks: int = 0

    def ask(self, token: str = "", *, public: bool = True, encoding: str = "") -> Response:
        """The page, as a browser gets it."""
        headers = [(b"cookie", f"{SESSION_COOKIE}={token}".encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": headers,
            "festgate.encodings": encoding.encode(),
        }

        async def look() -> HomePage:
            self.looks += 1
            return self.shown

        return self.database.run(
            self.portal.kept_page(Request(scope), "home", look, TEMPLATE, public=public, section="events")
        )

    def text(self, token: str = "") -> str:
        return bytes(self.ask(token).body).decode()

    def kept(self) -> Kept:
        found = self.portal.pages.kept("home")
        assert found is not None
        return found

    def commit(self) -> None:
        """Commit an unrelated change."""
        self.database.write(add_person, Newcomer(f"person-{self.looks}", f"{self.looks}@example.org"), "x")


@dataclass(frozen=True)
class Asked:
    """Stand-ins for the functions of the modules above the kit."""

    find_visitor: Callable[[Connection, str], Visitor | None] = find_visitor
    find_bearer: Callable[[Connection, str], Visitor | None] = find_visitor
    note_seen: Callable[[Connection, str], None] = note_seen
    count_held: Callable[[Connection, int], int] = count_own_number
    comforts: Mapping[str, Callable[[Connection, int], str]] = field(default_factory=dict)
    ways_on: Sequence[tuple[str, str, str]] = ()
    default_actions: Sequence[tuple[str, str]] = ()


@pytest.fixture
def house(database: OpenDatabase) -> House:
    portal = Portal(
        settings=SETTINGS,
        database=database.real,
        pages=Pages(SETTINGS, TEMPLATE_PACKAGES, NAVIGATION),
        metrics=Metrics(),
        secret=b"x" * 32,
        links=Asked(),
        bulkheads={},
    )
    return House(database, portal)


def sign_in(house: House, name: str) -> str:
    person = house.database.write(add_person, Newcomer(name, f"{name}@example.org"), "x")
    return house.database.write(open_session, person.id, "cookie").token


@WHERE_EVERY_COMMIT_IS_SEEN
def test_a_page_is_looked_at_once_while_nothing_is_committed(house: House) -> None:
    first = house.text()
    assert "13" in first
    assert house.text() == first
    assert house.looks == 1


@WHERE_EVERY_COMMIT_IS_SEEN
def test_after_a_commit_it_is_looked_at_again_and_not_rendered_again_if_it_shows_the_same(
    house: House,
) -> None:
    house.ask()
    page = house.kept().page
    house.commit()
    house.ask()
    assert house.looks == 2
    assert house.kept().page is page
    house.ask()
    assert house.looks == 2


@WHERE_EVERY_COMMIT_IS_SEEN
def test_it_is_rendered_again_once_it_shows_something_else(house: House) -> None:
    house.ask()
    house.shown = replace(house.shown, dates=("14", "April 2026"))
    assert "April" not in house.text()
    house.commit()
    assert "April" in house.text()


@WHERE_EVERY_COMMIT_IS_SEEN
def test_it_is_looked_at_again_when_the_clock_changes_it_though_nothing_is_committed(house: House) -> None:
    house.shown = replace(house.shown, until=house.database.clock.now + HOUR)
    house.ask()
    house.shown = replace(house.shown, dates=("15", "May 2026"))
    house.database.clock.move(HOUR - 1)
    assert "May" not in house.text()
    house.database.clock.move(1)
    assert "May" in house.text()


@WHERE_EVERY_COMMIT_IS_SEEN
def test_one_rendering_serves_everyone_and_each_has_a_header_of_their_own(house: House) -> None:
    asha, ravi = sign_in(house, "asha"), sign_in(house, "ravi")
    texts = [house.text(token) for token in (asha, ravi, "", "nobodys")]
    assert ["asha" in text for text in texts] == [True, False, False, False]
    assert ["ravi" in text for text in texts] == [False, True, False, False]
    assert [">Sign in<" in text for text in texts] == [False, False, True, True]
    assert texts[2] == texts[3]
    assert house.looks == 1


def test_a_persons_own_page_shows_what_another_process_has_just_committed(house: House) -> None:
    house.ask(public=False)
    house.shown = replace(house.shown, dates=("16", "June 2026"))
    with open_database(house.database.url) as neighbour:
        neighbour.write(add_person, Newcomer("elsewhere", "elsewhere@example.org"), "x")
    assert "June" in bytes(house.ask(public=False).body).decode()


def test_what_is_shown_is_escaped(house: House) -> None:
    assert "Aurora &lt;Fest&gt;" in house.text()
    assert "<Fest>" not in house.text()


def test_a_compressed_page_is_the_same_page(house: House) -> None:
    token = sign_in(house, "asha")
    plain, packed = house.ask(token), house.ask(token, encoding="br, gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(bytes(packed.body)) == bytes(plain.body)
    assert len(bytes(packed.body)) < len(bytes(plain.body))
    for answer in (plain, packed):
        assert answer.headers["content-length"] == str(len(bytes(answer.body)))
        assert answer.headers["vary"] == "accept-encoding, cookie"
        assert answer.headers["cache-control"] == "no-store"


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=5), st.sampled_from([0, 1, 6, 9]))
def test_pieces_that_are_compressed_each_for_itself_are_one_gzip_file(parts: list[bytes], level: int) -> None:
    pieces = tuple(Piece(part, level) for part in parts)
    assert gzip.decompress(gzipped(pieces)) == b"".join(parts)
    assert gzip.decompress(gzipped(pieces[::-1])) == b"".join(parts[::-1])


def test_the_page_that_nobody_has_asked_for_longest_makes_room() -> None:
    pages = Pages(SETTINGS, ["festgate.kit"])
    page = Kept(HomePage(None, 0, (), NEVER), 0, NEVER, Rendered((), ()))
    pages.keep("first", page)
    pages.keep("second", page)
    for number in range(MAX_KEPT - 1):
        pages.kept("first")
        pages.keep(number, page)
    assert pages.kept("first") is page
    assert pages.kept("second") is None


def test_a_piece_of_a_page_is_rendered_once_for_each_value_of_what_it_shows() -> None:
    pages = Pages(SETTINGS, TEMPLATE_PACKAGES)
    card = Card("robo-race", "Robo <Race>", "", "Hall", 0, HOUR, Money(450, "INR"), Offer("open", 7, 0), "h2")
    first = pages.fragment("catalogue/card.html", card)
    assert "Robo &lt;Race&gt;" in first
    assert "7 seats left" in first
    assert pages.fragment("catalogue/card.html", replace(card)) is first
    assert "6 seats left" in pages.fragment("catalogue/card.html", replace(card, offer=Offer("open", 6, 0)))


@pytest.mark.parametrize("hours, written", [(3, "11:00\u202fpm"), (13, "Thu, 26 Nov, 9:00\u202fam")])
def test_an_end_has_its_day_where_that_is_not_the_day_of_the_start(hours: int, written: str) -> None:
    settings = Settings(locale="en_IN", timezone="Asia/Kolkata")
    start = milliseconds(datetime(2026, 11, 25, 20, tzinfo=settings.zone))
    assert Writing(settings).end(start + hours * HOUR, start) == written


@pytest.mark.parametrize(
    "span, text",
    [
        (1, "1 minute"),
        (MINUTE, "1 minute"),
        (MINUTE + 1, "2 minutes"),
        (119 * MINUTE, "119 minutes"),
        (3 * HOUR, "3 hours"),
    ],
)
def test_the_time_left_is_rounded_up_so_that_nothing_is_said_to_be_over_before_it_is(
    span: int, text: str
) -> None:
    assert minutes_left(span) == text


@pytest.mark.parametrize(
    "span, text",
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
def test_a_countdown_is_written_as_the_script_writes_it(span: int, text: str) -> None:
    assert countdown(span) == text
