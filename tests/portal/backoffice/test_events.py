"""The organisers' pages for events, on a real server, as a browser without JavaScript uses them."""

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import MINUTE
from festgate.portal.backoffice.module import MAX_EVENT_BODY
from festgate.portal.registrations.facade import seats_of
from festgate.portal.registrations.holds import hold_seat
from tests.journeys.stage import Guest, announce, before_opening, change_file, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.forms import hidden_fields, press
from tests.rig.server import Server, serving
from tests.rig.waiting import until

ZONE = {"FESTGATE_TIMEZONE": "Asia/Kolkata"}
PERSON_NUMBERS = count(1)
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
    with serving(data, extra=ZONE) as new_server:
        yield new_server


@pytest.fixture(scope="module")
def client(server: Server, organiser: Guest) -> Iterator[httpx.Client]:
    with organiser.browser(server) as new_client:
        yield new_client


@pytest.fixture
def database(data: Path, server: Server) -> Iterator[OpenDatabase]:
    """Open the server's database in the process of the tests."""
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


def add_guest(database: OpenDatabase) -> Guest:
    return database.write(invite_one, f"person-{next(PERSON_NUMBERS)}")


def create(client: httpx.Client, **changes: str) -> str:
    """Create an event with the form; return its slug."""
    response = client.post("/organise/events/new", data=FORM | changes)
    assert response.status_code == 303, response.text
    return response.headers["location"].partition("=")[2]


def save(client: httpx.Client, slug: str, **changes: str) -> httpx.Response:
    """Open the event's form and submit it with these changes."""
    path = f"/organise/events/{slug}/edit"
    return press(client, path, path, **FORM | changes)


def cancel(client: httpx.Client, slug: str) -> httpx.Response:
    """Open the confirmation page and submit it."""
    path = f"/organise/events/{slug}/cancel"
    return press(client, path, path)


def field_value(page: httpx.Response, name: str) -> str:
    """Return the value of a field of the form."""
    match = re.search(rf'<input id="f-{name}"[^>]*? value="([^"]*)"', page.text)
    return html.unescape(match[1]) if match else ""


def field_error(page: httpx.Response, name: str) -> str:
    match = re.search(rf'id="f-{name}-error">([^<]*)<', page.text)
    assert match is not None, page.text
    return html.unescape(match[1])


def tick_value(page: httpx.Response) -> str:
    """Return the value of the box that confirms a move."""
    match = re.search(r'<input type="checkbox" name="move" value="([^"]+)">', page.text)
    assert match is not None, page.text
    return match[1]


def row_of(client: httpx.Client, slug: str) -> str:
    """Return an event's row of the list as text."""
    text = client.get("/organise").text
    rows = [line for line in re.findall(r"<tr role=\"row\">.*?</tr>", text, re.DOTALL) if f"/{slug}" in line]
    assert len(rows) == 1
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(rows[0])).split())


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/organise"),
        ("GET", "/organise/events/new"),
        ("POST", "/organise/events/new"),
        ("GET", "/organise/events/x/edit"),
        ("POST", "/organise/events/x/edit"),
        ("POST", "/organise/events/x/publish"),
        ("GET", "/organise/events/x/cancel"),
        ("POST", "/organise/events/x/cancel"),
        ("GET", "/organise/orders"),
        ("POST", "/organise/orders/X/paid"),
        ("POST", "/organise/orders/X/refunded"),
    ],
)
def test_only_organisers_can_open_the_pages(
    server: Server, database: OpenDatabase, method: str, path: str
) -> None:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as signed_out:
        response = signed_out.request(method, path)
        assert (response.status_code, response.headers["location"].partition("?")[0]) == (303, "/login")
    with add_guest(database).browser(server) as attendee:
        assert attendee.request(method, path).status_code == 403


def test_a_new_event_is_a_draft_and_then_published(client: httpx.Client) -> None:
    slug = create(client, title="First Steps")
    assert slug == "first-steps"
    assert "First Steps is saved as a draft." in client.get(f"/organise?saved={slug}").text
    assert "Draft 0 of 50" in row_of(client, slug)
    assert client.get(f"/events/{slug}").status_code == 404
    response = press(client, f"/organise/events/{slug}/publish", f"/organise/events/{slug}/publish")
    assert (response.status_code, response.headers["location"]) == (303, f"/organise?published={slug}")
    assert "First Steps is published." in client.get(response.headers["location"]).text
    assert "On sale" in row_of(client, slug)
    assert client.get(f"/events/{slug}").status_code == 200


