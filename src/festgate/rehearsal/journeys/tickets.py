"""Everything that an event can sell: ticket types, quantities, a promo code, teams, passes, and a waiting list.

    FESTGATE_REHEARSAL_CODE=DEMO20 locust -f src/festgate/rehearsal/journeys/tickets.py

Each iteration is a new person. They open any event and use a form that its page shows: one chooses a ticket type and a
quantity, registers a team, or joins the waiting list. Some change their mind before they pay, so that a seat comes free
for the waiting list. A person on the list looks at the page for a few seconds, takes a seat that is offered, or leaves.
The holder of a pass sees its other events under My events. Questions of the organisers are answered at once.

A promo code that is used up, a price that has changed, an event that has just sold out, and a pass to an event where
the person has a seat are correct answers.

Environment variable: FESTGATE_REHEARSAL_CODE, a promo code, which is entered at each event that takes codes.
"""

import os
import re
import time
from typing import ClassVar, Final

from locust import task

from festgate.rehearsal.journeys.shared.forms import Form, read_form
from festgate.rehearsal.journeys.shared.visitor import SOLD_OUT, Offer, Visitor

CODE_VARIABLE: Final = "FESTGATE_REHEARSAL_CODE"
TEAM_SHARE: Final = 0.5
"""Share of the people that register a team where they could also come alone."""
PATIENCE: Final = 4.0
"""Seconds for which a person on a waiting list looks at the page."""
LOOK_AGAIN: Final = 1.0
OWN_SEAT: Final = b'<div class="own'
TAKES_CODES: Final = b'class="promo-code"'
APPLIED: Final = b"is applied"
REFUSED_CODE: Final = b'class="notice notice-bad'
WAITING: Final = b"You are number"
TICKET: Final = b'class="choice-name"'
REFUSED_PASS: Final = b"The pass also admits to"
"""The beginning of the reason why a person cannot have a pass, or not so many."""
_ADMITS: Final = re.compile(rb"Also admits to:(.*?)</(?:span|p)>", re.DOTALL)
"""The other events of a pass: on the page of its event, and under My events, there as links."""
_TAG: Final = re.compile(rb"<[^>]*>")
_CONFIRM: Final = re.compile(rb'action="(/registrations/\d+/confirm)"')
_LEAVE: Final = re.compile(rb'action="(/waiting/\d+/leave)"')
_TEAM: Final = re.compile(rb'href="(/teams/\d+)"')
_CANCEL: Final = re.compile(rb'href="(/registrations/\d+/cancel)"')


