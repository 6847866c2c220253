"""Reports as students' programs write them: PDFs of placed words, Word documents, UTF-16, ligatures, lost columns."""

import re
import zipfile
from pathlib import Path

import pytest

from festgate.lab.audit.audit import AuditResult, audit
from festgate.lab.audit.documents import UnreadableReport
from festgate.lab.audit.parsed_report import MAX_PROSE
from festgate.lab.audit.pdf_text import MAX_CONTENT_BYTES
from festgate.lab.audit.word_text import MAX_TEXT_BYTES
from tests.lab.conftest import Auditor
from tests.lab.report_files import (
    DOCUMENT,
    drawn_pdf,
    placed_pdf,
    word_document,
    word_paragraph,
    word_picture,
    word_table,
)
from tests.lab.reports import (
    CLAIMS,
    EVENTS,
    EVENTS_AFTER,
    EVENTS_TOTAL,
    RATE,
    RUNS,
    console_run,
    text_report,
    web_rows,
)
from tests.lab.test_audit import SIX
from tests.lab.test_audit_entry import SCREENSHOT
from tests.rehearsal.locust_texts import WEB_HEAD, console_table


def whole(result: AuditResult) -> dict[str, int | None]:
    """Return the findings of a report that has all its tables."""
    assert (result.tables, result.requests, result.open) == (6, 97, ())
    return {finding.kind.code: finding.kind.error for finding in result.findings}


def test_words_that_are_placed_one_by_one_are_read_in_their_lines(tmp_path: Path) -> None:
    text = "\n".join(
        [
            "Load test of the fest portal, one user.",
            *(
                line
                for heading, runs in RUNS.items()
                for line in (f"{heading}:", *(console_run(*run) for run in runs))
            ),
            *CLAIMS,
            RATE,
        ]
    )
    path = tmp_path / "report.pdf"
    path.write_bytes(placed_pdf(text))
    assert whole(audit(path)) == SIX


