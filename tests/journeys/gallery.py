"""A fest with every state of every page: the portal's operations create the data before the server starts."""

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.money import Money
from festgate.kit.roles import Role
from festgate.kit.web.parameters import SESSION_COOKIE
from festgate.portal.accounts.people import set_name
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout import orders, placements
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.holds import hold_seat
from tests.journeys.office_work import OfficeWork
from tests.journeys.stage import Guest, announce, await_idle, before_opening, invite_one, query_file
from tests.kit.mailing import emails, text_of
from tests.portal.checkout.factories import give_money_back
from tests.rig.database import OpenDatabase
from tests.rig.server import Server, serving
from tests.rig.waiting import until

GUEST_LINK = re.compile(r"/guest/open\?token=([0-9a-f]+)")
LINK = re.compile(r"/reset\?token=(\S+)")
LONG_NAME = "x" * 32
HOLD_MINUTES = 45
"""Longer than the tests of all pages take on a busy machine."""
LONG_TITLE = "Donaudampfschifffahrtsgesellschaftskapitänsmützen " * 2
RUNNING_TITLE = "Over Soon: The International Championship of Extraordinarily Long Names"
SETTINGS = {
    "FESTGATE_FEST_NAME": "Aurora Fest",
    "FESTGATE_FEST_TAGLINE": "Three days of building, racing, dancing and staying up late.",
    "FESTGATE_PAYMENT_METHODS": "sandbox,desk,transfer",
    "FESTGATE_TRANSFER_ACCOUNT_HOLDER": "Aurora Fest Committee",
    "FESTGATE_TRANSFER_ACCOUNT": "0001 2345 6789",
    "FESTGATE_TRANSFER_IFSC": "exmp0000123",
    "FESTGATE_TRANSFER_UPI_ID": "fest@examplebank",
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
}
ROLES: Mapping[str, Role] = {
    "lead": "lead",
    "treasurer": "treasurer",
    "seller": "box-office",
    "unproven": "organiser",
}
"""People of the team besides the organiser and the staff, by username."""
NAMED = {
    "asha": "Asha Rao",
    "ravi": "Ravi Ünal-Östergård",
    "usha": "Usha Venkataraghavan",
    "vikram": "Vikram",
    "zoya": "Zoya Khan",
    "meera": "Thiruvenkatanathapuram Meera Balasubramaniam",
}
"""Names that people have entered, by username."""


@dataclass
class Gallery:
    """The server, its people, and the values in the addresses of its pages."""

    server: Server
    guests: dict[str, Guest] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Slugs of events, references of orders and codes of tickets, by their state."""


@contextmanager
def gallery(data: Path) -> Iterator[Gallery]:
    """Serve the fest until the end of the block. A thread creates the data, so that this one can run a browser."""
    fest = Gallery(Server(data))
    with ThreadPoolExecutor(1) as thread:
        thread.submit(create_data, data, fest).result()
    with serving(data, extra=SETTINGS) as fest.server:
        await_idle(fest.server)
        for owner, state in (("attendee", "valid"), ("leaver", "void")):
            ((code,),) = query_file(
                data,
                "SELECT code FROM tickets_tickets WHERE person_id = ? AND state = ? LIMIT 1",
                fest.guests[owner].id,
                state,
            )
            fest.names[state] = code
        _check_in(fest, "attendee", "free")
        _request_reset_link(fest, "newcomer")
        _buy_without_account(fest)
        OfficeWork(fest.server, fest.guests, fest.names).do()
        await_idle(fest.server)
        yield fest


def _buy_without_account(fest: Gallery) -> None:
    """Register without an account, as the guest `unknown`, and wait for the email with the link."""
    fields = {"name": "Zoë O\u2019Brien-Nobody", "email": "nobody@example.org"}
    with httpx.Client(base_url=fest.server.url, trust_env=False, verify=False) as browser:
        answer = browser.post(f"/events/{fest.names['free']}/register", data=fields)
        assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
        session = browser.cookies[SESSION_COOKIE]
    ((number,),) = query_file(fest.server.data, "SELECT id FROM accounts_people WHERE guest_key IS NOT NULL")
    fest.guests["unknown"] = Guest(number, fields["name"], session, "")
    fest.names["unknown_id"] = str(number)

    def link() -> str | None:
        matches = [GUEST_LINK.search(text_of(email)) for email in emails(fest.server.data)]
        return next((match[1] for match in matches if match), None)

    fest.names["guest_link"] = until(link, "the email with the link to the ticket") or ""


def _request_reset_link(fest: Gallery, name: str) -> None:
    """Request a link to reset a person's password, and wait for the email."""
    response = httpx.post(f"{fest.server.url}/forgot", data={"username": name}, trust_env=False, verify=False)
    assert response.status_code == httpx.codes.OK

    def link() -> str | None:
        matches = [LINK.search(text_of(email)) for email in emails(fest.server.data)]
        return next((match[1] for match in matches if match), None)

    fest.names["link"] = until(link, "the email with the link") or ""


def _check_in(fest: Gallery, name: str, event: str) -> None:
    """Check a person in at the event's door."""
    ((code,),) = query_file(
        fest.server.data,
        "SELECT code FROM tickets_tickets JOIN catalogue_events e ON e.id = event_id WHERE person_id = ? AND slug = ?",
        fest.guests[name].id,
        fest.names[event],
    )
    with fest.guests["staff"].browser(fest.server) as staff:
        assert staff.post(f"/door/{fest.names[event]}", data={"code": code}).status_code == 303
    fest.names["in"] = code


