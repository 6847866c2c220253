"""The audit log as people read it: with names, titles and links, for the page, the API and the command."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from festgate.kit.clock import Milliseconds, milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.errors import Invalid, NotFound
from festgate.kit.roles import ROLE_NAMES
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.audit.facade import Entry, Filters
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout

PAGE_SIZE: Final = 50
LAST_PAGE: Final = 100_000
MAX_VALUE: Final = 254
"""Characters of a filter; an email address has as many."""
_ORIGINS: Final[Mapping[str, str]] = {
    "session": N_("Browser"),
    "token": N_("API token"),
    "command": N_("Command line"),
    "portal": N_("The portal itself"),
}
_ABOUT_ORDERS: Final = (
    "order.",
    "sale.",
    "transfer.",
    "difference.",
    "line.assigned",
    "ticket.exchanged",
    "note.",
)
"""The beginnings of actions whose subject is the reference of an order, unless it is a person."""
_ROLES = ("from", "to", "role")
"""Keys of details that have a role."""
MAX_ID_LENGTH: Final = 15
"""Digits of the number of an account; every database can hold it."""


@dataclass(frozen=True, slots=True)
class AskedFilters:
    """The filters as somebody entered them; empty ones list everything."""

    q: str = ""
    action: str = ""
    person: str = ""
    """A username, an email address, or `#` and the number of an account."""
    event: str = ""
    """The slug of an event."""
    day: str = ""
    """In the fest's time zone: `2031-03-14`."""

    @property
    def is_empty(self) -> bool:
        """Return whether everything is listed."""
        return not any((self.q, self.action, self.person, self.event, self.day))


