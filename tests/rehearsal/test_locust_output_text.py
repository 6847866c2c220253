"""Locust's tables in pasted text: from emails, reports, terminals and the web page; and text without a table."""

import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from festgate.rehearsal.locust_output import LocustOutput, NotLocust, locust_file, read_locust
from festgate.rehearsal.locust_output.columns import WEB_COLUMNS, columns_of
from tests.rehearsal.locust_texts import (
    AFTER,
    BEFORE,
    HEAD,
    TRACEBACK,
    WEB_HEAD,
    WEB_ROWS,
    Told,
    console_row,
    console_table,
    folded,
    percentile_table,
)


@pytest.fixture
def paste(tmp_path: Path) -> "Paste":
    return Paste(tmp_path)


class Paste:
    """Reads a text as a file."""

    def __init__(self, folder: Path) -> None:
        """Use this folder for the files."""
        self.folder = folder

    def __call__(self, text: str, name: str = "report.md") -> LocustOutput:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return read_locust(path)


def figures(output: LocustOutput) -> list[list[tuple[object, ...]]]:
    return [
        [(row.method, row.name, row.requests, row.average, row.maximum, row.rate) for row in table.rows]
        for table in output.tables
    ]


def test_two_runs_in_a_report_are_two_tables_with_their_titles_and_lines(paste: Paste) -> None:
    before, after = (f"```\n{console_table(row)}```\n" for row in (BEFORE, AFTER))
    text = f"# Report\n\nIt is fast.\n## Before\n{before}\n## After\n{after}"
    output = paste(text)
    assert output.problems == ()
    assert [(table.line, table.heading, table.rates) for table in output.tables] == [
        (6, "Before", "unknown"),
        (15, "After", "unknown"),
    ]
    assert figures(output) == [
        [("GET", "/checkout", 17, 132.0, 2104.0, 0.6)],
        [("GET", "/checkout", 19, 117.0, 2082.0, 0.66)],
    ]
    assert [table.rows[0].line for table in output.tables] == [8, 17]


def test_prose_is_outside_the_spans(paste: Paste) -> None:
    text = f"# Report\nIt is fast.\n{console_table(BEFORE)}And so on.\n"
    output = paste(text)
    assert output.spans == ((3, 7),)
    assert text.splitlines()[7] == "And so on."


def test_tables_that_cannot_be_of_one_run_are_two_runs_even_without_text_between(paste: Paste) -> None:
    # More requests later, but a shorter slowest one: no run goes on like that.
    assert len(paste(console_table(BEFORE) + "\n" + console_table(AFTER)).tables) == 2


def test_tables_of_a_run_that_goes_on_are_one_with_the_last_figures(paste: Paste) -> None:
    early: Told = ("GET", "/checkout", 4, 0, 500, 8, 1900, 9, 0.3)
    nothing: Told = ("", "Aggregated", 0, 0, 0, 0, 0, 0, 0.0)
    start = "\n".join(console_table(nothing).splitlines()[:2]) + "\n" + console_row(nothing) + "\n\n"
    (table,) = paste(start + console_table(early) + "[log] a message\n" + console_table(BEFORE)).tables
    assert (table.requests, table.interim) == (17, (1, 5))


@pytest.mark.parametrize("width", [200, 24])
def test_a_traceback_between_its_tables_does_not_divide_a_run(paste: Paste, width: int) -> None:
    early: Told = ("GET", "/checkout", 4, 0, 500, 8, 1900, 9, 0.3)
    (table,) = paste(console_table(early) + folded(TRACEBACK, width) + console_table(BEFORE)).tables
    assert (table.requests, table.interim) == (17, (1,))