def test_an_event_is_created_and_published_with_one_button(client: httpx.Client) -> None:
    slug = create(client, title="At Once", then="publish")
    assert client.get(f"/events/{slug}").status_code == 200


def test_a_small_event_is_nearly_full_only_when_most_of_its_seats_are_taken(
    client: httpx.Client, database: OpenDatabase
) -> None:
    slug = create(client, title="Eight Seats", capacity="8", then="publish")
    assert "On sale 0 of 8" in row_of(client, slug)
    for _ in range(5):
        database.write(hold_seat, add_guest(database).id, slug, 15)
    assert "Nearly full 5 of 8" in row_of(client, slug)


def test_the_form_shows_stored_values_in_the_time_zone_of_the_fest(client: httpx.Client) -> None:
    slug = create(client, title="Shown Again", sales_open_at="2199-03-01T08:00")
    page = client.get(f"/organise/events/{slug}/edit")
    values = {name: field_value(page, name) for name in FORM if name != "description"}
    stored = {"title": "Shown Again", "sales_open_at": "2199-03-01T08:00", "fee": "450.00"}
    assert values == {name: text for name, text in (FORM | stored).items() if name != "description"}
    assert ">\nBring batteries.</textarea>" in page.text
    assert page.text.count('type="datetime-local"') == 4


def test_entered_values_are_kept_if_a_field_is_invalid(client: httpx.Client) -> None:
    fields = FORM | {
        "title": "Kept <here>",
        "ends_at": "2199-03-14T09:00",
        "fee": "much",
        "place": "Yard & Hall",
    }
    page = client.post("/organise/events/new", data=fields)
    assert page.status_code == 422
    assert field_error(page, "ends_at") == "The end must be after the start."
    assert field_error(page, "fee").startswith("'much' is not an amount")
    assert {name: field_value(page, name) for name in ("title", "fee", "place", "ends_at")} == {
        name: fields[name] for name in ("title", "fee", "place", "ends_at")
    }
    assert 'role="alert">Not saved yet' in page.text
    assert "Kept" not in client.get("/organise").text


def test_an_incomplete_draft_is_not_published_and_its_form_shows_the_errors(client: httpx.Client) -> None:
    slug = create(client, title="Half", place="", starts_at="", ends_at="", capacity="")
    edit = f"/organise/events/{slug}/edit"
    question = client.get(f"/organise/events/{slug}/publish").text
    assert "It cannot be published yet." in question
    assert "Enter a place before you publish the event." in question
    for path, fields in ((f"/organise/events/{slug}/publish", {}), (edit, FORM)):
        shown = hidden_fields(client.get(edit).text, edit)
        page = client.post(path, data=shown | fields | {"title": "Half", "place": "", "then": "publish"})
        assert page.status_code == 422
        assert field_error(page, "place") == "Enter a place before you publish the event."
    assert "Draft" in row_of(client, slug)
    # The fields of the refused form were not saved either.
    assert field_value(client.get(f"/organise/events/{slug}/edit"), "starts_at") == ""


def test_an_edit_is_public_at_once(client: httpx.Client) -> None:
    slug = create(client, title="Before", then="publish")
    assert "Before" in client.get(f"/events/{slug}").text
    response = save(client, slug, title="After")
    assert (response.status_code, response.headers["location"]) == (303, f"/organise?saved={slug}")
    assert "<h1>After</h1>" in client.get(f"/events/{slug}").text


def test_the_capacity_cannot_be_lower_than_the_seats_taken(
    client: httpx.Client, database: OpenDatabase
) -> None:
    slug = create(client, title="Crowded", then="publish")
    for _ in range(3):
        database.write(hold_seat, add_guest(database).id, slug, 15)
    page = save(client, slug, title="Crowded", capacity="2")
    assert page.status_code == 409
    assert (
        field_error(page, "capacity") == "3 seats are taken already, so the capacity cannot be lower than 3."
    )
    assert field_value(page, "capacity") == "2"
    assert "3 of 50" in row_of(client, slug)


