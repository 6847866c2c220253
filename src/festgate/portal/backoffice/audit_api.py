"""The audit log as JSON."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from festgate.kit.clock import moment
from festgate.kit.errors import Forbidden, NotFound, SignInNeeded
from festgate.kit.translation import ngettext
from festgate.kit.visitors import Visitor
from festgate.kit.web.api import Bearer, module_router, problems
from festgate.kit.web.portal import Portal
from festgate.portal.backoffice.audit_log import (
    LAST_PAGE,
    MAX_VALUE,
    PAGE_SIZE,
    AskedFilters,
    EntryView,
    read_log,
    read_page,
)


class AuditEntry(BaseModel):
    """An action that somebody took in the office, at the door or on the command line."""

    id: int = Field(description="Number of the entry; a later one is greater.")
    at: datetime = Field(description="When (ISO 8601, UTC).")
    person: int | None = Field(
        description="Number of the account that acted; null for a command, for the portal itself, and for a refused "
        "sign-in."
    )
    username: str = Field(description="Username of that account; empty without one.")
    action: str = Field(description="The action, such as `order.refunded`; the names stay the same.")
    subject: str = Field(description="The order, event or account; may be empty.")
    concerns: int | None = Field(description="Number of the account that it concerns, if it is one.")
    event: str | None = Field(description="The slug of the event that it concerns, if it is one.")
    details: dict[str, str | int] = Field(description="Short facts, such as `amount`.")
    origin: Literal["session", "token", "command", "portal"] = Field(description="From where it was done.")
    address: str = Field(description="The address of the client; empty for a command.")


class AuditPage(BaseModel):
    """A page of the audit log."""

    entries: list[AuditEntry] = Field(description=f"Up to {PAGE_SIZE} entries, the newest first.")
    total: int = Field(description="Number of entries on all pages.")
    page: int = Field(description="Number of this page, from 1.")
    pages: int = Field(description="Number of pages, at least 1.")


class Asked(BaseModel):
    """The filters of the list, as on the page; an entry has to fit all of them."""

    q: str = Field(
        default="", max_length=MAX_VALUE, description="Words in the action, the subject and the details."
    )
    action: str = Field(default="", max_length=MAX_VALUE, description="Exactly this action.")
    person: str = Field(
        default="",
        max_length=MAX_VALUE,
        description="The account that acted, or that it was done to: username, email address, or `#` and its number.",
    )
    event: str = Field(
        default="", max_length=MAX_VALUE, description="The slug of the event that it concerns."
    )
    day: str = Field(
        default="", max_length=MAX_VALUE, description="A day in the fest's time zone: `2031-03-14`."
    )
    page: str = Field(default="1", max_length=MAX_VALUE, description=f"Page from 1 to {LAST_PAGE}.")


class AuditApi:
    """The JSON route of the audit log."""

    def __init__(self, portal: Portal) -> None:
        """`portal` as every module's API gets it."""
        self._portal = portal

    def router(self) -> APIRouter:
        """Return the routes, relative to the API's root."""
        router = module_router(self._portal, "backoffice", "audit")
        Caller = Annotated[Visitor, Depends(Bearer(self._portal, "audit"))]  # noqa: N806  (a type)

        @router.get("/audit", responses=problems(SignInNeeded, Forbidden, NotFound))
        async def list_entries(asked: Annotated[Asked, Query()], _caller: Caller) -> AuditPage:
            """List the audit log, the newest entries first: for owners and organisers."""
            given = asked.model_dump()
            page = read_page(given.pop("page"))
            log = await self._portal.database.report(
                read_log, AskedFilters(**given), self._portal.settings.zone, page
            )
            if page > log.pages:
                msg = ngettext(
                    "The list has {count} page; there is no page {page}.",
                    "The list has {count} pages; there is no page {page}.",
                    log.pages,
                )
                raise NotFound(msg.format(count=log.pages, page=page))
            return AuditPage(
                entries=[_entry(row) for row in log.rows], total=log.total, page=page, pages=log.pages
            )

        return router


def _entry(row: EntryView) -> AuditEntry:
    entry = row.entry
    return AuditEntry(
        id=entry.id,
        at=moment(entry.at, UTC),
        person=entry.person,
        username=row.username,
        action=entry.action,
        subject=entry.subject,
        concerns=row.concerned,
        event=row.slug or None,
        details=dict(entry.details),
        origin=entry.origin,
        address=entry.address,
    )
