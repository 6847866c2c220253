"""The public pages on a real server, as a browser without JavaScript gets them."""

import html
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import icalendar
import pytest

from festgate.kit.clock import DAY, HOUR, SECOND, moment, system_clock
from festgate.kit.db.statements import Connection
from festgate.kit.writing import Writing, unbroken
from festgate.portal.catalogue.events import cancel_event, create_event
from festgate.portal.catalogue.queries import event_by_slug
from festgate.portal.catalogue.seats import take_seats
from festgate.portal.catalogue.view_models import Block, blocks_of
from festgate.portal.registrations.holds import hold_seat
from festgate.settings import Settings
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


def add_events(connection: Connection) -> None:
    """Add an event in every state, and enough others for three pages."""
    now = connection.now
    for number in range(50):
        announce(connection, f"Talk {number:02}", category="Talks", starts_at=now + 5 * DAY + number)
    announce(connection, "Robo Race", capacity=50)
    announce(connection, "Free Chess", capacity=50, fee=0, category="Games")
    announce(connection, "Nearly Full", capacity=8)
    take_seats(connection, announce(connection, "Full", capacity=1).id, 1, {})
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
        database.write(add_events)
    return folder


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Server]:
    with serving(data, extra=SETTINGS) as new_server:
        yield new_server


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as new_client:
        yield new_client


@pytest.fixture
def database(data: Path) -> Iterator[OpenDatabase]:
    """Open the server's data in this process."""
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


def get_page(client: httpx.Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200, response.text
    return response.text


def card_titles(text: str) -> list[str]:
    """Return the titles on a page, in order."""
    titles = re.findall(r'class="card-name"><a href="/events/[^"]+">([^<]*)</a>', text)
    return [html.unescape(title) for title in titles]


def card_foot(text: str, title: str) -> str:
    """Return the text of a card below its title."""
    after = text[text.index(f">{title}</a>") :]
    match = re.search(r'<p class="card-foot">(.*?)</p>', after, re.DOTALL)
    assert match is not None
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(match[1])).split())


@pytest.mark.parametrize(
    "title, expected",
    [
        ("Robo Race", "₹450"),
        ("Free Chess", "Free"),
        ("Nearly Full", "₹450 Few left"),
        ("Full", "₹450 Sold out"),
        ("Too Late", "₹450 Sales closed"),
        ("Called Off", "₹450 Cancelled"),
    ],
)
def test_a_card_shows_the_fee_and_the_availability(client: httpx.Client, title: str, expected: str) -> None:
    assert card_foot(get_page(client, "/events"), title) == expected


def test_a_card_shows_when_sales_open(client: httpx.Client, database: OpenDatabase) -> None:
    text = card_foot(get_page(client, "/events"), "Not Yet")
    opens_at = moment(database.read(event_by_slug, "not-yet").sales_open_at, KOLKATA)
    assert re.fullmatch(rf"₹450 Opens {opens_at:%a}, {opens_at.day} {opens_at:%b}, \d+:\d\d [ap]m", text)


def test_the_list_has_neither_drafts_nor_ended_events(client: httpx.Client) -> None:
    titles = [
        title for number in (1, 2, 3) for title in card_titles(get_page(client, f"/events?page={number}"))
    ]
    assert len(titles) == len(set(titles)) == 58
    assert not {"Secret", "Yesterday"} & set(titles)


def test_pages_link_to_each_other_and_keep_the_filters(client: httpx.Client) -> None:
    text = get_page(client, "/events?category=Talks&page=2")
    assert len(card_titles(text)) == 24
    links = [html.unescape(link) for link in re.findall(r'<a href="(/events\?[^"]+)"', text)]
    assert {"/events?category=Talks", "/events?category=Talks&page=3"} <= set(links)
    assert len(card_titles(get_page(client, "/events?category=Talks&page=3"))) == 2


def test_filters_are_applied_and_shown(client: httpx.Client) -> None:
    text = get_page(client, "/events?q=%20ROBO++race&category=Technology")
    assert card_titles(text) == ["Robo Race"]
    assert 'value="ROBO race"' in text
    assert '<option value="Technology" selected>' in text
    assert "1 event<" in text


def test_a_day_shows_the_events_that_start_on_it_including_past_days(
    client: httpx.Client, database: OpenDatabase
) -> None:
    yesterday = moment(database.read(event_by_slug, "yesterday").starts_at, KOLKATA).date()
    text = get_page(client, f"/events?day={yesterday}")
    assert card_titles(text) == ["Yesterday"]
    assert card_foot(text, "Yesterday") == "₹450 Over"
    assert f'<option value="{yesterday}" selected>' in text


