"""A fest on a real server, for requests that no form of the portal sends."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from festgate.portal.accounts.passwords import hash_password
from festgate.portal.accounts.people import Newcomer, add_person
from tests.journeys.stage import (
    Guest,
    Rows,
    announce,
    await_idle,
    check_data,
    invite,
    invite_one,
    open_reader,
)
from tests.rig.database import open_database
from tests.rig.forms import hidden_fields
from tests.rig.server import Server, serving
from tests.rig.wire import FORM, Answer, exchange, form, request

PASSWORD = "correct horse"
"""The password of `asha`, who has an account and no seat."""
FORM_HEADERS = {"content-type": FORM}
JSON = {"content-type": "application/json"}
SETTINGS = {
    "FESTGATE_PAYMENT_METHODS": "sandbox,desk",
    "FESTGATE_SIGN_IN_LIMIT": "1000000",
    "FESTGATE_ADDRESS_LIMIT": "1000000",
}
TABLES = (
    "accounts_people",
    "registrations_seats",
    "checkout_orders",
    "checkout_sandbox_charges",
    "tickets_tickets",
    "catalogue_events",
)
COUNTS = f"SELECT {', '.join(f'(SELECT count(*) FROM {table})' for table in TABLES)}"  # noqa: S608  (our own names)


@dataclass(frozen=True)
class Fest:
    """A server, a person with a seat, an order and a ticket, another person, and an organiser."""

    server: Server
    url: str
    rows: Rows
    """Queries the data while the server uses them."""
    owner: Guest
    other: Guest
    organiser: Guest
    ref: str
    code: str
    seat: int

    def send(
        self,
        method: str,
        target: str | bytes,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        guest: Guest | None = None,
    ) -> Answer:
        """Send one request on a new connection."""
        return exchange(
            self.server.url, request(method, target, (guest.cookie if guest else {}) | (headers or {}), body)
        )

    def post(self, path: str, fields: dict[str, str], guest: Guest | None = None, **headers: str) -> Answer:
        """Send a form as a browser does."""
        return self.send("POST", path, FORM_HEADERS | headers, form(fields), guest)

    def counts(self) -> list[tuple[Any, ...]]:
        """Return the number of rows of each table."""
        return self.rows(COUNTS)


@contextmanager
def serve_fest(url: str, data: Path) -> Iterator[Fest]:
    """Serve the migrated database at `url` until the end of the block; then check every invariant of the data."""
    extra = SETTINGS if url.startswith("sqlite") else SETTINGS | {"FESTGATE_DATABASE_URL": url}
    with open_database(url) as database:
        for title in ("Robo Race", "Hackathon"):
            database.write(announce, title)
        owner, other = database.write(invite, 2)
        organiser = database.write(invite_one, "organiser", "organiser")
        database.write(add_person, Newcomer("asha", "asha@example.org"), hash_password(PASSWORD))
    with serving(data, extra=extra) as server, open_reader(url, data) as rows:
        fest = Fest(server, url, rows, owner, other, organiser, "", "", 0)
        assert fest.post("/events/robo-race/register", {}, owner).location == "/my-events"
        checkout_fields = hidden_fields(fest.send("GET", "/checkout", guest=owner).text, "/checkout")
        paid = fest.post("/checkout", checkout_fields | {"payment_method": "sandbox"}, owner)
        ref = paid.location.removeprefix("/orders/")
        assert fest.post("/events/hackathon/register", {}, owner).location == "/my-events"
        await_idle(server)
        ((code,),) = fest.rows("SELECT code FROM tickets_tickets")
        ((seat,),) = fest.rows("SELECT id FROM registrations_seats WHERE state = 'held'")
        yield replace(fest, ref=ref, code=code, seat=seat)
        check_data(data, extra)


@contextmanager
def assert_unchanged(fest: Fest) -> Iterator[None]:
    """Assert that the block causes no unhandled exception and changes no number of rows."""
    before, seen = fest.counts(), len(fest.server.log())
    yield
    assert "unhandled exception" not in fest.server.log()[seen:]
    assert fest.counts() == before


def message_of(answer: Answer) -> str:
    """Return the message of a refusal: on a page the text below its heading, in a problem its detail."""
    kind = answer.headers.get("content-type", "")
    if kind == "application/problem+json":
        message: str = json.loads(answer.body)["detail"]
    elif kind.startswith("text/html"):
        match = re.search(
            r'<p class="lead">([^<]+)</p>|class="(?:error|notice[^"]*)"[^>]*>([^<]+)<', answer.text
        )
        assert match is not None, answer.text
        message = match.group(1) or match.group(2)
    else:
        # The server answers invalid HTTP itself, in plain text.
        message = answer.text
    assert re.match(r"\S.{8,}[.:]", message), message
    return message
