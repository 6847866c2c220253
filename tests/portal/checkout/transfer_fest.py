"""Transfer orders and bank statements for tests."""

from functools import partial
from pathlib import Path

from festgate.kit.clock import DAY
from festgate.kit.db.statements import Connection
from festgate.kit.money import Money
from festgate.kit.visitors import Actor
from festgate.portal.checkout import queries
from festgate.portal.checkout.bank_lines import (
    Imported,
    all_fingerprints,
    fingerprint_of,
    import_lines,
)
from festgate.portal.checkout.matching import Match, match_all
from festgate.portal.checkout.placements import place_order
from festgate.portal.checkout.records import Order
from festgate.portal.checkout.statement_files import Credit
from festgate.portal.checkout.transfer_queries import expected_orders
from festgate.portal.registrations.holds import hold_seat
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

SECRET = b"the secret of the fest"
STATEMENTS = Path(__file__).parent / "statements"


def statement(
    name: str, ref: str = "7GK2M9QX04", other: str = "5TNV3B8D1R", encoding: str = "utf-8"
) -> bytes:
    """Return a statement of an invented bank; the reference of an order in it is `ref`."""
    text = (STATEMENTS / name).read_text(encoding="utf-8")
    spaced = f"{ref[:4].lower()} {ref[4:]}"
    return text.format(asha=ref, asha_spaced=spaced, ravi_lower=other.lower()).encode(encoding)


def credit(text: str, minor: int = 45_000, *, utr: str = "", day: int = 3, occurrence: int = 0) -> Credit:
    """Return an incoming payment in INR."""
    return Credit(1, f"2026-11-{day:02}", Money(minor, "INR"), text, utr, occurrence)


class TransferFest:
    """A fest that takes transfers, in one database."""

    def __init__(self, database: OpenDatabase) -> None:
        """Add a treasurer."""
        self.database = database
        self.treasurer = add_someone(database)
        self.actor = Actor(self.treasurer, "session", "192.0.2.7")

    def order(self, *, fee: int = 45_000, capacity: int = 10, seats: int = 1, days: int = 30) -> Order:
        """Place an order by transfer for that many events of the same fee."""
        person = add_someone(self.database)
        for _ in range(seats):
            event = add_event(self.database, fee=fee, capacity=capacity, days=days)
            self.database.write(hold_seat, person, event.slug, 15)
        place = partial(place_order, asks=False)
        return self.database.write(place, person, "transfer", 3 * DAY, "key")[0]

    def now(self, order: Order) -> Order:
        """Return the order as it is now."""
        return self.database.read(queries.order_by_id, order.id)

    def back(self, order: Order) -> list[int]:
        """Return the amounts of its refunds."""
        return [part.amount.minor for part in self.database.read(queries.refunds_of, order.id)]

    def preview(self, *incoming: Credit) -> list[Match]:
        """Match the payments of a statement."""
        expected = self.database.read(expected_orders)
        known = self.database.read(all_fingerprints)
        return match_all(incoming, expected, partial(fingerprint_of, SECRET), known)

    def upload(self, *incoming: Credit) -> Imported:
        """Match and import the payments of a statement."""
        return self.confirm(self.preview(*incoming))

    def confirm(self, matches: list[Match]) -> Imported:
        """Import matched payments."""

        def operation(connection: Connection) -> Imported:
            return import_lines(connection, matches, SECRET, self.treasurer, self.actor)

        return self.database.write(operation)