def create_data(data: Path, fest: Gallery) -> None:
    """Create people, events and orders."""
    with before_opening(data) as database:
        for name in ("newcomer", "holder", "attendee", "leaver", "shopper"):
            fest.guests[name] = database.write(invite_one, name)
        fest.guests["organiser"] = database.write(invite_one, "organiser", "organiser")
        fest.guests["staff"] = database.write(invite_one, "staff", "staff")
        for name, role in ROLES.items():
            fest.guests[name] = database.write(invite_one, name, role)
        fest.guests["long"] = database.write(invite_one, LONG_NAME)
        for username, name in NAMED.items():
            guest = fest.guests[username] = database.write(invite_one, username)
            database.write(set_name, guest.id, name)
        _create_events(database, fest)
        _create_seats(database, fest)
        _create_orders(database, fest)


def _create_events(database: OpenDatabase, fest: Gallery) -> None:
    now = database.clock.now // MINUTE * MINUTE

    def add(title: str, **changes: Any) -> catalogue.Event:  # noqa: ANN401  (fields of Details)
        times = {"starts_at": now + DAY, "sales_open_at": now - DAY}
        return database.write(announce, title, **times | changes)

    events = {
        "open": add("Robo Race"),
        "free": add("Opening Ceremony", fee=0, category="Stage"),
        "few": add("Photography Walk", capacity=5),
        "soldout": add("AI Workshop", capacity=1),
        "soldout_free": add("Night Walk", capacity=1, fee=0),
        "soon": add("Stand-up Comedy", sales_open_at=now + HOUR),
        "closed": add("Treasure Hunt", sales_close_at=now - HOUR),
        "running": add(RUNNING_TITLE, starts_at=now - HOUR, fee=0),
        "over": add("Warm-up", starts_at=now - 5 * HOUR),
        "cancelled": add("Rain Dance"),
        "long": add(LONG_TITLE.strip(), summary="y" * 200, place="z" * 120, fee=9_999_900),
        "desk": add("Music Night"),
        "types": add("Robotics Workshop", category="Workshops"),
        "asks": add("Night Hike", fee=0),
        "applied": add("Demo Day", fee=0, category="Stage"),
    }
    for number in range(16):
        add(f"Talk {number}", category="Talks", starts_at=now + (2 + number) * DAY)
    database.write(catalogue.cancel_event, events["cancelled"].slug)
    draft = catalogue.Details("A rough idea", "", "", "", "", 0, 0, 0, 0, Money(0, "INR"), 0)
    fest.names = {state: event.slug for state, event in events.items()}
    fest.names["draft"] = database.write(catalogue.create_event, draft).slug


def _hold(database: OpenDatabase, guest: Guest, slug: str) -> int:
    return database.write(hold_seat, guest.id, slug, HOLD_MINUTES)


def _create_seats(database: OpenDatabase, fest: Gallery) -> None:
    guests, names = fest.guests, fest.names
    _hold(database, guests["organiser"], names["soldout"])
    _hold(database, guests["organiser"], names["soldout_free"])
    for state in ("open", "few", "long"):
        names[f"held_{state}"] = str(_hold(database, guests["holder"], names[state]))
    _hold(database, guests["long"], names["long"])
    _hold(database, guests["attendee"], names["free"])
    _hold(database, guests["attendee"], names["open"])
    order, _ = database.write(
        placements.place_order, guests["attendee"].id, "sandbox", MINUTE, "paid", asks=True
    )
    database.write(orders.mark_paid, order.id, "play-1", order.total)
    names["order_paid"] = order.ref
    names["taken_free"] = str(_hold(database, guests["shopper"], names["free"]))
    database.write(cancel_seat, guests["leaver"].id, _hold(database, guests["leaver"], names["free"]))
    database.clock.move(-HOUR)
    _hold(database, guests["leaver"], names["open"])
    database.clock.move(HOUR)


def _create_orders(database: OpenDatabase, fest: Gallery) -> None:
    """Create an order in each state, each by a person whose name is the state."""

    def place(state: str, method: str, keeps: int = DAY) -> checkout.Order:
        guest = fest.guests[state] = database.write(invite_one, state)
        _hold(database, guest, fest.names["desk"])
        order, _ = database.write(
            placements.place_order, guest.id, method, keeps, state, asks=method != "desk"
        )
        fest.names[f"order_{state}"] = order.ref
        return order

    # The method is switched off, so the portal never asks about these payments and the orders keep their states.
    unanswered = place("unanswered", "stripe")
    database.write(orders.ask_later, unanswered.id, 0, "ProviderError: Something is wrong at the provider's.")
    waiting = place("waiting", "stripe")
    database.write(orders.mark_waiting, waiting.id, "session", f"{fest.server.url}/elsewhere")
    place("desk", "desk")
    declined = place("declined", "sandbox")
    database.write(orders.mark_declined, declined.id, "The card was declined.")
    cancelled = place("cancelled", "sandbox")
    database.write(orders.cancel_order, fest.guests["cancelled"].id, cancelled.ref)
    for state in ("refunding", "refunded"):
        order = place(state, "desk")
        database.write(orders.cancel_order, fest.guests[state].id, order.ref)
        database.write(orders.mark_paid, order.id, "at the desk", order.total)
    database.write(give_money_back, fest.names["order_refunded"], fest.guests["organiser"].id)
    database.clock.move(-HOUR)
    expired = place("expired", "desk", MINUTE)
    database.clock.move(HOUR)
    database.write(orders.expire_order, expired.id)
