"""One page of the guests of an event or of the fest, with the filters that the page offers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import quote

from festgate.kit.db.statements import Connection
from festgate.kit.errors import NotFound
from festgate.kit.translation import gettext
from festgate.portal.backoffice.guest_filters import (
    ANSWER,
    CHECKED_IN,
    METHOD,
    PAYMENTS,
    STATE_FILTERS,
    GuestFilters,
    SortKey,
    filtered_questions,
    read_filters,
)
from festgate.portal.backoffice.guest_queries import Guest, Scope, count_guests, guest_ids, guests_by_id
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.registrations import facade as registrations

PAGE_SIZE: Final = 50
LAST_PAGE: Final = 10_000
Option = tuple[str, str]


@dataclass(frozen=True)
class GuestList:
    """The subject of a list: an event or the fest, its questions, and the filters of the address."""

    scope: Scope
    event: catalogue.Event | None
    """None for the whole fest."""
    questions: tuple[catalogue.Question, ...]
    filters: GuestFilters
    types: tuple[Option, ...]
    """The ticket types of the event, by id."""
    events: tuple[Option, ...]
    """The events of the fest, by slug; empty for the list of one."""
    methods: tuple[str, ...]
    """The payment methods of the fest."""

    @property
    def address(self) -> str:
        """The address of the list, without a query."""
        return address_of(self.event.slug if self.event else None)

    @property
    def name(self) -> str:
        """The name for files and for the audit log."""
        return self.event.slug if self.event else "fest"

    @property
    def title(self) -> str:
        """The heading of the list."""
        return self.event.title if self.event else gettext("Guests of the fest")

    @cached_property
    def selects(self) -> list[tuple[str, str, list[Option], str]]:
        """The filters that are chosen from options: name, label, options and the chosen one."""
        filters, anything = self.filters, ("", gettext("Any"))
        payment = filters.payment or (f"{METHOD}{filters.method}" if filters.method else "")
        payments = [*_options(PAYMENTS.items()), *((f"{METHOD}{name}", _by(name)) for name in self.methods)]
        selects = [
            ("state", gettext("State"), _options(STATE_FILTERS.items()), filters.state),
            ("payment", gettext("Payment"), payments, payment),
            ("checked_in", gettext("Check-in"), _options(CHECKED_IN.items()), filters.checked_in),
        ]
        if self.events:
            selects.insert(0, ("event", gettext("Event"), [anything, *self.events], filters.event))
        if len(self.types) > 1:
            chosen = "" if filters.type_id is None else str(filters.type_id)
            selects.insert(1, ("type", gettext("Ticket"), [anything, *self.types], chosen))
        for question in filtered_questions(self.questions):
            details = question.details
            values = [("yes", gettext("Yes"))] if details.kind == "consent" else _pairs(details.choices)
            name = f"{ANSWER}{question.id}"
            selects.append((name, details.label, [anything, *values], filters.answer_to(question.id)))
        return selects


@dataclass(frozen=True)
class GuestPage:
    """One page of a list."""

    listed: GuestList
    guests: tuple[Guest, ...]
    total: int
    page: int

    @property
    def pages(self) -> int:
        """The number of pages, at least 1."""
        return max(1, -(-self.total // PAGE_SIZE))

    @property
    def first(self) -> int:
        """The number of the first guest on this page, from 1."""
        return (self.page - 1) * PAGE_SIZE + 1

    @property
    def sorts(self) -> list[tuple[SortKey, str]]:
        """The keys by which the list can be sorted, with their names."""
        names: list[tuple[SortKey, str]] = [
            ("name", gettext("Name")),
            ("email", gettext("Email")),
            ("event", gettext("Event")),
            ("ticket", gettext("Ticket")),
            ("state", gettext("State")),
            ("payment", gettext("Payment")),
            ("checked-in", gettext("Check-in")),
            ("registered", gettext("Registered")),
        ]
        return [one for one in names if one[0] != "event" or self.listed.event is None]

    @property
    def headings(self) -> list[tuple[SortKey, str]]:
        """The columns of the table: the email address is below the name, the ticket in the fest below the event."""
        return [one for one in self.sorts if one[0] != "email" and (one[0] != "ticket" or self.has_tickets)]

    @property
    def has_tickets(self) -> bool:
        """Return whether the table has a column of ticket types: an event with one type needs none."""
        return len(self.listed.types) > 1

    def href(self, number: int) -> str:
        """Return the address of a page of the list."""
        return self.listed.address + self.listed.filters.query(page=str(number) if number > 1 else "")

    def answers_of(self, guest: Guest) -> list[tuple[str, str, int | None]]:
        """Return the label, the text and the id of the file of each answer of the guest."""
        return [
            (
                question.details.label,
                registrations.shown_answer(question.details.kind, given.value),
                given.file_id,
            )
            for question in self.listed.questions
            if (given := guest.answers.get(question.id)) is not None
        ]


def address_of(slug: str | None) -> str:
    """Return the address of the guests of an event, or of the fest."""
    return "/organise/guests" if slug is None else f"/organise/events/{quote(slug)}/guests"


def open_list(
    connection: Connection,
    slug: str | None,
    lead_id: int | None,
    parameters: Mapping[str, str],
    methods: tuple[str, ...] = (),
) -> GuestList:
    """Return the list of the event with that slug, or of the fest for None. Raises NotFound.

    `lead_id` is the lead whose assigned events alone count; None for others.
    """
    if slug is None:
        questions = tuple(catalogue.fest_questions(connection))
        assigned = None if lead_id is None else catalogue.assigned_events(connection, lead_id)
        events = tuple(
            (event.slug, event.title)
            for event in catalogue.all_events(connection)
            if assigned is None or event.id in assigned
        )
        filters = read_filters(parameters, questions)
        return GuestList(Scope(lead_id=lead_id), None, questions, filters, (), events, methods)
    event = catalogue.any_event_by_slug(connection, slug)
    if lead_id is not None and event.id not in catalogue.assigned_events(connection, lead_id):
        raise NotFound
    questions = tuple(catalogue.all_questions(connection, event.id))
    filters = read_filters({**parameters, "event": ""}, questions)
    types = tuple((str(kind.id), kind.details.name) for kind in catalogue.types_of(connection, event.id))
    return GuestList(Scope(event.id, lead_id), event, questions, filters, types, (), methods)


def page_of_guests(
    connection: Connection,
    slug: str | None,
    lead_id: int | None,
    parameters: Mapping[str, str],
    methods: tuple[str, ...] = (),
) -> GuestPage:
    """Return the page of the list that the parameters name, the last one if it is beyond. Raises NotFound."""
    listed = open_list(connection, slug, lead_id, parameters, methods)
    total = count_guests(connection, listed.scope, listed.filters)
    page = min(_read_page(parameters.get("page", "")), max(1, -(-total // PAGE_SIZE)))
    ids = guest_ids(connection, listed.scope, listed.filters, PAGE_SIZE, (page - 1) * PAGE_SIZE)
    return GuestPage(listed, tuple(guests_by_id(connection, listed.scope, ids)), total, page)


def _read_page(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LAST_PAGE))):
        return 1
    return max(1, min(int(text), LAST_PAGE))


def _options(names: Iterable[Option]) -> list[Option]:
    return [(value, gettext(name)) for value, name in names]


def _pairs(choices: tuple[str, ...]) -> list[Option]:
    return [(choice, choice) for choice in choices]


def _by(method: str) -> str:
    return gettext("By {method}").format(method=checkout.method_name(method))
