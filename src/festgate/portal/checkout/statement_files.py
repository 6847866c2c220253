"""Reading of bank statements in CSV: incoming payments, the lines that cannot be read, and the headings."""

import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from festgate.kit.cells import one_line, unguard
from festgate.kit.money import Money
from festgate.kit.text import caseless
from festgate.kit.translation import gettext
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.statement_columns import (
    MAX_ABOVE,
    MAX_HEADINGS,
    Columns,
    Role,
    columns_of,
    guess_roles,
    recognise,
)
from festgate.portal.checkout.statement_values import (
    DateOrder,
    DateReader,
    Direction,
    read_direction,
    read_signed,
)
from festgate.portal.checkout.utrs import MAX_UTR, plain_utr

MAX_STATEMENT: Final = 1024 * 1024
"""Bytes of a statement: about 8,000 payments."""
MAX_CREDITS: Final = 2_000
"""Incoming payments of one statement, each of which is shown before it is stored."""
MAX_LINES: Final = 20_000
"""Lines of a statement: a year of a busy account. Without a limit, empty lines would take seconds."""
MAX_NARRATION: Final = 300
MAX_PROBLEMS: Final = 200
_SEPARATORS: Final = (",", ";", "\t", "|")
_MIN_CELLS: Final = 3


class StatementUnreadable(ValueError):
    """The file cannot be read as a statement. Its sentence states why, and what to do."""


@dataclass(frozen=True, slots=True)
class Credit:
    """An incoming payment of a statement."""

    line: int
    booked_on: str
    """Its day, such as `2026-11-03`."""
    amount: Money
    narration: str
    utr: str
    occurrence: int = 0
    """Its number among the payments of the statement with the same day, amount and text."""
    other_day: str = ""
    """Its day if day and month change places, such as `2026-03-11`; empty if its date can be no other day."""

    @property
    def plain_text(self) -> str:
        """The letters, digits and symbols of the text in small letters.

        A program that saves the statement again may change spaces, case, punctuation and the form of accents. Raises
        ValueError for a text with too many marks in a row.
        """
        folded = caseless(self.narration, MAX_NARRATION)
        return "".join(sign for sign in folded if unicodedata.category(sign)[0] in "LMNS")


@dataclass(frozen=True, slots=True)
class LineProblem:
    """A line that cannot be read."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class BankStatement:
    """The content of a statement."""

    credits: tuple[Credit, ...]
    outgoing: int
    """The number of outgoing payments, which are left out."""
    problems: tuple[LineProblem, ...]
    dates: DateReader
    """The order of day and month in which the dates were read."""


@dataclass(frozen=True, slots=True)
class StatementTable:
    """The lines of a file as cells."""

    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Each with the number of its line."""

    @property
    def known(self) -> tuple[int, Columns] | None:
        """The row of the headings, and the columns; None if the headings are not known."""
        for index, (_, cells) in enumerate(self.rows[:MAX_ABOVE]):
            columns = recognise(cells)
            if columns is not None:
                return index, columns
        return None

    @property
    def heading(self) -> int:
        """The row that is most likely the headings: the one with the most cells that have a text, no number."""
        return max(range(min(len(self.rows), MAX_ABOVE)), key=self._likelihood)

    def _likelihood(self, index: int) -> tuple[int, int, int]:
        cells = self.rows[index][1]
        words = sum(1 for cell in cells if cell and not any(sign.isdigit() for sign in cell))
        return len(guess_roles(cells)), words, -index


def read_table(data: bytes) -> StatementTable:
    """Return the cells of a CSV file in UTF-8, UTF-16 or Windows-1252, whatever separates them.

    Raises StatementUnreadable.
    """
    if len(data) > MAX_STATEMENT:
        raise StatementUnreadable(gettext("The file has more than 1 MB. Export a shorter period."))
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise StatementUnreadable(
            gettext("This is a workbook or PDF. Export the statement as CSV, or save the workbook as CSV.")
        )
    try:
        text = catalogue.decode_text(data)
    except catalogue.Unreadable as error:
        raise StatementUnreadable(str(error)) from None
    if max(text.count("\n"), text.count("\r")) > MAX_LINES:
        sentence = gettext("The file has more than {count} lines. Export a shorter period.")
        raise StatementUnreadable(sentence.format(count=MAX_LINES))
    tables = [_split(text, separator) for separator in _SEPARATORS]
    best = max(tables, key=_width)
    if _width(best) < _MIN_CELLS:
        raise StatementUnreadable(
            gettext("This is not a table. Export the statement as CSV, with a line of headings.")
        )
    return StatementTable(tuple(best))


