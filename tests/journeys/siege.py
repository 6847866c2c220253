"""A fest under siege: a real server, on each kind of database, that is sent what no form of ours would send."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from festgate.portal.accounts.passwords import hash_password
from festgate.portal.accounts.people import Newcomer, add_person
from tests.journeys.stage import Guest, announce, ask_data, holds, invite, invite_one, quiet
from tests.rig.database import open_database
from tests.rig.forms import hidden_fields
from tests.rig.server import Server, serving
from tests.rig.wire import FORM, Answer, exchange, form, request

PASSWORD = "correct horse"
"""Of `asha`, who has an account and nothing else."""
SEND = {"content-type": FORM}
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


@dataclass(frozen=True)
class Fest:
    """A server; someone with a seat, an order and a ticket; someone else; and an organiser."""

    server: Server
    url: str
    owner: Guest
    other: Guest
    organiser: Guest
    ref: str
    code: str
    seat: int

    def ask(
        self,
        method: str,
        target: str | bytes,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        who: Guest | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        return exchange(
            self.server.url, request(method, target, (who.cookie if who else {}) | (headers or {}), body)
        )

    def post(self, path: str, fields: dict[str, str], who: Guest | None = None, **headers: str) -> Answer:
        """A form, as a browser sends it."""
        return self.ask("POST", path, SEND | headers, form(fields), who)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the data say, read beside the server."""
        return ask_data(self.url, self.server.data, sql)

    def counts(self) -> list[int]:
        """How many rows each table has."""
        return [self.rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES]  # noqa: S608  (our own names)


@contextmanager
def siege(url: str, data: Path) -> Iterator[Fest]:
    """A server over the migrated database at `url`; in the end every invariant of its data holds."""
    extra = SETTINGS if url.startswith("sqlite") else SETTINGS | {"FESTGATE_DATABASE_URL": url}
    with open_database(url) as database:
        for title in ("Robo Race", "Hackathon"):
            database.write(announce, title)
        owner, other = database.write(invite, 2)
        organiser = database.write(invite_one, "organiser", "organiser")
        database.write(add_person, Newcomer("asha", "asha@example.org"), hash_password(PASSWORD))
    with serving(data, extra=extra) as server:
        fest = Fest(server, url, owner, other, organiser, "", "", 0)
        assert fest.post("/events/robo-race/register", {}, owner).location == "/my-events"
        till = hidden_fields(fest.ask("GET", "/checkout", who=owner).text, "/checkout")
        paid = fest.post("/checkout", till | {"payment_method": "sandbox"}, owner)
        ref = paid.location.removeprefix("/orders/")
        assert fest.post("/events/hackathon/register", {}, owner).location == "/my-events"
        quiet(server)
        ((code,),) = fest.rows("SELECT code FROM tickets_tickets")
        ((seat,),) = fest.rows("SELECT id FROM registrations_seats WHERE state = 'held'")
        yield replace(fest, ref=ref, code=code, seat=seat)
        holds(data, extra)


@contextmanager
def unharmed(fest: Fest) -> Iterator[None]:
    """Whatever is sent within the block: the log has no bug, and each table has the rows that it had."""
    before, seen = fest.counts(), len(fest.server.log())
    yield
    assert "unhandled exception" not in fest.server.log()[seen:]
    assert fest.counts() == before


def sentence(answer: Answer) -> str:
    """What a refusal says: on a page below its heading, in a problem as its detail."""
    kind = answer.headers.get("content-type", "")
    if kind == "application/problem+json":
        said: str = json.loads(answer.body)["detail"]
    elif kind.startswith("text/html"):
        found = re.search(
            r'<p class="lead">([^<]+)</p>|class="(?:error|notice[^"]*)"[^>]*>([^<]+)<', answer.text
        )
        assert found is not None, answer.text
        said = found.group(1) or found.group(2)
    else:
        # What cannot be read as HTTP at all does not come as far as the portal.
        said = answer.text
    assert re.match(r"\S.{8,}[.:]", said), said
    return said
