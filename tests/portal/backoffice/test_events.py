"""The organisers' pages for events, on a real server, as a browser without JavaScript uses them."""

import html
import re
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import MINUTE
from festgate.portal.registrations.facade import seats_of
from festgate.portal.registrations.holds import hold_seat
from tests.journeys.stage import Guest, announce, before_opening, change_file, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.forms import hidden_fields, press
from tests.rig.server import Server, serving
from tests.rig.waiting import until

ZONE = {"FESTGATE_TIMEZONE": "Asia/Kolkata"}
NUMBERS = count(1)
FORM = {
    "title": "Robo Race",
    "summary": "Robots on a line.",
    "description": "Bring batteries.",
    "category": "Technology",
    "place": "Yard",
    "starts_at": "2199-03-14T10:00",
    "ends_at": "2199-03-14T12:00",
    "sales_open_at": "",
    "sales_close_at": "",
    "fee": "450",
    "capacity": "50",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("backoffice") / "data"


@pytest.fixture(scope="module")
def organiser(data: Path) -> Guest:
    with before_opening(data) as database:
        return database.write(invite_one, "meena", "organiser")


@pytest.fixture(scope="module")
def server(data: Path, organiser: Guest) -> Iterator[Server]:
    with serving(data, extra=ZONE) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server, organiser: Guest) -> Iterator[httpx.Client]:
    with organiser.browser(server) as opened:
        yield opened


@pytest.fixture
def beside(data: Path, server: Server) -> Iterator[OpenDatabase]:
    """The server's data, from another process: the tests'."""
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


def someone(beside: OpenDatabase) -> Guest:
    return beside.write(invite_one, f"person-{next(NUMBERS)}")


def create(client: httpx.Client, **changes: str) -> str:
    """The slug of a new event of the form."""
    answer = client.post("/organise/events/new", data=FORM | changes)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].partition("=")[2]


def save(client: httpx.Client, slug: str, **changes: str) -> httpx.Response:
    """Open the event's form and send it with these changes."""
    path = f"/organise/events/{slug}"
    return press(client, path, path, **FORM | changes)


def cancel(client: httpx.Client, slug: str) -> httpx.Response:
    """Open the page that asks, and press its button."""
    path = f"/organise/events/{slug}/cancel"
    return press(client, path, path)


def value(page: httpx.Response, name: str) -> str:
    """What stands in a field of the form."""
    found = re.search(rf'<input id="f-{name}"[^>]*? value="([^"]*)"', page.text)
    return html.unescape(found[1]) if found else ""


def error(page: httpx.Response, name: str) -> str:
    found = re.search(rf'id="f-{name}-error">([^<]*)<', page.text)
    assert found is not None, page.text
    return html.unescape(found[1])


