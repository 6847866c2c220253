"""The JSON routes of events, on a real server."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from festgate.kit.clock import DAY, HOUR, SECOND
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue.events import create_event
from festgate.portal.catalogue.seats import take_seats
from tests.journeys.stage import announce, before_opening
from tests.portal.catalogue.programme import details
from tests.rig.server import serving

STARTS_AT = 4_000_000_000 * SECOND


def add_events(connection: Connection) -> None:
    announce(connection, "Robo Race", starts_at=STARTS_AT, sales_open_at=0, capacity=20)
    for _ in range(12):
        take_seats(connection, 1, 1, {})
    for number in range(30):
        announce(connection, f"Talk {number}", category="Talks", fee=0, starts_at=STARTS_AT + DAY)
    create_event(connection, details(STARTS_AT, title="Secret"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data: Path = tmp_path_factory.mktemp("api") / "data"
    with before_opening(data) as database:
        database.write(add_events)
    with (
        serving(data, extra={"FESTGATE_TIMEZONE": "Asia/Kolkata"}) as server,
        httpx.Client(
            base_url=f"{server.url}/api/v1", trust_env=False, verify=False, timeout=30
        ) as new_client,
    ):
        yield new_client


def test_an_event_has_all_its_details(client: httpx.Client) -> None:
    assert client.get("/events/robo-race").json() == {
        "slug": "robo-race",
        "room": None,
        "title": "Robo Race",
        "category": "Technology",
        "place": "Main Hall",
        "starts_at": datetime.fromtimestamp(STARTS_AT / 1000, UTC).isoformat().replace("+00:00", "Z"),
        "ends_at": datetime.fromtimestamp((STARTS_AT + 2 * HOUR) / 1000, UTC)
        .isoformat()
        .replace("+00:00", "Z"),
        "sales_open_at": None,
        "sales_close_at": datetime.fromtimestamp(STARTS_AT / 1000, UTC).isoformat().replace("+00:00", "Z"),
        "fee": {"minor": 45_000, "currency": "INR", "text": "450.00"},
        "capacity": 20,
        "seats_left": 8,
        "availability": "few",
        "summary": "Robo Race, in a sentence.",
        "description": "All that is to be known of Robo Race.\n\n- one thing\n- another",
        "refunds": [],
        "tickets": [
            {
                "id": 1,
                "name": "",
                "description": "",
                "fee": {"minor": 45_000, "currency": "INR", "text": "450.00"},
                "tax": {"minor": 0, "currency": "INR", "text": "0.00"},
                "tax_rate": "0",
                "chosen_price": False,
                "availability": "few",
                "sales_open_at": None,
                "min_per_order": 1,
                "max_per_order": 1,
                "team": None,
                "admits_to": [],
            }
        ],
    }


def test_the_list_is_paginated(client: httpx.Client) -> None:
    first, second = (client.get("/events", params={"page": number}).json() for number in (1, 2))
    assert (first["total"], first["page"], first["pages"]) == (31, 1, 2)
    assert (len(first["events"]), len(second["events"])) == (24, 7)
    assert first["events"][0]["slug"] == "robo-race"
    assert "description" not in first["events"][0]


def test_the_list_is_filtered_like_the_page(client: httpx.Client) -> None:
    assert client.get("/events", params={"q": "robo"}).json()["total"] == 1
    assert client.get("/events", params={"category": "Talks"}).json()["total"] == 30
    assert client.get("/events", params={"category": "Nothing"}).json() == {
        "events": [],
        "total": 0,
        "page": 1,
        "pages": 1,
    }
    day = datetime.fromtimestamp(STARTS_AT / 1000, UTC).date().isoformat()
    assert client.get("/events", params={"day": day}).json()["total"] == 1


@pytest.mark.parametrize(
    "query, status, code",
    [
        ("page=0", 422, "invalid"),
        ("page=x", 422, "invalid"),
        ("page=3", 404, "not-found"),
        ("day=tomorrow", 422, "invalid"),
        ("q=%07", 422, "invalid"),
        (f"q={'x' * 101}", 422, "invalid"),
    ],
)
def test_an_invalid_filter_is_a_problem_response(
    client: httpx.Client, query: str, status: int, code: str
) -> None:
    response = client.get(f"/events?{query}")
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    if code == "invalid":
        assert problem["fields"].keys() == {query.partition("=")[0]}


@pytest.mark.parametrize("slug", ["nothing", "secret"])
def test_a_missing_event_or_a_draft_is_not_found(client: httpx.Client, slug: str) -> None:
    assert client.get(f"/events/{slug}").status_code == 404
