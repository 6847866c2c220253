"""Exports of guests: no cell becomes a formula, phone numbers stay, and memory does not grow with the rows."""

import asyncio
import csv
import io
import json
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook

from festgate.kit.db.statements import Connection
from festgate.kit.errors import SignInNeeded
from festgate.kit.messaging import mail_erasure
from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND, Actor
from festgate.portal.accounts.deletion import delete_account
from festgate.portal.backoffice import guest_exports, workbooks
from festgate.portal.backoffice.guest_columns import chosen_columns, export_columns, first_chosen, safe_text
from festgate.portal.backoffice.guest_export_files import csv_pieces, sheet_lines
from festgate.portal.backoffice.guest_exports import Export, begin_export
from festgate.portal.backoffice.guest_queries import Scope
from festgate.portal.backoffice.workbook_process import write_workbook
from festgate.portal.backoffice.workbooks import OneAtATime, WorkbookFailed, built_workbook, turn_of
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout.exchanges import Wish, exchange_ticket
from festgate.portal.composition import personal_records
from festgate.portal.registrations import queries
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.holds import hold_seat
from tests.portal.backoffice.guest_fest import GuestFest, answer, fill_fest, nobody_in
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone

TEN = datetime.fromisoformat("2026-03-14T10:00:00")
FORMULAS = [
    ("=1+1", "'=1+1"),
    ('=HYPERLINK("http://evil.example")', '\'=HYPERLINK("http://evil.example")'),
    ("+1+1", "'+1+1"),
    ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
    ("-2+3", "'-2+3"),
    ("@SUM(A1)", "'@SUM(A1)"),
    ("\t=1", "'\t'=1"),
    ("\r=1", "'\r'=1"),
    ("\uff1d1+1", "'\uff1d1+1"),
    ("+919876543210", "'+919876543210"),
    ("+91-98765-43210", "'+91-98765-43210"),
    ("+91 98765 43210", "+91 98765 43210"),
    ("+91 1", "'+91 1"),
    ("plain", "plain"),
    ("a=b", "a=b"),
]


@pytest.fixture
def fest(database: OpenDatabase) -> GuestFest:
    return fill_fest(database)


def export_of(fest: GuestFest, *names: str, ids: list[int] | None = None) -> Export:
    """Return an export of the free event's guests, asha before zoe."""
    columns = export_columns(fest.database.read(catalogue.all_questions, fest.free.id), of_fest=False)
    seats = [fest.seats["asha"], fest.seats["zoe"]] if ids is None else ids
    return Export(Scope(fest.free.id), seats, chosen_columns(columns, names), UTC, fest.database.clock())


async def may_read() -> None:
    """Allow every portion of an export."""


def written_csv(fest: GuestFest, export: Export) -> str:
    async def collect() -> str:
        return "".join([piece async for piece in csv_pieces(fest.database.real, export, may_read)])

    return fest.database.run(collect())


@pytest.mark.parametrize("text, safe", FORMULAS)
def test_a_cell_of_csv_is_no_formula(text: str, safe: str) -> None:
    assert safe_text(text) == safe


def test_numbers_and_times_of_csv_are_not_guarded() -> None:
    assert safe_text(-5) == "-5"
    assert safe_text(TEN) == "2026-03-14 10:00"
    assert safe_text(None) == ""


def test_a_csv_file_has_the_chosen_columns_and_answers(fest: GuestFest) -> None:
    answer(fest, "asha", {"T-shirt": "S", "Workshops": "ROS\nArduino", "Phone": "+91 98765 43210"})
    names = {label: f"question_{number}" for label, number in fest.questions.items()}
    export = export_of(fest, "name", "email", "state", "amount", *names.values())
    text = written_csv(fest, export)
    assert text.startswith("\ufeffName,Email,State,Amount,T-shirt,Workshops,Phone\r\n")
    asha, zoe = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert asha == {
        "Name": "Asha Ünal",
        "Email": "asha@example.org",
        "State": "Confirmed",
        "Amount": "0.00",
        "T-shirt": "S",
        "Workshops": "ROS, Arduino",
        "Phone": "+91 98765 43210",
    }
    assert (zoe["Name"], zoe["Phone"]) == ("Zoë García", "")


