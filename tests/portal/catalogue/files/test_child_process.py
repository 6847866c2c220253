"""Workbooks are read by a child process, within limits on its time, its memory and its result."""

import asyncio
import io
import zipfile

import pytest

from festgate.portal.catalogue.files.child_process import read_events_apart
from festgate.portal.catalogue.files.formats import READERS, read_events
from festgate.portal.catalogue.files.rows import Sheet, Unreadable
from tests.portal.catalogue.files.test_formats import SEEDS
from tests.portal.catalogue.files.test_workbooks import with_parts, workbook_of
from tests.portal.catalogue.programme import CONVENTIONS

SPREADSHEET = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
MANY_ROWS = with_parts(
    workbook_of(("title",)), sheet1=b"<worksheet %s><sheetData>%s" % (SPREADSHEET, b"<row/>" * 5_000_000)
)
"""A workbook of a few kilobytes whose rows take a minute."""


def shared_text(size: int, rows: int) -> bytes:
    """Return a workbook whose rows share one text."""
    part = b"/xl/sharedStrings.xml"
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    types = zipfile.ZipFile(io.BytesIO(workbook_of(("title",)))).read("[Content_Types].xml")
    own = b'<Override PartName="%s" ContentType="%s"/></Types>' % (part, kind)
    cells = b'<row><c t="s"><v>0</v></c></row>' + b'<row><c t="s"><v>1</v></c></row>' * rows
    sheet = b"<worksheet %s><sheetData>%s</sheetData></worksheet>" % (SPREADSHEET, cells)
    parts = {"[Content_Types]": types.replace(b"</Types>", own), "sheet1": sheet}
    target = io.BytesIO(with_parts(workbook_of(("title",)), **parts))
    with zipfile.ZipFile(target, "a", zipfile.ZIP_DEFLATED) as archive:
        texts = b"<si><t>title</t></si><si><t>%s</t></si>" % (b"A" * size)
        archive.writestr("xl/sharedStrings.xml", b"<sst %s>%s</sst>" % (SPREADSHEET, texts))
    return target.getvalue()


def read(name: str, data: bytes, seconds: float = 60) -> Sheet:
    return asyncio.run(read_events_apart(name, data, CONVENTIONS, seconds))


@pytest.mark.parametrize("ending", READERS)
def test_a_child_process_reads_the_same_as_its_reader(ending: str) -> None:
    name = f"events{ending}"
    apart, own = read(name, SEEDS[ending]), read_events(name, SEEDS[ending], CONVENTIONS)
    assert list(apart.rows) == list(own.rows)
    assert list(apart.notices) == list(own.notices)
    assert list(apart.cancelled) == list(own.cancelled)
    assert (apart.needed, apart.unit) == (own.needed, own.unit)
    wrong = SEEDS[".csv"] + b"A;x;14.03.2031 9:00;10:00 pm;y\n"
    assert list(read("a.csv", wrong).errors) == list(read_events("a.csv", wrong, CONVENTIONS).errors)


def test_the_sentence_of_a_refused_file_arrives() -> None:
    with pytest.raises(Unreadable, match="this is an old workbook"):
        read("events.xls", b"")


def test_a_file_that_takes_too_long_is_refused_and_its_process_ends() -> None:
    assert len(MANY_ROWS) < 100_000

    async def read_in_time() -> None:
        with pytest.raises(Unreadable, match="takes too long or too much memory"):
            await read_events_apart("events.xlsx", MANY_ROWS, CONVENTIONS, 0.5)

    asyncio.run(read_in_time())


def test_a_small_file_with_a_large_result_is_refused() -> None:
    assert len(read("events.xlsx", shared_text(10, 3)).rows) == 3
    data = shared_text(100_000, 350)
    assert len(data) < 20_000
    with pytest.raises(Unreadable, match="takes too long or too much memory"):
        read("events.xlsx", data)
