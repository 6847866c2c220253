"""Steps of organisers on one event: sentences about what they will do, and operations with entries in the audit log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from festgate.kit import shown
from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.roles import Permission
from festgate.kit.translation import N_, gettext, ngettext
from festgate.kit.visitors import Actor
from festgate.kit.writing import Writing
from festgate.portal.audit import facade as audit
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import Details, Event
from festgate.portal.registrations import facade as registrations

StepName: TypeAlias = Literal[
    "publish", "unpublish", "open-sales", "close-sales", "capacity", "move", "duplicate", "cancel"
]
May: TypeAlias = Callable[[Permission], bool]
MAX_DAYS_LENGTH = 6
DONE: Final[Mapping[str, str]] = {
    "published": N_("The event is published."),
    "unpublish": N_("The event is a draft again. Nobody sees it."),
    "open-sales": N_("Sales are open."),
    "close-sales": N_("Sales are closed."),
    "capacity": N_("The number of seats is changed."),
    "move": N_("The event is moved. Attendees are being emailed."),
    "moved-draft": N_("The event is moved."),
    "duplicate": N_("This is the copy. It is a draft: check it, and publish it."),
}
"""Notices after a step, by the parameter of the redirect."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that can be done with an event."""

    name: StepName
    label: str
    purpose: str
    permission: Permission = "events.edit"

    @property
    def tone(self) -> str:
        """Return the class of its button, after a space: the main step of a draft is to publish it."""
        return {"publish": "", "cancel": " danger"}.get(self.name, " plain")


@dataclass(frozen=True, slots=True)
class StepPage:
    """The view model of a page that asks before a step."""

    event: Event
    name: StepName
    heading: str
    sentences: tuple[str, ...]
    button: str
    """Empty where the step is not possible now: `sentences` state why, and what to do."""
    seen: str
    """The hidden field of the form: the event's version, and the days of a move."""
    times: tuple[str, str] | None = None
    """The times of the event before and after a move."""
    question: str = ""
    """The question whether a sold event really moves that far; empty without one."""


_STEPS: Final[Mapping[StepName, Step]] = {
    step.name: step
    for step in (
        Step("publish", N_("Publish"), N_("Visitors see the event, and can register once sales open.")),
        Step("open-sales", N_("Open sales now"), N_("Visitors can register at once.")),
        Step(
            "close-sales", N_("Close sales now"), N_("Nobody new can register; held seats can still be paid.")
        ),
        Step("capacity", N_("Change the number of seats"), N_("More or fewer people can come.")),
        Step("move", N_("Move by days"), N_("Start, end and sales move together; attendees get an email.")),
        Step(
            "duplicate",
            N_("Duplicate"),
            N_("Make a draft with the same details, tickets, questions and rules."),
            "events.manage",
        ),
        Step("unpublish", N_("Withdraw"), N_("Make it a draft again, while nobody has registered.")),
        Step(
            "cancel",
            N_("Cancel event"),
            N_("End every registration and refund what was paid."),
            "events.manage",
        ),
    )
}


def permission_of(name: StepName) -> Permission:
    """Return the permission that a step needs."""
    return _STEPS[name].permission


def offered_steps(event: Event, now: Milliseconds, may: May) -> list[Step]:
    """Return the steps that make sense for the event now, of those that the visitor may do, for its overview."""
    names: list[StepName] = []
    if event.state == "draft":
        names = ["publish", "capacity", "move", "duplicate", "cancel"]
    elif event.state == "cancelled":
        names = ["duplicate"]
    else:
        if now < event.ends_at:
            is_open = event.sales_open_at <= now < event.sales_close_at
            names.append("close-sales" if is_open else "open-sales")
            names.append("capacity")
        names += ["move", "duplicate"]
        if not event.taken:
            names.append("unpublish")
        names.append("cancel")
    return [
        Step(step.name, _label(step, event), _purpose(step, event), step.permission)
        for step in map(_STEPS.__getitem__, names)
        if may(step.permission)
    ]


def _label(step: Step, event: Event) -> str:
    if step.name == "cancel" and event.state == "draft":
        return gettext("Delete the draft")
    return gettext(step.label)


def _purpose(step: Step, event: Event) -> str:
    if step.name == "cancel" and event.state == "draft":
        return gettext("Nobody has seen the draft yet.")
    return gettext(step.purpose)


def ask(
    connection: Connection, slug: str, name: StepName, zone: ZoneInfo, writing: Writing, days: str
) -> StepPage:
    """Return the page that asks before a step. Raises NotFound, or Invalid for wrong days of a move."""
    event = catalogue.any_event_by_slug(connection, slug)
    asking = {
        "publish": _ask_publish,
        "unpublish": _ask_unpublish,
        "open-sales": _ask_open,
        "close-sales": _ask_close,
        "capacity": _ask_capacity,
        "duplicate": _ask_duplicate,
    }
    if name == "move":
        return _ask_move(connection, event, zone, writing, days)
    if name not in asking:
        raise NotFound
    heading, sentences, button = asking[name](connection, event, writing)
    if event.state == "cancelled" and name != "duplicate":
        sentences, button = [gettext("A cancelled event stays as it is. Duplicate it in its place.")], ""
    return StepPage(event, name, heading, tuple(sentences), button, shown.facts(event.version))


