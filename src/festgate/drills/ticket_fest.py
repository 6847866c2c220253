"""Users of everything that an event can sell, for drills: ticket types, a promo code, teams, a pass, a waiting list.

    locust -f src/festgate/drills/ticket_fest.py

They want the few events of the demo that have these, so that seats, codes and places in line are scarce. Many change
their mind, and an organiser, if FESTGATE_REHEARSAL_ORGANISER names one, opens a waiting list and offers seats by hand.
So a fault meets seats that are being offered, taken and given back.
"""

import os
import re
from typing import Final

from locust import task

from festgate.rehearsal.journeys import events, opening_day, tickets

SCARCE: Final = "photography-walk"
"""An event of a few seats."""
FULL: Final = "pottery-corner"
"""A full event with people on its waiting list."""
STAGE: Final = "stage-pass"
"""An event whose ticket is a pass for three others."""
_ENTRY: Final = re.compile(rb'name="(entry-\d+)"')


class Buyer(tickets.TicketBuyer):
    """A buyer of what the page of an event offers."""

    weight = 8
    code = "DEMO20"
    events = (SCARCE, FULL, "treasure-hunt", "ai-workshop", "music-night", STAGE)
    fickle_share = 0.5


class Reader(events.Events):
    """A reader of the list of events."""

    weight = 3


class ListKeeper(opening_day.Organiser):
    """An organiser in charge of the waiting lists."""

    abstract = opening_day.ORGANISER_VARIABLE not in os.environ
    fixed_count = 1
    weight = 1

    @task
    def keep_lists(self) -> None:
        """Open the waiting list of a scarce event, and offer a seat by hand at a full one."""
        if not self.signed_in_as:
            username, _, password = os.environ[opening_day.ORGANISER_VARIABLE].partition(":")
            self.sign_in(username, password)
        step = "/organise/events/{slug}/waiting"
        scarce, full = (f"/organise/events/{slug}/waiting" for slug in (SCARCE, FULL))
        self.post(scarce, step, {"waiting_list": "open", "offer_hours": "1"}, scarce)
        people = _ENTRY.findall(self.get(full, step, heading=b"<h1>Waiting list</h1>"))
        if people:
            chosen = self.rng.choice(people).decode()
            # The person may have left the list meanwhile, and the page then states so.
            self.post(
                f"{full}/people", f"{step}/people", {chosen: "yes", "then": "offer", "raise": "yes"}, full
            )
