"""The module of the door: what it adds to the portal."""

from typing import TYPE_CHECKING

from festgate.kit.resilience.bulkhead import Budget
from festgate.kit.translation import N_
from festgate.kit.web.modules import Module, Parts
from festgate.kit.web.navigation import NavigationEntry
from festgate.kit.web.portal import Portal

if TYPE_CHECKING:
    from fastapi import APIRouter

MODULE = Module(
    name="door",
    title=N_("The door"),
    keeps=N_("Check-ins are stored. Meanwhile, let guests in by a printed list."),
    # Behind a bulkhead of its own: a crowd that looks at its tickets must not starve the door.
    budget=Budget(requests=200, seconds=5),
    pages=["/door", "/door/{rest:path}"],
    api=["/tickets/{code}/admission", "/door", "/door/{rest:path}"],
    navigation=[NavigationEntry(N_("Door"), "/door", "door", "door")],
    has_static=True,
)


def build(portal: Portal) -> Parts:
    """Build the parts of the door."""
    from festgate.portal.door.pages import DoorPages

    def api() -> "APIRouter":
        from festgate.portal.door.api import DoorApi

        return DoorApi(portal).router()

    return Parts(DoorPages(portal).routes(), api)
