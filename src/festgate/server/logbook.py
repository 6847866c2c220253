"""The parent's log. What writes it is large (14 MB of the 28 that the parent would have): loaded when it is used."""

from functools import cache
from typing import TYPE_CHECKING, Literal

from festgate.server.orders import Order

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


def logbook(order: Order) -> "FilteringBoundLogger":
    """The log of this process, in the same format as its workers'."""
    return _open(order.log_format, order.log_level)


@cache
def _open(log_format: Literal["auto", "console", "json"], log_level: str) -> "FilteringBoundLogger":
    import structlog  # noqa: PLC0415

    from festgate.kit.logging import configure  # noqa: PLC0415

    configure(log_format, log_level)
    log: FilteringBoundLogger = structlog.get_logger()
    return log
