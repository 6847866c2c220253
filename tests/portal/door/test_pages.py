"""Check-in pages and API on a real server: only staff can scan."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

import httpx
import pytest

from festgate.kit.clock import DAY, HOUR, system_clock
from festgate.kit.ids import new_code
from festgate.kit.secret import load_secret
from festgate.portal.tickets.qr import in_fours, qr_text
from tests.journeys.stage import change_file, check_data, query_file
from tests.portal.door.served_fest import PASSWORD, ServedFest, Visitor, serve_fest
from tests.portal.tickets.pictures import draw_svg
from tests.rig.waiting import until

TALK = "/door/open-talk"
PICTURE = f"{TALK}/picture"


@dataclass(frozen=True)
class CheckIn:
    """A served fest, and a visitor in each role."""

    served_fest: ServedFest
    guest: Visitor
    staff: Visitor
    organiser: Visitor

    def ticket(self) -> tuple[Visitor, str]:
        """Return a new guest of the talk and the code of their ticket."""
        guest = self.served_fest.visitor()
        return guest, guest.get_free_ticket()

    def scan(self, code: str, door: str = TALK) -> httpx.Response:
        """Scan as staff; return the resulting page after redirects."""
        return self.staff.client.post(door, data={"code": code}, follow_redirects=True)


@pytest.fixture(scope="module")
def check_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CheckIn]:
    with serve_fest(tmp_path_factory.mktemp("entrance") / "data") as served_fest:
        people = [served_fest.visitor() for _ in range(3)]
        for person, role in zip(people[1:], ("staff", "owner"), strict=True):
            person.become(role, served_fest.server.data)
        yield CheckIn(served_fest, *people)
    check_data(served_fest.server.data)


def main_text(response: httpx.Response) -> str:
    """Return the text of the main part of a page."""
    main = response.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


def call_api(check_in: CheckIn, visitor: Visitor | None, method: str, path: str) -> httpx.Response:
    """Call the API with a token of the visitor."""
    headers = {}
    if visitor is not None:
        form = {"username": visitor.name, "password": PASSWORD}
        token = visitor.client.post("/api/v1/tokens", json=form).json()["token"]
        headers["authorization"] = f"Bearer {token}"
    return check_in.served_fest.client().request(method, f"/api/v1{path}", headers=headers)


def folded_name(guest: Visitor) -> str:
    """Return the guest's name as it is typed in a hurry: `unal7 garcia example`."""
    return guest.full_name.lower().replace("ü", "u").replace("í", "i").replace("-", " ")


