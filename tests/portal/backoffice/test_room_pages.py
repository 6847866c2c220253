"""The organisers' pages of rooms, their warnings, and what visitors see of a room, on a real server."""

import html
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import HOUR
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.forms import hidden_fields
from tests.rig.server import Server, serving

ROOM = {
    "name": "Lab",
    "capacity": "80",
    "address": "1 College Road",
    "map_url": "https://maps.example/lab?floor=1&wing=2",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rooms") / "data"


@pytest.fixture(scope="module")
def organiser(data: Path) -> Guest:
    with before_opening(data) as database:
        return database.write(invite_one, "meena", "organiser")


@pytest.fixture(scope="module")
def server(data: Path, organiser: Guest) -> Iterator[Server]:
    with serving(data) as new_server:
        yield new_server
        check_data(data)


@pytest.fixture(scope="module")
def client(server: Server, organiser: Guest) -> Iterator[httpx.Client]:
    with organiser.browser(server) as new_client:
        yield new_client


@pytest.fixture
def database(data: Path, server: Server) -> Iterator[OpenDatabase]:
    """Open the server's database in the process of the tests."""
    with open_database(f"sqlite:///{data / 'festgate.sqlite3'}") as database:
        yield database


@pytest.fixture
def anonymous(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as new_client:
        yield new_client


def page(client: httpx.Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return html.unescape(answer.text)


def add_room(client: httpx.Client, name: str, **changes: str) -> str:
    """Add a room and return its address."""
    assert client.post("/organise/rooms/new", data=ROOM | {"name": name} | changes).status_code == 303
    row = re.search(
        rf'<a class="button plain small" href="(/organise/rooms/\d+)">Edit<span class="unseen"> {name}<',
        page(client, "/organise/rooms"),
    )
    assert row
    return row[1]


def choose_room(client: httpx.Client, slug: str, **changes: str) -> httpx.Response:
    """Send the form of an event as a browser does, with those changes."""
    address = f"/organise/events/{slug}/edit"
    text = client.get(address).text
    entered = re.findall(r'<input id="f-\w+" name="(\w+)" type="[\w-]+"(?: value="([^"]*)")?', text)
    chosen = re.search(r'<select id="f-room".*?<option value="([^"]*)" selected>', text, re.DOTALL)
    description = re.search(r'<textarea id="f-description"[^>]*>\n(.*?)</textarea>', text, re.DOTALL)
    assert chosen
    assert description
    fields = {name: html.unescape(value) for name, value in entered}
    fields |= {"room": html.unescape(chosen[1]), "description": html.unescape(description[1])}
    fields |= hidden_fields(text, address)
    return client.post(address, data=fields | changes)


def test_visitors_see_the_address_and_the_map_of_the_room_that_the_organiser_chose(
    client: httpx.Client, anonymous: httpx.Client, database: OpenDatabase
) -> None:
    room = add_room(client, "Physics Lab")
    slug = database.write(announce, "Optics", fee=0).slug
    assert choose_room(client, slug, room="Physics Lab").status_code == 303
    text = anonymous.get(f"/events/{slug}").text
    assert "Physics Lab" in text
    assert "1 College Road" in text
    assert '<a href="https://maps.example/lab?floor=1&amp;wing=2" rel="noopener">' in text
    assert anonymous.get(f"/api/v1/events/{slug}").json()["room"] == {
        "name": "Physics Lab",
        "address": ROOM["address"],
        "map_url": ROOM["map_url"],
    }
    assert "LOCATION:Physics Lab\\, 1 College Road" in anonymous.get(f"/events/{slug}.ics").text
    changes = ROOM | {"name": "Optics Lab", "address": "2 College Road"}
    assert client.post(room, data=changes).status_code == 303
    text = anonymous.get(f"/events/{slug}").text
    assert "Optics Lab" in text
    assert "2 College Road" in text
    assert "Physics Lab" not in text
    assert choose_room(client, slug, room="Optics Lab", place="Yard").status_code == 303
    assert anonymous.get(f"/api/v1/events/{slug}").json()["room"] is None


def test_two_events_in_one_room_at_the_same_time_are_named_and_not_refused(
    client: httpx.Client, database: OpenDatabase
) -> None:
    add_room(client, "Attic", capacity="")
    first = database.write(announce, "Chess", place="Attic")
    second = database.write(announce, "Poetry", place="Attic", starts_at=first.starts_at + HOUR)
    later = database.write(announce, "Dance", place="Attic", starts_at=first.starts_at + 5 * HOUR)
    sentence = "“Chess” and “Poetry” are both in Attic from"
    for address in (
        "/organise",
        f"/organise/events/{first.slug}/edit",
        f"/organise/events/{second.slug}/edit",
    ):
        assert sentence in page(client, address)
    assert "are both in" not in page(client, f"/organise/events/{later.slug}/edit")
    assert choose_room(client, second.slug, place="Yard").status_code == 303
    assert sentence not in page(client, "/organise")


def test_an_event_with_more_seats_than_its_room_holds_is_named(
    client: httpx.Client, database: OpenDatabase
) -> None:
    add_room(client, "Closet", capacity="3")
    slug = database.write(announce, "Hide and Seek", place="Closet", capacity=4).slug
    sentence = "“Hide and Seek” has 4 seats, but Closet holds only 3 people."
    assert sentence in page(client, "/organise")
    assert sentence in page(client, f"/organise/events/{slug}/edit")


def test_a_wrong_form_is_shown_again_with_what_was_entered(client: httpx.Client) -> None:
    answer = client.post("/organise/rooms/new", data=ROOM | {"map_url": "http://maps.example"})
    assert answer.status_code == 422
    assert 'value="1 College Road"' in answer.text
    assert "Enter the address of a page that begins with https://." in html.unescape(answer.text)


def test_a_room_is_deleted_once_no_event_uses_it(client: httpx.Client, database: OpenDatabase) -> None:
    room = add_room(client, "Cellar")
    slug = database.write(announce, "Wine", place="Cellar").slug
    answer = client.post(f"{room}/delete")
    assert answer.status_code == 422
    assert "Events take place in Cellar." in html.unescape(answer.text)
    assert choose_room(client, slug, place="Yard").status_code == 303
    assert client.post(f"{room}/delete").status_code == 303
    assert client.get(room).status_code == 404


def test_only_organisers_see_the_rooms(anonymous: httpx.Client) -> None:
    for address in ("/organise/rooms", "/organise/rooms/new", "/organise/rooms/1"):
        assert anonymous.get(address).status_code == 303
    assert anonymous.post("/organise/rooms/new", data=ROOM).status_code in (303, 403)
