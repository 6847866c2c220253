"""A fest that has every state of every page, planted by the portal's own operations before it opens."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from festgate.kit.clock import DAY, HOUR, MINUTE
from festgate.kit.money import Money
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout import orders, placements
from festgate.portal.registrations.holds import cancel_seat, hold_seat
from tests.journeys.stage import Guest, announce, ask_file, before_opening, invite_one, quiet
from tests.kit.mailing import emails, text_of
from tests.portal.checkout.factories import give_money_back
from tests.rig.database import OpenDatabase
from tests.rig.server import Server, serving
from tests.rig.waiting import until

LINK = re.compile(r"/reset\?token=(\S+)")
LONG_NAME = "x" * 32
LONG_TITLE = "Donaudampfschifffahrtsgesellschaftskapitänsmützen " * 2
SETTINGS = {
    "FESTGATE_FEST_NAME": "Aurora Fest",
    "FESTGATE_PAYMENT_METHODS": "sandbox,desk",
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_TIMEZONE": "Asia/Kolkata",
}


@dataclass
class Gallery:
    """The server, who is there, and what the addresses of its pages are made of."""

    server: Server
    guests: dict[str, Guest] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Slugs of events, references of orders and codes of tickets, by the state that they are in."""


@contextmanager
def gallery(data: Path) -> Iterator[Gallery]:
    """Open for the length of the block. Planted on a thread, so that a browser may run in this one."""
    shown = Gallery(Server(data))
    with ThreadPoolExecutor(1) as thread:
        thread.submit(plant, data, shown).result()
    with serving(data, extra=SETTINGS) as shown.server:
        quiet(shown.server)
        for owner, state in (("attendee", "valid"), ("leaver", "void")):
            ((code,),) = ask_file(
                data,
                "SELECT code FROM tickets_tickets WHERE person_id = ? AND state = ? LIMIT 1",
                shown.guests[owner].id,
                state,
            )
            shown.names[state] = code
        _let_in(shown, "attendee", "free")
        _forget(shown, "newcomer")
        yield shown


def _forget(shown: Gallery, name: str) -> None:
    """Somebody has forgotten their password, and has an email with a link to another."""
    asked = httpx.post(f"{shown.server.url}/forgot", data={"username": name}, trust_env=False, verify=False)
    assert asked.status_code == httpx.codes.OK

    def link() -> str | None:
        found = [LINK.search(text_of(email)) for email in emails(shown.server.data)]
        return next((match[1] for match in found if match), None)

    shown.names["link"] = until(link, "the email with the link") or ""


def _let_in(shown: Gallery, name: str, event: str) -> None:
    """Somebody comes to the event's door and is checked in."""
    ((code,),) = ask_file(
        shown.server.data,
        "SELECT code FROM tickets_tickets JOIN catalogue_events e ON e.id = event_id WHERE person_id = ? AND slug = ?",
        shown.guests[name].id,
        shown.names[event],
    )
    with shown.guests["staff"].browser(shown.server) as staff:
        assert staff.post(f"/door/{shown.names[event]}", data={"code": code}).status_code == 303
    shown.names["in"] = code


def plant(data: Path, shown: Gallery) -> None:
    """People, events and orders."""
    with before_opening(data) as database:
        for name in ("newcomer", "holder", "attendee", "leaver", "shopper"):
            shown.guests[name] = database.write(invite_one, name)
        shown.guests["organiser"] = database.write(invite_one, "organiser", "organiser")
        shown.guests["staff"] = database.write(invite_one, "staff", "staff")
        shown.guests["long"] = database.write(invite_one, LONG_NAME)
        _plant_events(database, shown)
        _plant_seats(database, shown)
        _plant_orders(database, shown)


