"""The organisers' pages of ticket types and quotas, and the API that sells the types, on a real server."""

import html
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.rig.database import OpenDatabase, open_database
from tests.rig.server import Server, serving

NUMBERS = count(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tickets") / "data"


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
def slug(database: OpenDatabase) -> str:
    """Publish an event with a fee of its own page."""
    return database.write(announce, f"Race {next(NUMBERS)}", fee=45_000).slug


@pytest.fixture
def buyer(server: Server, database: OpenDatabase) -> Iterator[httpx.Client]:
    """Provide the API client of a person without seats."""
    with database.write(invite_one, f"buyer-{next(NUMBERS)}").program(server) as new_client:
        yield new_client


def tickets(client: httpx.Client, slug: str) -> list[dict[str, Any]]:
    offered: list[dict[str, Any]] = client.get(f"/api/v1/events/{slug}").json()["tickets"]
    return offered


def save(client: httpx.Client, slug: str, number: int | str, **fields: str) -> httpx.Response:
    values = {"name": "", "fee": "450", "min_per_order": "1", "max_per_order": "1"}
    return client.post(f"/organise/events/{slug}/tickets/{number}", data=values | fields)


def sell_student(client: httpx.Client, slug: str, **fields: str) -> tuple[int, int]:
    """Name the first type, and add a second; return their ids."""
    (first,) = tickets(client, slug)
    assert save(client, slug, first["id"], name="Standard").status_code == 303
    assert save(client, slug, "new", name="Student", fee="300", **fields).status_code == 303
    rows = re.findall(r"/tickets/(\d+)\">", client.get(f"/organise/events/{slug}/tickets").text)
    return int(rows[0]), int(rows[1])


def errors_of(page: httpx.Response) -> list[str]:
    assert page.status_code == 422, page.text
    return [html.unescape(text) for text in re.findall(r'class="error"[^>]*>([^<]+)<', page.text)]


def step(client: httpx.Client, slug: str, number: int, name: str) -> int:
    return client.post(f"/organise/events/{slug}/tickets/{number}/{name}").status_code


@pytest.mark.parametrize(
    "fields, sentence",
    [
        ({"fee": ""}, "This field is required. Enter 0 for a free event."),
        ({"fee": "much"}, "much"),
        ({"own_quota": "0"}, "Enter a whole number from 1 to 1000000."),
        ({"max_per_order": "101"}, "Enter a whole number from 1 to 100."),
        ({"min_per_order": "5", "max_per_order": "4"}, "The minimum per order is above the maximum."),
        ({"sales_open_at": "2199-01-02T10:00", "sales_close_at": "2199-01-01T10:00"}, "before they close"),
        ({"name": "x" * 61}, "At most 60 characters."),
    ],
)
def test_a_wrong_field_gets_a_sentence_and_nothing_is_saved(
    client: httpx.Client, slug: str, fields: dict[str, str], sentence: str
) -> None:
    before = tickets(client, slug)
    (error,) = errors_of(save(client, slug, before[0]["id"], **fields))
    assert sentence in error
    assert tickets(client, slug) == before


def test_types_are_shown_in_the_order_of_the_organiser(client: httpx.Client, slug: str) -> None:
    first, second = sell_student(client, slug)
    assert step(client, slug, second, "up") == 303
    assert [ticket["name"] for ticket in tickets(client, slug)] == ["Student", "Standard"]
    assert step(client, slug, second, "down") == 303
    assert [ticket["id"] for ticket in tickets(client, slug)] == [first, second]


def test_the_api_sells_the_type_that_the_program_names(
    client: httpx.Client, buyer: httpx.Client, slug: str
) -> None:
    _, student = sell_student(client, slug)
    path = f"/events/{slug}/registrations"
    refused = buyer.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "choose-ticket")
    seat = buyer.post(path, json={"ticket": student})
    assert seat.status_code == 201, seat.text
    assert (seat.json()["ticket"], seat.json()["fee"]["minor"]) == ("Student", 30_000)
    again = buyer.post(path, json={"ticket": student})
    assert (again.status_code, again.json()["code"]) == (409, "already-registered")
    assert buyer.post(path, json={"ticket": 0}).status_code == 422


