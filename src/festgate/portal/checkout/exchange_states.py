"""The difference of an exchanged seat that has ended: what is owed is void, what was paid goes back by hand.

That of a team is in the row of one of its seats, and moves to another while one is left.
"""

from collections.abc import Iterable

from sqlalchemy import bindparam, case, func, select, table, update
from sqlalchemy.sql import column

from festgate.kit.db.statements import Connection, Statement
from festgate.portal.checkout.tables import exchanges

# A table of a lower module, by name (decision 0012).
_seats = table("registrations_seats", column("id"), column("team_id"), column("state"))
_team_mates = _seats.alias("team_mates")
_OPEN = (exchanges.c.seat_id == bindparam("seat"), exchanges.c.settlement.in_(("owed", "paid")))
_left_of_team = Statement(
    select(func.min(_team_mates.c.id))
    .join_from(_seats, _team_mates, _team_mates.c.team_id == _seats.c.team_id)
    .where(_seats.c.id == bindparam("seat"), _team_mates.c.state == "confirmed")
)
_move = Statement(update(exchanges).where(*_OPEN).values(seat_id=bindparam("other")))
_release = Statement(
    update(exchanges)
    .where(*_OPEN)
    .values(settlement=case((exchanges.c.settlement == "paid", "due"), else_="waived"))
)


def release_differences(connection: Connection, seat_ids: Iterable[int]) -> None:
    """End the open differences of seats that have ended. A second call changes nothing."""
    for seat_id in seat_ids:
        other = connection.value(_left_of_team, seat=seat_id)
        if other is None:
            connection.run(_release, seat=seat_id)
        else:
            connection.run(_move, seat=seat_id, other=other)