def test_prose_of_placed_words_is_read_where_all_tables_are_screenshots(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(placed_pdf("\n".join([*CLAIMS, RATE])))
    claims = audit(path).claims
    assert [claim.text for claim in claims] == [" ".join(CLAIMS), " ".join(CLAIMS), RATE]


def test_text_in_a_drawing_that_the_page_repeats_is_read(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(drawn_pdf(f"BT /F1 9 Tf 1 0 0 1 30 700 Tm ({RATE}) Tj ET".encode()))
    (claim,) = audit(path).claims
    assert claim.text == RATE


def test_a_page_with_too_much_on_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(drawn_pdf(b"", b" " * (MAX_CONTENT_BYTES + 1)))
    with pytest.raises(UnreadableReport, match="has more than 8 MB of text and drawings on page 1"):
        audit(path)


def test_an_empty_pdf_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(drawn_pdf(b""))
    with pytest.raises(UnreadableReport, match="is a PDF without text and without pictures"):
        audit(path)


def word_report(path: Path) -> Path:
    """Write the report with all six errors as a Word document, with Locust's tables as tables."""
    parts = [word_paragraph("Load test of the fest portal", "Title"), word_paragraph("One user was spawned.")]
    for heading, runs in RUNS.items():
        parts.append(word_paragraph(f"{heading} the change", "Heading1"))
        parts += [word_table([WEB_HEAD, *web_rows(*run)]) for run in runs]
    parts += [word_paragraph(" ".join(CLAIMS)), word_paragraph(RATE), word_picture(0)]
    return word_document(path, "".join(parts), [SCREENSHOT])


def test_a_word_document_gives_all_six_errors_at_its_paragraphs(tmp_path: Path) -> None:
    result = audit(word_report(tmp_path / "report.docx"))
    assert whole(result) == SIX
    assert {str(result.place(spot)).split()[0] for finding in result.findings for spot in finding.spots} == {
        "paragraph"
    }
    (picture,) = result.report.document.pictures
    assert (picture.name, picture.shown()) == ("image0.png", ("image/png", SCREENSHOT))


def test_paragraphs_and_lists_of_a_word_document_are_read_one_by_one(tmp_path: Path) -> None:
    run = console_table(EVENTS)
    body = "".join(
        [
            *(word_paragraph(line) for line in ("Before:", *run.splitlines())),
            word_paragraph("After:"),
            *(
                word_paragraph("\t".join(cells))
                for cells in (WEB_HEAD, *web_rows(EVENTS_AFTER, EVENTS_TOTAL, 2500))
            ),
            word_paragraph("Before optimisation"),
            word_paragraph("Average response time: 451 ms", is_item=True),
            word_paragraph("After optimisation"),
            word_paragraph("Average response time: 542 ms", is_item=True),
        ]
    )
    result = audit(word_document(tmp_path / "report.docx", body))
    assert (result.tables, result.requests) == (2, 28)
    sources = [source for claim in result.claims for source in claim.sources]
    assert sources[0].startswith("451 ms (before): Average of Aggregated, paragraph ")
    assert sources[1].startswith("542 ms (after): Average of Aggregated, paragraph ")


ENTITIES = '<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY a{number} "&a{number - 1 if number else ""};&a{number - 1 if number else ""};">'
    for number in range(40)
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_that_grow_without_limit_are_refused(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "report.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(DOCUMENT, f"{ENTITIES}]><b>&a39;</b>".encode(encoding))
    with pytest.raises(UnreadableReport, match="with a document type, which Word never writes"):
        audit(path)


def test_a_document_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(DOCUMENT, b" " * (MAX_TEXT_BYTES + 1))
    with pytest.raises(UnreadableReport, match="with more than 32 MB of text"):
        audit(path)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_document_is_read_or_refused_with_a_sentence(tmp_path: Path, seed: int) -> None:
    path = word_report(tmp_path / "report.docx")
    content = bytearray(path.read_bytes())
    begin = seed * len(content) // 40
    content[begin : begin + 30] = bytes((byte + 1) % 256 for byte in content[begin : begin + 30])
    path.write_bytes(content)
    refused = str(path)
    try:
        for picture in audit(path).report.document.pictures:
            picture.shown()
    except UnreadableReport as error:
        refused = str(error)
    assert refused.startswith(str(path))


def test_an_archive_without_a_document_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "report.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("main.py", "print()")
    with pytest.raises(UnreadableReport, match="Save the report as PDF or docx, or unpack the archive"):
        audit(path)


def test_a_report_with_more_prose_than_any_report_has_is_refused(audited: Auditor) -> None:
    with pytest.raises(UnreadableReport, match="has more than 2 million characters besides its tables"):
        audited(text_report() + ("no " * 1000 + "\n") * (MAX_PROSE // 3000 + 1))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_text_is_read_in_the_encodings_of_windows(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "report.txt"
    path.write_bytes(text_report().encode(encoding))
    assert whole(audit(path)) == SIX


def test_ligatures_are_letters(audited: Auditor) -> None:
    text = text_report() + "We warmed up, and repeated it \ufb01ve times with con\ufb01dence intervals.\n"
    assert "not-repeated" not in {finding.kind.code for finding in audited(text).findings}
    claim = "A\ufb05er the \ufb01x /events fell from 451 ms to 542 ms.\n"
    assert audited(text + claim).claims[-1].text == "After the fix /events fell from 451 ms to 542 ms."


def without_columns(text: str) -> str:
    """Return the lines as after a paste into an editor that keeps no columns and no rules."""
    return "\n".join(
        re.sub(r"[ |]+", " ", line).strip() for line in text.split("\n") if not line.startswith("--")
    )


@pytest.mark.parametrize("zero", ["0.00", "0"])
def test_console_tables_that_lost_their_columns_are_read(audited: Auditor, zero: str) -> None:
    parts = [
        part
        for heading, runs in RUNS.items()
        for part in (f"{heading}:", *(without_columns(console_run(*run)) for run in runs))
    ]
    text = "\n".join(["One user.", *parts, "", *CLAIMS, RATE, ""])
    lost = re.sub(r" 0\.00$", f" {zero}", text, flags=re.MULTILINE)
    assert (lost == text) == (zero == "0.00")
    assert whole(audited(lost)) == SIX


def test_web_tables_whose_tabs_became_spaces_are_read(audited: Auditor) -> None:
    parts = [
        part
        for heading, runs in RUNS.items()
        for part in (
            f"{heading}:",
            *(" ".join(cells).strip() for run in runs for cells in (WEB_HEAD, *web_rows(*run))),
        )
    ]
    assert whole(audited("\n".join(["One user.", *parts, "", *CLAIMS, RATE, ""]))) == SIX
