"""Reports whose tables are screenshots: nothing is claimed about them, and a form takes their numbers."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from festgate.lab.audit.audit import audit
from festgate.lab.audit.documents import form_file, read_document, tables_file
from festgate.lab.audit.entry_form import entry_form, entry_page
from festgate.lab.audit.pictures import MAX_PICTURE_BYTES, png
from festgate.rehearsal.locust_output.columns import WEB_COLUMNS
from tests.lab.reports import CLAIMS, RUNS, html_report, web_rows
from tests.rehearsal.locust_texts import WEB_HEAD
from tests.rig import axe, command
from tests.rig.browser import DESK, PHONE, visit
from tests.rig.server import environment

SCREENSHOT = png(320, 64, bytes([240, 240, 250]) * 320 * 64, 3)
SHOTS = [(side, run) for side, runs in RUNS.items() for run in runs if "/events" in run[0][0][1]]
"""The runs of `/events` of the report with all six errors, each of which is a screenshot here."""
PROSE = f"One user was spawned, for about 30 s.\n\n{CLAIMS[0]} so it is faster.\n"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """Write a report whose tables are screenshots; the second lies in a folder beside it and is not linked."""
    (tmp_path / "screenshots").mkdir()
    links = []
    for number in range(len(SHOTS)):
        name = f"screenshots/{number + 1}.png"
        (tmp_path / name).write_bytes(SCREENSHOT)
        links.append(f"![table {number + 1}]({name})")
    path = tmp_path / "report.md"
    path.write_text("\n".join(["# Load test", "", *links[:-1], "", PROSE]), encoding="utf-8")
    return path


def run_audit(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return command.run(
        ["lab", "audit", *words],
        environment(folder / "data") | {"COLUMNS": "200"},
        folder=folder,
        modules=command.REHEARSAL,
    )


def fill(row: Locator, cells: Sequence[str]) -> None:
    """Type a row from left to right, with a keyboard."""
    method, name, *figures = cells
    row.get_by_label("Type").fill(method)
    row.get_by_label("Name").fill(name)
    for figure in figures:
        row.page.keyboard.press("Tab")
        row.page.keyboard.type(figure)


def put(row: Locator, cells: Sequence[str]) -> None:
    """Set the fields of a row at once, which is a hundred times faster than to type."""
    row.evaluate(
        "(row, cells) => row.querySelectorAll('input').forEach((field, place) => { field.value = cells[place]; })",
        list(cells),
    )


def download(page: Page, folder: Path) -> Path:
    with page.expect_download() as started:
        page.get_by_role("button", name="Download").click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def test_numbers_typed_from_screenshots_are_audited_like_a_table_in_the_text(
    report: Path, browser: Browser
) -> None:
    assert run_audit(report.parent, report.name, "--enter").returncode == 0
    with visit(browser, viewport=PHONE) as visitor:
        page = visitor.context.new_page()
        page.goto(form_file(report).as_uri())
        page.get_by_label("Users at once").fill("1")
        for shot, (side, run) in zip(page.locator(".entry-shot").all(), SHOTS, strict=True):
            assert shot.get_by_role("img").evaluate("picture => picture.naturalWidth") == 320
            shot.get_by_label(side, exact=True).check()
            rows = web_rows(*run)
            single = len(rows) == 2
            for number, cells in enumerate(rows[:1] if single else rows):
                if number:
                    last = number == len(rows) - 1
                    shot.get_by_role("button", name="Add the row Aggregated" if last else "Add a row").click()
                (put if number or side == "After" else fill)(shot.locator(".entry-row").last, cells)
        file = download(page, report.parent)
        assert visitor.problems == []
    assert file == tables_file(report)
    tables = [
        part
        for side, run in SHOTS
        for part in (f"{side}:", "\n".join("\t".join(cells) for cells in (WEB_HEAD, *web_rows(*run))))
    ]
    whole_report = report.with_name("whole.md")
    whole_report.write_text("\n\n".join([*tables, PROSE]), encoding="utf-8")
    typed, whole = audit(report), audit(whole_report)
    assert (typed.tables, typed.requests, typed.is_checked, typed.pictures) == (2, 28, True, 0)
    codes = [finding.kind.code for finding in typed.findings]
    assert codes == [finding.kind.code for finding in whole.findings]
    assert {"workload-differs", "one-row-of-many", "many-names", "connection-outliers"} <= set(codes)
    spots = {str(typed.place(spot)) for finding in typed.findings for spot in finding.spots}
    assert any(place.startswith("report.md.tables.md, line ") for place in spots)
    assert (
        run_audit(report.parent, "report.md", "report.md.tables.md", "--enter").stdout.count("a form for")
        == 1
    )

    # The form shows what was typed, and makes the same text from it.
    text = file.read_text(encoding="utf-8")
    with visit(browser) as visitor:
        page = visitor.context.new_page()
        page.goto(form_file(report).as_uri())
        assert download(page, report.parent).read_text(encoding="utf-8") == text


def test_the_form_refuses_numbers_that_a_table_cannot_have(report: Path, page: Page) -> None:
    document = read_document(report)
    page.set_content(entry_page(report.name, document.pictures))
    page.get_by_role("button", name="Download").click()
    assert "Choose before or after" in page.get_by_role("status").inner_text()
    shot = page.locator(".entry-shot").first
    shot.get_by_label("After", exact=True).check()
    cells = ["GET", "/events|x", "16", "0", "330", "2,500", "", "451.37", "258", "2460", "21138", "0.54", "0"]
    for place, wrong in ((2, ""), (2, "1.5"), (3, "17"), (7, "12,3"), (7, "9000"), (8, "3000")):
        put(
            shot.locator(".entry-row"),
            [wrong if number == place else cell for number, cell in enumerate(cells)],
        )
        page.get_by_role("button", name="Download").click()
        assert shot.get_by_role("alert").inner_text()
        assert page.locator(":focus").get_attribute("data-column") in WEB_COLUMNS
        shot.locator("input:not([type=radio])").evaluate_all(
            "fields => fields.forEach(one => one.value = '')"
        )
    fill(shot.locator(".entry-row"), cells)
    file = download(page, report.parent)
    (table,) = read_document(report, file).tables
    (row,) = table.rows
    assert (row.name, row.requests, row.percentile(0.95), row.average) == ("/events|x", 16, 2500, 451.37)
    assert table.total
    assert table.total.requests == 16


def test_the_form_is_usable_on_a_phone_and_on_a_desk(report: Path, browser: Browser) -> None:
    content = entry_page(report.name, read_document(report).pictures)
    for size, scheme in ((PHONE, "light"), (DESK, "dark")):
        with visit(browser, viewport=size, color_scheme=scheme) as visitor:
            page = visitor.context.new_page()
            page.set_content(content)
            page.locator(".entry-shot").first.get_by_label("Before", exact=True).check()
            page.get_by_role("button", name="Download").click()
            page.get_by_role("button", name="Full size").first.click()
            assert axe.violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            assert visitor.problems == []


def test_two_forms_on_one_page_make_their_own_files(report: Path, page: Page) -> None:
    pictures = read_document(report).pictures[:1]
    both = [entry_page("a.md", pictures), str(entry_form("b.md", pictures))]
    page.set_content(both[0].replace("</main>", f"{both[1]}</main>"))
    for form in page.locator("form").all():
        form.get_by_label("After", exact=True).check()
        fill(form.locator(".entry-row"), ["GET", "/events", "16", "0", "330", "", "", "451"])
    for name in ("a.md.tables.md", "b.md.tables.md"):
        with page.expect_download() as started:
            page.get_by_role("button", name=f"Download {name}").click()
        assert started.value.suggested_filename == name


def test_a_report_of_screenshots_is_not_a_report_without_findings(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(SCREENSHOT)
    (tmp_path / "only.html").write_text(
        "<p>See our results.</p>" + "<img src='x/y.png'>" * 8, encoding="utf-8"
    )
    done = run_audit(tmp_path, "only.html")
    assert done.returncode == 3
    assert "only.html: 0 Locust tables with 0 requests, 0 claims; nothing could be checked" in done.stdout
    assert '2 screenshots: enter these numbers (festgate lab audit --enter "only.html").' in done.stdout
    done = run_audit(tmp_path, "only.html", "--format", "json")
    (result,) = json.loads(done.stdout)["reports"]
    assert (done.returncode, result["checked"], result["screenshots"], result["findings"]) == (
        3,
        False,
        2,
        [],
    )


def test_the_exit_code_is_that_of_the_worst_report(tmp_path: Path) -> None:
    (tmp_path / "claims.md").write_text(
        "Warmed up, 5 runs, \u00b1 1 ms. /events dropped from 451 ms to 324 ms.\n", "utf-8"
    )
    (tmp_path / "wrong.html").write_text(html_report(), encoding="utf-8")
    assert run_audit(tmp_path, "claims.md").returncode == 3
    assert run_audit(tmp_path, "claims.md", "wrong.html").returncode == 1
    assert run_audit(tmp_path, "claims.md", "wrong.html", "absent.md").returncode == 2


def test_tables_from_another_folder_are_named_with_an_option(report: Path) -> None:
    elsewhere = report.parent / "downloads"
    elsewhere.mkdir()
    head = "| Name | # Requests | # Fails | Average (ms) |\n|---|---|---|---|\n"
    rows = "".join(f"| {name} | 700 | 0 | 451 |\n" for name in ("/events", "Aggregated"))
    (elsewhere / "typed.md").write_text(f"## Before: 1\n\n{head}{rows}", encoding="utf-8")
    done = run_audit(report.parent, "report.md", "--tables", "downloads/typed.md")
    assert "report.md: 1 Locust table with 700 requests (with those of typed.md)" in done.stdout
    assert "451 ms (before): Average of Aggregated, typed.md, line 6, 700 requests" in done.stdout
    done = run_audit(report.parent, "report.md", "--tables", "none.md")
    assert (done.returncode, done.stderr) == (
        2,
        "The tables of report.md cannot be used: none.md cannot be read: No such file or directory.\n",
    )
    assert (
        run_audit(report.parent, "report.md", "report.md", "--tables", "downloads/typed.md").returncode == 2
    )


def test_the_headings_of_the_report_do_not_concern_the_entered_tables(report: Path) -> None:
    with report.open("a", encoding="utf-8") as text:
        text.write("\n## /my-events, after\n")
    head = "| Name | # Requests | # Fails | Average (ms) |\n|---|---|---|---|\n"
    rows = "".join(f"| {name} | 700 | 0 | 451 |\n" for name in ("/events", "Aggregated"))
    tables_file(report).write_text(f"{head}{rows}", encoding="utf-8")
    result = audit(report)
    assert [group.side for group in result.report.groups] == [None]
    assert "table-of-other-route" not in {finding.kind.code for finding in result.findings}


def test_a_form_contains_no_file_from_outside_the_folder_of_the_report(tmp_path: Path) -> None:
    folder = tmp_path / "submission"
    folder.mkdir()
    secret = tmp_path / "secret.png"
    secret.write_bytes(SCREENSHOT)
    (folder / "link.png").symlink_to(secret)
    (folder / "notes.png").write_text("not a picture", encoding="utf-8")
    (folder / "drawing.svg").write_text("<svg><script>alert(1)</script></svg>", encoding="utf-8")
    (folder / "huge.png").write_bytes(SCREENSHOT + bytes(MAX_PICTURE_BYTES))
    links = (
        "../secret.png",
        secret.as_posix(),
        "link.png",
        "notes.png",
        "drawing.svg",
        "huge.png",
        "a\0b.png",
        "x" * 5000,
    )
    report = folder / "report.md"
    report.write_text("\n".join(f"![]({link})" for link in links).replace("\0", "%00"), encoding="utf-8")
    pictures = read_document(report).pictures
    assert [picture.shown() for picture in pictures] == [("", b"")] * len(links)
    assert "data:" not in entry_form("report.md", pictures)


def test_markup_in_names_is_text(tmp_path: Path) -> None:
    report = tmp_path / "r<b>'\".md"
    report.write_text('![](<b>"x".png)\n', encoding="utf-8")
    page = entry_page(report.name, read_document(report).pictures)
    assert "<b>" not in page


def test_pictures_of_a_pdf_are_shown(tmp_path: Path, browser: Browser) -> None:
    folder = tmp_path / "pdf"
    folder.mkdir()
    (tmp_path / "a.png").write_bytes(SCREENSHOT)
    page = browser.new_page()
    page.set_content(f"<p>{PROSE}</p>")
    page.evaluate(
        """async bytes => { const image = new Image();
        image.src = URL.createObjectURL(new Blob([new Uint8Array(bytes)], {type: 'image/png'}));
        await image.decode(); document.body.append(image); }""",
        list(SCREENSHOT),
    )
    page.pdf(path=folder / "report.pdf")
    page.close()
    (picture,) = read_document(folder / "report.pdf").pictures
    media, content = picture.shown()
    assert picture.name == "page 1, picture 1"
    assert media in ("image/png", "image/jpeg")
    with visit(browser) as visitor:
        shown = visitor.context.new_page()
        shown.set_content(entry_page("report.pdf", (picture,)))
        size = shown.get_by_role("img").evaluate("image => [image.naturalWidth, image.naturalHeight]")
    assert size == [320, 64]
    assert content