def test_a_question_outside_exports_is_chosen_only_by_hand(fest: GuestFest) -> None:
    columns = export_columns(fest.database.read(catalogue.all_questions, fest.free.id), of_fest=True)
    chosen = first_chosen(columns, for_paper=False)
    assert f"question_{fest.questions['T-shirt']}" in chosen
    assert f"question_{fest.questions['Phone']}" not in chosen
    assert first_chosen(columns, for_paper=True) == {"event", "name", "ticket", "checked-in"}


def test_guests_outside_the_scope_are_not_exported(fest: GuestFest) -> None:
    export = export_of(fest, "email", ids=list(fest.seats.values()))
    assert "ravi" not in written_csv(fest, export)


def test_a_csv_file_of_many_rows_takes_little_memory(fest: GuestFest) -> None:
    columns, seat = ("name", "email", "state", "registered"), fest.seats["asha"]
    few, many = (export_of(fest, *columns, ids=[seat] * count) for count in (2_000, 40_000))

    async def consume(export: Export) -> int:
        size = 0
        async for piece in csv_pieces(fest.database.real, export, may_read):
            size += len(piece)
        return size

    fest.database.run(consume(few))  # what is compiled and cached stays
    tracemalloc.start()
    try:
        size = fest.database.run(consume(many))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 2_000_000
    assert peak < 1_500_000


def test_a_row_is_read_when_the_rows_before_it_were_sent(fest: GuestFest) -> None:
    export = export_of(fest, "name", ids=[fest.seats["asha"]] * 2_000)
    read: list[object] = []

    class CountingDatabase:
        async def report(self, *_: object) -> str:
            read.append(1)
            return "row"

    async def begin() -> None:
        pieces = csv_pieces(CountingDatabase(), export, may_read)  # type: ignore[arg-type]
        await anext(pieces)
        assert not read
        await anext(pieces)
        assert len(read) == 1

    asyncio.run(begin())


def lines_of(*rows: Sequence[object]) -> list[str]:
    width = max(len(row) for row in rows)
    heading = {"title": "Robo/Race: [final]", "columns": [[f"c{number}", 10] for number in range(width)]}
    return [json.dumps(one) for one in (heading, *rows)]


def test_a_workbook_has_no_formula_and_real_types(tmp_path: Path) -> None:
    texts = [text for text, _ in FORMULAS] + ["#N/A", "007", "a\x01b"]
    values = [[text] for text in texts]
    typed = [
        5,
        {"number": "450.00"},
        {"number": "3"},
        {"time": "2026-03-14T10:00:00"},
        {"date": "2004-12-31"},
        None,
    ]
    write_workbook(lines_of(*values, typed), tmp_path / "guests.xlsx")
    sheet = load_workbook(tmp_path / "guests.xlsx").active
    assert sheet is not None
    assert sheet.title == "Robo Race final"
    assert sheet.freeze_panes == "A2"
    rows = list(sheet.iter_rows(min_row=2))
    for text, row in zip(texts, rows, strict=False):
        assert row[0].data_type == "s"
        assert row[0].value == text.replace("\x01", " ").replace("\r", "\n")  # as XML has line ends
    cells = rows[-1]
    assert [cell.value for cell in cells] == [
        5,
        450,
        3,
        TEN,
        datetime.fromisoformat("2004-12-31"),
        None,
    ]
    assert [cell.data_type for cell in cells] == ["n", "n", "n", "d", "d", "n"]
    assert cells[1].number_format == "0.00"


def test_an_export_ends_with_a_sentence_once_its_reader_may_not_read_it(fest: GuestFest) -> None:
    export = export_of(fest, "name", ids=[fest.seats["asha"]] * 1_500)
    portions: list[object] = []

    async def check() -> None:
        portions.append(1)
        if len(portions) == 2:
            raise SignInNeeded

    async def collect() -> str:
        return "".join([piece async for piece in csv_pieces(fest.database.real, export, check)])

    *rows, last = fest.database.run(collect()).splitlines()
    assert len(rows) == 1 + 500
    assert "The list ends here: " in last
    portions.clear()

    async def build() -> None:
        lines = sheet_lines(fest.database.real, export, "Open Stage", check)
        with pytest.raises(SignInNeeded):
            async with built_workbook(lines):
                pass

    fest.database.run(build())