@pytest.mark.parametrize(
    "query", ["q=unheard-of", "category=Nothing", "day=1999-12-31", "q=robo&category=Games", "q=%25"]
)
def test_filters_without_results_show_a_message_and_a_link_to_all_events(
    client: httpx.Client, query: str
) -> None:
    text = get_page(client, f"/events?{query}")
    assert card_titles(text) == []
    assert "No events found" in text
    assert '<a class="button" href="/events">Show all events</a>' in text


@pytest.mark.parametrize(
    "query, status, message",
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
def test_an_invalid_filter_is_refused_with_a_message(
    client: httpx.Client, query: str, status: int, message: str
) -> None:
    response = client.get(f"/events?{query}")
    assert response.status_code == status
    assert message in response.text


def test_an_unknown_filter_is_ignored(client: httpx.Client) -> None:
    assert card_titles(get_page(client, "/events?utm_source=poster&q=robo")) == ["Robo Race"]


@pytest.mark.parametrize(
    "slug, text_shown",
    [
        ("robo-race", "The seat is held for 15 minutes while you pay."),
        ("free-chess", "Your seat is confirmed at once."),
        ("nearly-full", "Few left</span> 8 of 8 left"),
    ],
)
def test_an_available_seat_has_a_button(client: httpx.Client, slug: str, text_shown: str) -> None:
    text = get_page(client, f"/events/{slug}")
    assert f'<form class="form" method="post" action="/events/{slug}/register">' in text
    assert text_shown in text


@pytest.mark.parametrize(
    "slug, text_shown",
    [
        ("full", "Sold out"),
        ("not-yet", "Sales open"),
        ("too-late", "Sales closed"),
        ("yesterday", "This event has ended."),
        ("called-off", "This event has been cancelled."),
    ],
)
def test_an_unavailable_seat_has_a_reason_and_no_button(
    client: httpx.Client, slug: str, text_shown: str
) -> None:
    text = get_page(client, f"/events/{slug}")
    assert "/register" not in text.partition("<main")[2]
    assert text_shown in text


@pytest.mark.parametrize("path", ["/events/nothing", "/events/secret", "/events/secret.ics", "/events/a/b"])
def test_a_missing_event_or_a_draft_is_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "path, location",
    [
        ("/events/", "/events"),
        ("/events/?day=2031-03-14&q=caf%C3%A9", "/events?day=2031-03-14&q=caf%C3%A9"),
        ("/events//", "/events"),
        ("/events/Robo-Race", "/events/robo-race"),
        ("/events/ROBO-RACE?from=poster", "/events/robo-race?from=poster"),
        ("/events/robo-race/", "/events/robo-race"),
        ("/events/Robo-Race/?from=poster", "/events/robo-race?from=poster"),
        ("/events/Robo-Race.ics", "/events/robo-race.ics"),
        ("/login/?next=//elsewhere.example", "/login?next=//elsewhere.example"),
        ("/my-events/", "/my-events"),
    ],
)
def test_an_address_that_is_nearly_right_is_redirected_for_good(
    client: httpx.Client, path: str, location: str
) -> None:
    for method in ("GET", "HEAD"):
        response = client.request(method, path)
        assert (response.status_code, response.headers["location"]) == (308, location)


@pytest.mark.parametrize(
    "path",
    [
        "/events/nothing/",
        "/events/Nothing",
        "/events/Nothing.ics",
        "/events/Secret",
        "/events/secret/",
        "/events/robo-race//",
        "/elsewhere.example/",
        "//elsewhere.example/",
        "//elsewhere.example/events/",
        "/events/%2F%2Felsewhere.example/",
        "/events/..%2Frobo-race/",
        "/api/v1/events/",
    ],
)
def test_an_address_of_nothing_is_not_redirected(client: httpx.Client, path: str) -> None:
    assert client.get(str(client.base_url).rstrip("/") + path).status_code == 404


def test_only_pages_are_redirected(client: httpx.Client) -> None:
    assert client.post("/login/", data={"username": "asha", "password": "x"}).status_code == 404
    assert client.post("/events/Robo-Race").status_code == 405


def test_text_of_organisers_is_escaped(client: httpx.Client) -> None:
    for path in ("/events", "/events/script-alert-1-script"):
        assert "<script>alert" not in get_page(client, path)
    text = get_page(client, "/events/script-alert-1-script")
    assert "a &lt;b&gt;bold&lt;/b&gt; claim" in text
    assert "R&amp;D" in text


