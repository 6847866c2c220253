"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal["role.changed", "order.refunded", "sale.made", "sale.undone", "shift.closed"]

TITLES: Final[Mapping[Action, str]] = {
    "role.changed": N_("Role changed"),
    "order.refunded": N_("Order refunded"),
    "sale.made": N_("Sold at the box office"),
    "sale.undone": N_("Sale taken back"),
    "shift.closed": N_("Shift closed"),
}