def test_the_table_of_percentiles_ends_a_run(paste: Paste) -> None:
    times = (9, 9, 9, 10, 10, 2100, 2100, 2100, 2100, 2100, 2100)
    both = percentile_table(("GET", "/checkout", times, 17), ("", "Aggregated", times, 17))
    (first, second) = paste(console_table(BEFORE) + "\n" + both + "\n" + console_table(BEFORE)).tables
    assert first.rows[0].percentile(0.95) == 2100
    assert first.total is not None
    assert first.total.percentile(0.5) == 9
    assert (first.rates, second.rates) == ("run", "unknown")
    assert second.rows[0].percentile(0.95) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\n".join(f"> {line}" for line in text.splitlines()),
        lambda text: "\n".join(f"    {line}" for line in text.splitlines()),
        lambda text: "\n".join(" ".join(line.split()) for line in text.splitlines()),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace("|", "\u2502").replace("-", "\u2500"),
        lambda text: "\n".join(f"\x1b[32m{line}\x1b[0m" for line in text.splitlines()),
        lambda text: "\n".join(
            f"[2026-11-22 18:30:00,123] host/INFO/locust.stats_logger: {line}" for line in text.splitlines()
        ),
        lambda text: "PS C:\\fest> locust -f checkout.py\n" + text + "PS C:\\fest>",
    ],
    ids=[
        "quoted in a mail",
        "indented",
        "blanks squeezed by a PDF",
        "blanks that do not break",
        "a blank line after each",
        "drawn lines",
        "coloured",
        "logged",
        "between prompts",
    ],
)
def test_text_around_a_table_changes_nothing(paste: Paste, change: "object") -> None:
    rows: list[Told] = [BEFORE, ("POST", "/my events | all 9", 4, 1, 30, 12, 90, 13, 0.2)]
    whole: Told = ("", "Aggregated", 21, 1, 112, 7, 2104, 10, 0.8)
    text = console_table(*rows, total=whole)
    assert callable(change)
    output = paste(change(text))
    assert output.problems == ()
    assert figures(output) == figures(paste(text))
    assert [row.title for row in output.tables[0].rows] == ["GET /checkout", "POST /my events | all 9"]
    assert output.tables[0].total is not None
    assert output.tables[0].total.requests == 21


def test_a_wrapped_number_is_joined(paste: Paste) -> None:
    row: Told = ("GET", "/checkout", 1234, 0, 132, 7, 2104, 9, 12.5)
    # Column 56 lies in the middle of 1234, and the last one in the middle of the last figure.
    for width in (56, len(console_row(row)) - 1):
        (table,) = paste(folded(console_table(row), width)).tables
        assert [row.requests for row in table.rows] == [1234]
        assert table.rows[0].rate == 12.5


def test_an_ambiguous_wrapped_row_is_reported_with_its_line(paste: Paste) -> None:
    lines = console_table(BEFORE).splitlines()
    lines[2:3] = ["GET /checkout 1", "7 0(0.00%) | 132 7 2104 9 | 0.60 0.00"]
    output = paste("\n".join(lines))
    assert any(
        problem.line == 3 and "ambiguous: 17 requests or 7 requests" in str(problem)
        for problem in output.problems
    )
    assert output.tables[0].rows == ()


def test_a_line_that_is_not_a_row_is_reported_and_the_others_are_read(paste: Paste) -> None:
    lines = console_table(BEFORE, AFTER).splitlines()
    lines[2:2] = ["GET /checkout seventeen 0(0.00%) | 132 7 2104 9 | 0.60 0.00"]
    output = paste("\n".join(lines))
    ((number, sentence),) = [(problem.line, problem.sentence) for problem in output.problems]
    assert (number, "seventeen" in sentence) == (3, True)
    assert len(output.tables[0].rows) == 2


@pytest.mark.parametrize(
    "row, wrong",
    [
        ("GET /a 10 12(120.00%) | 5 1 9 4 | 1.00 0.00", "12 failures are more than the 10 requests"),
        ("GET /a 10 2(30.00%) | 5 1 9 4 | 1.00 0.00", "are not 30.00 %"),
        ("GET /a 10 0(0.00%) | 50 1 9 4 | 1.00 0.00", "the mean of 50 ms lies outside 1 to 9 ms"),
    ],
)
def test_a_row_that_contradicts_itself_is_reported_and_ignored(paste: Paste, row: str, wrong: str) -> None:
    lines = console_table(BEFORE).splitlines()
    output = paste("\n".join([*lines[:3], row, *lines[3:]]))
    ((number, sentence),) = [(problem.line, problem.sentence) for problem in output.problems]
    assert (number, wrong in sentence) == (4, True)
    assert len(output.tables[0].rows) == 1


def test_the_columns_of_the_web_page_are_those_of_the_installed_locust() -> None:
    package = find_spec("locust")
    assert package is not None
    assert package.origin is not None
    (script,) = Path(package.origin).parent.glob("webui/dist/assets/*.js")
    text = script.read_text(encoding="utf-8")
    begin = text.index("title:`# Requests`")
    titles = re.findall(r"title:`([^`]*)`", text[begin : text.index("]", text.index("Failures/s", begin))])
    percentiles = ["95%ile (ms)", "99%ile (ms)"]
    place = titles.index("${e*100}%ile (ms)")
    assert [*titles[:place], *percentiles, *titles[place + 1 :]] == list(WEB_COLUMNS)
    assert len(columns_of("".join(WEB_HEAD))) == len(WEB_HEAD)


def test_a_table_that_is_cut_off_is_read_and_reported(paste: Paste) -> None:
    output = paste("\n".join(console_table(BEFORE, AFTER).splitlines()[:4]))
    assert len(output.tables[0].rows) == 2
    assert output.tables[0].total is None
    assert [(problem.line, "may be cut off" in problem.sentence) for problem in output.problems] == [
        (4, True)
    ]


