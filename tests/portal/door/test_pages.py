"""The pages of the door on a real server, and its calls: one scan after the other, by staff and by nobody else."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from festgate.kit.ids import new_code
from festgate.kit.secret import load_secret
from festgate.portal.tickets.qr import in_fours, qr_text
from tests.journeys.stage import ask_file, change_file, holds
from tests.portal.door.doors import PASSWORD, Doors, Visitor, open_doors
from tests.portal.tickets.pictures import draw_svg
from tests.rig.waiting import until

TALK = "/door/open-talk"
PICTURE = f"{TALK}/picture"


@dataclass(frozen=True)
class Entrance:
    """The fest, somebody in each role, and guests of the talk who are not in yet."""

    doors: Doors
    guest: Visitor
    staff: Visitor
    organiser: Visitor

    def ticket(self) -> tuple[Visitor, str]:
        """Somebody new, and the code of their ticket for the talk."""
        someone = self.doors.visitor()
        return someone, someone.get_free_ticket()

    def scan(self, code: str, door: str = TALK) -> httpx.Response:
        """Scan as staff; the page that comes of it, redirects followed."""
        return self.staff.client.post(door, data={"code": code}, follow_redirects=True)


@pytest.fixture(scope="module")
def entrance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Entrance]:
    with open_doors(tmp_path_factory.mktemp("entrance") / "data") as doors:
        people = [doors.visitor() for _ in range(3)]
        for person, role in zip(people[1:], ("staff", "organiser"), strict=True):
            person.become(role, doors.server.data)
        yield Entrance(doors, *people)
    holds(doors.server.data)


def words(answer: httpx.Response) -> str:
    """What the main part of a page says."""
    main = answer.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def call(entrance: Entrance, who: Visitor | None, method: str, path: str) -> httpx.Response:
    """A call of the API with a token of theirs."""
    headers = {}
    if who is not None:
        form = {"username": who.name, "password": PASSWORD}
        token = who.client.post("/api/v1/tokens", json=form).json()["token"]
        headers["authorization"] = f"Bearer {token}"
    return entrance.doors.client().request(method, f"/api/v1{path}", headers=headers)


def error(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


@pytest.mark.parametrize("method, path", [("GET", "/door"), ("GET", TALK), ("POST", TALK)])
def test_the_door_is_for_staff_and_organisers(entrance: Entrance, method: str, path: str) -> None:
    refused = entrance.guest.client.request(method, path)
    assert (refused.status_code, "Not allowed" in refused.text) == (403, True)
    stranger = entrance.doors.client().request(method, path)
    assert (stranger.status_code, stranger.headers["location"].partition("?")[0]) == (303, "/login")
    for who in (entrance.staff, entrance.organiser):
        assert who.client.request(method, path).status_code in (200, 422)


def test_what_a_camera_sees_is_read_for_staff_and_lets_in(entrance: Entrance) -> None:
    someone, code = entrance.ticket()
    pixels, _ = draw_svg(someone.client.get(f"/tickets/{code}.svg").text, scale=5)

    def look(who: Visitor | None, light: bytes) -> httpx.Response:
        client = who.client if who is not None else entrance.doors.client()
        return client.post(PICTURE, content=light)

    seen = look(entrance.staff, bytes(pixels))
    assert seen.status_code == 200
    assert someone.name in words(entrance.scan(seen.json()["scanned"]))
    assert [look(who, bytes(pixels)).status_code for who in (entrance.guest, None)] == [403, 303]
    nothing, odd, large = (
        look(entrance.staff, bytes(size)) for size in (240 * 240, 240 * 240 - 1, 300 * 300)
    )
    assert (nothing.status_code, nothing.content) == (204, b"")
    assert (odd.status_code, "A picture is square" in odd.text) == (400, True)
    assert large.status_code == 413


def test_the_navigation_shows_the_door_to_those_who_stand_at_it(entrance: Entrance) -> None:
    shown = {
        who: 'href="/door"' in who.client.get("/events").text
        for who in (entrance.guest, entrance.staff, entrance.organiser)
    }
    assert list(shown.values()) == [False, True, True]


def test_a_scan_lets_in_once_and_says_who_since_when_and_by_whom(entrance: Entrance) -> None:
    asha, code = entrance.ticket()
    before = words(entrance.staff.client.get(TALK))
    inside, expected = map(int, re.findall(r"(\d+) of (\d+) in", before)[0])
    first = entrance.scan(qr_text(load_secret(entrance.doors.server.data), code))
    assert (first.status_code, first.url.path) == (200, TALK)
    assert f"In {asha.name} at" in words(first)
    assert f"{inside + 1} of {expected} in" in words(first)
    assert f"<title>In: {asha.name} · Door of Open Talk" in first.text
    # The page that says so may be loaded again: it admits nobody.
    assert entrance.staff.client.get(str(first.url)).text == first.text
    second = entrance.scan(f"{entrance.doors.server.url}/tickets/{code}")
    assert second.status_code == 409
    said = words(second)
    assert f"Already in {asha.name} since" in said
    assert f"checked in by {entrance.staff.name}" in said
    assert "autofocus" in second.text
    assert "Checked in" in asha.client.get(f"/tickets/{code}").text


def test_what_is_no_good_here_is_refused_on_the_same_page(entrance: Entrance) -> None:
    buyer = entrance.doors.visitor()
    paid = buyer.buy_ticket()
    leaver, left = entrance.ticket()
    leaver.give_back()
    until(lambda: "Not valid" in leaver.client.get(f"/tickets/{left}").text, "a void ticket")
    for scanned, status, says in (
        (paid, 409, "For another event This ticket is for Robo Race."),
        (left, 409, "Not valid The registration was cancelled"),
        (new_code(16), 404, "No such ticket"),
        ("https://example.org/", 422, "Not a ticket of this fest"),
        ("x" * 3900, 422, "Not a ticket of this fest"),
        (qr_text(b"of another fest, and its secret.", paid), 422, "This code was not issued by this fest"),
        ("", 422, "Not a ticket of this fest"),
    ):
        answer = entrance.scan(scanned)
        assert answer.status_code == status
        assert says in words(answer)
        assert 'name="code"' in answer.text
    assert 'href="/door/robo-race"' in entrance.scan(paid).text
    assert f"In {buyer.name}" in words(entrance.scan(paid, "/door/robo-race"))
    assert entrance.scan(paid, "/door/no-such-event").status_code == 404


def test_somebody_without_a_ticket_at_hand_is_found_by_name_and_let_in(entrance: Entrance) -> None:
    asha, code = entrance.ticket()
    client = entrance.staff.client
    for sought in (asha.name, asha.email.upper()):
        found = client.get(TALK, params={"q": sought})
        assert f"{asha.name} {asha.email} {in_fours(code)} Expected" in words(found)
    assert "No guest of this event matches" in words(client.get(TALK, params={"q": "zz%_"}))
    assert "No guest of this event matches" not in words(client.get(TALK, params={"q": "\u202e"}))
    entrance.scan(code)
    again = words(client.get(TALK, params={"q": asha.name}))
    assert f"by {entrance.staff.name}" in again


def undo_form(client: httpx.Client, code: str) -> dict[str, str]:
    """Return what the button "Undo" beside that ticket sends."""
    pattern = rf'name="code" value="{code}"><input type="hidden" name="shown" value="(\d+)">'
    found = re.search(pattern, client.get(TALK).text)
    assert found is not None
    return {"code": code, "shown": found[1]}


def test_a_mistake_is_taken_back_and_the_holder_expected_again(entrance: Entrance) -> None:
    asha, code = entrance.ticket()
    entrance.scan(code)
    client = entrance.staff.client
    form = undo_form(client, code)
    undone = client.post(f"{TALK}/undo", data=form, follow_redirects=True)
    assert f"Check-in undone {asha.name} The ticket can be used again." in words(undone)
    twice = client.post(f"{TALK}/undo", data=form)
    assert (twice.status_code, "Not in" in words(twice)) == (409, True)
    assert "Checked in" not in asha.client.get(f"/tickets/{code}").text
    # What the address claims is not said where the ticket does not bear it out.
    assert asha.name not in words(client.get(TALK, params={"in": code})).partition("Ticket")[0]
    assert f"In {asha.name}" in words(entrance.scan(code))
    ((kept,),) = ask_file(
        entrance.doors.server.data,
        "SELECT count(*) FROM tickets_undone_admissions JOIN tickets_tickets t ON t.id = ticket_id WHERE code = ?",
        code,
    )
    assert kept == 1
    change_file(
        entrance.doors.server.data,
        "UPDATE tickets_tickets SET admitted_at = admitted_at - 3600000 WHERE admitted_at > 0",
    )
    # The form from before was about the first check-in, and is not about the second.
    stale = client.post(f"{TALK}/undo", data=form)
    assert (stale.status_code, "Checked in again" in words(stale)) == (409, True)
    form = undo_form(entrance.organiser.client, code)
    late = client.post(f"{TALK}/undo", data=form)
    assert (late.status_code, "Only an organiser" in words(late)) == (409, True)
    taken = entrance.organiser.client.post(f"{TALK}/undo", data=form)
    assert (taken.status_code, taken.headers["location"]) == (303, f"{TALK}?out={code}")


def test_a_program_of_the_staff_checks_in_and_takes_back(entrance: Entrance) -> None:
    asha, code = entrance.ticket()
    admission = f"/tickets/{in_fours(code).lower()}/admission"
    staff = entrance.staff
    for who, answer in ((None, (401, "sign-in-needed")), (asha, (403, "forbidden"))):
        for method in ("POST", "DELETE"):
            assert error(call(entrance, who, method, admission)) == answer
    assert error(call(entrance, staff, "DELETE", admission)) == (409, "not-in")
    assert error(call(entrance, staff, "POST", f"{admission}?event=robo-race")) == (409, "other-event")
    assert error(call(entrance, staff, "POST", f"{admission}?event=nothing")) == (404, "not-found")
    unknown = f"/tickets/{new_code(16)}/admission"
    assert error(call(entrance, staff, "POST", unknown)) == (404, "unknown-ticket")
    made = call(entrance, staff, "POST", f"{admission}?event=open-talk")
    assert made.status_code == 201
    assert made.json() | {"admitted_at": ""} == {
        "code": code,
        "event": "open-talk",
        "holder": asha.name,
        "admitted_at": "",
        "admitted_by": staff.name,
    }
    assert call(entrance, asha, "GET", f"/tickets/{code}").json()["admitted_at"] == made.json()["admitted_at"]
    again = call(entrance, staff, "POST", admission)
    assert error(again) == (409, "already-in")
    assert staff.name in json.loads(again.text)["detail"]
    assert call(entrance, staff, "DELETE", admission).status_code == 204
    assert call(entrance, asha, "GET", f"/tickets/{code}").json()["admitted_at"] is None