def test_a_row_that_changes_during_an_export_appears_once(fest: GuestFest) -> None:
    seats = [fest.seats["asha"]] * 500 + [fest.seats["zoe"]]
    export = export_of(fest, "name", "state", ids=seats)

    async def collect() -> list[str]:
        pieces = csv_pieces(fest.database.real, export, may_read)
        first = [await anext(pieces), await anext(pieces)]
        await fest.database.real.write(cancel_seat, fest.people["zoe"], fest.seats["zoe"], nobody_in)
        return [*first, *[piece async for piece in pieces]]

    _, many, last = fest.database.run(collect())
    assert many.count("\n") == 500
    assert last.count("\n") == 1
    assert "ancelled" in last


def exported_during(
    fest: GuestFest, export: Export, *steps: Callable[[Connection], object]
) -> list[dict[str, str]]:
    """Return the rows of an export after each portion of which one of the steps is done."""

    async def collect() -> str:
        lines = ""
        waiting = list(steps)
        async for piece in csv_pieces(fest.database.real, export, may_read):
            lines += piece
            if waiting:
                fest.database.clock.move(1)
                await fest.database.real.write(waiting.pop(0))
        return lines

    return list(csv.DictReader(io.StringIO(fest.database.run(collect()).removeprefix("\ufeff"))))


def test_a_ticket_that_is_exchanged_during_an_export_is_in_it_as_what_it_became(
    fest: GuestFest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest_exports, "PORTION", 1)
    database = fest.database
    (first,) = database.read(catalogue.types_of, fest.free.id)
    database.write(
        catalogue.edit_ticket_type,
        fest.free.slug,
        first.id,
        replace(first.details, name="Guest"),
        queries.count_of_type,
    )
    student, alumni = (
        database.write(
            catalogue.add_ticket_type, fest.free.slug, catalogue.TypeDetails(name, Money(0, "INR"))
        )
        for name in ("Student", "Alumni")
    )
    elsewhere = add_event(database, fee=0)
    (other,) = database.read(catalogue.types_of, elsewhere.id)

    def change(name: str, slug: str, kind: int) -> Callable[[Connection], int]:
        def exchange(connection: Connection) -> int:
            rows = queries.seats_of(connection, fest.people[name])
            seat = next(seat for seat in rows if seat.state == "confirmed" and seat.event_id == fest.free.id)
            return exchange_ticket(connection, COMMAND, seat.id, Wish(slug, kind, "even"), nobody_in)

        return exchange

    ids = [fest.seats["olga"], fest.seats["asha"], fest.seats["zoe"]]
    rows = exported_during(
        fest,
        export_of(fest, "name", "ticket", "state", ids=ids),
        change("asha", fest.free.slug, student.id),
        change("asha", fest.free.slug, alumni.id),
        change("zoe", elsewhere.slug, other.id),
    )
    assert [(row["Name"], row["Ticket"], row["State"]) for row in rows] == [
        ("olga", "Guest", "Cancelled"),
        ("Asha Ünal", "Alumni", "Confirmed"),
        ("Zoë García", "Guest", "Cancelled"),
    ]


def test_guests_that_register_cancel_or_are_erased_during_an_export_leave_each_row_once(
    fest: GuestFest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest_exports, "PORTION", 1)
    newcomer = add_someone(fest.database, "newcomer")
    deepa = add_someone(fest.database, "deepa")
    seat = fest.database.write(hold_seat, deepa, fest.free.slug, 15)
    stored = fest.database.report(mail_erasure.find_emails_to, "deepa@example.org")
    export = export_of(fest, "name", "email", "state", ids=[fest.seats["asha"], fest.seats["zoe"], seat])
    rows = exported_during(
        fest,
        export,
        lambda connection: hold_seat(connection, newcomer, fest.free.slug, 15),
        lambda connection: cancel_seat(connection, fest.people["zoe"], fest.seats["zoe"], nobody_in),
        lambda connection: delete_account(connection, deepa, personal_records(), stored),
    )
    assert [(row["Name"], row["State"]) for row in rows[:2]] == [
        ("Asha Ünal", "Confirmed"),
        ("Zoë García", "Cancelled"),
    ]
    (erased,) = rows[2:]
    assert erased["State"] == "Cancelled"
    assert "deepa" not in " ".join(erased.values())