def web(divider: str, *, edge: str = "") -> str:
    return "\n".join(f"{edge}{divider.join(row)}{edge}" for row in (WEB_HEAD, *WEB_ROWS))


@pytest.mark.parametrize(
    "text",
    [
        web("\t"),
        web("\t").replace("\tAggregated", "Aggregated"),
        web("  "),
        web(" | ", edge="| ").replace(" (ms) |", " (ms) |", 1),
        web(" | ", edge="| ").replace("\n", f"\n|{'---|' * len(WEB_HEAD)}\n", 1),
    ],
    ids=["tabs", "tabs without the first", "blanks", "bars", "a table of Markdown"],
)
def test_the_table_of_the_web_page_is_read_as_it_is_copied(paste: Paste, text: str) -> None:
    output = paste(f"Our results:\n\n{text}\n\nThank you.\n")
    assert output.problems == ()
    (table,) = output.tables
    assert (table.kind, table.rates, table.line) == ("web", "moment", 3)
    first, second = table.rows
    assert (first.title, first.requests, first.failures) == ("GET /events", 16, 1)
    assert (first.median, first.average, first.minimum, first.maximum) == (330, 451.37, 258, 2460)
    assert (first.percentile(0.95), first.size, first.rate) == (2500, 21138, 0.5)
    assert second.name == "/my events"
    assert table.total is not None
    assert table.total.requests == 20


OLD_REPORT = """<!DOCTYPE html>
<html><head><title>Test Report</title></head><body>
<p>Target Host: <span>http://localhost:8000</span></p>
<table class="stats"><thead><tr><th>Method</th><th>Name</th><th># Requests</th><th># Fails</th><th>Average (ms)</th>
<th>Min (ms)</th><th>Max (ms)</th><th>Average size (bytes)</th><th>RPS</th><th>Failures/s</th></tr></thead><tbody>
<tr><td>GET</td><td>/a &lt;b&gt;</td><td>16</td><td>1</td><td>451</td><td>258</td><td>2460</td><td>21138</td>
<td>0.5</td><td>0.0</td></tr>
<tr class="total"><td></td><td>Aggregated</td><td>16</td><td>1</td><td>451</td><td>258</td><td>2460</td><td>21138</td>
<td>0.5</td><td>0.0</td></tr></tbody></table>
<table><tr><th>Method</th><th>Name</th><th>50%ile (ms)</th><th>95%ile (ms)</th><th>100%ile (ms)</th></tr>
<tr><td>GET</td><td>/a &lt;b&gt;</td><td>330</td><td>2500</td><td>2500</td></tr>
<tr><td></td><td>Aggregated</td><td>330</td><td>2500</td><td>2500</td></tr></table>
<table><tr><th>Method</th><th>Name</th><th>Error</th><th>Occurrences</th></tr>
<tr><td>GET</td><td>/a &lt;b&gt;</td><td>it broke</td><td>1</td></tr></table></body></html>
"""


def test_a_report_of_an_older_locust_is_read_from_its_tables(paste: Paste) -> None:
    output = paste(OLD_REPORT, "old.html")
    assert output.problems == ()
    (table,) = output.tables
    (row,) = table.rows
    assert (row.title, row.requests, row.average, row.percentile(0.95)) == ("GET /a <b>", 16, 451, 2500)
    assert (table.line, row.line, table.host) == (4, 6, "http://localhost:8000")
    assert [(failure.name, failure.error, failure.occurrences) for failure in table.failures] == [
        ("/a <b>", "it broke", 1)
    ]


STATS = (
    "Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Min Response Time,"
    "Max Response Time"
)
DATA = 'window.templateArgs = {"requests_statistics": '