def row(client: httpx.Client, slug: str) -> str:
    """An event's line of the list, as text."""
    text = client.get("/organise").text
    found = [line for line in re.findall(r"<tr role=\"row\">.*?</tr>", text, re.DOTALL) if f"/{slug}" in line]
    assert len(found) == 1
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(found[0])).split())


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/organise"),
        ("GET", "/organise/events/new"),
        ("POST", "/organise/events/new"),
        ("GET", "/organise/events/x"),
        ("POST", "/organise/events/x"),
        ("POST", "/organise/events/x/publish"),
        ("GET", "/organise/events/x/cancel"),
        ("POST", "/organise/events/x/cancel"),
        ("GET", "/organise/orders"),
        ("POST", "/organise/orders/X/paid"),
        ("POST", "/organise/orders/X/refunded"),
    ],
)
def test_every_page_is_for_organisers_alone(
    server: Server, beside: OpenDatabase, method: str, path: str
) -> None:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as stranger:
        answer = stranger.request(method, path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
    with someone(beside).browser(server) as attendee:
        assert attendee.request(method, path).status_code == 403


def test_a_new_event_is_a_draft_and_then_published(client: httpx.Client) -> None:
    slug = create(client, title="First Steps")
    assert slug == "first-steps"
    assert "First Steps is saved as a draft." in client.get(f"/organise?saved={slug}").text
    assert "Draft 0 of 50" in row(client, slug)
    assert client.get(f"/events/{slug}").status_code == 404
    answer = press(client, "/organise", f"/organise/events/{slug}/publish")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/organise?published={slug}")
    assert "First Steps is published." in client.get(answer.headers["location"]).text
    assert "On sale" in row(client, slug)
    assert client.get(f"/events/{slug}").status_code == 200


def test_an_event_is_created_and_published_with_one_button(client: httpx.Client) -> None:
    slug = create(client, title="At Once", then="publish")
    assert client.get(f"/events/{slug}").status_code == 200


def test_a_small_event_is_nearly_full_only_when_most_of_its_seats_are_taken(
    client: httpx.Client, beside: OpenDatabase
) -> None:
    slug = create(client, title="Eight Seats", capacity="8", then="publish")
    assert "On sale 0 of 8" in row(client, slug)
    for _ in range(5):
        beside.write(hold_seat, someone(beside).id, slug, 15)
    assert "Nearly full 5 of 8" in row(client, slug)


def test_the_form_shows_what_is_stored_in_the_fests_own_time(client: httpx.Client) -> None:
    slug = create(client, title="Shown Again", sales_open_at="2199-03-01T08:00")
    page = client.get(f"/organise/events/{slug}")
    shown = {name: value(page, name) for name in FORM if name != "description"}
    stored = {"title": "Shown Again", "sales_open_at": "2199-03-01T08:00", "fee": "450.00"}
    assert shown == {name: text for name, text in (FORM | stored).items() if name != "description"}
    assert ">\nBring batteries.</textarea>" in page.text
    assert page.text.count('type="datetime-local"') == 4


def test_what_was_entered_stays_where_a_field_is_wrong(client: httpx.Client) -> None:
    entered = FORM | {
        "title": "Kept <here>",
        "ends_at": "2199-03-14T09:00",
        "fee": "much",
        "place": "Yard & Hall",
    }
    page = client.post("/organise/events/new", data=entered)
    assert page.status_code == 422
    assert error(page, "ends_at") == "The end must be after the start."
    assert error(page, "fee").startswith("'much' is not an amount")
    assert {name: value(page, name) for name in ("title", "fee", "place", "ends_at")} == {
        name: entered[name] for name in ("title", "fee", "place", "ends_at")
    }
    assert 'role="alert">Not saved yet' in page.text
    assert "Kept" not in client.get("/organise").text


def test_a_draft_that_is_not_whole_is_not_published_and_its_form_says_why(client: httpx.Client) -> None:
    slug = create(client, title="Half", place="", starts_at="", ends_at="", capacity="")
    edit = f"/organise/events/{slug}"
    for page_path, path, fields in (("/organise", f"{edit}/publish", {}), (edit, edit, FORM)):
        page = press(client, page_path, path, **fields | {"title": "Half", "place": "", "then": "publish"})
        assert page.status_code == 422
        assert error(page, "place") == "Enter a place before you publish the event."
    assert "Draft" in row(client, slug)
    # What the refused step had entered was not saved either.
    assert value(client.get(f"/organise/events/{slug}"), "starts_at") == ""


def test_an_edit_is_seen_by_everyone_at_once(client: httpx.Client) -> None:
    slug = create(client, title="Before", then="publish")
    assert "Before" in client.get(f"/events/{slug}").text
    answer = save(client, slug, title="After")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/organise?saved={slug}")
    assert "<h1>After</h1>" in client.get(f"/events/{slug}").text


def test_the_capacity_does_not_go_below_what_people_hold(client: httpx.Client, beside: OpenDatabase) -> None:
    slug = create(client, title="Crowded", then="publish")
    for _ in range(3):
        beside.write(hold_seat, someone(beside).id, slug, 15)
    page = save(client, slug, title="Crowded", capacity="2")
    assert page.status_code == 409
    assert error(page, "capacity") == "3 seats are taken already, so the capacity cannot be lower than 3."
    assert value(page, "capacity") == "2"
    assert "3 of 50" in row(client, slug)


def test_a_hold_that_has_ended_does_not_count_as_taken(
    client: httpx.Client, beside: OpenDatabase, data: Path
) -> None:
    slug = create(client, title="Lapsing", capacity="1", then="publish")
    beside.write(hold_seat, someone(beside).id, slug, 15)
    assert "Sold out 1 of 1" in row(client, slug)
    ended = beside.clock.now - MINUTE
    change_file(data, f"UPDATE registrations_seats SET held_until = {ended} WHERE state = 'held'")  # noqa: S608
    assert "On sale 0 of 1" in row(client, slug)


def test_cancelling_says_first_whom_it_concerns_and_then_gives_the_seats_back(
    client: httpx.Client, beside: OpenDatabase
) -> None:
    slug = create(client, title="Called Off", then="publish", fee="0")
    guests = [someone(beside) for _ in range(2)]
    for guest in guests:
        beside.write(hold_seat, guest.id, slug, 15)
    asked = client.get(f"/organise/events/{slug}/cancel")
    assert "2 people hold seats." in asked.text
    assert client.get(f"/events/{slug}").text.count("Cancelled") == 0
    answer = cancel(client, slug)
    assert answer.headers["location"] == f"/organise?cancelled={slug}"
    assert "Called Off is cancelled." in client.get(answer.headers["location"]).text
    assert "Cancelled" in client.get(f"/events/{slug}").text
    until(lambda: "Cancelled 0 of 50" in row(client, slug), "the seats are given back")
    assert {seat.state for guest in guests for seat in beside.read(seats_of, guest.id)} == {"cancelled"}
    assert client.post(f"/organise/events/{slug}/cancel").status_code == 303
    assert "already" in client.get(f"/organise/events/{slug}/cancel").text


def test_an_event_is_cancelled_only_for_as_many_people_and_as_much_money_as_was_shown(
    client: httpx.Client, beside: OpenDatabase, data: Path
) -> None:
    slug = create(client, title="Rushed", then="publish")
    path = f"/organise/events/{slug}/cancel"
    stale = hidden_fields(client.get(path).text, path)
    beside.write(hold_seat, someone(beside).id, slug, 15)
    page = client.post(path, data=stale)
    assert page.status_code == 409
    assert (
        'role="alert">This has changed since you opened the page, so nothing has been cancelled' in page.text
    )
    assert "1 person holds a seat." in page.text
    stale = hidden_fields(page.text, path)
    beside.write(hold_seat, someone(beside).id, slug, 15)
    change_file(
        data,
        "UPDATE registrations_seats SET state = 'confirmed' WHERE id = (SELECT max(id) FROM registrations_seats)",
    )
    page = client.post(path, data=stale)
    assert "₹450.00" in page.text
    assert client.post(path, data={"whatever": "yes"}).status_code == 409
    beside.write(hold_seat, someone(beside).id, slug, 15)
    assert client.post(path, data=stale | {"whatever": "yes"}).status_code == 303
    assert "Cancelled" in row(client, slug)


def test_a_draft_that_was_published_meanwhile_is_not_thrown_away(client: httpx.Client) -> None:
    slug = create(client, title="Nearly Gone")
    path = f"/organise/events/{slug}/cancel"
    stale = hidden_fields(client.get(path).text, path)
    press(client, "/organise", f"/organise/events/{slug}/publish")
    assert client.post(path, data=stale | {"whatever": "yes"}).status_code == 409
    assert "On sale" in row(client, slug)


def test_what_somebody_else_saved_meanwhile_is_not_overwritten_and_what_i_typed_stays(
    client: httpx.Client,
) -> None:
    slug = create(client, title="Shared", then="publish")
    path = f"/organise/events/{slug}"
    mine = FORM | {"title": "Shared", "capacity": "80", "summary": "Mine."}
    stale = hidden_fields(client.get(path).text, path)
    assert save(client, slug, title="Shared", capacity="60", place="Hall 9").status_code == 303
    page = client.post(path, data=stale | mine)
    assert page.status_code == 409
    notice = html.unescape(page.text)
    assert 'role="alert">Somebody else has changed this event' in notice
    assert "Changed meanwhile: Place: Hall 9; Seats: 60." in notice
    kept = {name: value(page, name) for name in ("capacity", "place", "summary")}
    assert kept == {"capacity": "80", "place": "Hall 9", "summary": "Mine."}
    assert error(page, "capacity") == "Saved meanwhile: 60."
    assert "0 of 60" in row(client, slug)
    # A field that is wrong does not make the form forget what it showed at first.
    wrong = client.post(path, data=stale | mine | {"fee": "much"})
    assert hidden_fields(wrong.text, path) == stale
    again = hidden_fields(page.text, path) | mine | {"place": "Hall 9"}
    assert client.post(path, data=again).status_code == 303
    assert "0 of 80" in row(client, slug)
    # The same form once more changes nothing, whichever version it names.
    assert client.post(path, data=again).status_code == 303


def test_a_form_from_before_an_update_saves_nothing(client: httpx.Client) -> None:
    slug = create(client, title="Old Page", then="publish")
    page = client.post(f"/organise/events/{slug}", data=FORM | {"title": "Old Page", "capacity": "80"})
    assert page.status_code == 409
    assert value(page, "capacity") == "80"
    assert "0 of 50" in row(client, slug)


def test_a_draft_that_somebody_changed_is_not_published_unseen(client: httpx.Client) -> None:
    slug = create(client, title="Unseen")
    path = f"/organise/events/{slug}/publish"
    stale = hidden_fields(client.get("/organise").text, path)
    assert save(client, slug, title="Unseen", fee="9000").status_code == 303
    page = client.post(path, data=stale)
    assert page.status_code == 409
    assert value(page, "fee") == "9000.00"
    assert "Draft" in row(client, slug)
    assert press(client, "/organise", path).status_code == 303


def test_a_cancelled_event_is_not_changed(client: httpx.Client) -> None:
    slug = create(client, title="Gone", then="publish")
    cancel(client, slug)
    assert 'class="form' not in client.get(f"/organise/events/{slug}").text
    assert client.post(f"/organise/events/{slug}", data=FORM | {"title": "Back"}).status_code == 409
    assert client.post(f"/organise/events/{slug}/publish").status_code == 409


def test_a_draft_is_thrown_away(client: httpx.Client) -> None:
    slug = create(client, title="Bad Idea")
    assert "Delete the draft of Bad Idea?" in client.get(f"/organise/events/{slug}/cancel").text
    answer = cancel(client, slug)
    text = client.get(answer.headers["location"]).text
    assert "The draft has been deleted." in text
    assert "Bad Idea" not in text


@pytest.mark.parametrize("path", ["/organise/events/nothing", "/organise/events/nothing/cancel"])
def test_an_event_that_is_not_there_is_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path, data=FORM).status_code == 404