def test_a_workbook_is_built_by_a_process_and_its_folder_is_removed(fest: GuestFest) -> None:
    answer(fest, "asha", {"Phone": "+91 98765 43210"})
    export = export_of(
        fest, "registration", "name", "amount", "registered", f"question_{fest.questions['Phone']}"
    )

    async def build() -> tuple[list[tuple[object, ...]], Path]:
        async with built_workbook(sheet_lines(fest.database.real, export, "Open Stage", may_read)) as path:
            sheet = load_workbook(path).active
            assert sheet is not None
            return list(sheet.iter_rows(values_only=True)), path

    (heading, asha, zoe), path = fest.database.run(build())
    assert heading == ("Registration", "Name", "Amount", "Registered", "Phone")
    assert (asha[0], asha[1], asha[2], asha[4]) == (fest.seats["asha"], "Asha Ünal", 0, "+91 98765 43210")
    assert isinstance(asha[3], datetime)
    assert (zoe[1], zoe[4]) == ("Zoë García", None)
    assert not path.parent.exists()


def test_a_workbook_that_takes_too_long_or_fails_leaves_nothing() -> None:
    folders: list[Path] = []

    async def endless() -> AsyncIterator[str]:
        yield lines_of([1])[0] + "\n"
        await asyncio.Event().wait()

    async def broken() -> AsyncIterator[str]:
        yield "no JSON\n"

    async def build(lines: AsyncIterator[str], seconds: float) -> None:
        async with built_workbook(lines, seconds) as path:
            folders.append(path)

    with pytest.raises(WorkbookFailed):
        asyncio.run(build(endless(), 0.3))
    with pytest.raises(WorkbookFailed):
        asyncio.run(build(broken(), 30))
    assert not folders


def test_one_workbook_at_a_time_is_built_for_a_person(fest: GuestFest) -> None:
    async def build() -> None:
        async with turn_of(fest.database.real, 1):
            async with turn_of(fest.database.real, 2):
                pass
            with pytest.raises(OneAtATime):
                async with turn_of(fest.database.real, 1):
                    pass
        async with turn_of(fest.database.real, 1):
            pass

    fest.database.run(build())
    fest.database.write(workbooks._begin, 1)  # noqa: SLF001  (a worker that was killed while it built one)
    fest.database.clock.move(int(workbooks.SECONDS * 1000) + 1)
    fest.database.run(build())


def test_an_export_is_in_the_audit_log(fest: GuestFest) -> None:
    export = export_of(fest, "name", "email")
    fest.database.write(begin_export, Actor(fest.people["sam"], "session"), export, "csv", "open-stage")
    (row,) = fest.database.read(logged)
    assert row[:3] == ("guests.exported", "open-stage", fest.free.id)
    assert json.loads(str(row[3])) == {"columns": "name, email", "format": "csv", "rows": 2}


def logged(connection: object) -> list[tuple[object, ...]]:
    from sqlalchemy import select  # noqa: PLC0415

    from festgate.kit.db.statements import Connection, Statement  # noqa: PLC0415
    from festgate.portal.audit.tables import entries  # noqa: PLC0415

    assert isinstance(connection, Connection)
    return connection.all(Statement(select(*entries.c["action", "subject", "event_id", "details"])))


def test_dates_and_numbers_in_answers_have_their_type(fest: GuestFest) -> None:
    question = catalogue.QuestionDetails("date", "Birthday")
    number = fest.database.write(catalogue.add_question, fest.free.slug, question)
    fest.questions["Birthday"] = number
    answer(fest, "asha", {"Birthday": "2004-12-31"})
    export = export_of(fest, f"question_{number}", ids=[fest.seats["asha"]])

    async def lines() -> list[str]:
        return [piece async for piece in sheet_lines(fest.database.real, export, "x", may_read)]

    assert json.loads(fest.database.run(lines())[1]) == [{"date": date(2004, 12, 31).isoformat()}]