def _width(rows: Sequence[tuple[int, tuple[str, ...]]]) -> int:
    """Return the number of cells of the most lines, or 0 if hardly any line has several."""
    counts = Counter(len(cells) for _, cells in rows if len(cells) >= _MIN_CELLS)
    if not counts:
        return 0
    known = any(recognise(cells) is not None for _, cells in rows[:MAX_ABOVE])
    return counts.most_common(1)[0][0] + (MAX_HEADINGS if known else 0)


def _split(text: str, separator: str) -> list[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows: list[tuple[int, tuple[str, ...]]] = []
    begin = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                # Some banks begin a cell with an apostrophe, so that a spreadsheet keeps its zeros.
                rows.append((begin, tuple(_clean(cell) for cell in cells[:MAX_HEADINGS])))
            begin = reader.line_num + 1
    except csv.Error:
        return []
    return rows


def _clean(cell: str) -> str:
    return " ".join(one_line(unguard(cell)).split()).removeprefix("'").strip()


def read_statement(
    table: StatementTable,
    currency: str,
    roles: Mapping[int, Role] | None = None,
    order: DateOrder | None = None,
) -> BankStatement | None:
    """Return the incoming payments of a table; None if its headings are not known and no `roles` are given.

    `roles` are those of the columns below the most likely line of headings. `order` is that of day and month, where the
    dates leave it open. Raises StatementUnreadable.
    """
    if roles is None:
        known = table.known
        if known is None:
            return None
        start, columns = known
    else:
        chosen = columns_of(roles)
        if chosen is None:
            raise StatementUnreadable(
                gettext("Choose a column for the date, for the amount, and for the text or the UTR.")
            )
        start, columns = table.heading, chosen
    return _read(table.rows[start + 1 :], columns, currency, order)


def _read(
    rows: Sequence[tuple[int, tuple[str, ...]]], columns: Columns, currency: str, order: DateOrder | None
) -> BankStatement:
    dates = DateReader.of((_cell(cells, columns.date) for _, cells in rows), order)
    seen: Counter[tuple[object, ...]] = Counter()
    incoming: list[Credit] = []
    problems: list[LineProblem] = []
    outgoing = 0
    for line, cells in rows:
        if not any(character.isdigit() for character in _cell(cells, columns.date)):
            continue  # opening balances, sums, remarks below the table
        try:
            amount, direction = _amount(cells, columns, currency)
            if direction == "out" or amount.minor == 0:
                outgoing += 1
                continue
            credit = _credit(line, cells, columns, amount, dates)
            same = (credit.booked_on, credit.amount, credit.plain_text, credit.utr)
        except ValueError as error:
            if len(problems) < MAX_PROBLEMS:
                problems.append(LineProblem(line, str(error)))
            continue
        incoming.append(replace(credit, occurrence=seen[same]))
        seen[same] += 1
        if len(incoming) > MAX_CREDITS:
            sentence = gettext(
                "The statement has more than {count} incoming payments. Export a shorter period."
            )
            raise StatementUnreadable(sentence.format(count=MAX_CREDITS))
    return BankStatement(tuple(incoming), outgoing, tuple(problems), dates)


def _cell(cells: Sequence[str], number: int | None) -> str:
    return cells[number] if number is not None and number < len(cells) else ""


def _amount(cells: Sequence[str], columns: Columns, currency: str) -> tuple[Money, Direction]:
    own = _cell(cells, columns.currency).upper()
    currency = own if len(own) == 3 and own.isalpha() else currency  # noqa: PLR2004  (ISO 4217)
    if columns.amount is None:
        text = _cell(cells, columns.credit)
        if not any("1" <= sign <= "9" for sign in text):
            return Money(0, currency), "out"
        amount, sign = read_signed(text, currency)
        return amount, sign or "in"
    amount, sign = read_signed(_cell(cells, columns.amount), currency)
    stated = read_direction(_cell(cells, columns.direction))
    return amount, stated or sign or "in"


def _credit(line: int, cells: Sequence[str], columns: Columns, amount: Money, dates: DateReader) -> Credit:
    parts = [_cell(cells, number) for number in columns.text]
    # A bank may repeat the reference in the text.
    narration = " · ".join(dict.fromkeys(part for part in parts if part))[:MAX_NARRATION]
    utr = next((part for number in columns.utr if (part := plain_utr(_cell(cells, number))).strip("0")), "")
    written = _cell(cells, columns.date)
    booked_on, other = dates.read(written).isoformat(), dates.other_day(written)
    return Credit(
        line,
        booked_on,
        amount,
        narration,
        utr[:MAX_UTR],
        other_day="" if other is None else other.isoformat(),
    )
