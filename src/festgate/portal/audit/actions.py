"""The actions of the audit log, by their names in the data, which never change."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Action: TypeAlias = Literal[
    "role.changed",
    "team.invited",
    "team.joined",
    "invitation.sent-again",
    "invitation.withdrawn",
    "order.refunded",
]

TITLES: Final[Mapping[Action, str]] = {
    "role.changed": N_("Role or events changed"),
    "team.invited": N_("Invited to the team"),
    "team.joined": N_("Joined the team"),
    "invitation.sent-again": N_("Invitation sent again"),
    "invitation.withdrawn": N_("Invitation withdrawn"),
    "order.refunded": N_("Order refunded"),
}
