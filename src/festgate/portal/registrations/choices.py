"""The ticket types that a registration chooses, checked against their rules."""

from collections.abc import Mapping, Sequence

from festgate.kit.clock import Milliseconds
from festgate.kit.errors import NotFound
from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations.errors import ChooseTicket, SalesClosed, SalesNotOpen


def choose(
    types: Sequence[catalogue.TicketType],
    wanted: Mapping[int, int] | None,
    now: Milliseconds,
) -> dict[catalogue.TicketType, int]:
    """Return the number of tickets by type. `wanted` has it by type id; None is one ticket of the only type on sale.

    Raises NotFound for a type of another event, ChooseTicket, SalesNotOpen or SalesClosed.
    """
    if wanted is None:
        offered = [kind for kind in types if catalogue.is_offered(kind, types, now)]
        if len(offered) != 1:
            raise ChooseTicket if offered else SalesClosed
        wanted = {offered[0].id: offered[0].details.min_per_order}
    by_id = {kind.id: kind for kind in types}
    if not wanted.keys() <= by_id.keys():
        raise NotFound
    chosen = {by_id[type_id]: count for type_id, count in wanted.items() if count}
    if not chosen:
        raise ChooseTicket(gettext("Choose at least one ticket."))
    for kind, count in chosen.items():
        _check(kind, types, count, now)
    return chosen


def _check(
    kind: catalogue.TicketType,
    types: Sequence[catalogue.TicketType],
    count: int,
    now: Milliseconds,
) -> None:
    details = kind.details
    if details.sales_open_at > now:
        raise SalesNotOpen
    if not catalogue.is_offered(kind, types, now):
        raise SalesClosed
    if count < details.min_per_order or count > details.max_per_order:
        if details.max_per_order == 1:
            raise ChooseTicket(gettext("You can have one ticket of this type."))
        sentence = gettext("Choose {min} to {max} tickets of this type.")
        raise ChooseTicket(sentence.format(min=details.min_per_order, max=details.max_per_order))
