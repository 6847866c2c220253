"""The roles of a fest's team, and the table of permissions of each role.

Pages, the API and the reference of roles are made from this table; no other place decides about access.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from festgate.kit.translation import N_

Role: TypeAlias = Literal["attendee", "staff", "box-office", "treasurer", "lead", "organiser", "owner"]
"""Roles by their names in the data. `staff` is the role at the door."""

Permission: TypeAlias = Literal[
    "office",
    "events.edit",
    "events.manage",
    "guests.view",
    "guests.edit",
    "guests.export",
    "guests.erase",
    "orders.view",
    "orders.edit",
    "orders.settle",
    "orders.refund",
    "money.view",
    "transfers",
    "box-office",
    "door",
    "team",
    "settings",
    "audit",
]

MEANINGS: Final[Mapping[Permission, str]] = {
    "office": N_("Open the office and see the list of events."),
    "events.edit": N_("Edit an event, its tickets, questions and waiting list, and open or close its sales."),
    "events.manage": N_("Create, import, copy and cancel events; edit rooms, shared quotas and promo codes."),
    "guests.view": N_("See the guests, with their answers."),
    "guests.edit": N_(
        "Correct names and addresses, send tickets again, transfer and cancel free registrations."
    ),
    "guests.export": N_("Download lists of guests."),
    "guests.erase": N_("Delete the data of a guest."),
    "orders.view": N_("See orders and payments."),
    "orders.edit": N_("Change what was ordered, give complimentary tickets, and write notes."),
    "orders.settle": N_("Record that an order was paid by hand."),
    "orders.refund": N_("Cancel paid registrations and refund them."),
    "money.view": N_("See the money received, expected and refunded."),
    "transfers": N_("Confirm bank transfers and upload statements."),
    "box-office": N_("Sell at the box office."),
    "door": N_("Check people in."),
    "team": N_("Invite people, and give and take roles up to one's own."),
    "settings": N_("Change the settings of the fest, its payment methods and its mail."),
    "audit": N_("Read the audit log."),
}
"""What each permission allows, as a sentence for the page of the team and for the reference."""

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    "attendee": frozenset(),
    "staff": frozenset({"door"}),
    "box-office": frozenset(
        {"office", "guests.view", "guests.edit", "orders.view", "orders.settle", "box-office", "door"}
    ),
    "treasurer": frozenset(
        {
            "office",
            "guests.view",
            "guests.export",
            "orders.view",
            "orders.settle",
            "orders.refund",
            "money.view",
            "transfers",
        }
    ),
    "lead": frozenset({"office", "events.edit", "guests.view", "guests.edit", "guests.export", "door"}),
    "organiser": frozenset(MEANINGS) - {"settings"},
    "owner": frozenset(MEANINGS),
}
"""What each role may do. A lead may do it at their own events only."""


ASSIGNABLE: Final[frozenset[Role]] = frozenset({"lead", "staff"})
"""Roles that events can be assigned to. A lead without events sees none; staff without events work at every door."""


@dataclass(frozen=True, slots=True)
class RoleName:
    """The names of a role for people."""

    title: str
    purpose: str


ROLE_NAMES: Final[Mapping[Role, RoleName]] = {
    "attendee": RoleName(N_("Attendee"), N_("Registers for events, and has no part in running the fest.")),
    "staff": RoleName(N_("Door"), N_("Checks people in, at every event or at the assigned ones.")),
    "box-office": RoleName(N_("Box office"), N_("Sells tickets on the spot and checks people in.")),
    "treasurer": RoleName(N_("Treasurer"), N_("Sees the money, confirms transfers and refunds orders.")),
    "lead": RoleName(N_("Event lead"), N_("Runs the events that are assigned to them, and sees no others.")),
    "organiser": RoleName(N_("Organiser"), N_("Runs the whole fest, except its settings.")),
    "owner": RoleName(N_("Owner"), N_("May do everything, also settings and the roles of organisers.")),
}


def may_grant(own: Role, other: Role) -> bool:
    """Return whether a person with the role `own` may give or take `other`: nobody grants more than they have."""
    return "team" in PERMISSIONS[own] and PERMISSIONS[other] <= PERMISSIONS[own]
