"""The public pages on a real server, as a browser without JavaScript gets them."""

import html
import re
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import httpx
import icalendar
import pytest

from festgate.kit.clock import DAY, HOUR, SECOND, moment, system_clock
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue.events import cancel_event, create_event
from festgate.portal.catalogue.pages import dates_of
from festgate.portal.catalogue.queries import event_by_slug
from festgate.portal.catalogue.seats import take_seat
from festgate.portal.catalogue.view_models import Block, blocks_of
from festgate.portal.registrations.holds import hold_seat
from tests.journeys.stage import announce, before_opening, change_file, invite_one
from tests.portal.catalogue.programme import KOLKATA, details
from tests.rig.database import OpenDatabase, open_database
from tests.rig.server import Serve, Server, serving
from tests.rig.waiting import until

SETTINGS = {
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_FEST_NAME": "Aurora <Fest>",
    "FESTGATE_FEST_TAGLINE": "Three days & nights.",
}


def plant(connection: Connection) -> None:
    """Return a server with an event in every state, and enough others for three pages."""
    now = connection.now
    for number in range(50):
        announce(connection, f"Talk {number:02}", category="Talks", starts_at=now + 5 * DAY + number)
    announce(connection, "Robo Race", capacity=50)
    announce(connection, "Free Chess", capacity=50, fee=0, category="Games")
    announce(connection, "Nearly Full", capacity=8)
    take_seat(connection, announce(connection, "Full", capacity=1).id)
    announce(connection, "Not Yet", sales_open_at=now + 6 * HOUR)
    announce(connection, "Too Late", sales_close_at=now - HOUR)
    announce(connection, "Yesterday", starts_at=now - DAY, sales_open_at=0)
    cancel_event(connection, announce(connection, "Called Off").slug)
    create_event(connection, details(now + DAY, title="Secret"))
    announce(connection, "<script>alert(1)</script>", place="R&D", description="a <b>bold</b> claim")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogue") / "data"
    with before_opening(folder) as database:
        database.write(plant)
    return folder


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Server]:
    with serving(data, extra=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as opened:
        yield opened


@pytest.fixture
def beside(data: Path) -> Iterator[OpenDatabase]:
    """Open the server's data in this process."""
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


def page(client: httpx.Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def cards(text: str) -> list[str]:
    """Return the titles on a page, in order."""
    found = re.findall(r'class="card-name"><a href="/events/[^"]+">([^<]*)</a>', text)
    return [html.unescape(title) for title in found]


def foot(text: str, title: str) -> str:
    """Return the text of a card below its title."""
    after = text[text.index(f">{title}</a>") :]
    found = re.search(r'<p class="card-foot">(.*?)</p>', after, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(found[1])).split())


@pytest.mark.parametrize(
    "title, expected",
    [
        ("Robo Race", "₹450.00 50 seats left"),
        ("Free Chess", "Free 50 seats left"),
        ("Nearly Full", "₹450.00 Only 8 left"),
        ("Full", "₹450.00 Sold out"),
        ("Too Late", "₹450.00 Sales closed"),
        ("Called Off", "₹450.00 Cancelled"),
    ],
)
def test_a_card_shows_the_fee_and_the_availability(client: httpx.Client, title: str, expected: str) -> None:
    assert foot(page(client, "/events"), title) == expected


def test_a_card_shows_when_sales_open(client: httpx.Client, beside: OpenDatabase) -> None:
    found = foot(page(client, "/events"), "Not Yet")
    opens = moment(beside.read(event_by_slug, "not-yet").sales_open_at, KOLKATA)
    assert re.fullmatch(rf"₹450.00 Opens {opens:%a}, {opens.day} {opens:%b}, \d+:\d\d [ap]m", found)


def test_the_list_has_no_draft_and_nothing_that_is_over(client: httpx.Client) -> None:
    everything = [title for number in (1, 2, 3) for title in cards(page(client, f"/events?page={number}"))]
    assert len(everything) == len(set(everything)) == 58
    assert not {"Secret", "Yesterday"} & set(everything)


def test_pages_lead_to_each_other_and_keep_the_filters(client: httpx.Client) -> None:
    text = page(client, "/events?category=Talks&page=2")
    assert len(cards(text)) == 24
    links = [html.unescape(link) for link in re.findall(r'<a href="(/events\?[^"]+)"', text)]
    assert {"/events?category=Talks", "/events?category=Talks&page=3"} <= set(links)
    assert len(cards(page(client, "/events?category=Talks&page=3"))) == 2


def test_filters_find_and_show_what_was_asked_for(client: httpx.Client) -> None:
    text = page(client, "/events?q=%20ROBO++race&category=Technology")
    assert cards(text) == ["Robo Race"]
    assert 'value="ROBO race"' in text
    assert '<option value="Technology" selected>' in text
    assert "1 event<" in text


def test_a_day_shows_what_starts_on_it_past_days_too(client: httpx.Client, beside: OpenDatabase) -> None:
    yesterday = moment(beside.read(event_by_slug, "yesterday").starts_at, KOLKATA).date()
    text = page(client, f"/events?day={yesterday}")
    assert cards(text) == ["Yesterday"]
    assert foot(text, "Yesterday") == "₹450.00 Over"
    assert f'<option value="{yesterday}" selected>' in text


@pytest.mark.parametrize(
    "query", ["q=unheard-of", "category=Nothing", "day=1999-12-31", "q=robo&category=Games", "q=%25"]
)
def test_filters_that_fit_nothing_say_so_and_lead_back(client: httpx.Client, query: str) -> None:
    text = page(client, f"/events?{query}")
    assert cards(text) == []
    assert "No events found" in text
    assert '<a class="button" href="/events">Show all events</a>' in text


@pytest.mark.parametrize(
    "query, status, sentence",
    [
        ("page=0", 422, "This is not the number of a page"),
        ("page=-1", 422, "This is not the number of a page"),
        ("page=1e9", 422, "This is not the number of a page"),
        ("page=99999999999999999999", 422, "This is not the number of a page"),
        ("page=%D9%A3", 422, "This is not the number of a page"),
        ("page=4", 404, "The list has 3 pages; there is no page 4."),
        ("category=Nothing&page=2", 404, "The list has 1 page; there is no page 2."),
        ("day=yesterday", 422, "This is not a day; write it like 2026-03-14."),
        ("day=2026-02-30", 422, "This is not a day"),
        ("day=9999-12-31", 422, "This is not a day"),
        ("q=a%07b", 422, "Control characters"),
        (f"q={'x' * 101}", 422, "At most 100 characters."),
        (f"category={'x' * 41}", 422, "At most 40 characters."),
    ],
)
def test_a_wrong_filter_is_answered_with_a_sentence(
    client: httpx.Client, query: str, status: int, sentence: str
) -> None:
    answer = client.get(f"/events?{query}")
    assert answer.status_code == status
    assert sentence in answer.text


def test_a_filter_that_nobody_knows_is_left_aside(client: httpx.Client) -> None:
    assert cards(page(client, "/events?utm_source=poster&q=robo")) == ["Robo Race"]


@pytest.mark.parametrize(
    "slug, said",
    [
        ("robo-race", "The seat is held for 15 minutes while you pay."),
        ("free-chess", "Your seat is confirmed at once."),
        ("nearly-full", "Only 8 of 8 left"),
    ],
)
def test_a_seat_that_can_be_had_has_its_button(client: httpx.Client, slug: str, said: str) -> None:
    text = page(client, f"/events/{slug}")
    assert f'<form method="post" action="/events/{slug}/register">' in text
    assert said in text


@pytest.mark.parametrize(
    "slug, said",
    [
        ("full", "Sold out"),
        ("not-yet", "Sales open"),
        ("too-late", "Sales closed"),
        ("yesterday", "This event has ended."),
        ("called-off", "This event has been cancelled."),
    ],
)
def test_a_seat_that_cannot_be_had_has_no_button_but_a_reason(
    client: httpx.Client, slug: str, said: str
) -> None:
    text = page(client, f"/events/{slug}")
    assert "/register" not in text.partition("<main")[2]
    assert said in text


@pytest.mark.parametrize(
    "path", ["/events/nothing", "/events/secret", "/events/secret.ics", "/events/a/b", "/events/"]
)
def test_a_missing_event_or_a_draft_is_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_what_organisers_write_is_text_and_never_markup(client: httpx.Client) -> None:
    for path in ("/events", "/events/script-alert-1-script"):
        assert "<script>alert" not in page(client, path)
    text = page(client, "/events/script-alert-1-script")
    assert "a &lt;b&gt;bold&lt;/b&gt; claim" in text
    assert "R&amp;D" in text


def test_the_first_page_has_the_fest_its_dates_and_what_is_on_next(
    client: httpx.Client, beside: OpenDatabase
) -> None:
    text = page(client, "/")
    assert "Aurora &lt;Fest&gt;" in text
    assert "Three days &amp; nights." in text
    assert len(cards(text)) == 6
    assert "Called Off" not in cards(text)
    assert '<p><a href="/events">All 58 events</a></p>' in text
    days = [
        moment(beside.read(event_by_slug, slug).starts_at, KOLKATA).date()
        for slug in ("yesterday", "talk-00")
    ]
    shown = dates_of(days[0], days[1], "en_IN")
    assert shown is not None
    assert f'<span class="gate-days">{shown[0]}</span> <span>{shown[1]}</span>' in text


@pytest.mark.parametrize("path", ["/", "/events", "/events?day=1999-12-31", "/events/robo-race"])
def test_a_page_is_small_and_carries_no_style_or_script_of_its_own(client: httpx.Client, path: str) -> None:
    with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as answer:
        size = sum(len(piece) for piece in answer.iter_raw())
    assert size < 12_000
    text = page(client, path)
    assert "style=" not in text
    assert re.findall(r"<script[^>]*>[^<]+", text) == []


def test_an_event_goes_into_a_calendar(client: httpx.Client) -> None:
    answer = client.get("/events/robo-race.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="robo-race.ics"'
    (found,) = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
    assert str(found["SUMMARY"]) == "Robo Race"
    assert str(found["URL"]).endswith("/events/robo-race")
    (cancelled,) = icalendar.Calendar.from_ical(client.get("/events/called-off.ics").text).walk("VEVENT")
    assert str(cancelled["STATUS"]) == "CANCELLED"


def test_every_reader_sees_each_commit_whichever_process_made_it(
    client: httpx.Client, beside: OpenDatabase
) -> None:
    event = beside.write(partial(announce, title="Changing", capacity=60))
    assert foot(page(client, "/events?q=changing"), "Changing") == "₹450.00 60 seats left"
    for left in (59, 58):
        beside.write(take_seat, event.id)
        for path in ("/events", "/events?category=Technology"):
            assert foot(page(client, path), "Changing") == f"₹450.00 {left} seats left"
        assert f"{left} of 60 left" in page(client, "/events/changing")
    beside.write(cancel_event, event.slug)
    assert foot(page(client, "/events"), "Changing") == "₹450.00 Cancelled"


def test_sales_open_on_the_page_by_the_clock_alone(serve: Serve, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with before_opening(data) as database:
        opens = system_clock() + 6 * SECOND
        database.write(partial(announce, title="Robo Race", sales_open_at=opens))
    server = serve(data=data)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        # The first page is kept; on a slow machine sales may have opened by then.
        client.get("/events/robo-race")
        client.get("/events")
        until(lambda: "/events/robo-race/register" in client.get("/events/robo-race").text, "the button")
        assert system_clock() >= opens
        assert "100 seats left" in client.get("/events").text


def test_the_seat_of_a_hold_that_ends_is_shown_as_free_at_that_moment(serve: Serve, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with before_opening(data) as database:
        event = database.write(partial(announce, title="Robo Race", capacity=1))
        guest = database.write(invite_one, "asha")
        database.write(hold_seat, guest.id, event.slug, 15)
    server = serve(data=data)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        assert "Sold out" in client.get("/events").text
        ends = system_clock() + 2 * SECOND
        change_file(data, f"UPDATE registrations_seats SET held_until = {ends}")  # noqa: S608  (a number)
        until(lambda: "Only 1 left" in client.get("/events").text, "the seat on the list")
        assert system_clock() >= ends
        assert "Only 1 of 1 left" in client.get("/events/robo-race").text


def test_a_fest_without_events_has_a_page_about_that(serve: Serve) -> None:
    server = serve(extra=SETTINGS)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        for path in ("/", "/events"):
            text = page(client, path)
            assert "No events yet" in text
        assert 'class="gate"' not in client.get("/").text


@pytest.mark.parametrize(
    "first, last, expected",
    [
        ((2026, 3, 13), (2026, 3, 15), ("13-15", "March 2026")),
        ((2026, 3, 13), (2026, 3, 13), ("13", "March 2026")),
        ((2026, 3, 30), (2026, 4, 2), ("30-2", "Mar-Apr 2026")),
        ((2026, 12, 30), (2027, 1, 2), ("30-2", "Dec-Jan 2026-27")),
        ((2026, 3, 1), (2026, 11, 30), ("2026", "Mar-Nov")),
        ((2026, 9, 1), (2027, 6, 30), ("2026-27", "Sept-Jun")),
    ],
)
def test_the_fests_dates_fit_into_two_short_lines(
    first: tuple[int, int, int], last: tuple[int, int, int], expected: tuple[str, str]
) -> None:
    found = dates_of(date(*first), date(*last), "en_IN")
    assert found is not None
    assert tuple(line.replace("\N{EN DASH}", "-") for line in found) == expected


def test_a_description_has_paragraphs_and_points() -> None:
    assert blocks_of("One\ntwo\n\n\nBring:\n- tea\n* cake\nlast\n \n-no point") == (
        Block(points=False, lines=("One", "two")),
        Block(points=False, lines=("Bring:",)),
        Block(points=True, lines=("tea", "cake")),
        Block(points=False, lines=("last",)),
        Block(points=False, lines=("-no point",)),
    )
    assert blocks_of("") == ()