@dataclass(frozen=True, slots=True)
class EntryView:
    """One entry with names in place of numbers."""

    entry: Entry
    actor: str
    """The person, or "Command line", or "The portal itself"."""
    username: str
    """The username of the person; empty without one."""
    title: str
    subject: str
    href: str
    """The page of the subject; empty without one."""
    slug: str
    """The slug of the event that it concerns; empty without one, or if it was deleted."""
    concerned: int | None
    """The number of the person that it concerns."""
    details: tuple[tuple[str, str], ...]
    origin: str


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the audit log."""

    rows: tuple[EntryView, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Choices:
    """The people and events that the filters of the page offer, as (value, label)."""

    actions: tuple[tuple[str, str], ...]
    people: tuple[tuple[str, str], ...]
    events: tuple[tuple[str, str], ...]


def read_log(
    connection: Connection, asked: AskedFilters, zone: ZoneInfo, page: int, size: int = PAGE_SIZE
) -> LogPage:
    """Return one page of the entries that fit. Raises Invalid, with a sentence for each filter that fits nothing."""
    filters = _read_filters(connection, asked, zone)
    try:
        entries, total = audit.find_entries(connection, filters, size, (page - 1) * size)
    except ValueError as error:
        raise Invalid({"q": str(error)}) from None
    names = _Names(connection)
    rows = tuple(names.view(entry) for entry in entries)
    return LogPage(rows, total, page, max(1, -(-total // size)))


def read_choices(connection: Connection) -> Choices:
    """Return what the filters of the page offer."""
    names = _Names(connection)
    people = [(f"#{number}", names.person(number)[0]) for number in audit.named_people(connection)]
    events = [
        (event.slug, event.title)
        for number in audit.named_events(connection)
        if (event := names.event(number)) is not None
    ]
    actions = [(action, gettext(title)) for action, title in audit.TITLES.items()]
    return Choices(tuple(actions), _by_label(people), _by_label(events))


def read_page(text: str) -> int:
    """Return the number of a page. Raises Invalid."""
    if (
        text.isascii()
        and text.isdecimal()
        and len(text) <= len(str(LAST_PAGE))
        and 1 <= int(text) <= LAST_PAGE
    ):
        return int(text)
    sentence = gettext("Enter the number of a page, from 1 to {last}.").format(last=LAST_PAGE)
    raise Invalid({"page": sentence})


def _by_label(choices: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(choices, key=lambda choice: choice[1].casefold()))


def _read_filters(connection: Connection, asked: AskedFilters, zone: ZoneInfo) -> Filters:
    errors: dict[str, str] = {}
    person = event_id = -1
    since: Milliseconds = 0
    until: Milliseconds | None = None
    if asked.action and asked.action not in audit.TITLES:
        errors["action"] = gettext("There is no such action.")
    if asked.person:
        try:
            person = _person_of(connection, asked.person)
        except NotFound:
            errors["person"] = gettext("There is no account with this username or email address.")
    if asked.event:
        try:
            event_id = catalogue.any_event_by_slug(connection, asked.event).id
        except NotFound:
            errors["event"] = gettext("There is no such event.")
    if asked.day:
        try:
            since, until = _hours_of(asked.day, zone)
        except (ValueError, OverflowError):
            errors["day"] = gettext("Enter a day like 2031-03-14.")
    if errors:
        raise Invalid(errors)
    return Filters(asked.q, asked.action, person, event_id, since, until)


def _person_of(connection: Connection, text: str) -> int:
    number = text.removeprefix("#")
    if number != text and number.isascii() and number.isdecimal() and len(number) <= MAX_ID_LENGTH:
        return int(number)
    person = accounts.find_person(connection, text)
    if person is None:
        raise NotFound
    return person.id


def _hours_of(day: str, zone: ZoneInfo) -> tuple[Milliseconds, Milliseconds]:
    """Return the begin of the day and that of the next one, which is not always 24 hours later."""
    first = date.fromisoformat(day)
    begin = datetime.combine(first, time(), zone)
    end = datetime.combine(first + timedelta(days=1), time(), zone)
    return milliseconds(begin), milliseconds(end)


class _Names:
    """The names of people and events, each looked up once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._people: dict[int, tuple[str, str]] = {}
        self._events: dict[int, catalogue.Event | None] = {}

    def person(self, number: int) -> tuple[str, str]:
        """Return the person's name and username."""
        if number not in self._people:
            try:
                person = accounts.person_by_id(self._connection, number)
            except NotFound:
                self._people[number] = (gettext("Person {number}").format(number=number), "")
            else:
                self._people[number] = (person.shown_name, person.username)
        return self._people[number]

    def event(self, number: int) -> catalogue.Event | None:
        """Return the event; None if it was deleted."""
        if number not in self._events:
            try:
                self._events[number] = catalogue.event_by_id(self._connection, number)
            except NotFound:
                self._events[number] = None
        return self._events[number]

    def view(self, entry: Entry) -> EntryView:
        """Return the entry with names."""
        actor, username = ("", "") if entry.person is None else self.person(entry.person)
        if entry.person is None:
            by_itself = entry.origin in ("command", "portal")
            actor = gettext(_ORIGINS[entry.origin]) if by_itself else gettext("Not signed in")
        event = None if entry.event_id is None else self.event(entry.event_id)
        number = entry.details.get(audit.PERSON)
        concerned = number if isinstance(number, int) else None
        subject, href = self._subject(entry, event, concerned)
        title = audit.TITLES.get(entry.action)
        return EntryView(
            entry,
            actor,
            username,
            entry.action if title is None else gettext(title),
            subject,
            href,
            "" if event is None else event.slug,
            concerned,
            self._details(entry, event, concerned),
            gettext(_ORIGINS[entry.origin]),
        )

    def _subject(self, entry: Entry, event: catalogue.Event | None, concerned: int | None) -> tuple[str, str]:
        """Return the name of the object, and the address of its page."""
        # Organisers choose the names of rooms and questions; "person 7" can be one.
        is_about_people = entry.action.startswith((*_ABOUT_ORDERS, "ticket."))
        holder = checkout.person_of_subject(entry.subject) if is_about_people else None
        if holder is not None:
            return self.person(holder)[0], f"/organise/people/{holder}"
        if entry.action.startswith(_ABOUT_ORDERS) and entry.subject:
            return entry.subject, f"/organise/orders/{entry.subject}"
        if event is not None:
            name = event.title if entry.subject in ("", event.slug) else entry.subject
            return name, f"/organise/events/{event.slug}"
        if concerned is not None:
            name, _ = self.person(concerned)
            return entry.subject or name, f"/organise/people/{concerned}"
        return entry.subject, ""

    def _details(
        self, entry: Entry, event: catalogue.Event | None, concerned: int | None
    ) -> tuple[tuple[str, str], ...]:
        details: list[tuple[str, str]] = []
        if concerned is not None and event is not None:
            details.append((gettext("Guest"), self.person(concerned)[0]))
        for key, value in entry.details.items():
            if key != audit.PERSON and value != "":
                label = audit.DETAILS.get(key)
                details.append((key if label is None else gettext(label), self._written(key, value)))
        return tuple(details)

    def _written(self, key: str, value: str | int) -> str:
        """Return the value of a detail for people."""
        if key == audit.DECIDED_BY and isinstance(value, int):
            return self.person(value)[0]
        titles: dict[object, str] = {role: name.title for role, name in ROLE_NAMES.items()}
        title = titles.get(value) if key in _ROLES else None
        return str(value) if title is None else gettext(title)
