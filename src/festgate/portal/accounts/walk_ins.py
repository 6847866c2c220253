"""Walk-ins: people to whom the box office sells on the spot, a row for each sale.

With an email address a walk-in is a guest (guests.py): the ticket comes by email with a link, and an account with the
address can claim it. Without one the row has a key that no address can have, so nobody can sign in with it, open it by
a link, or claim it.
"""

from sqlalchemy import bindparam, update

from festgate.kit.db.statements import Connection, Statement, inserting
from festgate.kit.ids import new_token
from festgate.kit.translation import gettext
from festgate.portal.accounts.names import key_of, search_text
from festgate.portal.accounts.tables import WALK_IN, people

_insert = inserting(people, returning="id")
_name = Statement(
    update(people)
    .where(people.c.id == bindparam("person"))
    .values(username=bindparam("new_username"), search=bindparam("new_search"))
)


def add_walk_in(connection: Connection, name: str, email: str) -> tuple[int, str]:
    """Add a walk-in; return the id of the row, and the key that its seats are counted by.

    Both may be empty: then lists show the walk-in as `Box office #12`.
    """
    # A space is in no username, and a key has no upper case: nobody can sign up, or be looked up, with it.
    unreachable = f"{WALK_IN}{new_token()}"
    key = key_of(email) if email else unreachable
    person_id: int = connection.value(
        _insert,
        username=name,
        username_key=unreachable,
        email=email,
        email_key=unreachable,
        password_hash="",
        role="attendee",
        created_at=connection.now,
        email_confirmed_at=None,
        name=name,
        search=search_text(name, "", email),
        guest_key=key,
        claimed_by=None,
    )
    if not name:
        shown = gettext("Box office #{number}").format(number=person_id)
        connection.run(_name, person=person_id, new_username=shown, new_search=search_text("", shown, email))
    return person_id, key
