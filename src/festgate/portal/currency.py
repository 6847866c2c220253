"""The currency of the fest's money, and the refusal to start in another one."""

from collections import Counter

import structlog

from festgate.kit.db.statements import Connection
from festgate.kit.errors import StartupError
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout

log = structlog.get_logger()


def refuse_other_currency(connection: Connection, currency: str) -> None:
    """Raise StartupError when events or orders of the fest are in another currency than the setting's.

    Where several are in use already, any of them may be the setting: each amount keeps its own.
    """
    events, orders = catalogue.count_by_currency(connection), checkout.count_by_currency(connection)
    used = Counter(events) + Counter(orders)
    others = sorted(set(used) - {currency}, key=lambda code: -used[code])
    if not others:
        return
    if currency in used:
        log.warning("the fest has money in several currencies", setting=currency, others=others)
        return
    other = others[0]
    counts = [
        f"{count} {noun if count == 1 else f'{noun}s'}"
        for noun, count in (("event", events.get(other, 0)), ("order", orders.get(other, 0)))
        if count
    ]
    verb = "is" if len(counts) == 1 and counts[0].startswith("1 ") else "are"
    msg = (
        f"The currency is set to {currency}, but {' and '.join(counts)} of this fest {verb} in {other}. "
        f"Money keeps the currency it was sold in: set FESTGATE_CURRENCY={other}"
    )
    if not orders:
        msg += f", or change the fees with `festgate events set-currency {currency}`, as nothing is sold yet"
    msg += "."
    raise StartupError(msg)
