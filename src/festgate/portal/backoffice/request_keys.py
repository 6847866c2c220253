"""Calls of the API that create something once, and the values that such calls send."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from festgate.kit.db.notes import CALL, add_note, find_note, set_note, written_time
from festgate.kit.db.statements import Connection
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.facade import KeyReused

UTC: Final = ZoneInfo("UTC")
"""The zone of times that a call sends without an offset, and of those that it gets."""
Id = Annotated[int, Field(ge=1, le=2**53)]
Whole = Annotated[int, Field(ge=0, le=2**53)]
Entered = Annotated[str, Field(max_length=catalogue.MAX_VALUE)]
"""A time or an amount, as a form has it: its field has the closer limits."""


def create_once(
    connection: Connection, person_id: int, key: str, content: str, create: Callable[[], Sequence[int]]
) -> list[int]:
    """Create something, unless the person's call with that key has done it; return the ids of what was created.

    Raises KeyReused if that call had other content.
    """
    name = f"{CALL}{_digest(f'{person_id} {key}')}"
    *_, known, ids = (find_note(connection, name) or " ").split(" ")
    if known and known != _digest(content):
        raise KeyReused
    if known:
        return [int(number) for number in ids.split(",")]
    # First, so that the same call in another process waits here, and then finds what this one has created.
    add_note(connection, name, "")
    created = list(create())
    note = f"{written_time(connection.now)} {_digest(content)} {','.join(map(str, created))}"
    set_note(connection, name, note)
    return created


def content_of(path: str, body: BaseModel) -> str:
    """Return the content of a call, by which a repeated one is known."""
    return f"{path} {body.model_dump_json(exclude_unset=True)}"


def entered_fields(body: BaseModel, *others: str) -> dict[str, str]:
    """Return the values that a call has sent as the fields of a form; `others` are left out.

    A field has `yes` for true, and is empty for false and null.
    """
    values = body.model_dump(exclude_unset=True, exclude=set(others))
    return {
        name: "yes" if value is True else "" if value is None or value is False else str(value)
        for name, value in values.items()
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