_Asked: TypeAlias = tuple[str, list[str], str]


def _ask_publish(_connection: Connection, event: Event, writing: Writing) -> _Asked:
    heading = gettext("Publish {event}?").format(event=event.title)
    if event.state == "published":
        return heading, [gettext("This event is published already.")], ""
    gaps = catalogue.find_gaps(event)
    if gaps:
        return heading, [gettext("It cannot be published yet."), *gaps.values()], ""
    sentences = [gettext("Everybody sees the event in the list and can share its page.")]
    if event.sales_open_at > writing.now():
        sentence = gettext("Sales open {time}.")
        sentences.append(sentence.format(time=writing.when(event.sales_open_at)))
    else:
        sentences.append(gettext("Sales open at once."))
    return heading, sentences, gettext("Publish")


def _ask_unpublish(connection: Connection, event: Event, _writing: Writing) -> _Asked:
    heading = gettext("Withdraw {event}?").format(event=event.title)
    if event.state == "draft":
        return heading, [gettext("This event is a draft already.")], ""
    if event.taken or event.waiting or registrations.was_registered_for(connection, event.id):
        return heading, [gettext(catalogue.WasRegisteredFor.message)], ""
    sentences = [
        gettext("The event disappears from the list, and its page answers that there is no such event."),
        gettext("Nobody has registered yet. You can publish it again at any time."),
    ]
    return heading, sentences, gettext("Withdraw")


def _ask_open(_connection: Connection, event: Event, writing: Writing) -> _Asked:
    heading = gettext("Open the sales of {event} now?").format(event=event.title)
    now = writing.now()
    if event.state == "draft":
        return heading, [gettext(catalogue.NotPublished.message)], ""
    if now >= event.ends_at:
        return heading, [gettext(catalogue.EventOver.message)], ""
    if event.sales_open_at <= now < event.sales_close_at:
        return heading, [gettext("Sales are open already.")], ""
    closes = event.sales_close_at
    if closes <= now:
        closes = event.starts_at if event.starts_at > now else event.ends_at
    sentences = [
        gettext("Visitors can register at once. Sales close {time}.").format(time=writing.when(closes)),
        gettext("Ticket types with times of their own keep them."),
    ]
    return heading, sentences, gettext("Open sales")


def _ask_close(_connection: Connection, event: Event, writing: Writing) -> _Asked:
    heading = gettext("Close the sales of {event} now?").format(event=event.title)
    if event.state == "draft":
        return heading, [gettext(catalogue.NotPublished.message)], ""
    if event.sales_close_at <= writing.now():
        return heading, [gettext("Sales are closed already.")], ""
    sentences = [
        gettext("Nobody new can register. Seats that are held stay held, and can still be paid."),
        gettext("You can open sales again at any time before the event ends."),
    ]
    return heading, sentences, gettext("Close sales")


def _ask_capacity(_connection: Connection, event: Event, _writing: Writing) -> _Asked:
    heading = gettext("Change the number of seats of {event}").format(event=event.title)
    sentence = ngettext(
        "{count} seat is taken, so there cannot be fewer.",
        "{count} seats are taken, so there cannot be fewer.",
        event.taken,
    )
    sentences = [sentence.format(count=event.taken)] if event.taken else []
    if event.waiting:
        sentences.append(gettext("New seats are offered to the waiting list first."))
    return heading, sentences, gettext("Save")


def _ask_duplicate(connection: Connection, event: Event, _writing: Writing) -> _Asked:
    heading = gettext("Duplicate {event}").format(event=event.title)
    types = sum(not kind.is_withdrawn for kind in catalogue.types_of(connection, event.id))
    sentence = ngettext(
        "A draft is made with the same details, rules and questions, and {count} ticket type.",
        "A draft is made with the same details, rules and questions, and {count} ticket types.",
        types,
    )
    rest = gettext(
        "It has no registrations, waiting list entries or promo codes. Nobody sees it until you publish it."
    )
    return heading, [sentence.format(count=types), rest], gettext("Duplicate")