def _plant_events(database: OpenDatabase, shown: Gallery) -> None:
    now = database.clock.now

    def add(title: str, **changes: Any) -> catalogue.Event:  # noqa: ANN401  (fields of Details)
        return database.write(announce, title, **changes)

    events = {
        "open": add("Robo Race"),
        "free": add("Opening Ceremony", fee=0, category="Stage"),
        "few": add("Photography Walk", capacity=5),
        "soldout": add("AI Workshop", capacity=1),
        "soldout_free": add("Night Walk", capacity=1, fee=0),
        "soon": add("Stand-up Comedy", sales_open_at=now + HOUR),
        "closed": add("Treasure Hunt", sales_close_at=now - HOUR),
        "over": add("Warm-up", starts_at=now - 5 * HOUR),
        "cancelled": add("Rain Dance"),
        "long": add(LONG_TITLE.strip(), summary="y" * 200, place="z" * 120, fee=9_999_900),
        "desk": add("Music Night"),
    }
    for number in range(16):
        add(f"Talk {number}", category="Talks", starts_at=now + (2 + number) * DAY)
    database.write(catalogue.cancel_event, events["cancelled"].slug)
    rough = catalogue.Details("A rough idea", "", "", "", "", 0, 0, 0, 0, Money(0, "INR"), 0)
    shown.names = {state: event.slug for state, event in events.items()}
    shown.names["draft"] = database.write(catalogue.create_event, rough).slug


def _hold(database: OpenDatabase, guest: Guest, slug: str) -> int:
    return database.write(hold_seat, guest.id, slug, 15)


def _plant_seats(database: OpenDatabase, shown: Gallery) -> None:
    guests, names = shown.guests, shown.names
    _hold(database, guests["organiser"], names["soldout"])
    _hold(database, guests["organiser"], names["soldout_free"])
    for state in ("open", "few", "long"):
        _hold(database, guests["holder"], names[state])
    _hold(database, guests["long"], names["long"])
    _hold(database, guests["attendee"], names["free"])
    _hold(database, guests["attendee"], names["open"])
    order, _ = database.write(
        placements.place_order, guests["attendee"].id, "sandbox", MINUTE, "paid", asks=True
    )
    database.write(orders.mark_paid, order.id, "play-1", order.total)
    names["order_paid"] = order.ref
    database.write(cancel_seat, guests["leaver"].id, _hold(database, guests["leaver"], names["free"]))
    database.clock.move(-HOUR)
    _hold(database, guests["leaver"], names["open"])
    database.clock.move(HOUR)


def _plant_orders(database: OpenDatabase, shown: Gallery) -> None:
    """An order in each state, each by a person of its own who is called as the state."""

    def place(state: str, method: str, keeps: int = DAY) -> checkout.Order:
        guest = shown.guests[state] = database.write(invite_one, state)
        _hold(database, guest, shown.names["desk"])
        order, _ = database.write(
            placements.place_order, guest.id, method, keeps, state, asks=method != "desk"
        )
        shown.names[f"order_{state}"] = order.ref
        return order

    # Nobody asks about the payments of a method that is not switched on, so these stay as they are.
    unanswered = place("unanswered", "stripe")
    database.write(orders.ask_later, unanswered.id, 0, "ProviderError: Something is wrong at the provider's.")
    waiting = place("waiting", "stripe")
    database.write(orders.mark_waiting, waiting.id, "session", f"{shown.server.url}/elsewhere")
    place("desk", "desk")
    declined = place("declined", "sandbox")
    database.write(orders.mark_declined, declined.id, "The card was declined.")
    cancelled = place("cancelled", "sandbox")
    database.write(orders.cancel_order, shown.guests["cancelled"].id, cancelled.ref)
    for state in ("refunding", "refunded"):
        late = place(state, "desk")
        database.write(orders.cancel_order, shown.guests[state].id, late.ref)
        database.write(orders.mark_paid, late.id, "at the desk", late.total)
    database.write(give_money_back, shown.names["order_refunded"], shown.guests["organiser"].id)
    database.clock.move(-HOUR)
    expired = place("expired", "desk", MINUTE)
    database.clock.move(HOUR)
    database.write(orders.expire_order, expired.id)
