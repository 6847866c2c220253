"""The downloads of short lists: counted against the limit of the person, and written to the audit log."""

from festgate.kit.db.statements import Connection
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit


def note_download(connection: Connection, actor: Actor, action: audit.Action, rows: int) -> None:
    """Record that a person downloads a list with that number of rows. Raises LimitReached."""
    if actor.person is not None:
        accounts.allow_use(connection, actor.person, "export")
    audit.record(connection, actor, action, "", rows=rows)