def _ask_move(_connection: Connection, event: Event, zone: ZoneInfo, writing: Writing, days: str) -> StepPage:
    heading = gettext("Move {event}").format(event=event.title)
    if event.state == "cancelled":
        sentence = gettext("A cancelled event stays as it is. Duplicate it in its place.")
        return StepPage(event, "move", heading, (sentence,), "", "")
    if not event.starts_at:
        sentence = gettext("This event has no start yet. Enter one in its settings.")
        return StepPage(event, "move", heading, (sentence,), "", "")
    if not days:
        sentence = gettext(
            "Start, end, sales and the deadlines of its tickets move together, at the same time of day."
        )
        return StepPage(event, "move", heading, (sentence,), "", "")
    moved = catalogue.shifted(event, read_days(days), zone, writing.now())
    times = (_span(event, writing), _span(moved, writing))
    sentences = []
    if event.taken and event.state == "published":
        sentence = ngettext(
            "{count} person holds a seat and gets an email with the new time.",
            "{count} people hold seats and get an email with the new time.",
            event.taken,
        )
        sentences.append(sentence.format(count=event.taken))
    if moved.sales_open_at > writing.now():
        sentences.append(gettext("Sales open {time}.").format(time=writing.when(moved.sales_open_at)))
    sentences.append(gettext("Sales close {time}.").format(time=writing.when(moved.sales_close_at)))
    slip = catalogue.find_slip(event, moved, writing.now()) if event.taken else None
    question = catalogue.question_of(slip, event.taken) if slip else ""
    seen = shown.facts(event.version, read_days(days))
    return StepPage(event, "move", heading, tuple(sentences), gettext("Move it"), seen, times, question)


def _span(details: Details, writing: Writing) -> str:
    start = writing.when(details.starts_at)
    if not details.ends_at:
        return start
    return gettext("{start} to {end}").format(
        start=start, end=writing.end(details.ends_at, details.starts_at)
    )


def read_days(text: str) -> int:
    """Read a number of days, with a minus for earlier ones. Raises Invalid."""
    plain = text.strip().replace("\N{MINUS SIGN}", "-").removeprefix("+")
    digits = plain.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < MAX_DAYS_LENGTH):
        raise Invalid({"days": gettext("Enter a whole number of days.")})
    return int(plain)


def read_seats(text: str) -> int:
    """Read a number of seats. Raises Invalid."""
    try:
        return catalogue.read_capacity(text)
    except ValueError as error:
        raise Invalid({"capacity": str(error)}) from None


def publish(connection: Connection, slug: str, version: int | None, actor: Actor) -> Event:
    """Publish an event. Raises as the catalogue's operation does."""
    before = catalogue.any_event_by_slug(connection, slug)
    event = catalogue.publish_event(connection, slug, version)
    if before.state != "published":
        audit.record(connection, actor, "event.published", event.slug, event_id=event.id)
    return event


def unpublish(connection: Connection, slug: str, version: int | None, actor: Actor) -> Event:
    """Make an event a draft again. Raises as the catalogue's operation does."""
    before = catalogue.lock_event(connection, slug)
    was_registered_for = registrations.was_registered_for(connection, before.id)
    event = catalogue.unpublish_event(connection, slug, version, was_registered_for=was_registered_for)
    if before.state != "draft":
        audit.record(connection, actor, "event.unpublished", event.slug, event_id=event.id)
    return event


def open_sales(connection: Connection, slug: str, version: int | None, actor: Actor) -> Event:
    """Open the sales of an event. Raises as the catalogue's operation does."""
    before = catalogue.any_event_by_slug(connection, slug)
    event = catalogue.open_sales(connection, slug, version)
    if event.version != before.version:
        audit.record(connection, actor, "sales.opened", event.slug, event_id=event.id)
    return event


def close_sales(connection: Connection, slug: str, version: int | None, actor: Actor) -> Event:
    """Close the sales of an event. Raises as the catalogue's operation does."""
    before = catalogue.any_event_by_slug(connection, slug)
    event = catalogue.close_sales(connection, slug, version)
    if event.version != before.version:
        audit.record(connection, actor, "sales.closed", event.slug, event_id=event.id)
    return event


def resize(connection: Connection, slug: str, capacity: int, version: int | None, actor: Actor) -> Event:
    """Change the number of seats. Raises as the catalogue's operation does."""
    before = catalogue.any_event_by_slug(connection, slug)
    event = catalogue.resize_event(connection, slug, capacity, version)
    if event.version != before.version:
        audit.record(
            connection,
            actor,
            "event.resized",
            event.slug,
            event_id=event.id,
            before=before.capacity,
            after=event.capacity,
        )
    return event


def move(
    connection: Connection,
    slug: str,
    days: int,
    zone: ZoneInfo,
    version: int | None,
    actor: Actor,
    *,
    may_move: bool = False,
) -> Event:
    """Move an event by days. Raises as the catalogue's operation does."""
    event = catalogue.move_event(connection, slug, days, zone, version, may_move=may_move)
    audit.record(connection, actor, "event.moved", event.slug, event_id=event.id, days=days)
    return event


def duplicate(
    connection: Connection,
    slug: str,
    title: str,
    zone: ZoneInfo,
    actor: Actor,
    *,
    days: int = 0,
    new_slug: str | None = None,
    opened_at: Milliseconds | None = None,
) -> Event:
    """Copy an event. Raises as the catalogue's operation does."""
    copy = catalogue.copy_event(
        connection, slug, title, zone, days=days, new_slug=new_slug, opened_at=opened_at
    )
    audit.record(connection, actor, "event.copied", copy.slug, event_id=copy.id, copy_of=slug)
    return copy