class TicketBuyer(Visitor):
    """One person per iteration: a buyer of what the page of an event offers."""

    code: ClassVar[str] = os.environ.get(CODE_VARIABLE, "")
    events: ClassVar[tuple[str, ...]] = ()
    """The slugs of the events to choose from; all if there are none."""
    fickle_share: ClassVar[float] = 0.25
    """Share of the people that cancel a seat before they pay for it."""

    @task
    def buy(self) -> None:
        """Choose an event and take what it offers, beginning with GET /events."""
        self.come()
        offers = [offer for offer in self.browse() if not offer.soon]
        wanted = [offer for offer in offers if offer.slug in self.events] or offers
        offer = self.rng.choice(wanted)
        self.sign_up(f"/events/{offer.slug}")
        page = self.open_event(offer)
        if OWN_SEAT in page:  # of an earlier run with the same seed
            return
        if self.code and TAKES_CODES in page:
            page = self.enter_code(offer)
        single = read_form(page, f"/events/{offer.slug}/register")
        team = read_form(page, f"/events/{offer.slug}/teams")
        line = read_form(page, f"/events/{offer.slug}/wait")
        if team and (single is None or self.rng.random() < TEAM_SHARE):
            taken = self.register_team(offer, team)
        elif single:
            taken = self.register_tickets(offer, single)
        else:
            taken = line is not None and self.wait_for_offer(offer, line)
        if taken and page.count(TICKET) == 1:
            self.see_places(offer, page)
        if taken and self.rng.random() < self.fickle_share:
            self.change_mind(offer)
        elif taken:
            # The ticket of a free seat may take a moment longer than the page.
            ticket = self.see_my_events(offer) or ("" if offer.free else self.pay(offer))
            if ticket:
                self.see_ticket(ticket, offer)

    def enter_code(self, offer: Offer) -> bytes:
        """Return the event's page with the promo code, or with the reason why the code cannot be used."""
        return self.get(
            f"/events/{offer.slug}?code={self.code}",
            "/events/{slug}?code",
            lambda page: "" if APPLIED in page or REFUSED_CODE in page else "the code is not applied",
            title=b"<h1>" + offer.title + b"</h1>",
        )

    def register_tickets(self, offer: Offer, form: Form) -> bool:
        """Take tickets of one type, as many as the choice of the form gives; return whether they were taken."""
        fields = dict(form.hidden)
        if "ticket" in form.options:
            fields["ticket"] = self.rng.choice(form.options["ticket"])
        counts = [name for name in form.options if name.startswith("count-")]
        if counts:
            chosen = self.rng.choice(counts)
            fields |= dict.fromkeys(counts, "0")
            fields[chosen] = self.rng.choice([value for value in form.options[chosen] if value != "0"])
        page = f"/events/{offer.slug}?"
        answer = self.post(
            f"/events/{offer.slug}/register",
            "/events/{slug}/register",
            fields,
            ("/my-events", page),
            but=(*SOLD_OUT, REFUSED_PASS),
        )
        return self.is_taken(answer)

    def is_taken(self, answer: str | bytes) -> bool:
        """Return whether seats were taken by a form with that answer, and answer the questions about them."""
        if isinstance(answer, str) and answer.endswith("/questions"):
            self.answer_questions(answer)
            return True
        return isinstance(answer, str) and answer.startswith(("/my-events", "/teams/"))

    def see_places(self, offer: Offer, page: bytes) -> None:
        """Check that My events lists the same other events as the event's page, if its only ticket is a pass."""
        admitted = _ADMITS.search(page)
        if admitted is None:
            return
        self.get(
            "/my-events",
            "/my-events",
            lambda own: (
                "" if _places(own, offer) == admitted[1].strip() else "a place of the pass is missing"
            ),
        )

    def register_team(self, offer: Offer, form: Form) -> bool:
        """Take the seats of a team of any size that the form allows; return whether they were taken."""
        fields = {**form.hidden, "size": self.rng.choice(form.options["size"])}
        fields["name"] = f"Team {self.person.username}"
        answer = self.post(
            f"/events/{offer.slug}/teams",
            "/events/{slug}/teams",
            fields,
            ("/my-events", "/teams/", f"/events/{offer.slug}?"),
            but=SOLD_OUT,
        )
        return self.is_taken(answer)

    def wait_for_offer(self, offer: Offer, form: Form) -> bool:
        """Join the waiting list, and look at the page for a while; return whether a seat was offered and taken."""
        fields = {**form.hidden, **{name: values[0] for name, values in form.options.items()}}
        page = f"/events/{offer.slug}"
        if self.post(f"{page}/wait", "/events/{slug}/wait", fields, page) != page:
            return False  # a seat has come free just now, or the list was closed
        deadline = time.monotonic() + PATIENCE
        shown = self.open_event(offer)
        while WAITING in shown and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN)  # gevent's, since Locust is imported
            shown = self.open_event(offer)
        if leave := _LEAVE.search(shown):
            self.post(leave[1].decode(), "/waiting/{id}/leave", {}, page)
            return False
        if confirm := _CONFIRM.search(shown):
            self.post(confirm[1].decode(), "/registrations/{id}/confirm", {}, "/my-events")
        return OWN_SEAT in shown

    def change_mind(self, offer: Offer) -> None:
        """Cancel the seat or the whole team, if that is still possible."""
        page = self.get("/my-events", "/my-events", heading=b"<h1>My events</h1>")
        own = _own(page, offer)
        if team := _TEAM.search(own):
            path, step = f"{team[1].decode()}/cancel", "/teams/{id}/cancel"
        elif seat := _CANCEL.search(own):
            path, step = seat[1].decode(), "/registrations/{id}/cancel"
        else:
            return
        self.get(path, step, event=offer.title, form=f'action="{path}"'.encode())
        self.post(path, step, {}, "/my-events")


def _own(page: bytes, offer: Offer) -> bytes:
    """Return the part of My events about one event."""
    return page.partition(f'href="/events/{offer.slug}"'.encode())[2].partition(b"</li>")[0]


def _places(page: bytes, offer: Offer) -> bytes:
    """Return the titles of the other events of a pass under My events; empty for any other ticket."""
    admitted = _ADMITS.search(_own(page, offer))
    return _TAG.sub(b"", admitted[1]).strip() if admitted else b""
