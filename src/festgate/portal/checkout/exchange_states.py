"""The difference of an exchanged seat that has ended: what is owed is void, what was paid goes back by hand."""

from collections.abc import Iterable

from sqlalchemy import bindparam, case, update

from festgate.kit.db.statements import Connection, Statement
from festgate.portal.checkout.tables import exchanges

_release = Statement(
    update(exchanges)
    .where(exchanges.c.seat_id == bindparam("seat"), exchanges.c.settlement.in_(("owed", "paid")))
    .values(settlement=case((exchanges.c.settlement == "paid", "due"), else_="waived"))
)


def release_differences(connection: Connection, seat_ids: Iterable[int]) -> None:
    """End the open differences of seats that have ended. A second call changes nothing."""
    for seat_id in seat_ids:
        connection.run(_release, seat=seat_id)
