"""The page of an event for its visitors: from memory, or with their own seat."""

from collections.abc import Callable

import pytest
from starlette.requests import Request

from festgate.kit.clock import MINUTE
from festgate.kit.db.statements import Connection
from festgate.kit.metrics import Metrics
from festgate.kit.web.pages import Pages
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.kit.web.portal import PageLinks, Portal
from festgate.portal.accounts.people import Newcomer, add_person
from festgate.portal.accounts.queries import find_visitor
from festgate.portal.accounts.sessions import note_seen, open_session
from festgate.portal.catalogue.own_seats import OwnSeat, SeatQueries
from festgate.portal.catalogue.pages import CataloguePages
from festgate.portal.composition import NAVIGATION, TEMPLATE_PACKAGES
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.holds import hold_seat
from festgate.settings import Settings
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event

SETTINGS = Settings(fest_name="Aurora Fest", timezone="Asia/Kolkata", locale="en_IN", currency="INR")


class EventPages:
    """The pages of events over real data, and the number of times that the seats of a person were read."""

    def __init__(self, database: OpenDatabase) -> None:
        """Build the routes as composition.py does, with the queries of the real modules."""
        self.database = database
        self.reads = 0
        self.find_seats: Callable[[Connection, int], tuple[OwnSeat, ...]] = registrations.own_seats
        self.portal = Portal(
            settings=SETTINGS,
            database=database.real,
            pages=Pages(SETTINGS, TEMPLATE_PACKAGES, NAVIGATION),
            metrics=Metrics(),
            secret=b"x" * 32,
            links=PageLinks(find_visitor, find_visitor, note_seen, registrations.count_held, comforts={}),
            bulkheads={},
        )
        self.pages = CataloguePages(
            self.portal,
            registrations.find_lapses,
            SeatQueries(
                self._live,
                ticket_codes=lambda _connection, _person: {},
                order_refs=lambda _connection, _person: {},
                place=lambda _connection, _person, _slug: None,
            ),
        )

    def _live(self, connection: Connection, person_id: int) -> tuple[OwnSeat, ...]:
        self.reads += 1
        return self.find_seats(connection, person_id)

    def person(self, name: str) -> tuple[int, str]:
        """Add a person; return their id and their session."""
        person = self.database.write(add_person, Newcomer(name, f"{name}@example.org"), "x").id
        return person, self.database.write(open_session, person, "cookie").token

    def text(self, slug: str, token: str = "") -> str:
        """Return the page of an event as the person with that session gets it."""
        cookie = f"{SESSION_COOKIE}={token}".encode()
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/events/{slug}",
            "path_params": {"slug": slug},
            "query_string": b"",
            "headers": [(b"cookie", cookie)] if token else [],
        }
        return bytes(self.database.run(self.pages.show_event(Request(scope))).body).decode()

    def kept(self, slug: str) -> object:
        """Return the page of the event in memory."""
        kept = self.portal.pages.kept(("event", slug, False))
        return kept and kept.page


@pytest.fixture
def pages(database: OpenDatabase) -> EventPages:
    return EventPages(database)


def main_of(page: str) -> str:
    return page.partition("<main")[2].partition("</main>")[0]


def test_an_anonymous_visitor_gets_the_kept_page_without_a_look_at_seats(pages: EventPages) -> None:
    slug = add_event(pages.database).slug
    assert "Register</button>" in pages.text(slug)
    kept = pages.kept(slug)
    pages.text(slug)
    assert (pages.kept(slug) is kept, pages.reads) == (True, 0)


def test_signed_in_visitors_without_a_seat_get_one_page(pages: EventPages) -> None:
    slug = add_event(pages.database).slug
    (_, asha), (_, ben) = pages.person("asha"), pages.person("ben")
    first = pages.text(slug, asha)
    kept = pages.kept(slug)
    assert main_of(pages.text(slug, ben)) == main_of(first)
    assert pages.kept(slug) is kept
    # Anonymous visitors get one with the fields of a guest.
    assert 'name="email"' in main_of(pages.text(slug))
    assert 'name="email"' not in main_of(first)


def test_a_holder_gets_their_seat_and_others_the_same_page_as_before(pages: EventPages) -> None:
    slug = add_event(pages.database).slug
    asha, token = pages.person("asha")
    _, other = pages.person("ben")
    seat = pages.database.write(hold_seat, asha, slug, 15)
    own = main_of(pages.text(slug, token))
    assert "Held: " in own
    assert "15 min 00 s left" in own
    assert 'href="/checkout"' in own
    assert "Pay ₹500.00" in own
    assert f'href="/registrations/{seat}/cancel"' in own
    assert "Register</button>" not in own
    for page in (pages.text(slug), pages.text(slug, other)):
        assert "Held" not in page
        assert "Register</button>" in main_of(page)
    pages.database.clock.move(15 * MINUTE)
    assert "Register</button>" in main_of(pages.text(slug, token))


def test_the_header_counts_the_held_seats_of_a_visitor_without_a_second_query(pages: EventPages) -> None:
    slug, other = add_event(pages.database).slug, add_event(pages.database, days=3).slug
    asha, token = pages.person("asha")
    for event in (slug, other):
        pages.database.write(hold_seat, asha, event, 15)
    page = pages.text(slug, token)
    assert '<span class="count">2<' in page
    assert "Pay for 2 seats" in page


def test_a_seat_at_the_same_time_is_pointed_out_before_registering(pages: EventPages) -> None:
    held = add_event(pages.database, title="Robo Race")
    offered = add_event(pages.database, title="Quiz")
    later = add_event(pages.database, title="Gala", days=2)
    asha, token = pages.person("asha")
    pages.database.write(hold_seat, asha, held.slug, 15)
    page = main_of(pages.text(offered.slug, token))
    assert "<strong>Quiz</strong> and <strong>Robo Race</strong> overlap:" in page
    assert "Register</button>" in page
    assert "overlap" not in pages.text(later.slug, token)


def test_a_page_is_shown_with_a_sentence_where_seats_cannot_be_read(pages: EventPages) -> None:
    def fail(_connection: Connection, _person: int) -> tuple[OwnSeat, ...]:
        raise RuntimeError("registrations is broken")

    slug = add_event(pages.database).slug
    _, token = pages.person("asha")
    pages.find_seats = fail
    page = main_of(pages.text(slug, token))
    assert "Your registrations cannot be shown at the moment." in page
    assert "Register</button>" in page
