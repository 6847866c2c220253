"""The columns of an exported list of guests, and their cells: text, numbers and times, never a formula."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Final, TypeAlias

from festgate.kit.cells import guard
from festgate.kit.clock import moment
from festgate.kit.translation import N_, gettext
from festgate.portal.backoffice.guest_queries import Guest
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.registrations import facade as registrations

Cell: TypeAlias = str | int | Decimal | datetime | date | None
"""The value of a cell; times are local and have no zone, as spreadsheets know none."""
QUESTION: Final = "question_"
"""The beginning of the name of a column with answers, followed by the id of the question."""
# A spreadsheet keeps such a text as it is: it is no number, because of its spaces, and names no function or cell.
_SPACED_PHONE: Final = re.compile(r"\+[0-9]{1,3}(?: [0-9]{2,})+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an export."""

    name: str
    """Its name in forms."""
    title: str
    value: Callable[[Guest, tzinfo], Cell]
    width: int
    """Characters, in a workbook."""
    is_chosen: bool = True
    """Whether it is chosen at first."""
    is_printed: bool = False
    """Whether it is chosen at first for a list on paper."""


def _local(at: int | None, zone: tzinfo) -> datetime | None:
    return None if at is None else moment(at, zone).replace(tzinfo=None, microsecond=0)


_FEST: Final = Column("event", N_("Event"), lambda guest, _: guest.title, 28, is_printed=True)
_FIXED: Final = (
    Column("registration", N_("Registration"), lambda guest, _: guest.seat_id, 12),
    Column("name", N_("Name"), lambda guest, _: guest.name, 26, is_printed=True),
    Column("email", N_("Email"), lambda guest, _: guest.email, 32),
    Column("ticket", N_("Ticket"), lambda guest, _: guest.ticket, 18, is_printed=True),
    Column("team", N_("Team"), lambda guest, _: guest.team, 18, is_chosen=False),
    Column("state", N_("State"), lambda guest, _: guest.state_name, 20),
    Column("amount", N_("Amount"), lambda guest, _: Decimal(guest.fee.plain()), 10),
    Column("currency", N_("Currency"), lambda guest, _: guest.fee.currency, 9),
    Column("method", N_("Payment method"), lambda guest, _: guest.method, 14),
    Column("order", N_("Order"), lambda guest, _: guest.order_ref, 12),
    Column("buyer", N_("Bought by"), lambda guest, _: guest.buyer, 26, is_chosen=False),
    Column("registered", N_("Registered"), lambda guest, zone: _local(guest.registered_at, zone), 18),
    Column(
        "checked-in",
        N_("Checked in"),
        lambda guest, zone: _local(guest.admitted_at, zone),
        18,
        is_printed=True,
    ),
)


def export_columns(questions: Sequence[catalogue.Question], *, of_fest: bool) -> list[Column]:
    """Return all columns: those of every list, and one for each question. The title is translated."""
    fixed = (_FEST, *_FIXED) if of_fest else _FIXED
    translated = [
        Column(one.name, gettext(one.title), one.value, one.width, one.is_chosen, one.is_printed)
        for one in fixed
    ]
    return [*translated, *map(_of_question, questions)]


def _of_question(question: catalogue.Question) -> Column:
    number, kind = question.id, question.details.kind

    def value(guest: Guest, _zone: tzinfo) -> Cell:
        given = guest.answers.get(number)
        if given is None:
            return None
        if kind == "number":
            return Decimal(given.value)
        if kind == "date":
            return date.fromisoformat(given.value)
        return registrations.shown_answer(kind, given.value)

    return Column(
        f"{QUESTION}{number}", question.details.label, value, 20, is_chosen=question.details.is_in_export
    )


def chosen_columns(columns: Sequence[Column], names: Collection[str]) -> list[Column]:
    """Return the columns with these names, in the order of all."""
    return [one for one in columns if one.name in names]


def first_chosen(columns: list[Column], *, for_paper: bool) -> frozenset[str]:
    """Return the names of the columns that are chosen at first."""
    return frozenset(one.name for one in columns if (one.is_printed if for_paper else one.is_chosen))


def cells_of(guest: Guest, columns: Sequence[Column], zone: tzinfo) -> list[Cell]:
    """Return the cells of a row."""
    return [one.value(guest, zone) for one in columns]


def cell_text(cell: Cell) -> str:
    """Return a cell as text for people: `2026-03-14 10:00` in place of a time."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M")
    return str(cell)


def safe_text(cell: Cell) -> str:
    """Return a cell as text of a CSV file, which no spreadsheet evaluates as a formula.

    A text that begins like a formula gets an apostrophe. A phone number such as `+91 98765 43210` stays as it is, since
    a spreadsheet reads it as text; without the spaces it would become a number and lose its plus.
    """
    if not isinstance(cell, str):
        return cell_text(cell)
    # Most cells: a letter or digit first, and no place at which another program may split the cell.
    if not cell or (cell[0].isalnum() and cell.isprintable() and ";" not in cell):
        return cell
    return cell if _SPACED_PHONE.fullmatch(cell) else guard(cell)
