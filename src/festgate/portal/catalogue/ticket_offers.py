"""The ticket types that a visitor can choose on the page of an event."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from festgate.kit.clock import Milliseconds
from festgate.kit.money import Money
from festgate.portal.catalogue.offers import FEW, Offer, OfferState
from festgate.portal.catalogue.passes import PassEvent
from festgate.portal.catalogue.prices import written_rate
from festgate.portal.catalogue.promo_codes import PromoCode
from festgate.portal.catalogue.queries import Event
from festgate.portal.catalogue.ticket_types import TicketType, is_offered, is_shown

MAX_PER_FORM = 20
"""The largest number of tickets of a type in one form."""


@dataclass(frozen=True, slots=True)
class TaxShown:
    """The tax in a price, as visitors see it."""

    amount: Money
    net: Money
    """The price without the tax."""
    rate: str
    """The percentage: `18`."""
    is_on_top: bool
    """Whether the organiser adds it to the price."""


@dataclass(frozen=True, slots=True)
class TicketOffer:
    """A ticket type as visitors see it."""

    id: int
    name: str
    description: str
    fee: Money
    """The price with tax, after the promo code."""
    has_chosen_price: bool
    """Whether `fee` is only the least price."""
    state: OfferState
    opens_at: Milliseconds
    """The start of its sales if that is still ahead; else 0."""
    min_count: int
    max_count: int
    """The least and the largest number of tickets in one order, or members of a team."""
    tax: TaxShown | None
    """The tax in the fee; None without one."""
    full_fee: Money
    """The price without the promo code."""
    is_for_teams: bool = False
    is_team_price: bool = False
    """Whether the price is that of a whole team."""
    least_team: int = 0
    largest_team: int = 0
    """The sizes that a team can have, whatever number of seats is left."""
    admits_to: tuple[PassEvent, ...] = ()
    """The other events that a pass admits to, by their start."""

    @property
    def is_reduced(self) -> bool:
        """Return whether a promo code makes it cheaper."""
        return self.fee != self.full_fee

    @property
    def can_be_chosen(self) -> bool:
        """Whether it is on sale and not sold out."""
        return self.state in ("open", "few")


def ticket_offers(
    event: Event,
    types: Sequence[TicketType],
    offer: Offer,
    now: Milliseconds,
    access_key: str = "",
    code: PromoCode | None = None,
) -> tuple[TicketOffer, ...]:
    """Return the types that a visitor with that key and that promo code sees. `offer` is that of the event."""
    unlocked = () if code is None else code.unlocked(types)
    shown = [ticket_type for ticket_type in types if is_shown(ticket_type, types, now, access_key, unlocked)]
    return tuple(_offer_of(event, kind, types, offer, now, access_key, unlocked, code) for kind in shown)


def tax_shown(ticket_type: TicketType, fee: Money) -> TaxShown | None:
    """Return the tax in a price of the type; None without one."""
    details = ticket_type.details
    if not (details.tax_rate and fee.minor):
        return None
    tax = ticket_type.tax_of(fee)
    net = Money(fee.minor - tax.minor, fee.currency)
    return TaxShown(tax, net, written_rate(details.tax_rate), details.has_tax_on_top)


def tax_of_event(types: Sequence[TicketType]) -> TaxShown | None:
    """Return the tax in the price of an event with one plain type; None without one."""
    offered = [ticket_type for ticket_type in types if not ticket_type.is_withdrawn]
    return tax_shown(offered[0], offered[0].fee) if len(offered) == 1 else None


def single_offers(offers: Sequence[TicketOffer]) -> tuple[TicketOffer, ...]:
    """Return the types that are sold to single people."""
    return tuple(offer for offer in offers if not offer.is_for_teams)


def team_offers(offers: Sequence[TicketOffer]) -> tuple[TicketOffer, ...]:
    """Return the types that are sold to teams."""
    return tuple(offer for offer in offers if offer.is_for_teams)


def needs_choice(event: Event, types: Sequence[TicketType]) -> bool:
    """Return whether the page has to show the types: not if the event sells single tickets of one plain type."""
    offered = [ticket_type for ticket_type in types if not ticket_type.is_withdrawn]
    return event.max_per_person > 1 or len(offered) != 1 or not _is_plain(offered[0])


def next_change(types: Sequence[TicketType], now: Milliseconds) -> Milliseconds | None:
    """Return when the clock next opens or closes the sales of a type; None if it never does."""
    times = [at for kind in types for at in (kind.details.sales_open_at, kind.details.sales_close_at)]
    return min((at for at in times if at > now), default=None)


def _is_plain(ticket_type: TicketType) -> bool:
    """Return whether the event's own price, times and count of seats describe the type completely."""
    details = ticket_type.details
    return (
        not details.name
        and not details.description
        and not details.has_chosen_price
        and not details.sales_open_at
        and not details.sales_close_at
        and not ticket_type.quotas
        and details.min_per_order == 1
        and not details.is_for_teams
        and not ticket_type.is_pass
    )


def _offer_of(
    event: Event,
    ticket_type: TicketType,
    types: Sequence[TicketType],
    offer: Offer,
    now: Milliseconds,
    access_key: str,
    unlocked: Collection[int],
    code: PromoCode | None,
) -> TicketOffer:
    details = ticket_type.details
    fee = ticket_type.fee if code is None else code.price(ticket_type, ticket_type.fee)
    left = offer.left if ticket_type.left is None else min(offer.left, ticket_type.left)
    limits = [quota.capacity for quota in ticket_type.quotas] + [
        other.capacity for other in ticket_type.admits
    ]
    capacity = min([event.capacity, *limits])
    least = details.team_min or details.min_per_order
    most = details.team_max or min(details.max_per_order, event.max_per_person, MAX_PER_FORM)
    opens_at = details.sales_open_at if details.sales_open_at > now else 0
    state: OfferState = offer.state
    if state in ("open", "few"):
        if opens_at:
            state = "soon"
        elif not is_offered(ticket_type, types, now, access_key, unlocked):
            state = "closed"
        elif left < least:
            state = "soldout"
        else:
            state = "few" if left <= FEW or left * 100 <= FEW * capacity else "open"
    return TicketOffer(
        ticket_type.id,
        ticket_type.name,
        details.description,
        fee,
        details.has_chosen_price,
        state,
        opens_at,
        least,
        max(least, min(most, left)),
        tax_shown(ticket_type, fee),
        ticket_type.fee,
        details.is_for_teams,
        details.is_for_teams and details.team_price == "team",
        details.team_min,
        details.team_max,
        tuple(other for other in ticket_type.admits if other.state == "published"),
    )