def error_of(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


@pytest.mark.parametrize("method, path", [("GET", "/door"), ("GET", TALK), ("POST", TALK)])
def test_the_door_is_for_staff_and_organisers(check_in: CheckIn, method: str, path: str) -> None:
    refused = check_in.guest.client.request(method, path)
    assert (refused.status_code, "Not allowed" in refused.text) == (403, True)
    signed_out = check_in.served_fest.client().request(method, path)
    assert (signed_out.status_code, signed_out.headers["location"].partition("?")[0]) == (303, "/login")
    for visitor in (check_in.staff, check_in.organiser):
        assert visitor.client.request(method, path).status_code in (200, 422)


def test_only_staff_can_have_pictures_of_a_camera_read(check_in: CheckIn) -> None:
    guest, code = check_in.ticket()
    pixels, _ = draw_svg(guest.client.get(f"/tickets/{code}.svg").text, scale=5)

    def send_picture(visitor: Visitor | None, brightness: bytes) -> httpx.Response:
        client = visitor.client if visitor is not None else check_in.served_fest.client()
        return client.post(PICTURE, content=brightness)

    response = send_picture(check_in.staff, bytes(pixels))
    assert response.status_code == 200
    assert guest.name in main_text(check_in.scan(response.json()["scanned"]))
    assert [send_picture(visitor, bytes(pixels)).status_code for visitor in (check_in.guest, None)] == [
        403,
        303,
    ]
    empty_picture, wrong_size, too_large = (
        send_picture(check_in.staff, bytes(size)) for size in (240 * 240, 240 * 240 - 1, 300 * 300)
    )
    assert (empty_picture.status_code, empty_picture.content) == (204, b"")
    assert (wrong_size.status_code, "A picture is square" in wrong_size.text) == (400, True)
    assert too_large.status_code == 413


def test_the_navigation_links_to_the_door_for_staff_and_organisers(check_in: CheckIn) -> None:
    has_link = {
        visitor: 'href="/door"' in visitor.client.get("/events").text
        for visitor in (check_in.guest, check_in.staff, check_in.organiser)
    }
    assert list(has_link.values()) == [False, True, True]


def test_the_door_warns_while_the_event_is_not_today(check_in: CheckIn) -> None:
    data = check_in.served_fest.server.data
    (before,) = query_file(data, "SELECT starts_at, ends_at FROM catalogue_events WHERE slug = 'open-talk'")

    def move(start: int, end: int) -> str:
        change_file(
            data,
            f"UPDATE catalogue_events SET starts_at = {start}, ends_at = {end} WHERE slug = 'open-talk'",  # noqa: S608
        )
        return main_text(check_in.staff.client.get(TALK))

    now = system_clock()
    try:
        assert "This event is not today. It starts " in move(now + 3 * DAY, now + 3 * DAY + HOUR)
        assert "This event is not today." not in move(now - HOUR, now + HOUR)
    finally:
        move(*before)


def test_a_scan_checks_in_once_and_names_guest_time_and_staff(check_in: CheckIn) -> None:
    asha, code = check_in.ticket()
    before = main_text(check_in.staff.client.get(TALK))
    checked_in, expected = map(int, re.findall(r"(\d+) of (\d+) in", before)[0])
    first = check_in.scan(qr_text(load_secret(check_in.served_fest.server.data), code))
    assert (first.status_code, first.url.path) == (200, TALK)
    assert f"In {asha.full_name} {asha.name} at" in main_text(first)
    assert f"{checked_in + 1} of {expected} in" in main_text(first)
    assert f"<title>In: {asha.full_name} · Door of Open Talk" in first.text
    # Reloading the page does not admit anybody.
    assert check_in.staff.client.get(str(first.url)).text == first.text
    second = check_in.scan(f"{check_in.served_fest.server.url}/tickets/{code}")
    assert second.status_code == 409
    text = main_text(second)
    assert f"Already in {asha.full_name} {asha.name} since" in text
    assert f"checked in by {check_in.staff.name}" in text
    assert "autofocus" in second.text
    assert "Checked in" in asha.client.get(f"/tickets/{code}").text


def test_invalid_scans_are_refused_on_the_same_page(check_in: CheckIn) -> None:
    buyer = check_in.served_fest.visitor()
    paid_code = buyer.buy_ticket()
    cancelled_guest, cancelled_code = check_in.ticket()
    cancelled_guest.cancel_registration()
    until(
        lambda: "Not valid" in cancelled_guest.client.get(f"/tickets/{cancelled_code}").text, "a void ticket"
    )
    for scan, status, message in (
        (paid_code, 409, "For another event This ticket is for Robo Race."),
        (cancelled_code, 409, "Not valid The registration was cancelled"),
        (new_code(16), 404, "No such ticket"),
        ("https://example.org/", 422, "Not a ticket of this fest"),
        ("x" * 3900, 422, "Not a ticket of this fest"),
        (
            qr_text(b"of another fest, and its secret.", paid_code),
            422,
            "This code was not issued by this fest",
        ),
        ("", 422, "Not a ticket of this fest"),
    ):
        response = check_in.scan(scan)
        assert response.status_code == status
        assert message in main_text(response)
        assert 'name="code"' in response.text
    assert 'href="/door/robo-race"' in check_in.scan(paid_code).text
    assert f"In {buyer.full_name} {buyer.name}" in main_text(check_in.scan(paid_code, "/door/robo-race"))
    assert check_in.scan(paid_code, "/door/no-such-event").status_code == 404


def test_programs_list_doors_and_find_guests_to_check_in(check_in: CheckIn) -> None:
    guest, code = check_in.ticket()
    (door,) = [
        one
        for one in call_api(check_in, check_in.staff, "GET", "/door").json()
        if one["event"] == "open-talk"
    ]
    shown = call_api(check_in, check_in.staff, "GET", TALK).json()
    assert shown["attendance"] == door
    by_name = f"{TALK}/guests?q={quote(guest.name)}"
    (listed,) = call_api(check_in, check_in.staff, "GET", by_name).json()
    assert (listed["code"], listed["email"], listed["admitted_at"]) == (code, None, None)
    (seen,) = call_api(check_in, check_in.organiser, "GET", by_name).json()
    assert "@" in seen["email"]
    assert (
        call_api(check_in, check_in.staff, "POST", f"/tickets/{listed['code']}/admission").status_code == 201
    )
    shown = call_api(check_in, check_in.staff, "GET", TALK).json()
    assert shown["attendance"]["inside"] == door["inside"] + 1
    assert (shown["latest"][0]["code"], shown["latest"][0]["can_undo"]) == (code, True)
    # Staff may not see addresses, and so find nobody by one.
    assert call_api(check_in, check_in.staff, "GET", f"{TALK}/guests?q={quote(seen['email'])}").json() == []
    assert call_api(check_in, check_in.staff, "GET", f"{TALK}/guests").json() == []
    for path in ("/door", TALK, by_name):
        assert call_api(check_in, check_in.guest, "GET", path).status_code == 403
        assert call_api(check_in, None, "GET", path).status_code == 401
    assert error_of(call_api(check_in, check_in.staff, "GET", "/door/no-such-event")) == (404, "not-found")


def test_a_guest_without_a_ticket_is_found_by_name(check_in: CheckIn) -> None:
    asha, code = check_in.ticket()
    client = check_in.staff.client
    for query in (asha.name, folded_name(asha)):
        page = client.get(TALK, params={"q": query})
        assert f"{asha.full_name} {asha.name} {in_fours(code)} Expected" in main_text(page)
        assert asha.email not in page.text
    assert "No guest of this event matches" in main_text(client.get(TALK, params={"q": "zz%_"}))
    assert "No guest of this event matches" not in main_text(client.get(TALK, params={"q": "\u202e"}))
    check_in.scan(code)
    text = main_text(client.get(TALK, params={"q": asha.name}))
    assert f"by {check_in.staff.name}" in text


def test_only_people_who_may_see_guests_find_them_by_email(check_in: CheckIn) -> None:
    asha, code = check_in.ticket()
    listed = check_in.organiser.client.get(TALK, params={"q": asha.email.upper()})
    assert f"{asha.full_name} {asha.name} {asha.email} {in_fours(code)} Expected" in main_text(listed)
    for query in (asha.email, "example.org"):
        page = check_in.staff.client.get(TALK, params={"q": query})
        assert "No guest of this event matches" in main_text(page)


def undo_form(client: httpx.Client, code: str) -> dict[str, str]:
    """Return the fields of the form with the button "Undo" of this ticket."""
    pattern = rf'name="code" value="{code}"><input type="hidden" name="shown" value="(\d+)">'
    match = re.search(pattern, client.get(TALK).text)
    assert match is not None
    return {"code": code, "shown": match[1]}


def test_a_check_in_can_be_undone_and_repeated(check_in: CheckIn) -> None:
    asha, code = check_in.ticket()
    check_in.scan(code)
    client = check_in.staff.client
    form = undo_form(client, code)
    response = client.post(f"{TALK}/undo", data=form, follow_redirects=True)
    assert f"Check-in undone {asha.full_name} {asha.name} The ticket can be used again." in main_text(
        response
    )
    second_undo = client.post(f"{TALK}/undo", data=form)
    assert (second_undo.status_code, "Not in" in main_text(second_undo)) == (409, True)
    assert "Checked in" not in asha.client.get(f"/tickets/{code}").text
    # A claim in the URL is not shown if the ticket does not confirm it.
    assert asha.full_name not in main_text(client.get(TALK, params={"in": code})).partition("Ticket")[0]
    assert f"In {asha.full_name} {asha.name}" in main_text(check_in.scan(code))
    ((count,),) = query_file(
        check_in.served_fest.server.data,
        "SELECT count(*) FROM tickets_undone_admissions JOIN tickets_tickets t ON t.id = ticket_id WHERE code = ?",
        code,
    )
    assert count == 1
    change_file(
        check_in.served_fest.server.data,
        "UPDATE tickets_tickets SET admitted_at = admitted_at - 3600000 WHERE admitted_at > 0",
    )
    # The earlier form belongs to the first check-in, not to the second.
    stale = client.post(f"{TALK}/undo", data=form)
    assert (stale.status_code, "Checked in again" in main_text(stale)) == (409, True)
    form = undo_form(check_in.organiser.client, code)
    late = client.post(f"{TALK}/undo", data=form)
    assert (late.status_code, "Only an organiser" in main_text(late)) == (409, True)
    undone = check_in.organiser.client.post(f"{TALK}/undo", data=form)
    assert (undone.status_code, undone.headers["location"]) == (303, f"{TALK}?out={code}")


def test_a_scanner_on_another_keyboard_checks_in_or_is_named(check_in: CheckIn) -> None:
    asha, code = check_in.ticket()
    text = qr_text(load_secret(check_in.served_fest.server.data), code)
    typed = text.translate(str.maketrans("YZ:", "ZYÖ"))  # an American scanner on a German computer
    unknown = text.translate(str.maketrans("FESTGA1:", "qwrzuio+"))
    refused = check_in.scan(f"\x02]Q1{unknown}\x03")
    assert (refused.status_code, "keyboard language" in main_text(refused)) == (422, True)
    checked_in = check_in.scan(f"{typed}\r\n")
    assert (checked_in.url.query, f"In {asha.full_name} {asha.name} at" in main_text(checked_in)) == (
        f"in={code}".encode(),
        True,
    )


def test_the_api_takes_what_was_scanned(check_in: CheckIn) -> None:
    _, code = check_in.ticket()
    text = qr_text(load_secret(check_in.served_fest.server.data), code)
    staff, forged = check_in.staff, qr_text(b"another fest's secret, made up...", code)
    german = text.translate(str.maketrans("YZ:", "ZYÖ"))
    address = f"https://fest.example/tickets/{code}?from=phone#code"

    def send(method: str, scanned: str, safe: str = "") -> httpx.Response:
        return call_api(check_in, staff, method, f"/tickets/{quote(scanned, safe=safe)}/admission")

    scans = [text, text.lower(), f"\x02]Q1{text}\x03\r\n", german, address, in_fours(code), f"{code}\n"]
    for scanned in scans:
        created = send("POST", scanned)
        assert (created.status_code, created.json().get("code")) == (201, code), scanned
        assert error_of(send("POST", scanned)) == (409, "already-in")
        assert send("DELETE", scanned).status_code == 204
        assert error_of(send("DELETE", scanned)) == (409, "not-in")
    assert send("POST", text, safe=":").status_code == 201
    for method in ("POST", "DELETE"):
        assert error_of(send(method, forged)) == (422, "forged-code")
        assert error_of(send(method, text.translate(str.maketrans("FESTGA1:", "qwrzuio+")))) == (
            422,
            "other-keyboard",
        )
        assert error_of(send(method, "no code")) == (404, "unknown-ticket")
        assert error_of(send(method, "x" * 301)) == (422, "invalid")
        assert error_of(call_api(check_in, None, method, f"/tickets/{text}/admission")) == (
            401,
            "sign-in-needed",
        )
        assert error_of(call_api(check_in, check_in.guest, method, f"/tickets/{forged}/admission")) == (
            403,
            "forbidden",
        )


def test_the_api_checks_in_and_undoes_for_staff(check_in: CheckIn) -> None:
    asha, code = check_in.ticket()
    admission = f"/tickets/{in_fours(code).lower()}/admission"
    staff = check_in.staff
    for visitor, expected in ((None, (401, "sign-in-needed")), (asha, (403, "forbidden"))):
        for method in ("POST", "DELETE"):
            assert error_of(call_api(check_in, visitor, method, admission)) == expected
    assert error_of(call_api(check_in, staff, "DELETE", admission)) == (409, "not-in")
    assert error_of(call_api(check_in, staff, "POST", f"{admission}?event=robo-race")) == (409, "other-event")
    assert error_of(call_api(check_in, staff, "POST", f"{admission}?event=nothing")) == (404, "not-found")
    unknown = f"/tickets/{new_code(16)}/admission"
    assert error_of(call_api(check_in, staff, "POST", unknown)) == (404, "unknown-ticket")
    created = call_api(check_in, staff, "POST", f"{admission}?event=open-talk")
    assert created.status_code == 201
    assert created.json() | {"admitted_at": ""} == {
        "code": code,
        "answers": [],
        "event": "open-talk",
        "holder": asha.name,
        "holder_name": asha.full_name,
        "team": None,
        "admitted_at": "",
        "admitted_by": staff.name,
    }
    ticket = call_api(check_in, asha, "GET", f"/tickets/{code}").json()
    assert (ticket["admitted_at"], ticket["holder_name"]) == (created.json()["admitted_at"], asha.full_name)
    second_check_in = call_api(check_in, staff, "POST", admission)
    assert error_of(second_check_in) == (409, "already-in")
    assert staff.name in json.loads(second_check_in.text)["detail"]
    assert call_api(check_in, staff, "DELETE", admission).status_code == 204
    assert call_api(check_in, asha, "GET", f"/tickets/{code}").json()["admitted_at"] is None