def test_the_home_page_has_the_fest_its_dates_and_the_next_events(
    client: httpx.Client, database: OpenDatabase
) -> None:
    text = get_page(client, "/")
    assert "Aurora &lt;Fest&gt;" in text
    assert "Three days &amp; nights." in text
    assert len(card_titles(text)) == 6
    assert "Called Off" not in card_titles(text)
    assert '<p><a href="/events">All 58 events</a></p>' in text
    days = [
        moment(database.read(event_by_slug, slug).starts_at, KOLKATA).date()
        for slug in ("yesterday", "talk-00")
    ]
    dates = unbroken(Writing(Settings(locale="en_IN")).dates(days[0], days[1]))
    assert f'<p class="gate">{dates}</p>' in text


@pytest.mark.parametrize("path", ["/", "/events", "/events?day=1999-12-31", "/events/robo-race"])
def test_a_page_is_small_and_has_no_inline_style_or_script(client: httpx.Client, path: str) -> None:
    with client.stream("GET", path, headers={"accept-encoding": "gzip"}) as response:
        size = sum(len(piece) for piece in response.iter_raw())
    assert size < 12_000
    text = get_page(client, path)
    assert "style=" not in text
    assert re.findall(r"<script[^>]*>[^<]+", text) == []


def test_an_event_has_a_calendar_file(client: httpx.Client) -> None:
    response = client.get("/events/robo-race.ics")
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="robo-race.ics"'
    (event,) = icalendar.Calendar.from_ical(response.text).walk("VEVENT")
    assert str(event["SUMMARY"]) == "Robo Race"
    assert str(event["URL"]).endswith("/events/robo-race")
    (cancelled,) = icalendar.Calendar.from_ical(client.get("/events/called-off.ics").text).walk("VEVENT")
    assert str(cancelled["STATUS"]) == "CANCELLED"


def test_pages_show_every_commit_of_any_process(client: httpx.Client, database: OpenDatabase) -> None:
    event = database.write(partial(announce, title="Changing", capacity=12))
    assert card_foot(get_page(client, "/events?q=changing"), "Changing") == "₹450"
    for seats_left, badge in (
        (11, ""),
        (10, " Few left"),
        (9, " Few left"),
        (1, " Few left"),
        (0, " Sold out"),
    ):
        while database.read(event_by_slug, event.slug).taken < event.capacity - seats_left:
            database.write(take_seats, event.id, 1, {})
        for path in ("/events", "/events?category=Technology"):
            assert card_foot(get_page(client, path), "Changing") == f"₹450{badge}"
        shown = f"{seats_left} of 12 left" if seats_left else "Sold out"
        assert shown in get_page(client, "/events/changing")
    database.write(cancel_event, event.slug)
    assert card_foot(get_page(client, "/events"), "Changing") == "₹450 Cancelled"


def test_a_page_shows_open_sales_by_the_clock_without_a_commit(serve: Serve, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with before_opening(data) as database:
        opens_at = system_clock() + 6 * SECOND
        database.write(partial(announce, title="Robo Race", sales_open_at=opens_at))
    server = serve(data=data)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        # The first page is cached; on a slow machine sales may have opened by then.
        client.get("/events/robo-race")
        client.get("/events")
        until(lambda: "/events/robo-race/register" in client.get("/events/robo-race").text, "the button")
        assert system_clock() >= opens_at
        assert card_foot(client.get("/events").text, "Robo Race") == "₹450"


def test_the_seat_of_an_expired_hold_is_shown_as_free_at_that_moment(serve: Serve, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with before_opening(data) as database:
        event = database.write(partial(announce, title="Robo Race", capacity=1))
        guest = database.write(invite_one, "asha")
        database.write(hold_seat, guest.id, event.slug, 15)
    server = serve(data=data)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        assert "Sold out" in client.get("/events").text
        ends_at = system_clock() + 2 * SECOND
        change_file(data, f"UPDATE registrations_seats SET held_until = {ends_at}")  # noqa: S608  (a number)
        until(lambda: "Few left" in client.get("/events").text, "the seat on the list")
        assert system_clock() >= ends_at
        assert "1 of 1 left" in client.get("/events/robo-race").text


def test_a_fest_without_events_shows_a_message(serve: Serve) -> None:
    server = serve(extra=SETTINGS)
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as client:
        for path in ("/", "/events"):
            text = get_page(client, path)
            assert "No events yet" in text
        assert 'class="gate"' not in client.get("/").text


def test_a_description_has_paragraphs_and_bullet_points() -> None:
    assert blocks_of("One\ntwo\n\n\nBring:\n- tea\n* cake\nlast\n \n-no point") == (
        Block(points=False, lines=("One", "two")),
        Block(points=False, lines=("Bring:",)),
        Block(points=True, lines=("tea", "cake")),
        Block(points=False, lines=("last",)),
        Block(points=False, lines=("-no point",)),
    )
    assert blocks_of("") == ()
