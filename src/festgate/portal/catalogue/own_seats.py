"""The visitor's own seat on the page of an event. Modules above keep seats, orders and tickets, and provide them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.money import Money
from festgate.portal.catalogue.overlaps import Overlap

OwnSeatState = Literal["held", "unconfirmed", "ordered", "confirmed"]
ALREADY = "already"
"""The query parameter with which a second registration leads to the visitor's seat."""
PROBLEM = "problem"
"""The query parameter with which a form without valid tickets leads back to the page of the event."""
ACCESS = "access"
"""The query parameter with the key of a hidden ticket type."""
CODE = "code"
"""The query parameter with a promo code."""
References: TypeAlias = Callable[[Connection, int], Mapping[int, str]]
"""A query of a module above: for a person id, the ticket code or order reference of their seats, by seat id."""


@dataclass(frozen=True, slots=True)
class OwnSeat:
    """A seat that the visitor has now, and its event."""

    id: int
    state: OwnSeatState
    """held: to be paid; unconfirmed: free, to be confirmed; ordered: in an order that waits for its payment."""
    held_until: Milliseconds
    is_paused: bool
    """Whether holds do not run out now, because nobody can pay."""
    fee: Money
    slug: str
    title: str
    starts_at: Milliseconds
    ends_at: Milliseconds


FindSeats: TypeAlias = Callable[[Connection, int], tuple[OwnSeat, ...]]
"""A query of a module above: for a person id, the seats that they hold or that are confirmed."""


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """The visitor's place on the waiting list of an event, or the visitor's application."""

    id: int
    state: str
    """applied, waiting, offered, taken, expired, given-back, declined, removed, left or ended."""
    place: int
    """The place in the line, from 1; 0 without one."""
    remaining: int
    """The tickets that are not offered yet."""
    answer: str
    """The organisers' sentence about an application."""

    @property
    def is_open(self) -> bool:
        """Return whether the visitor can leave the list, or withdraw the application."""
        return self.state in ("applied", "waiting")


FindPlace: TypeAlias = Callable[[Connection, int, str], OwnPlace | None]
"""A query of a module above: the place of a person, by id, in the line of an event, by slug."""


@dataclass(frozen=True, slots=True)
class SeatQueries:
    """Queries of modules above about the seats of a person."""

    live: FindSeats
    ticket_codes: References
    order_refs: References
    place: FindPlace


@dataclass(frozen=True, slots=True)
class OwnPart:
    """The visitor's own part of an event's page."""

    now: Milliseconds
    held: int
    """The number of the visitor's unpaid seats, at all events."""
    seat: OwnSeat | None = None
    ticket: str | None = None
    order: str | None = None
    overlaps: tuple[Overlap, ...] = ()
    count: int = 0
    """The number of the visitor's seats at the event."""
    is_second_try: bool = False
    """Whether the visitor has just registered for an event at which they have a seat."""
    place: OwnPlace | None = None
    """The visitor's place on the waiting list, or application; None without one."""
    is_unknown: bool = False
    """Whether the seats of the visitor could not be read."""
