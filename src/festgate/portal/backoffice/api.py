"""The office's part of the JSON API."""

import asyncio

from fastapi import APIRouter

from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.audit_api import AuditApi
from festgate.portal.backoffice.backup_api import BackupApi
from festgate.portal.backoffice.backups import Backups
from festgate.portal.backoffice.box_office_api import BoxOfficeApi
from festgate.portal.backoffice.crew_api import CrewApi
from festgate.portal.backoffice.event_api import EventStepApi
from festgate.portal.backoffice.event_team_api import EventTeamApi
from festgate.portal.backoffice.guest_action_api import GuestActionApi
from festgate.portal.backoffice.guest_api import GuestApi
from festgate.portal.backoffice.guest_deletions import GuestDeletions
from festgate.portal.backoffice.guest_export_api import GuestExportApi
from festgate.portal.backoffice.holder_api import HolderRuleApi
from festgate.portal.backoffice.import_api import ImportApi
from festgate.portal.backoffice.order_api import OrderApi
from festgate.portal.backoffice.overview_api import OverviewApi
from festgate.portal.backoffice.payment_api import PaymentApi
from festgate.portal.backoffice.people_api import PeopleApi
from festgate.portal.backoffice.programme_api import ProgrammeApi
from festgate.portal.backoffice.promo_code_api import PromoCodeApi
from festgate.portal.backoffice.promo_code_export_api import PromoCodeExportApi
from festgate.portal.backoffice.question_api import QuestionApi
from festgate.portal.backoffice.quota_api import QuotaApi
from festgate.portal.backoffice.room_api import RoomApi
from festgate.portal.backoffice.sale_answer_api import SaleAnswerApi
from festgate.portal.backoffice.second_factor_api import TeamFactorApi
from festgate.portal.backoffice.ticket_type_api import TicketTypeApi
from festgate.portal.backoffice.waiting_api import WaitingApi
from festgate.portal.registrations.facade import IsUsed
from festgate.portal.tickets.facade import PostCopy


def office_router(
    portal: Portal,
    post_copy: PostCopy,
    is_used: IsUsed,
    *,
    one_import: asyncio.Lock,
    backups: Backups,
    deletions: GuestDeletions,
) -> APIRouter:
    """Return the routes; the last three arguments are shared with the pages."""
    router = APIRouter()
    for part in (
        AuditApi(portal),
        BoxOfficeApi(portal),
        SaleAnswerApi(portal),
        CrewApi(portal),
        EventStepApi(portal),
        BackupApi(portal, backups),
        GuestApi(portal),
        GuestExportApi(portal),
        GuestActionApi(portal, post_copy, is_used),
        ImportApi(portal, one_import),
        OrderApi(portal),
        PaymentApi(portal),
        PeopleApi(portal, deletions),
        ProgrammeApi(portal),
        PromoCodeApi(portal),
        PromoCodeExportApi(portal),
        QuestionApi(portal),
        QuotaApi(portal),
        RoomApi(portal),
        TicketTypeApi(portal),
        TeamFactorApi(portal),
        WaitingApi(portal),
        OverviewApi(portal),
        HolderRuleApi(portal),
        EventTeamApi(portal),
    ):
        router.include_router(part.router())
    return router
