"""Writing entries of the audit log, in the transaction of the action."""

import json

from festgate.kit.db.statements import Connection, inserting
from festgate.kit.text import searchable
from festgate.kit.visitors import Actor
from festgate.portal.audit.actions import Action
from festgate.portal.audit.tables import entries

_insert = inserting(entries)


def record(
    connection: Connection,
    actor: Actor,
    action: Action,
    subject: str,
    *,
    event_id: int | None = None,
    **details: str | int,
) -> None:
    """Add an entry to the audit log. It is kept if the transaction is.

    `subject` is the name of the object, such as an order's reference. `details` are short, and contain no secret, no
    password and no code of a ticket. Neither has a name or an address of a person, which would stay when they are
    erased elsewhere: `PERSON` has the number of the account, and `kit.masking` shortens what has no number.
    """
    written = json.dumps(details, ensure_ascii=False, sort_keys=True)
    connection.run(
        _insert,
        at=connection.now,
        person_id=actor.person,
        origin=actor.origin,
        address=actor.address,
        action=action,
        subject=subject,
        event_id=event_id,
        details=written,
        search=searchable(f"{action} {subject} {' '.join(str(value) for value in details.values())}"),
    )
