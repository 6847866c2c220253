"""The module of the organisers' office: what it adds to the portal."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute

from festgate.kit.db.notes import forget_calls
from festgate.kit.deferred import Deferred
from festgate.kit.resilience.bulkhead import Budget
from festgate.kit.translation import N_
from festgate.kit.web.modules import MAX_UPLOAD, Module, Parts
from festgate.kit.web.navigation import NavigationEntry
from festgate.kit.web.portal import Portal

if TYPE_CHECKING:
    from fastapi import APIRouter

    from festgate.portal.accounts.facade import PersonalRecords
    from festgate.portal.backoffice.backups import Backups
    from festgate.portal.backoffice.guest_deletions import GuestDeletions
    from festgate.portal.registrations.facade import IsUsed
    from festgate.portal.tickets.facade import HolderEmails, PostCopy, PostOrder

MAX_EVENT_BODY = 512 * 1024
"""Bytes of an event's form. A description may have 10,000 characters of any script in any spelling, which can be four
times as many (Korean from a Mac). A form sends each as up to 12 bytes: `%F0%9F%8E%89`."""
MAX_IMPORT_BODY = 5 * 1024 * 1024
"""Bytes of a form with a file of events: 2 MB, which a preview sends as base64 with its signs percent-encoded."""

MODULE = Module(
    name="backoffice",
    title=N_("The organisers' office"),
    keeps=N_("Visitors can use the fest as usual."),
    budget=Budget(requests=50, seconds=10),
    pages=["/organise", "/organise/{rest:path}"],
    api=[
        "/audit",
        "/box-office/{rest:path}",
        "/team",
        "/team/{rest:path}",
        "/dashboard",
        "/imports",
        "/imports/preview",
        "/settings/second-factor",
        "/events/{slug}/publish",
        "/events/{slug}/unpublish",
        "/events/{slug}/sales/open",
        "/events/{slug}/sales/close",
        "/events/{slug}/capacity",
        "/events/{slug}/move",
        "/events/{slug}/duplicate",
        "/events/{slug}/cancel",
        "/guests",
        "/guests/{rest:path}",
        "/orders/{ref}/history",
        "/emails",
        "/emails/{id}/try",
        "/payments",
        "/payments/{ref}/try",
        "/open-orders",
        "/orders/{ref}/details",
        "/backup",
        "/promo-codes/export",
        "/people",
        "/people/{rest:path}",
        "/events/{slug}/guests",
        "/programme/{rest:path}",
        "/events/{slug}/guests/{rest:path}",
        "/events/{slug}/files/{file}",
        "/events/{slug}/complimentary",
        "/events/{slug}/overview",
        "/events/{slug}/holder-rules",
        "/events/{slug}/waiting-list",
        "/events/{slug}/waiting-list/{rest:path}",
        "/events/{slug}/teams",
        "/events/{slug}/teams/{rest:path}",
    ],
    navigation=[NavigationEntry(N_("Organise"), "/organise", "organise", "office")],
    has_static=True,
    security_events={
        ("POST", "/organise/team/invitations"): "team-invited",
        ("POST", "/organise/team/invitations/{id}/again"): "team-invited",
        ("POST", "/organise/team/invitations/{id}/withdraw"): "invitation-withdrawn",
        ("POST", "/organise/team/{id}/change"): "role-changed",
        ("POST", "/api/v1/team/invitations"): "team-invited",
        ("POST", "/api/v1/team/invitations/{invitation}/again"): "team-invited",
        ("DELETE", "/api/v1/team/invitations/{invitation}"): "invitation-withdrawn",
        ("PUT", "/api/v1/team/{person}"): "role-changed",
        ("DELETE", "/api/v1/team/{person}"): "role-changed",
        ("POST", "/organise/box-office/events/{slug}"): "tickets-sold",
        ("POST", "/organise/box-office/sales/{ref}/undo"): "sale-undone",
        ("POST", "/organise/box-office/shift/close"): "shift-closed",
        ("POST", "/api/v1/box-office/sales"): "tickets-sold",
        ("POST", "/api/v1/box-office/sales/{ref}/undo"): "sale-undone",
        ("POST", "/api/v1/box-office/shifts/current/close"): "shift-closed",
        ("POST", "/organise/events/new"): "event-created",
        ("POST", "/organise/events/{slug}/edit"): "event-changed",
        ("POST", "/organise/events/{slug}/publish"): "event-published",
        ("POST", "/organise/events/{slug}/unpublish"): "event-changed",
        ("POST", "/organise/events/{slug}/open-sales"): "event-changed",
        ("POST", "/organise/events/{slug}/close-sales"): "event-changed",
        ("POST", "/organise/events/{slug}/move"): "event-changed",
        ("POST", "/organise/events/{slug}/capacity"): "event-changed",
        ("POST", "/organise/events/{slug}/duplicate"): "event-created",
        ("POST", "/api/v1/programme/events"): "event-created",
        ("PATCH", "/api/v1/programme/events/{slug}"): "event-changed",
        ("POST", "/api/v1/events/{slug}/publish"): "event-published",
        ("POST", "/api/v1/events/{slug}/unpublish"): "event-changed",
        ("POST", "/api/v1/events/{slug}/sales/open"): "event-changed",
        ("POST", "/api/v1/events/{slug}/sales/close"): "event-changed",
        ("POST", "/api/v1/events/{slug}/capacity"): "event-changed",
        ("POST", "/api/v1/events/{slug}/move"): "event-changed",
        ("POST", "/api/v1/events/{slug}/duplicate"): "event-created",
        ("POST", "/api/v1/events/{slug}/cancel"): "event-cancelled",
        ("POST", "/organise/emails/{id}/try"): "email-sent-again",
        ("POST", "/organise/backup"): "backup-made",
        ("POST", "/api/v1/backup"): "backup-made",
        ("POST", "/organise/import/save"): "events-imported",
        ("POST", "/organise/events/{slug}/cancel"): "event-cancelled",
        ("POST", "/organise/orders/{ref}/paid"): "order-marked-paid",
        ("POST", "/organise/orders/{ref}/refunded"): "order-marked-refunded",
        ("POST", "/organise/orders/{ref}/cancel"): "registration-cancelled",
        ("POST", "/organise/orders/{ref}/refund"): "order-refunded",
        ("POST", "/organise/orders/{ref}/send"): "ticket-sent-again",
        ("POST", "/organise/orders/{ref}/notes"): "note-written",
        ("POST", "/organise/people/{id}/notes"): "note-written",
        ("POST", "/organise/differences/{id}"): "difference-settled",
        ("POST", "/organise/registrations/{id}/exchange"): "ticket-exchanged",
        ("POST", "/organise/registrations/{id}/cancel"): "registration-cancelled",
        ("POST", "/organise/registrations/{id}/holder"): "holder-corrected",
        ("POST", "/organise/registrations/{id}/transfer"): "ticket-transferred",
        ("POST", "/organise/events/{slug}/complimentary"): "ticket-given",
        ("POST", "/organise/events/{slug}/teams/{team_id}/places/{seat_id}"): "ticket-transferred",
        ("POST", "/organise/events/{slug}/teams/{team_id}"): "guests-changed",
        ("PUT", "/api/v1/events/{slug}/teams/{team_id}"): "guests-changed",
        ("POST", "/api/v1/events/{slug}/teams/{team_id}/cancel"): "guests-changed",
        (
            "POST",
            "/api/v1/events/{slug}/teams/{team_id}/places/{registration}/member",
        ): "ticket-transferred",
        ("POST", "/organise/events/{slug}/waiting"): "event-changed",
        ("PUT", "/api/v1/events/{slug}/waiting-list/settings"): "event-changed",
        ("POST", "/organise/events/{slug}/waiting/people"): "guests-changed",
        ("POST", "/api/v1/events/{slug}/waiting-list/offer"): "guests-changed",
        ("POST", "/api/v1/events/{slug}/waiting-list/wait"): "guests-changed",
        ("POST", "/api/v1/events/{slug}/waiting-list/decline"): "guests-changed",
        ("POST", "/api/v1/events/{slug}/waiting-list/remove"): "guests-changed",
        ("POST", "/organise/events/{slug}/holders"): "event-changed",
        ("PUT", "/api/v1/events/{slug}/holder-rules"): "event-changed",
        ("POST", "/organise/payments/{ref}/try"): "payment-tried-again",
        ("POST", "/api/v1/payments/{ref}/try"): "payment-tried-again",
        ("POST", "/api/v1/emails/{email}/try"): "email-sent-again",
        ("POST", "/organise/transfers/orders/{ref}/confirm"): "order-marked-paid",
        ("POST", "/organise/transfers/orders/{ref}/reject"): "transfer-rejected",
        ("POST", "/organise/transfers/statement/import"): "statement-imported",
        ("POST", "/organise/transfers/assign"): "payment-assigned",
        ("POST", "/organise/transfers/ignore"): "payment-ignored",
        ("POST", "/organise/people/{id}/email/change"): "email-changed",
        ("POST", "/organise/people/{id}/links/end"): "guest-links-ended",
        ("POST", "/organise/people/{id}/delete"): "guest-deleted",
        ("PUT", "/api/v1/people/{person}/email"): "email-changed",
        ("DELETE", "/api/v1/people/{person}/links"): "guest-links-ended",
        ("POST", "/api/v1/people/{person}/deletion"): "guest-deleted",
        ("POST", "/organise/people/{id}/tickets/{code}/again"): "ticket-sent-again",
        ("POST", "/organise/guests/action"): "guests-changed",
        ("POST", "/api/v1/guests/actions"): "guests-changed",
        ("POST", "/api/v1/guests/{person}/notes"): "note-written",
        ("POST", "/organise/events/{slug}/guests/action"): "guests-changed",
        ("POST", "/organise/guests/export"): "guests-exported",
        ("POST", "/organise/events/{slug}/guests/export"): "guests-exported",
        ("POST", "/api/v1/guests/export"): "guests-exported",
        ("POST", "/api/v1/events/{slug}/guests/export"): "guests-exported",
        ("POST", "/organise/second-factor"): "second-factor-changed",
        ("PUT", "/api/v1/settings/second-factor"): "second-factor-changed",
    },
    max_bodies={
        "/organise/events/": MAX_EVENT_BODY,
        "/organise/import": MAX_IMPORT_BODY,
        "/api/v1/imports": MAX_IMPORT_BODY,
        "/api/v1/programme/events": MAX_EVENT_BODY,
        "/organise/transfers/": MAX_UPLOAD,
    },
)


def build(
    portal: Portal,
    personal_records: "Mapping[str, PersonalRecords | None]",
    is_used: "IsUsed",
    *,
    post_copy: "PostCopy",
    post_order_copy: "PostOrder",
    holder_emails: "HolderEmails",
) -> Parts:
    """Build the parts of the office, with the data about a person of each module and functions of tickets."""
    # Reading a file may take a gigabyte, and trying its import holds up registrations.
    one_import = asyncio.Lock()
    # Pages and API share both, and either may be made first, each on a thread of its own.
    backups = Deferred(lambda: _backups(portal))
    deletions = Deferred(lambda: _deletions(portal, personal_records))

    def office() -> list[BaseRoute]:
        from festgate.portal.backoffice.audit_pages import AuditPages
        from festgate.portal.backoffice.box_office_pages import BoxOfficePages
        from festgate.portal.backoffice.crew_pages import CrewPages
        from festgate.portal.backoffice.dashboard_pages import DashboardPages
        from festgate.portal.backoffice.event_step_pages import EventStepPages
        from festgate.portal.backoffice.guest_action_pages import GuestActionPages
        from festgate.portal.backoffice.guest_export_pages import GuestExportPages
        from festgate.portal.backoffice.guest_pages import GuestPages
        from festgate.portal.backoffice.holder_pages import HolderRulePages
        from festgate.portal.backoffice.import_pages import ImportPages
        from festgate.portal.backoffice.order_pages import OrderPages
        from festgate.portal.backoffice.overview_pages import OverviewPages
        from festgate.portal.backoffice.pages import BackofficePages
        from festgate.portal.backoffice.people_pages import PeoplePages
        from festgate.portal.backoffice.promo_code_pages import PromoCodePages
        from festgate.portal.backoffice.question_pages import QuestionPages
        from festgate.portal.backoffice.registration_pages import RegistrationPages
        from festgate.portal.backoffice.room_pages import RoomPages
        from festgate.portal.backoffice.second_factor_pages import TeamFactorPages
        from festgate.portal.backoffice.shift_pages import ShiftPages
        from festgate.portal.backoffice.statement_pages import StatementPages
        from festgate.portal.backoffice.team_pages import EventTeamPages
        from festgate.portal.backoffice.ticket_pages import TicketTypePages
        from festgate.portal.backoffice.transfer_pages import TransferPages
        from festgate.portal.backoffice.unmatched_pages import UnmatchedPages
        from festgate.portal.backoffice.waiting_pages import WaitingListPages

        return [
            *DashboardPages(portal, backups.now()).routes(),
            *EventTeamPages(portal).routes(),
            *BackofficePages(portal).routes(),
            *PeoplePages(portal, post_copy, deletions.now()).routes(),
            *OrderPages(portal, post_order_copy).routes(),
            *RegistrationPages(portal, holder_emails).routes(),
            *TicketTypePages(portal).routes(),
            *PromoCodePages(portal).routes(),
            *HolderRulePages(portal).routes(),
            *WaitingListPages(portal).routes(),
            *RoomPages(portal).routes(),
            *QuestionPages(portal).routes(),
            *QuestionPages(portal, of_fest=True).routes(),
            *CrewPages(portal).routes(),
            *EventStepPages(portal).routes(),
            *ImportPages(portal, one_import).routes(),
            *OverviewPages(portal).routes(),
            *GuestPages(portal).routes(),
            *GuestActionPages(portal, post_copy, is_used).routes(),
            *GuestExportPages(portal).routes(),
            *BoxOfficePages(portal).routes(),
            *ShiftPages(portal).routes(),
            *TransferPages(portal).routes(),
            *StatementPages(portal).routes(),
            *UnmatchedPages(portal).routes(),
            *AuditPages(portal).routes(),
            *TeamFactorPages(portal).routes(),
        ]

    def api() -> "APIRouter":
        from festgate.portal.backoffice.api import office_router

        return office_router(
            portal,
            post_copy,
            is_used,
            one_import=one_import,
            backups=backups.now(),
            deletions=deletions.now(),
        )

    return Parts(office=office, api=api, periodic_tasks=[forget_calls])


def _backups(portal: Portal) -> "Backups":
    from festgate.portal.backoffice.backups import Backups

    return Backups(portal.database, portal.settings)


def _deletions(portal: Portal, records: "Mapping[str, PersonalRecords | None]") -> "GuestDeletions":
    from festgate.portal.backoffice.guest_deletions import GuestDeletions

    known = [part for part in records.values() if part is not None]
    return GuestDeletions(portal, known, [name for name, part in records.items() if part is None])
