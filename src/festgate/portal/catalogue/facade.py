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
from festgate.portal.catalogue.own_seats import ALREADY, PROBLEM, FindSeats, OwnSeat, SeatQueries
from festgate.portal.catalogue.queries import (
    Event,
    all_events,
    any_event_by_slug,
    count_by_currency,
    event_by_id,
    event_by_slug,
    fee_currency,
)
from festgate.portal.catalogue.quotas import (
    MAX_QUOTA_NAME,
    Quota,
    all_quotas,
    create_quota,
    drop_quota,
    edit_quota,
    events_of_quota,
    read_quota,
    shared_quotas,
    take_from_quotas,
    types_by_quota,
)
from festgate.portal.catalogue.seats import give_back_seats, lock_seats, take_seats
from festgate.portal.catalogue.ticket_types import TicketType, TypeDetails, is_offered, type_of, types_of
from festgate.portal.catalogue.type_changes import (
    TYPE_FIELDS,
    add_ticket_type,
    edit_ticket_type,
    limit_per_person,
    move_ticket_type,
    offer_ticket_type,
    read_limit,
    read_type,
    remove_ticket_type,
    written_type,
)

__all__ = [
    "ALREADY",
    "MAX_LENGTHS",
    "MAX_QUOTA_NAME",
    "PROBLEM",
    "TYPE_FIELDS",
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
    "Quota",
    "SeatQueries",
    "SoldOut",
    "TicketType",
    "TypeDetails",
    "add_ticket_type",
    "all_events",
    "all_quotas",
    "any_event_by_slug",
    "calendar",
    "cancel_event",
    "count_by_currency",
    "create_event",
    "create_quota",
    "details_of",
    "drop_quota",
    "edit_event",
    "edit_quota",
    "edit_ticket_type",
    "event_by_id",
    "event_by_slug",
    "events_of_quota",
    "fee_currency",
    "give_back_seats",
    "invitation",
    "is_offered",
    "limit_per_person",
    "lock_seats",
    "move_ticket_type",
    "offer_of",
    "offer_ticket_type",
    "offer_until",
    "overlaps_of",
    "publish_event",
    "question_of",
    "read_details",
    "read_limit",
    "read_quota",
    "read_type",
    "remove_ticket_type",
    "shared_quotas",
    "take_from_quotas",
    "take_seats",
    "type_of",
    "types_by_quota",
    "types_of",
    "written",
    "written_type",
]
