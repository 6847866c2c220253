"""The first page of the office, and pages about what needs attention: failed emails, backups."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from festgate.kit.clock import SECOND, Milliseconds
from festgate.kit.db.statements import Connection
from festgate.kit.messaging import mail
from festgate.kit.roles import Role
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.kit.web.parameters import MAX_NAME, read_header, read_id, read_query
from festgate.kit.web.portal import NO_STORE, Portal, see_other
from festgate.portal.audit import facade as audit
from festgate.portal.backoffice.attention import Unavailable
from festgate.portal.backoffice.backups import BackupFailed, Backups
from festgate.portal.backoffice.dashboard import Filters, read_dashboard
from festgate.portal.backoffice.notices import NOTICES, notice_of
from festgate.portal.backoffice.queries import list_organised

MAX_WORDS = 100
"""Characters of a search."""
MAX_ETAG = 100
RECHECK = 30 * SECOND
"""Time after which a page is made again although nothing was committed, since sales open and close by the clock."""
MAX_SENT = 100
"""Pages of which the tag is remembered: one for each organiser and each choice of filters."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The tag of a page that was sent, and what it was made from."""

    tag: str
    version: object
    unavailable: tuple[Unavailable, ...]
    made_at: Milliseconds


class DashboardPages:
    """The dashboard and what it links to."""

    def __init__(self, portal: Portal, backups: Backups) -> None:
        """`backups` are shared with the API."""
        self._portal = portal
        self._backups = backups
        self._writing = portal.pages.writing
        self._sent: OrderedDict[tuple[int, Role, Filters], Sent] = OrderedDict()

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes."""
        guard = self._portal.guard
        return [
            guard("office", "/organise", self.show),
            guard("guests.edit", "/organise/emails", self.show_emails),
            guard("guests.edit", "/organise/emails/{id}/try", self.try_again, methods=["POST"]),
            guard("settings", "/organise/backup", self.back_up, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Answer with the numbers of all events, what needs attention, and the list of events.

        The page asks again every few seconds with the tag of what it shows, and gets 304 while nothing has changed: at
        once while nothing was committed.
        """
        visitor = await self._portal.signed_in(request)
        filters = Filters(
            *(
                read_query(request, name, limit)
                for name, limit in (("q", MAX_WORDS), ("day", 10), ("category", MAX_NAME), ("state", 20))
            )
        )
        database, unavailable = self._portal.database, self._unavailable()
        version, now = database.version(), database.clock()
        known, key = read_header(request, "if-none-match", MAX_ETAG), (visitor.person, visitor.role, filters)
        sent = self._sent.get(key)
        if (
            sent is not None
            and now - sent.made_at < RECHECK
            and (sent.tag, sent.version, sent.unavailable) == (known, version, unavailable)
        ):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={**NO_STORE, "etag": known})
        shown = await database.report(
            read_dashboard, visitor, filters, self._portal.settings, unavailable, self._writing
        )
        # The year is part of the tag, because days of the present one are written without it.
        tag = etag_of((self._writing.year(), visitor.role, filters, shown))
        self._sent[key] = Sent(tag, version, unavailable, now)
        self._sent.move_to_end(key)
        if len(self._sent) > MAX_SENT:
            self._sent.popitem(last=False)
        if known == tag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={**NO_STORE, "etag": tag})
        asked = {name: read_query(request, name, MAX_NAME) for name in NOTICES}
        notice = ""
        if any(asked.values()):
            notice = notice_of(asked, await database.read(list_organised, visitor))
        return await self._portal.page(
            request,
            "backoffice/dashboard.html",
            section="organise",
            headers={"etag": tag},
            shown=shown,
            filters=filters,
            tag=tag,
            notice=notice or _notice_of_backup(read_query(request, "backup", MAX_NAME)),
            warnings=shown.warnings,
            max_words=MAX_WORDS,
            takes_transfers="transfer" in self._portal.settings.payment_methods,
        )

    def _unavailable(self) -> tuple[Unavailable, ...]:
        return tuple(
            Unavailable(gettext(bulkhead.title), bulkhead.why)
            for bulkhead in self._portal.bulkheads.values()
            if bulkhead.is_unavailable()
        )

    async def show_emails(self, request: Request) -> Response:
        """Answer with the emails of the last week that were given up."""
        emails = await self._portal.database.report(mail.given_up)
        return await self._portal.page(
            request,
            "backoffice/emails.html",
            section="organise",
            emails=emails,
            sends_mail=bool(self._portal.settings.smtp_host),
            tried=read_query(request, "tried", 1) != "",
        )

    async def try_again(self, request: Request) -> Response:
        """Send an email that was given up."""
        await self._portal.database.write(try_again, read_id(request, "id"), self._portal.actor(request))
        return see_other("/organise/emails?tried=1")

    async def back_up(self, request: Request) -> Response:
        """Copy the SQLite file into the data folder; a second click within a minute does not copy it again."""
        try:
            await self._backups.make(self._portal.actor(request))
        except BackupFailed:
            return see_other("/organise?backup=failed")
        return see_other("/organise?backup=made")


def etag_of(shown: object) -> str:
    """Return the tag of a page with this view model, which consists of dataclasses and plain values."""
    return f'"{hashlib.sha256(repr(shown).encode()).hexdigest()[:32]}"'


def _notice_of_backup(result: str) -> str:
    return {
        "made": gettext("The backup is made. Copy it to another machine."),
        "failed": gettext(BackupFailed.message),
    }.get(result, "")


def try_again(connection: Connection, message: int, actor: Actor) -> None:
    """Send an email that was given up. A second time does nothing."""
    subject = mail.try_again(connection, message)
    if subject is not None:
        audit.record(connection, actor, "email.retried", subject)