def test_a_notice_in_the_address_is_believed_only_where_it_is_so(client: httpx.Client) -> None:
    slug = create(client, title="Quiet")
    for asked in (f"published={slug}", "published=nothing", "saved=%3Cb%3E"):
        assert "notice" not in client.get(f"/organise?{asked}").text


@pytest.mark.parametrize(
    "sent, status",
    [
        ({"content": b"title=%FF"}, 400),
        ({"content": b"title=" + b"x" * 140_000}, 413),
        ({"data": FORM | {"title": "a\x00b"}}, 422),
        ({"data": FORM | {"title": "x" * 121}}, 422),
        ({"data": FORM | {"starts_at": "0001-01-01T00:00"}}, 422),
        ({"data": {}}, 422),
        ({"json": FORM}, 400),
    ],
    ids=["no text", "too long", "control", "long title", "year one", "nothing", "json"],
)
def test_what_cannot_be_a_form_is_refused_with_a_sentence(
    client: httpx.Client, sent: dict[str, object], status: int
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"} if "content" in sent else {}
    answer = client.post("/organise/events/new", headers=headers, **sent)  # type: ignore[arg-type]
    assert answer.status_code == status


def test_a_form_from_another_site_changes_nothing(client: httpx.Client) -> None:
    headers = {"origin": "https://elsewhere.example"}
    assert (
        client.post("/organise/events/new", data=FORM | {"title": "Foreign"}, headers=headers).status_code
        == 403
    )
    assert "Foreign" not in client.get("/organise").text


def test_events_of_the_same_title_are_told_apart(client: httpx.Client, beside: OpenDatabase) -> None:
    first = beside.write(partial(announce, title="Twin"))
    assert create(client, title="Twin") == f"{first.slug}-2"
    assert create(client, title="New") == "new-2"
