"""The API of passes on a real server: what they admit to, refusals, and the check-in at each event."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from festgate.portal.registrations import queries
from tests.journeys.stage import Guest, announce, await_idle, before_opening, check_data, invite_one
from tests.portal.registrations.pass_fest import add_pass
from tests.rig.server import Server, serving


class Fest:
    """A served fest with a pass for two events, its organiser, and two people."""

    server: Server
    kind: int
    people: tuple[Guest, Guest, Guest]


@pytest.fixture
def fest(tmp_path: Path) -> Iterator[Fest]:
    data, fest = tmp_path / "data", Fest()
    with before_opening(data) as database:
        talk, race = (database.write(announce, title, fee=0, capacity=5) for title in ("Talk", "Race"))
        fest.kind = add_pass(database, talk, [race]).id
        organiser = database.write(invite_one, "meena", "organiser")
        fest.people = organiser, *(database.write(invite_one, name) for name in ("asha", "ben"))  # type: ignore[assignment]
        assert database.read(queries.count_passes, talk.id) == (0, 0)
    with serving(data) as fest.server:
        yield fest
        assert "unhandled exception" not in fest.server.log()
        check_data(data)


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_an_api_client_buys_a_pass_and_is_checked_in_at_each_event(fest: Fest) -> None:
    organiser, asha, ben = fest.people
    wanted = {"ticket": fest.kind}
    with (
        organiser.program(fest.server) as staff,
        asha.program(fest.server) as buyer,
        ben.program(fest.server) as other,
    ):
        types = {kind["id"]: kind for kind in buyer.get("/events/talk").json()["tickets"]}
        assert [admitted["slug"] for admitted in types[fest.kind]["admits_to"]] == ["race"]
        bought = buyer.post("/events/talk/registrations", json=wanted)
        assert (bought.status_code, bought.json()["admits_to"]) == (201, ["race"])
        assert buyer.get("/events/race").json()["seats_left"] == 4
        assert problem(buyer.post("/events/race/registrations")) == (409, "already-registered")
        [listed] = buyer.get("/registrations").json()
        assert (listed["event"], listed["admits_to"]) == ("talk", ["race"])
        assert other.post("/events/race/registrations").status_code == 201
        assert problem(other.post("/events/talk/registrations", json=wanted)) == (409, "pass-seats-taken")

        await_idle(fest.server)
        [ticket] = buyer.get("/tickets").json()
        assert ticket["admits_to"] == ["race"]
        path = f"/tickets/{ticket['code']}/admission"
        for slug in ("race", "talk"):
            assert staff.post(path, params={"event": slug}).json()["event"] == slug
            assert problem(staff.post(path, params={"event": slug})) == (409, "already-in")
        assert staff.delete(path, params={"event": "race"}).status_code == 204
        assert problem(staff.delete(path, params={"event": "race"})) == (409, "not-in")
        assert problem(buyer.post(f"/registrations/{listed['id']}/cancel")) == (409, "seat-used")
        assert staff.delete(path).status_code == 204
        assert buyer.post(f"/registrations/{listed['id']}/cancel").json()["admits_to"] == []
        assert buyer.get("/events/race").json()["seats_left"] == 4
