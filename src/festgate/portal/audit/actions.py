"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal["role.changed", "order.refunded", "settings.changed", "fest.set-up"]

TITLES: Final[Mapping[Action, str]] = {
    "role.changed": N_("Role changed"),
    "order.refunded": N_("Order refunded"),
    "settings.changed": N_("Settings changed"),
    "fest.set-up": N_("Fest set up"),
}
