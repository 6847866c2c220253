"""Internal notes of organisers on an order or a guest: exported and erased with the data of that person."""

from dataclasses import dataclass

from sqlalchemy import bindparam, delete, select, update

from festgate.kit.clock import Milliseconds
from festgate.kit.db.statements import Connection, Statement, TryAgain, UniqueViolation, inserting
from festgate.kit.errors import Invalid
from festgate.kit.text import tidy
from festgate.kit.translation import gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.checkout import queries
from festgate.portal.checkout.errors import KeyReused, PersonDeleted
from festgate.portal.checkout.exchanges import subject_of_person
from festgate.portal.checkout.tables import notes

MAX_NOTE = 2000
"""Characters of a note."""

_insert = inserting(notes)
_note = select(*notes.c["id", "person_id", "order_id", "text", "written_by", "written_at"])
_of_order = Statement(_note.where(notes.c.order_id == bindparam("order")).order_by(notes.c.id))
_of_person = Statement(_note.where(notes.c.person_id == bindparam("person")).order_by(notes.c.id))
_by_key = Statement(
    _note.where(notes.c.person_id == bindparam("person"), notes.c.request_key == bindparam("key"))
)
_forget = Statement(delete(notes).where(notes.c.person_id == bindparam("person")))
_move = Statement(
    update(notes)
    .where(notes.c.person_id == bindparam("guest"))
    .values(person_id=bindparam("person"), request_key=notes.c.request_key + bindparam("mark"))
)


@dataclass(frozen=True, slots=True)
class Note:
    """A note."""

    id: int
    person_id: int
    order_id: int | None
    text: str
    written_by: int | None
    written_at: Milliseconds


def write_note(
    connection: Connection, actor: Actor, person_id: int, text: str, key: str, *, ref: str | None = None
) -> Note:
    """Add a note on a guest, or on the order `ref` of theirs. The same key again adds nothing.

    Raises NotFound, PersonDeleted, Invalid, or KeyReused for another text.
    """
    order = None if ref is None else queries.order_of_person(connection, person_id, ref)
    if accounts.person_by_id(connection, person_id).is_deleted:
        raise PersonDeleted
    try:
        cleaned = tidy(text, lines=True, max_length=MAX_NOTE)
    except ValueError as error:
        raise Invalid({"text": str(error)}) from None
    if not cleaned:
        raise Invalid({"text": gettext("Write the note first.")})
    row = connection.first(_by_key, person=person_id, key=key)
    if row is not None:
        known = Note(*row)
        if known.text != cleaned:
            raise KeyReused
        return known
    try:
        connection.run(
            _insert,
            person_id=person_id,
            order_id=None if order is None else order.id,
            text=cleaned,
            written_by=actor.person,
            written_at=connection.now,
            request_key=key,
        )
    except UniqueViolation:
        raise TryAgain from None  # another process has just added it
    audit.record(connection, actor, "note.written", ref or subject_of_person(person_id))
    return Note(*connection.all(_by_key, person=person_id, key=key)[0])


def notes_of_order(connection: Connection, order_id: int) -> list[Note]:
    """Return the notes on the order, oldest first."""
    return [Note(*row) for row in connection.all(_of_order, order=order_id)]


def notes_of_person(connection: Connection, person_id: int) -> list[Note]:
    """Return all notes on the person and on their orders, oldest first."""
    return [Note(*row) for row in connection.all(_of_person, person=person_id)]


def forget_notes(connection: Connection, person_id: int) -> None:
    """Delete the notes on the person and on their orders."""
    connection.run(_forget, person=person_id)


def move_notes(connection: Connection, guest_id: int, person_id: int) -> None:
    """Give the notes on a guest to another person."""
    connection.run(_move, guest=guest_id, person=person_id, mark=f" of {guest_id}")