@pytest.mark.parametrize(
    "name, text, sentence",
    [
        ("a.txt", "", "a.txt is empty."),
        ("a.txt", " \n\n", "a.txt is empty."),
        (
            "a.md",
            "# A report\nIt was fast.\n",
            "line 3: the file ends without a table of Locust",
        ),
        ("a.csv", "date,price\n2026-11-22,12\n", "the file ends without a table of Locust"),
        ("a.csv", STATS + "\n", "line 2: there is no row below the heading"),
        ("a.csv", STATS + "\nGET,/a,1\n", "line 2: 'GET /a 1' has 3 cells instead of 8"),
        ("a.csv", STATS + "\nGET,/a,one,0,1,1,1,1\n", "line 2: 'one' is not a number in Locust's format"),
        (
            "a_failures.csv",
            "Method,Name,Error,Occurrences,First Seen,Last Seen\n",
            "there is no PREFIX_stats.csv in its folder",
        ),
        (
            "a.html",
            "<html><table><tr><td>1</td></tr></table>\n</html>",
            "line 2: the page ends without Locust's data",
        ),
        ("a.html", f"<html>\n<script>{DATA}[", "line 2: Locust's data begin here but do not end"),
        ("a.html", f"<html>\n<script>{DATA}[{{}}]}}", "line 2: Locust's data are not in a known format"),
        (
            "a.txt",
            "\n".join(console_table(BEFORE).splitlines()[:1]),
            "line 1: the table at line 1",
        ),
    ],
)
def test_a_file_without_a_table_is_refused_in_one_sentence_with_file_and_line(
    paste: Paste, name: str, text: str, sentence: str
) -> None:
    with pytest.raises(NotLocust) as refused:
        paste(text, name)
    message = str(refused.value)
    assert sentence in message
    assert name in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.txt", console_table(BEFORE, AFTER)),
        ("a_stats.csv", STATS + "\nGET,/a,4,0,1,1.5,1,2\n,Aggregated,4,0,1,1.5,1,2\n"),
        ("a.html", OLD_REPORT),
    ],
)
def test_wherever_a_file_is_cut_off_it_is_read_or_refused_and_nothing_is_made_up(
    paste: Paste, name: str, text: str
) -> None:
    whole = set(paste(text, name).tables[0].rows)
    for end in range(1, len(text), 5):
        try:
            output = paste(text[:end], name)
        except NotLocust as refused:
            assert "\n" not in str(refused)  # noqa: PT017  (most ends are refused, and some are not)
            continue
        rows = {replace(row, percentiles=()) for table in output.tables for row in table.rows}
        assert rows <= {replace(row, percentiles=()) for row in whole}
        assert output.problems or any(table.total is not None for table in output.tables)


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\0\x01\xff")
    with pytest.raises(NotLocust, match=r"a\.pdf, line 2: this is not text"):
        read_locust(tmp_path / "a.pdf")
    with pytest.raises(NotLocust, match="cannot be read"):
        read_locust(tmp_path)


def test_a_csv_file_that_was_cut_off_is_read_as_far_as_it_goes(paste: Paste) -> None:
    output = paste(STATS + "\nGET,/a,4,0,1,1.5,1,2\nGET,/b,4,", "a_stats.csv")
    assert [row.name for row in output.tables[0].rows] == ["/a"]
    assert [(problem.line, problem.sentence.split(",")[0]) for problem in output.problems] == [
        (3, "'GET /b 4' has 4 cells instead of 8 and may be cut off."),
        (3, "the row Aggregated is missing"),
    ]


def test_damaged_sibling_files_are_reported_and_the_figures_are_read(paste: Paste) -> None:
    (paste.folder / "a_stats_history.csv").write_text("something,else\n1,2\n", encoding="utf-8")
    (paste.folder / "a_failures.csv").write_text(
        "Method,Name,Error,Occurrences\nGET,/a,it broke,often\n", encoding="utf-8"
    )
    (paste.folder / "a_exceptions.csv").write_bytes(b"\0\0\0\0")
    output = paste(STATS + "\nGET,/a,4,0,1,1.5,1,2\n,Aggregated,4,0,1,1.5,1,2\n", "a_stats.csv")
    assert [Path(problem.source).name for problem in output.problems] == [
        "a_stats_history.csv",
        "a_failures.csv",
        "a_exceptions.csv",
    ]
    assert "'often' is not a number" in output.problems[1].sentence
    assert output.tables[0].requests == 4


def test_a_prefix_stands_for_its_files(paste: Paste) -> None:
    paste(STATS + "\n,Aggregated,4,0,1,1.5,1,2\n", "a_stats.csv")
    assert locust_file(str(paste.folder / "a")) == paste.folder / "a_stats.csv"
    assert locust_file(str(paste.folder / "b")) is None
    assert locust_file(str(paste.folder)) is None


def test_a_run_in_which_nothing_was_sent_is_a_table_without_rows(paste: Paste) -> None:
    nothing: Told = ("", "Aggregated", 0, 0, 0, 0, 0, 0, 0.0)
    lines = console_table(nothing).splitlines()
    output = paste("\n".join([*lines[:2], *lines[3:], "", percentile_table()]))
    assert output.problems == ()
    assert [(table.rows, table.requests) for table in output.tables] == [((), 0)]


def test_the_layout_of_locust_1_with_method_and_name_in_one_column_is_read(paste: Paste) -> None:
    lines = console_table(BEFORE).splitlines()
    lines[0] = lines[0].replace("Type    ", "        ").replace("Med", "Median")
    (table,) = paste("\n".join(lines)).tables
    assert [replace(row, line=0).key for row in table.rows] == [("GET", "/checkout")]
    assert HEAD[0] not in lines[0]
