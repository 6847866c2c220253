"""The downloads of short lists: counted against the limit of the person, and written to the audit log."""

from functools import partial

from starlette.requests import Request

from festgate.kit.db.statements import Connection
from festgate.kit.visitors import Actor
from festgate.kit.web.portal import Portal
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit


async def note_download(portal: Portal, request: Request, action: audit.Action, rows: int) -> None:
    """Record that the visitor downloads a list with that number of rows. Raises LimitReached."""
    await portal.database.write(partial(_note, actor=portal.actor(request), action=action, rows=rows))


def _note(connection: Connection, actor: Actor, action: audit.Action, rows: int) -> None:
    if actor.person is not None:
        accounts.allow_use(connection, actor.person, "export")
    audit.record(connection, actor, action, "", rows=rows)
