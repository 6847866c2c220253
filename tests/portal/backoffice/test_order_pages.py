"""One order, one guest and one ticket on the organisers' pages, on a real server."""

import html
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from festgate.kit.clock import HOUR
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal.checkout.orders import mark_paid
from festgate.portal.checkout.placements import place_order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.teams import join_team
from festgate.portal.tickets.facade import replace_code
from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one, query_file
from tests.portal.registrations.pass_fest import add_pass, take
from tests.portal.registrations.team_fest import add_team_event, register_team
from tests.rig.browser import visit
from tests.rig.database import OpenDatabase
from tests.rig.forms import check_out, hidden_fields
from tests.rig.server import Server, serving
from tests.rig.waiting import until

SETTINGS = {"FESTGATE_PAYMENT_METHODS": "desk,sandbox", "FESTGATE_LOCALE": "en_IN"}
CARD = {"payment_method": "sandbox", "card_number": "4242 4242 4242 4242"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("orders") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        for title, fee in (("Robo Race", 45_000), ("Gala", 60_000), ("Quiz", 0)):
            database.write(partial(announce, title=title, fee=fee))
        roles = {"meena": "organiser", "tara": "treasurer"} | dict.fromkeys(
            ("asha", "nila", "ravi", "usha", "vani", "pia", "kiran", "lata", "vikram"), "attendee"
        )
        guests = {name: database.write(invite_one, name, role) for name, role in roles.items()}  # type: ignore[arg-type]
        sell_a_pass_and_a_team(database, guests)
        return guests


def sell_a_pass_and_a_team(database: OpenDatabase, guests: dict[str, Guest]) -> None:
    """Sell a pass for two days to pia, and a team's tickets to kiran, which lata joins; each has another to go to."""
    one, two = (
        database.write(partial(announce, title=title, fee=40_000)) for title in ("Day One", "Day Two")
    )
    take(database, guests["pia"].id, add_pass(database, one, [two], fee=70_000, name="Both days"))
    _, kind = add_team_event(database, price=90_000)
    add_team_event(database, price=60_000)
    team_id = register_team(database, guests["kiran"].id, kind, "Bolts", 3)
    for name in ("pia", "kiran"):
        order, _ = database.write(
            partial(place_order, asks=False), guests[name].id, "sandbox", HOUR, f"key-{name}"
        )
        database.write(mark_paid, order.id, f"charge-{name}", order.total)
    token = database.read(registrations.team_by_id, team_id).token
    database.write(join_team, guests["lata"].id, token, replace_code)


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    with serving(data, extra=SETTINGS) as new_server:
        yield new_server
        assert "unhandled exception" not in new_server.log()
        check_data(data, SETTINGS)


@pytest.fixture(scope="module")
def office(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].browser(server) as client:
        yield client


def buy(server: Server, guest: Guest, slug: str = "robo-race") -> str:
    """Buy a ticket with play money; return the reference of the order once its ticket is issued."""
    with guest.browser(server) as browser:
        assert browser.post(f"/events/{slug}/register").status_code == 303
        ref = check_out(browser, None, **CARD).headers["location"].rpartition("/")[2]
        until(lambda: "Show ticket" in browser.get(f"/orders/{ref}").text, "the ticket")
    return ref


def order_at_desk(server: Server, guest: Guest, slug: str = "robo-race") -> str:
    """Order a ticket that is paid at the desk; return the reference of the order."""
    with guest.browser(server) as browser:
        assert browser.post(f"/events/{slug}/register").status_code == 303
        return check_out(browser, None, payment_method="desk").headers["location"].rpartition("/")[2]


def text_of(page: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def send(client: httpx.Client, page: str, action: str, **fields: str) -> httpx.Response:
    """Send the form of `page` with these values, and press the button of the confirmation that follows."""
    question = client.post(action, data=hidden_fields(client.get(page).text, action) | fields)
    assert question.status_code == 200, question.text
    return client.post(action, data=hidden_fields(question.text, action))


def test_a_part_of_an_order_is_refunded_and_stands_in_its_history(
    server: Server, office: httpx.Client, people: dict[str, Guest]
) -> None:
    ref = buy(server, people["asha"])
    page = f"/organise/orders/{ref}"
    form = office.get(f"{page}/refund")
    assert "INR, at most ₹450.00." in text_of(form)
    for entered, sentence in (("", "is not an amount"), ("500", "At most ₹450.00 can be refunded.")):
        refused = office.post(f"{page}/refund", data={"amount": entered})
        assert sentence in text_of(refused)
    question = office.post(f"{page}/refund", data={"amount": "100"})
    assert "Refund ₹100.00?" in text_of(question)
    assert "the tickets stay valid" in text_of(question)
    confirmed = hidden_fields(question.text, f"{page}/refund")
    for _ in range(2):  # a second click refunds nothing more
        assert office.post(f"{page}/refund", data=confirmed).headers["location"] == f"{page}?done=refunded"
    until(lambda: "Refunded ₹100.00" in text_of(office.get(page)), "the refund")
    stale = office.post(f"{page}/refund", data=confirmed | {"amount": "50"})
    assert (stale.status_code, "has changed since you opened the page" in stale.text) == (409, True)
    history = text_of(office.get(page)).partition("History")[2]
    steps = ("Seat held Robo Race", f"Ordered {ref}, ₹450.00", "Paid ₹450.00, Play money", "Ticket issued")
    assert all(step in history for step in (*steps, "Refund due ₹100.00 by meena"))


def test_a_seat_is_cancelled_for_less_than_its_fee(
    server: Server, office: httpx.Client, people: dict[str, Guest]
) -> None:
    ref = buy(server, people["ravi"])
    page = f"/organise/orders/{ref}"
    shown = office.get(f"{page}/cancel")
    assert 'value="450.00"' in shown.text
    fields = hidden_fields(shown.text, f"{page}/cancel")
    too_much = office.post(f"{page}/cancel", data=fields | {"amount": "451", "how": "provider"})
    assert (too_much.status_code, "This is more than was paid" in too_much.text) == (409, False)
    assert "Less is left of what was paid" in too_much.text
    done = office.post(f"{page}/cancel", data=fields | {"amount": "200", "how": "hand"})
    assert done.headers["location"] == f"{page}?done=cancelled"
    history = text_of(office.get(page))
    assert "Refunded ₹200.00 by meena" in history
    assert "Cancelled by the organisers Robo Race" in history
    listed = text_of(office.get("/organise/events/robo-race/orders?q=ravi"))
    assert f"{ref} ravi" in listed
    assert "₹200.00" in listed


def test_an_order_at_the_desk_is_marked_paid_on_its_own_page(
    server: Server, office: httpx.Client, people: dict[str, Guest]
) -> None:
    ref = order_at_desk(server, people["nila"], "gala")
    address = f"/organise/orders/{ref}"
    page = office.get(address).text
    assert ">Mark paid<" in page
    assert office.post(f"{address}/paid", data=hidden_fields(page, f"{address}/paid")).status_code == 303
    assert ">Mark paid<" not in office.get(address).text
    assert "Paid ₹600.00" in text_of(office.get(address))


def test_a_program_marks_an_order_at_the_desk_paid_and_refunded_once(
    server: Server, people: dict[str, Guest]
) -> None:
    ref = order_at_desk(server, people["vikram"])
    with people["meena"].program(server) as api:
        wrong = api.post(f"/orders/{ref}/paid", json={"amount": {"minor": 1, "currency": "INR"}})
        assert wrong.json()["code"] == "order-changed"
        amount = {"amount": {"minor": 45_000, "currency": "INR"}}
        for _ in range(2):
            assert api.post(f"/orders/{ref}/paid", json=amount).json()["state"] == "paid"
        assert api.post(f"/orders/{ref}/refund", json={}).json()["state"] == "refunding"
        early = api.post(f"/orders/{ref}/refunded", json={"amount": {"minor": 1, "currency": "INR"}})
        assert early.json()["code"] == "order-changed"
        for _ in range(2):
            done = api.post(f"/orders/{ref}/refunded", json=amount).json()
            assert (done["state"], done["refunded"]["minor"]) == ("refunded", 45_000)
    with people["ravi"].program(server) as api:
        assert api.post(f"/orders/{ref}/paid", json=amount).status_code == 403
    marked = "SELECT action, origin FROM audit_entries WHERE subject = ? AND action LIKE 'order.marked%' ORDER BY id"
    assert query_file(server.data, marked, ref) == [
        ("order.marked-paid", "token"),
        ("order.marked-refunded", "token"),
    ]


def test_the_orders_of_an_event_are_filtered_and_searched(
    server: Server, office: httpx.Client, people: dict[str, Guest]
) -> None:
    ref = buy(server, people["vani"], "gala")
    page = "/organise/events/gala/orders"
    for query in ("", "?state=paid", "?q=VANI", f"?q={ref.lower()}", "?q=vani%40example.org"):
        assert ref in office.get(page + query).text, query
    for query in ("?state=refunded", "?q=nobody", "?state=paid&q=%25"):
        assert "No order matches" in office.get(page + query).text, query
    assert "No orders yet" in office.get("/organise/events/quiz/orders").text
    assert office.get("/organise/events/none/orders").status_code == 404


def test_a_ticket_is_exchanged_renamed_transferred_and_sent_again(
    server: Server, office: httpx.Client, people: dict[str, Guest]
) -> None:
    ref = buy(server, people["usha"])
    page = f"/organise/orders/{ref}"
    (exchange,) = set(re.findall(r"/organise/registrations/\d+/exchange", office.get(page).text))
    gala = office.get(f"{exchange}?event=gala")
    kind = re.search(r'name="type" value="(\d+)"', gala.text)
    assert kind is not None
    question = office.get(f"{exchange}?event=gala&type={kind[1]}")
    assert "₹450.00 was paid, and the new ticket costs ₹600.00: ₹150.00 more." in text_of(question)
    fields = hidden_fields(question.text, exchange) | {"settlement": "owed"}
    stale = office.post(exchange, data=fields | {"shown": "stale"})
    assert (stale.status_code, "has changed since you opened the page" in stale.text) == (409, True)
    for _ in range(2):
        assert office.post(exchange, data=fields).headers["location"] == f"{page}?done=exchanged"
    assert "Gala: ₹150.00 more is owed." in text_of(office.get(page))
    (paid,) = re.findall(r'href="(/organise/differences/\d+)\?step=paid"', office.get(page).text)
    confirmation = office.get(f"{paid}?step=paid")
    assert "Record ₹150.00 as paid at the desk?" in text_of(confirmation)
    assert office.post(paid, data=hidden_fields(confirmation.text, paid)).status_code == 303
    assert "₹150.00 more was paid at the desk." in text_of(office.get(page))

    until(lambda: "Ticket issued Gala" in text_of(office.get(page)), "the new ticket")
    (holder,) = set(re.findall(r"/organise/registrations/\d+/holder", office.get(page).text))
    assert send(office, holder, holder, name="Usha Rao", email="").status_code == 303
    transfer = holder.replace("holder", "transfer")
    missing = office.post(transfer, data={"name": "Lila", "email": ""})
    assert "Enter the email address of the new holder." in missing.text
    given = send(office, transfer, transfer, name="Lila Das", email="lila@example.org")
    assert given.headers["location"] == f"{page}?done=transferred"
    assert send_again(office, page).headers["location"] == f"{page}?done=sent"
    history = text_of(office.get(page))
    for step in (
        "Ticket exchanged Robo Race for Gala. ₹150.00 more is owed. by meena",
        "Name on a ticket corrected u…, now U… R… by meena",
        "Ticket transferred U… R…, now L… D… by meena",
        "Emailed again by meena",
    ):
        assert step in history


def exchange_of(office: httpx.Client, guest: Guest) -> str:
    """Return the address of the exchange on the page of a guest, once the ticket is issued."""
    page = f"/organise/people/{guest.id}"
    until(lambda: "/exchange" in office.get(page).text, "the ticket")
    addresses: set[str] = set(re.findall(r"/organise/registrations/\d+/exchange", office.get(page).text))
    assert len(addresses) == 1
    return addresses.pop()


def test_a_pass_is_exchanged_for_a_single_ticket_as_the_page_showed_it(
    office: httpx.Client, people: dict[str, Guest]
) -> None:
    exchange = exchange_of(office, people["pia"])
    assert "Also admits to: Day Two." in text_of(office.get(exchange))
    offered = office.get(f"{exchange}?event=day-two")
    kind = re.search(r'name="type" value="(\d+)"', offered.text)
    assert kind is not None
    question = office.get(f"{exchange}?event=day-two&type={kind[1]}")
    assert "I have given back ₹300.00 by hand" in text_of(question)
    assert "Exchange this pass?" in text_of(question)
    assert "1 seat at Day One is free again." in text_of(question)
    fields = hidden_fields(question.text, exchange) | {"settlement": "kept"}
    for _ in range(2):
        page = office.post(exchange, data=fields).headers["location"]
        assert page.endswith("?done=exchanged")
    assert "Ticket exchanged Day One: Both days for Day Two. ₹300.00 is kept. by meena" in text_of(
        office.get(page)
    )


def test_a_team_is_exchanged_as_a_whole_and_a_member_of_it_changed(
    server: Server, office: httpx.Client, people: dict[str, Guest]
) -> None:
    exchange = exchange_of(office, people["kiran"])
    choice = office.get(exchange)
    assert "The whole team Bolts is exchanged, with its 3 places." in text_of(choice)
    (teams,) = set(re.findall(r"/organise/events/[\w-]+/teams", choice.text))
    old_slug = teams.split("/")[3]
    (slug,) = set(re.findall(r'<option value="([\w-]+)"', choice.text)) - {old_slug}
    kind = re.search(r'name="type" value="(\d+)"', office.get(f"{exchange}?event={slug}").text)
    assert kind is not None
    with people["meena"].program(server) as api:
        body = {"event": slug, "ticket": int(kind[1]), "settlement": "kept"}
        alone = api.post(f"/registrations/{exchange.split('/')[3]}/exchange", json=body)
        assert (alone.json()["code"], "whole_team" in alone.json()["detail"]) == ("not-exchangeable", True)
    question = office.get(f"{exchange}?event={slug}&type={kind[1]}")
    assert "₹900.00 was paid, and the new ticket costs ₹600.00: ₹300.00 less." in text_of(question)
    fields = hidden_fields(question.text, exchange) | {"settlement": "kept"}
    done = office.post(exchange, data=fields).headers["location"]
    history = text_of(office.get(done)).partition("History")[2]
    assert history.count("Ticket exchanged") == 1
    assert "₹300.00 is kept." in history

    page = f"/organise/events/{slug}/teams"
    (place,) = set(re.findall(rf'{page}/\d+/places/\d+(?=">Change)', office.get(page).text))
    form = office.get(place)
    assert "lata leaves the team Bolts" in text_of(form)
    fields = hidden_fields(form.text, place)
    wrong = office.post(place, data=fields | {"email": "nobody"})
    assert (wrong.status_code, "lata leaves" in text_of(wrong)) == (422, True)
    invited = office.post(place, data=fields | {"email": "new@example.org"})
    assert invited.headers["location"] == f"{page}?done=invited"
    assert "3 places, 2 free" in text_of(office.get(page))
    assert office.post(place, data=fields | {"email": "new@example.org"}).status_code == 409


def send_again(office: httpx.Client, page: str) -> httpx.Response:
    fields = hidden_fields(office.get(f"{page}/send").text, f"{page}/send")
    return office.post(f"{page}/send", data=fields)


def test_a_complimentary_ticket_is_given_once_and_marked(server: Server, office: httpx.Client) -> None:
    page = "/organise/events/gala/complimentary"
    wrong = office.post(page, data={"name": "", "email": "nobody"})
    assert wrong.status_code == 422
    question = office.post(page, data={"name": "Dr. Sen", "email": "sen@example.org"})
    assert "Give this ticket?" in question.text
    fields = hidden_fields(question.text, page)
    pages = {office.post(page, data=fields).headers["location"] for _ in range(2)}
    assert len(pages) == 1
    guest = pages.pop()
    shown = text_of(office.get(guest))
    assert "The ticket is given." in shown
    assert "Gala" in shown
    assert "Complimentary" in shown
    note = hidden_fields(office.get(guest).text, guest.partition("?")[0] + "/notes")
    text = {"text": "Needs a microphone.\nSpeaks at 10."}
    for _ in range(2):
        assert office.post(guest.partition("?")[0] + "/notes", data=note | text).status_code == 303
    assert text_of(office.get(guest)).count("Needs a microphone.") == 1


def test_a_free_registration_is_cancelled_as_it_was_shown(
    server: Server, office: httpx.Client, people: dict[str, Guest]
) -> None:
    with people["usha"].browser(server) as browser:
        assert browser.post("/events/quiz/register").status_code == 303
    guest = f"/organise/people/{people['usha'].id}"
    (path,) = re.findall(r"/organise/registrations/\d+/cancel", office.get(guest).text)
    question = office.get(path)
    assert "usha loses Quiz" in text_of(question)
    fields = hidden_fields(question.text, path)
    assert office.post(path, data=fields | {"shown": "stale"}).status_code == 409
    for _ in range(2):
        assert office.post(path, data=fields).headers["location"] == f"{guest}?done=cancelled"
    assert "Registration cancelled Quiz by meena" in text_of(office.get(guest))
    assert "There is nothing left to cancel here." in office.get(path).text


def test_actions_are_shown_and_reached_only_with_their_permission(
    server: Server, office: httpx.Client, people: dict[str, Guest]
) -> None:
    ref = buy(server, people["asha"], "gala")
    page = f"/organise/orders/{ref}"
    with people["tara"].browser(server) as treasurer, people["asha"].browser(server) as attendee:
        shown = treasurer.get(page).text
        assert f"{page}/refund" in shown
        assert "/exchange" not in shown
        assert "Internal note" not in shown
        assert treasurer.get(f"{page}/refund").status_code == 200
        assert treasurer.post(f"{page}/notes", data={"text": "x"}).status_code == 403
        assert attendee.get(page).status_code == 403


def test_the_api_refunds_exchanges_gives_and_notes_once(
    server: Server, office: httpx.Client, people: dict[str, Guest]
) -> None:
    ref = buy(server, people["ravi"], "gala")
    key = {"idempotency-key": "the same"}
    with people["meena"].program(server) as api:
        amount = {"amount": {"minor": 10_000, "currency": "INR"}}
        answers = [api.post(f"/orders/{ref}/refunds", json=amount, headers=key) for _ in range(2)]
        assert [answer.json()["refunded"]["minor"] for answer in answers] == [10_000, 10_000]
        other = api.post(
            f"/orders/{ref}/refunds", json={"amount": {"minor": 1, "currency": "INR"}}, headers=key
        )
        assert other.json()["code"] == "idempotency-key-reused"
        listed = api.get("/events/gala/orders", params={"q": "ravi"}).json()
        assert [(one["ref"], one["refunded"]["minor"]) for one in listed["orders"]] == [(ref, 10_000)]
        seat = re.search(r"registrations/(\d+)/exchange", office.get(f"/organise/orders/{ref}").text)
        assert seat is not None
        (kind,) = api.get("/events/robo-race").json()["tickets"]
        wish = {"event": "robo-race", "ticket": kind["id"], "settlement": "kept"}
        exchanged = [api.post(f"/registrations/{seat[1]}/exchange", json=wish).json() for _ in range(2)]
        assert exchanged[0] == exchanged[1]
        assert (exchanged[0]["settlement"], exchanged[0]["difference"]["minor"]) == ("kept", 15_000)
        gift = {"ticket": kind["id"], "name": "Sen", "email": "sen@example.org"}
        given = [api.post("/events/robo-race/complimentary", json=gift, headers=key) for _ in range(2)]
        assert given[0].status_code == 201
        assert given[0].json() == given[1].json()
        notes = [api.post(f"/orders/{ref}/notes", json={"text": "Hi"}, headers=key).json() for _ in "ab"]
        assert notes[0]["id"] == notes[1]["id"]
        new = exchanged[0]["registration"]
        until(lambda: "Ticket issued Robo" in text_of(office.get(f"/organise/orders/{ref}")), "the ticket")
        holder = {"name": "Lila", "email": "lila@example.org"}
        moved = [api.post(f"/registrations/{new}/transfer", json=holder) for _ in range(2)]
        assert [answer.json() for answer in moved] == [{"registration": new, **holder}] * 2
        assert api.post(f"/registrations/{new}/correction", json={"name": "Lila Das"}).status_code == 200
        assert api.post(f"/orders/{ref}/send").status_code == 204
    with people["tara"].program(server) as api:
        assert api.post(f"/orders/{ref}/send").status_code == 403


def test_a_part_of_an_order_is_refunded_on_a_phone_without_javascript(
    server: Server, people: dict[str, Guest], browser: Browser
) -> None:
    ref = buy(server, people["vani"])
    cookie = {"name": SESSION_COOKIE, "value": people["meena"].session, "url": server.url}
    phone = {"width": 390, "height": 844}
    with visit(browser, base_url=server.url, java_script_enabled=False, viewport=phone) as visitor:
        visitor.context.add_cookies([cookie])  # type: ignore[list-item]
        page = visitor.context.new_page()
        page.goto("/organise/events/robo-race/orders")
        page.get_by_role("link", name=ref).click()
        page.get_by_role("link", name="Refund a part").click()
        page.get_by_label("Amount").fill("50")
        page.get_by_role("button", name="Continue").press("Enter")
        page.get_by_role("button", name="Refund ₹50.00").press("Enter")
        expect(page.locator(".notice-good")).to_contain_text("The refund is recorded.")
