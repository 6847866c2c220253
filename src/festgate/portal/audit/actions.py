"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal[
    "role.changed",
    "order.refunded",
    "transfer.confirmed",
    "transfer.rejected",
    "statement.imported",
    "line.assigned",
    "line.ignored",
]

TITLES: Final[Mapping[Action, str]] = {
    "role.changed": N_("Role changed"),
    "order.refunded": N_("Order refunded"),
    "transfer.confirmed": N_("Transfer confirmed"),
    "transfer.rejected": N_("Number of a transfer rejected"),
    "statement.imported": N_("Bank statement imported"),
    "line.assigned": N_("Payment assigned to an order"),
    "line.ignored": N_("Payment on a statement ignored"),
}
