"""Cancel an event: the people and the money concerned, as the page shows them before it is done."""

from dataclasses import dataclass

from festgate.kit import shown
from festgate.kit.db.statements import Connection
from festgate.kit.money import Money
from festgate.kit.translation import N_, gettext, ngettext
from festgate.kit.visitors import Actor
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Event
from festgate.portal.registrations import facade as registrations


class CancellationChanged(shown.Changed):
    """Other people or another amount are concerned than the page showed. Nothing was cancelled."""

    code = "cancellation-changed"
    message = N_(
        "This has changed since you opened the page, so nothing has been cancelled. "
        "Please check the figures again."
    )


@dataclass(frozen=True, slots=True)
class Concerned:
    """The view model of an event's cancel page: what cancelling would do now."""

    event: Event
    held: int
    """People who hold a seat and have not paid yet."""
    confirmed: int
    """People whose seat is confirmed."""
    refunds: tuple[Money, ...]
    """The money that would be refunded, by currency."""
    places: int
    """Seats that belong to passes of other events."""
    passes: int
    """Passes of this event, with seats at others."""

    @property
    def people(self) -> int:
        """Everybody who holds a seat."""
        return self.held + self.confirmed

    @property
    def heading(self) -> str:
        """The question."""
        if self.event.state == "draft":
            return gettext("Delete the draft of {event}?").format(event=self.event.title)
        return gettext("Cancel {event}?").format(event=self.event.title)

    @property
    def consequence(self) -> str:
        """The consequence, in one or two sentences."""
        if self.event.state == "draft":
            return gettext("Nobody has seen the draft. It cannot be restored.")
        if not self.people:
            return gettext(
                "Nobody holds a seat. The event stays on the list as cancelled. This cannot be undone."
            )
        return gettext(
            "Every registration is cancelled, everybody who has paid is refunded in full, and the event stays on the "
            "list as cancelled. This cannot be undone."
        )

    @property
    def about_passes(self) -> tuple[str, ...]:
        """Sentences about passes; none without any."""
        sentences = []
        if self.places:
            sentence = ngettext(
                "{count} of these seats belongs to a pass of another event. The pass stays valid there, and is not "
                "refunded automatically.",
                "{count} of these seats belong to passes of other events. The passes stay valid there, and are not "
                "refunded automatically.",
                self.places,
            )
            sentences.append(sentence.format(count=self.places))
        if self.passes:
            sentence = ngettext(
                "{count} pass is sold here. It ends at its other events too.",
                "{count} passes are sold here. They end at their other events too.",
                self.passes,
            )
            sentences.append(sentence.format(count=self.passes))
        return tuple(sentences)

    @property
    def button(self) -> str:
        """The button that does it."""
        return gettext("Delete the draft") if self.event.state == "draft" else gettext("Cancel event")

    @property
    def shown(self) -> str:
        """The hidden field of the form: `published;3;2;90000 INR`."""
        money = ",".join(shown.amount(refund) for refund in self.refunds)
        return shown.facts(self.event.state, self.held, self.confirmed, money)


def find_concerned(connection: Connection, slug: str) -> Concerned:
    """Return what cancelling the event would do now. Raises NotFound."""
    event = catalogue.any_event_by_slug(connection, slug)
    seats = registrations.count_seats(connection, event.id)
    return Concerned(
        event, seats.held, seats.confirmed, seats.paid, *registrations.count_passes(connection, event.id)
    )


def cancel_as_shown(
    connection: Connection, slug: str, seen: str, actor: Actor, *, whatever: bool = False
) -> Event:
    """Cancel the event if it concerns what the form showed. A second time does nothing.

    `whatever` is for an event that is being registered for at that moment, where the numbers never stand still: only
    its state has to be as it was shown. `actor` is for the audit log. Raises NotFound or CancellationChanged.
    """
    event = catalogue.any_event_by_slug(connection, slug)
    if event.state == "cancelled":
        return event
    # Nobody takes a seat between the count and the cancellation.
    catalogue.lock_seats(connection, event.id)
    now = find_concerned(connection, slug)
    same_state = seen.partition(";")[0] == now.event.state
    if now.event.state != "cancelled" and not (seen == now.shown or (whatever and same_state)):
        raise CancellationChanged
    return catalogue.cancel_event(connection, slug, actor=actor)