def test_the_buyer_of_the_api_chooses_the_price(client: httpx.Client, buyer: httpx.Client, slug: str) -> None:
    (only,) = tickets(client, slug)
    assert save(client, slug, only["id"], fee="100", chosen_price="yes").status_code == 303
    path = f"/events/{slug}/registrations"
    low = buyer.post(path, json={"ticket": only["id"], "price": "99.99"})
    assert (low.status_code, low.json()["code"]) == (409, "price-too-low")
    assert buyer.post(path, json={"ticket": only["id"], "price": "250"}).json()["fee"]["minor"] == 25_000


def test_a_hidden_type_is_shown_and_sold_only_with_its_link(
    client: httpx.Client, buyer: httpx.Client, slug: str
) -> None:
    _, guest = sell_student(client, slug, hidden="yes")
    page = client.get(f"/organise/events/{slug}/tickets/{guest}").text
    link = re.search(r"/events/[\w-]+\?access=(\w+)", page)
    assert link is not None
    assert [ticket["name"] for ticket in tickets(client, slug)] == ["Standard"]
    assert "Student" not in client.get(f"/events/{slug}").text
    assert "Student" in client.get(link[0]).text
    assert "Student" not in client.get(f"/events/{slug}?access=wrong").text
    path = f"/events/{slug}/registrations"
    assert buyer.post(path, json={"ticket": guest}).json()["code"] == "sales-closed"
    assert buyer.post(path, json={"ticket": guest, "access": link[1]}).status_code == 201


def test_a_sold_type_is_withdrawn_and_offered_again_and_an_unsold_one_disappears(
    client: httpx.Client, buyer: httpx.Client, slug: str
) -> None:
    standard, student = sell_student(client, slug)
    assert buyer.post(f"/events/{slug}/registrations", json={"ticket": student}).status_code == 201
    assert step(client, slug, student, "remove") == 303
    assert "Withdrawn" in client.get(f"/organise/events/{slug}/tickets").text
    assert [ticket["id"] for ticket in tickets(client, slug)] == [standard]
    page = client.post(f"/organise/events/{slug}/tickets/{standard}/remove")
    assert "An event needs at least one ticket type." in page.text
    assert step(client, slug, student, "offer") == 303
    assert step(client, slug, standard, "remove") == 303
    assert [ticket["id"] for ticket in tickets(client, slug)] == [student]
    assert client.get(f"/organise/events/{slug}/tickets/{standard}").status_code == 404


def test_a_shared_quota_is_created_used_and_deleted(client: httpx.Client, slug: str) -> None:
    name = f"Hall {next(NUMBERS)}"
    assert client.post("/organise/quotas", data={"name": name, "capacity": "1"}).status_code == 303
    assert errors_of(client.post("/organise/quotas", data={"name": name, "capacity": "x"}))
    assert "Another quota has this name." in errors_of(
        client.post("/organise/quotas", data={"name": name, "capacity": "5"})
    )
    page = client.get("/organise/quotas").text
    quota = re.search(rf'id="q(\d+)-name"[^>]*value="{name}"', page)
    assert quota is not None
    (only,) = tickets(client, slug)
    assert save(client, slug, only["id"], **{f"quota-{quota[1]}": "on"}).status_code == 303
    assert "draw on this quota" in str(
        errors_of(client.post(f"/organise/quotas/{quota[1]}", data={"then": "delete"}))
    )
    assert save(client, slug, only["id"]).status_code == 303
    assert client.post(f"/organise/quotas/{quota[1]}", data={"then": "delete"}).status_code == 303
    assert name not in client.get("/organise/quotas").text


@pytest.mark.parametrize(
    "path",
    ["tickets/99999999999999999999", "tickets/x", "tickets/0", "../quotas/x", "../../organise/quotas/0"],
)
def test_an_address_that_no_type_or_quota_has_is_not_found(
    client: httpx.Client, slug: str, path: str
) -> None:
    assert client.post(f"/organise/events/{slug}/{path}", data={"name": "x", "fee": "1"}).status_code == 404


def test_only_organisers_change_what_is_sold(buyer: httpx.Client, server: Server, slug: str) -> None:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=30) as visitor:
        for method, path in (
            ("GET", f"/organise/events/{slug}/tickets"),
            ("POST", f"/organise/events/{slug}/tickets/new"),
            ("GET", "/organise/quotas"),
            ("POST", "/organise/quotas"),
        ):
            response = visitor.request(method, path)
            assert response.status_code in (303, 401, 403), path
            assert "/login" in response.headers.get("location", "/login")