def test_moving_a_sold_event_far_away_asks_first_and_keeps_what_was_entered(
    client: httpx.Client, database: OpenDatabase
) -> None:
    slug = create(client, title="Moving", then="publish")
    for _ in range(2):
        database.write(hold_seat, add_guest(database).id, slug, 15)
    path = f"/organise/events/{slug}/edit"
    far = {"title": "Moving", "starts_at": "2199-11-14T10:00", "ends_at": "2199-11-14T13:00", "place": "Hall"}
    page = save(client, slug, **far)
    assert page.status_code == 409
    assert "This would move the event by more than half a year. 2 people hold seats." in page.text
    assert "Now: Thu, Mar 14, 2199, 10:00\u202fAM to 12:00\u202fPM" in page.text
    assert "Then: Thu, Nov 14, 2199, 10:00\u202fAM to 1:00\u202fPM" in page.text
    assert {name: field_value(page, name) for name in far} == far
    assert field_value(client.get(path), "starts_at") == "2199-03-14T10:00"
    # Sent again without the tick, or with the tick of another time, it asks again.
    answer = tick_value(page)
    hidden = hidden_fields(page.text, path)
    assert client.post(path, data=FORM | hidden | far).status_code == 409
    later = far | {"ends_at": "2199-11-15T13:00"}
    assert client.post(path, data=FORM | hidden | later | {"move": answer}).status_code == 409
    assert client.post(path, data=FORM | hidden | far | {"move": answer}).status_code == 303
    saved = client.get(path)
    assert {name: field_value(saved, name) for name in far} == far


def test_moving_a_sold_event_into_the_past_asks_first_and_can_be_corrected(
    client: httpx.Client, database: OpenDatabase
) -> None:
    slug = create(client, title="Wrong Year", then="publish")
    database.write(hold_seat, add_guest(database).id, slug, 15)
    page = save(client, slug, title="Wrong Year", starts_at="2024-03-14T10:00", ends_at="2024-03-14T12:00")
    assert page.status_code == 409
    assert "This would move the event into the past. 1 person holds a seat." in page.text
    path = f"/organise/events/{slug}/edit"
    corrected = {"title": "Wrong Year", "starts_at": "2199-03-15T10:00", "ends_at": "2199-03-15T12:00"}
    answer = client.post(path, data=FORM | hidden_fields(page.text, path) | corrected)
    assert answer.status_code == 303
    assert field_value(client.get(path), "starts_at") == "2199-03-15T10:00"


def test_an_event_whose_holds_have_all_expired_moves_without_a_question(
    client: httpx.Client, database: OpenDatabase, data: Path
) -> None:
    slug = create(client, title="Nobody Left", then="publish")
    database.write(hold_seat, add_guest(database).id, slug, 15)
    ended_at = database.clock.now - MINUTE
    change_file(data, f"UPDATE registrations_seats SET held_until = {ended_at} WHERE state = 'held'")  # noqa: S608
    far = {"starts_at": "2198-03-14T10:00", "ends_at": "2198-03-14T12:00"}
    assert save(client, slug, title="Nobody Left", **far).status_code == 303


def test_an_expired_hold_does_not_count_as_taken(
    client: httpx.Client, database: OpenDatabase, data: Path
) -> None:
    slug = create(client, title="Lapsing", capacity="1", then="publish")
    database.write(hold_seat, add_guest(database).id, slug, 15)
    assert "Sold out 1 of 1" in row_of(client, slug)
    ended_at = database.clock.now - MINUTE
    change_file(data, f"UPDATE registrations_seats SET held_until = {ended_at} WHERE state = 'held'")  # noqa: S608
    assert "On sale 0 of 1" in row_of(client, slug)


def test_cancelling_first_shows_the_affected_people_and_then_releases_their_seats(
    client: httpx.Client, database: OpenDatabase
) -> None:
    slug = create(client, title="Called Off", then="publish", fee="0")
    guests = [add_guest(database) for _ in range(2)]
    for guest in guests:
        database.write(hold_seat, guest.id, slug, 15)
    confirmation = client.get(f"/organise/events/{slug}/cancel")
    assert "2 people hold seats." in confirmation.text
    assert client.get(f"/events/{slug}").text.count("Cancelled") == 0
    response = cancel(client, slug)
    assert response.headers["location"] == f"/organise?cancelled={slug}"
    assert "Called Off is cancelled." in client.get(response.headers["location"]).text
    assert "Cancelled" in client.get(f"/events/{slug}").text
    until(lambda: "Cancelled 0 of 50" in row_of(client, slug), "the seats are released")
    assert {seat.state for guest in guests for seat in database.read(seats_of, guest.id)} == {"cancelled"}
    assert client.post(f"/organise/events/{slug}/cancel").status_code == 303
    assert "already" in client.get(f"/organise/events/{slug}/cancel").text


