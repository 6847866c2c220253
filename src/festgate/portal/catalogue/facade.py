"""The operations, queries and values of the catalogue that other modules may use."""

from festgate.portal.catalogue.calendars import calendar
from festgate.portal.catalogue.details import MAX_LENGTHS, Details, details_of, read_details, written
from festgate.portal.catalogue.errors import CapacityTaken, EventEdited, NotOnSale, SoldOut
from festgate.portal.catalogue.events import cancel_event, create_event, edit_event, publish_event
from festgate.portal.catalogue.invitations import Method, Party, invitation
from festgate.portal.catalogue.moves import MoveUnconfirmed, question_of
from festgate.portal.catalogue.offers import LapsedHolds, Offer, offer_of
from festgate.portal.catalogue.offers import until as offer_until
from festgate.portal.catalogue.overlaps import Overlap, overlaps_of
from festgate.portal.catalogue.own_seats import ALREADY, FindSeats, OwnSeat, SeatQueries
from festgate.portal.catalogue.queries import (
    Event,
    all_events,
    any_event_by_slug,
    count_by_currency,
    event_by_id,
    event_by_slug,
    fee_currency,
)
from festgate.portal.catalogue.seats import give_back_seats, lock_seats, take_seat

__all__ = [
    "ALREADY",
    "MAX_LENGTHS",
    "CapacityTaken",
    "Details",
    "Event",
    "EventEdited",
    "FindSeats",
    "LapsedHolds",
    "Method",
    "MoveUnconfirmed",
    "NotOnSale",
    "Offer",
    "Overlap",
    "OwnSeat",
    "Party",
    "SeatQueries",
    "SoldOut",
    "all_events",
    "any_event_by_slug",
    "calendar",
    "cancel_event",
    "count_by_currency",
    "create_event",
    "details_of",
    "edit_event",
    "event_by_id",
    "event_by_slug",
    "fee_currency",
    "give_back_seats",
    "invitation",
    "lock_seats",
    "offer_of",
    "offer_until",
    "overlaps_of",
    "publish_event",
    "question_of",
    "read_details",
    "take_seat",
    "written",
]