def test_cancelling_is_refused_if_more_people_or_money_are_affected_than_shown(
    client: httpx.Client, database: OpenDatabase, data: Path
) -> None:
    slug = create(client, title="Rushed", then="publish")
    path = f"/organise/events/{slug}/cancel"
    stale = hidden_fields(client.get(path).text, path)
    database.write(hold_seat, add_guest(database).id, slug, 15)
    page = client.post(path, data=stale)
    assert page.status_code == 409
    assert (
        'role="alert">This has changed since you opened the page, so nothing has been cancelled' in page.text
    )
    assert "1 person holds a seat." in page.text
    stale = hidden_fields(page.text, path)
    database.write(hold_seat, add_guest(database).id, slug, 15)
    change_file(
        data,
        "UPDATE registrations_seats SET state = 'confirmed' WHERE id = (SELECT max(id) FROM registrations_seats)",
    )
    page = client.post(path, data=stale)
    assert "₹450.00" in page.text
    assert client.post(path, data={"whatever": "yes"}).status_code == 409
    database.write(hold_seat, add_guest(database).id, slug, 15)
    assert client.post(path, data=stale | {"whatever": "yes"}).status_code == 303
    assert "Cancelled" in row_of(client, slug)


def test_a_draft_that_was_published_meanwhile_is_not_deleted(client: httpx.Client) -> None:
    slug = create(client, title="Nearly Gone")
    path = f"/organise/events/{slug}/cancel"
    stale = hidden_fields(client.get(path).text, path)
    press(client, f"/organise/events/{slug}/publish", f"/organise/events/{slug}/publish")
    assert client.post(path, data=stale | {"whatever": "yes"}).status_code == 409
    assert "On sale" in row_of(client, slug)


def test_changes_of_another_organiser_are_not_overwritten_and_entered_values_are_kept(
    client: httpx.Client,
) -> None:
    slug = create(client, title="Shared", then="publish")
    path = f"/organise/events/{slug}/edit"
    my_changes = FORM | {"title": "Shared", "capacity": "80", "summary": "Mine."}
    stale = hidden_fields(client.get(path).text, path)
    assert save(client, slug, title="Shared", capacity="60", place="Hall 9").status_code == 303
    page = client.post(path, data=stale | my_changes)
    assert page.status_code == 409
    notice = html.unescape(page.text)
    assert 'role="alert">Somebody else has changed this event' in notice
    assert "Changed meanwhile: Place: Hall 9; Seats: 60." in notice
    values = {name: field_value(page, name) for name in ("capacity", "place", "summary")}
    assert values == {"capacity": "80", "place": "Hall 9", "summary": "Mine."}
    assert field_error(page, "capacity") == "Saved meanwhile: 60."
    assert "0 of 60" in row_of(client, slug)
    # An invalid field does not change the version that the form was opened with.
    invalid = client.post(path, data=stale | my_changes | {"fee": "much"})
    assert hidden_fields(invalid.text, path) == stale
    fields = hidden_fields(page.text, path) | my_changes | {"place": "Hall 9"}
    assert client.post(path, data=fields).status_code == 303
    assert "0 of 80" in row_of(client, slug)
    # Submitting the same form again changes nothing.
    assert client.post(path, data=fields).status_code == 303


def test_a_form_without_a_version_saves_nothing(client: httpx.Client) -> None:
    slug = create(client, title="Old Page", then="publish")
    page = client.post(f"/organise/events/{slug}/edit", data=FORM | {"title": "Old Page", "capacity": "80"})
    assert page.status_code == 409
    assert field_value(page, "capacity") == "80"
    assert "0 of 50" in row_of(client, slug)


def test_a_draft_that_was_changed_meanwhile_is_not_published(client: httpx.Client) -> None:
    slug = create(client, title="Unseen")
    path = f"/organise/events/{slug}/publish"
    stale = hidden_fields(client.get(path).text, path)
    assert save(client, slug, title="Unseen", fee="9000").status_code == 303
    page = client.post(path, data=stale)
    assert page.status_code == 409
    assert field_value(page, "fee") == "9000.00"
    assert "Draft" in row_of(client, slug)
    assert press(client, path, path).status_code == 303


def test_a_cancelled_event_cannot_be_changed(client: httpx.Client) -> None:
    slug = create(client, title="Gone", then="publish")
    cancel(client, slug)
    assert 'class="form' not in client.get(f"/organise/events/{slug}/edit").text
    assert client.post(f"/organise/events/{slug}/edit", data=FORM | {"title": "Back"}).status_code == 409
    assert client.post(f"/organise/events/{slug}/publish").status_code == 409


def test_a_draft_can_be_deleted(client: httpx.Client) -> None:
    slug = create(client, title="Bad Idea")
    assert "Delete the draft of Bad Idea?" in client.get(f"/organise/events/{slug}/cancel").text
    response = cancel(client, slug)
    text = client.get(response.headers["location"]).text
    assert "The draft has been deleted." in text
    assert "Bad Idea" not in text


@pytest.mark.parametrize("path", ["/organise/events/nothing/edit", "/organise/events/nothing/cancel"])
def test_a_missing_event_is_not_found(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404
    assert client.post(path, data=FORM).status_code == 404


def test_a_notice_in_the_url_is_shown_only_if_it_is_true(client: httpx.Client) -> None:
    slug = create(client, title="Quiet")
    for query in (f"published={slug}", "published=nothing", "saved=%3Cb%3E"):
        assert client.get(f"/organise?{query}").text == client.get("/organise").text


@pytest.mark.parametrize(
    "form, status",
    [
        ({"content": b"title=%FF"}, 400),
        ({"content": b"title=" + b"x" * MAX_EVENT_BODY}, 413),
        ({"data": FORM | {"title": "a\x00b"}}, 422),
        ({"data": FORM | {"title": "x" * 121}}, 422),
        ({"data": FORM | {"starts_at": "0001-01-01T00:00"}}, 422),
        ({"data": {}}, 422),
        ({"json": FORM}, 400),
    ],
    ids=["not UTF-8", "too long", "control character", "long title", "year 1", "empty", "json"],
)
def test_an_invalid_form_is_refused(client: httpx.Client, form: dict[str, object], status: int) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"} if "content" in form else {}
    response = client.post("/organise/events/new", headers=headers, **form)  # type: ignore[arg-type]
    assert response.status_code == status


@pytest.mark.parametrize(
    "character",
    ["अ", "🎉", unicodedata.normalize("NFD", "각"), "\U0001e900"],
    ids=["hi", "emoji", "ko", "ff"],
)
def test_a_description_may_have_ten_thousand_characters_of_any_script(
    client: httpx.Client, character: str
) -> None:
    slug = create(client, title="Long", description=character * 10_000, summary=character * 200)
    page = client.get(f"/organise/events/{slug}/edit")
    assert unicodedata.normalize("NFC", character) * 10_000 in page.text
    for length in (10_001, 13_000):
        refused = client.post("/organise/events/new", data=FORM | {"description": character * length})
        assert (refused.status_code, field_error(refused, "description")) == (
            422,
            "At most 10000 characters.",
        )
    much_longer = client.post("/organise/events/new", data=FORM | {"description": "x" * 100_000})
    assert (much_longer.status_code, "At most 10000 characters." in much_longer.text) == (422, True)
    # Browsers count characters beyond U+FFFF twice, so their own limit is higher.
    limits = dict(re.findall(r'id="f-(\w+)"[^>]*? maxlength="(\d+)"', page.text))
    assert (limits["description"], limits["title"]) == ("20000", "240")


@pytest.mark.parametrize("then", ["", "publish"])
def test_a_second_click_on_a_new_event_leads_to_the_first(client: httpx.Client, then: str) -> None:
    path = "/organise/events/new"
    form = FORM | {"title": f"Twice {then}", "then": then} | hidden_fields(client.get(path).text, path)
    incomplete = client.post(path, data=form | {"fee": ""})
    assert (incomplete.status_code, f'value="{form["shown"]}"' in incomplete.text) == (422, True)
    answers = [client.post(path, data=form) for _ in range(2)]
    assert {answer.headers["location"] for answer in answers} == {
        f"/organise?{'published' if then else 'saved'}=twice{'-publish' if then else ''}"
    }
    # The same event from a form that was opened later is meant.
    later = form | hidden_fields(client.get(path).text, path)
    assert client.post(path, data=later).headers["location"].endswith("-2")


def test_a_form_from_another_site_changes_nothing(client: httpx.Client) -> None:
    headers = {"origin": "https://elsewhere.example"}
    assert (
        client.post("/organise/events/new", data=FORM | {"title": "Foreign"}, headers=headers).status_code
        == 403
    )
    assert "Foreign" not in client.get("/organise").text


def test_events_with_the_same_title_get_different_slugs(client: httpx.Client, database: OpenDatabase) -> None:
    first = database.write(partial(announce, title="Twin"))
    assert create(client, title="Twin") == f"{first.slug}-2"
    assert create(client, title="New") == "new-2"
