"""The outputs of a real run of Locust: its CSV files, its JSON, its HTML report and its console."""

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from festgate.rehearsal.locust_output import NotLocust, Table, locust_file, read_locust
from tests.rehearsal.locust_texts import folded
from tests.rehearsal.target import Answer, answering, welcome

LOCUSTFILE = """
from pathlib import Path

import gevent
from locust import FastHttpUser, constant, events, task
from locust.stats import save_stats_json

@events.init.add_listener
def save_at_the_end(environment, **_):
    # With --json-file, Locust would not print its tables.
    environment.events.quit.add_listener(lambda **_: save_stats_json(environment.stats, "all"))

class Visitor(FastHttpUser):
    wait_time = constant(0.02)
    left = 15

    @task
    def look(self):
        # Locust writes its CSV files every second, one after the other, and not at its end: the last request and both
        # exceptions have to be in them.
        self.left -= 1
        if self.left >= 0:
            self.client.get("/page", name="/page")
            self.client.post("/order", name="an order | with 2 words")
            self.client.get("/missing")
            self.environment.events.request.fire(
                request_type="MEMO", name="kept", response_time=0.3, response_length=9, exception=None, context={}
            )
        elif self.left == -1:
            raise ValueError("the end, as planned")
        elif wrote("stats", ",Aggregated,120,") and wrote("exceptions", "\\n2,"):
            gevent.spawn(self.environment.runner.quit)

def wrote(kind, text):
    return text in Path(f"out_{kind}.csv").read_text()
"""


@dataclass(frozen=True)
class Written:
    """The files of one run."""

    prefix: Path
    html: Path
    console: Path
    json: Path


def answer(path: str) -> Answer:
    # Some steps that take whole milliseconds on any machine, beside one that takes less than half of one on any.
    time.sleep(0.003)
    return (404, b"none") if path == "/missing" else welcome(path)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("locust")
    (folder / "visitor.py").write_text(LOCUSTFILE, encoding="utf-8")
    words = ["--headless", "-f", "visitor.py", "-u", "2", "-r", "2", "-t", "30s"]
    with answering(answer) as target:
        done = subprocess.run(
            [sys.executable, "-m", "locust", *words, "-H", target.url, "--csv", "out", "--html", "out.html"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    console = folder / "console.txt"
    console.write_text(done.stdout, encoding="utf-8")
    assert (folder / "out_stats.csv").exists(), done.stdout
    return Written(folder / "out", folder / "out.html", console, folder / "all.json")


def only(path: Path) -> Table:
    """Return the only table of a file that was read without problems."""
    output = read_locust(path)
    assert output.problems == ()
    (table,) = output.tables
    return table


def test_all_three_describe_the_same_run(written: Written) -> None:
    tables = [only(Path(f"{written.prefix}_stats.csv")), only(written.html), only(written.console)]
    csv, html, console = ([*table.rows, table.total] for table in tables)
    assert [table.kind for table in tables] == ["csv", "html", "console"]
    assert {table.rates for table in tables} == {"run"}
    for one, other, third in zip(csv, html, console, strict=True):
        assert one is not None
        assert other is not None
        assert third is not None
        assert one.key == other.key == third.key
        assert (one.requests, one.failures) == (other.requests, other.failures)
        assert (one.requests, one.failures) == (third.requests, third.failures)
        assert one.median == other.median
        assert one.percentile(0.95) == other.percentile(0.95) == third.percentile(0.95)
        assert one.percentiles == third.percentiles
        # The console cuts a mean and a median down to whole milliseconds, the report rounds the slowest. A median is
        # one already, but for steps so quick that the least of their times is more.
        assert one.average == pytest.approx(other.average)
        assert one.average is not None
        assert third.average == int(one.average)
        assert one.median is not None
        assert third.median == int(one.median)
        assert other.maximum == pytest.approx(one.maximum, abs=0.6)
        assert third.maximum == pytest.approx(one.maximum, abs=1)
        assert one.rate == pytest.approx(third.rate, rel=0.5)
        assert one.size == other.size


def test_the_json_has_the_same_figures_and_a_total(written: Written) -> None:
    csv, json = only(Path(f"{written.prefix}_stats.csv")), only(written.json)
    assert locust_file(str(written.json.with_suffix(""))) == written.json
    assert (json.kind, json.rates) == ("json", "run")
    assert json.total is not None
    assert csv.total is not None
    rows = {row.key: row for row in (*json.rows, json.total)}
    assert len(rows) == len(csv.rows) + 1
    for row in (*csv.rows, csv.total):
        other = rows[row.key]
        assert (other.requests, other.failures) == (row.requests, row.failures)
        assert (other.median, other.percentiles) == (row.median, row.percentiles)
        figures = (other.average, other.size, other.minimum, other.maximum)
        assert list(figures) == pytest.approx([row.average, row.size, row.minimum, row.maximum])
        assert other.rate == pytest.approx(row.rate, rel=0.5)


def test_json_below_a_log_is_read_and_cut_or_empty_json_is_refused_by_line(
    written: Written, tmp_path: Path
) -> None:
    text = written.json.read_text(encoding="utf-8")
    file = tmp_path / "all.txt"
    file.write_text(
        "[2031-03-13 18:00:00,1] host/INFO/locust.main: Starting Locust\n" + text, encoding="utf-8"
    )
    table = only(file)
    assert (table.line, table.requests) == (2, 120)
    file.write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(
        NotLocust, match="line 1: Locust's data begin here but do not end: the file is cut off"
    ):
        read_locust(file)
    file.write_text("[]\n", encoding="utf-8")
    with pytest.raises(NotLocust, match="line 1: Locust's data have no request"):
        read_locust(file)
    file.write_text('[{"num_requests": 3, "name": "/"}]', encoding="utf-8")
    with pytest.raises(NotLocust, match="not in a known format"):
        read_locust(file)


def test_a_step_quicker_than_half_a_millisecond_has_a_median_of_its_own_or_none_at_all(
    written: Written,
) -> None:
    medians = {}
    for path in (Path(f"{written.prefix}_stats.csv"), written.html, written.console):
        (row,) = (row for row in only(path).rows if row.title == "MEMO kept")
        medians[path.suffix] = (row.median, row.percentile(0.95))
    assert medians == {".csv": (0.3, 0.0), ".html": (0.3, 0.0), ".txt": (0.0, 0.0)}


def test_every_row_has_its_method_name_and_counts(written: Written) -> None:
    table = only(written.console)
    counts = {row.title: (row.requests, row.failures) for row in table.rows}
    assert counts == {
        "GET /missing": (30, 30),
        "GET /page": (30, 0),
        "MEMO kept": (30, 0),
        "POST an order | with 2 words": (30, 30),
    }
    assert table.total is not None
    assert (table.total.requests, table.total.failures) == (120, 60)
    text = written.console.read_text(encoding="utf-8").splitlines()
    assert all(text[row.line - 1].startswith(row.method) for row in table.rows)
    assert text[table.line - 1].startswith("Type ")


def test_errors_exceptions_and_users_are_read_if_the_output_has_them(written: Written) -> None:
    csv, html, console = only(Path(f"{written.prefix}_stats.csv")), only(written.html), only(written.console)
    for table in (csv, html, console):
        failures = {(failure.method, failure.name, failure.occurrences) for failure in table.failures}
        assert failures == {("GET", "/missing", 30), ("POST", "an order | with 2 words", 30)}
        assert all("LocustBadStatusCode" in failure.error for failure in table.failures)
    assert csv.exceptions == html.exceptions == 2
    assert csv.users == 2
    assert html.host.startswith("http://127.0.0.1:")


def test_the_last_table_replaces_those_printed_during_the_run(written: Written) -> None:
    text = written.console.read_text(encoding="utf-8")
    headings = [
        number for number, line in enumerate(text.splitlines(), 1) if "# reqs" in line and "Avg" in line
    ]
    table = only(written.console)
    assert [*table.interim, table.line] == headings
    # One before anything was sent, and one at the end, at least.
    assert len(headings) >= 2


@pytest.mark.parametrize("part", ["_stats.csv", "_stats_history.csv", "_failures.csv", "_exceptions.csv"])
def test_any_of_the_csv_files_stands_for_all(written: Written, part: str) -> None:
    whole = only(Path(f"{written.prefix}_stats.csv"))
    assert replace(only(Path(f"{written.prefix}{part}")), source=whole.source) == whole


@pytest.mark.parametrize("width", [80, 100, 120, 133])
@pytest.mark.parametrize("trimmed", [False, True], ids=["with-blanks", "trimmed"])
def test_a_window_that_wraps_every_row_changes_nothing(
    written: Written, tmp_path: Path, width: int, trimmed: bool
) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_text(
        folded(written.console.read_text(encoding="utf-8"), width, trimmed=trimmed), encoding="utf-8"
    )
    whole, table = only(written.console), only(broken)
    assert [replace(row, line=0) for row in table.rows] == [replace(row, line=0) for row in whole.rows]
    assert table.total is not None
    assert whole.total is not None
    assert replace(table.total, line=0) == replace(whole.total, line=0)
    assert [(failure.name, failure.occurrences) for failure in table.failures] == [
        (failure.name, failure.occurrences) for failure in whole.failures
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_output_of_a_windows_shell_is_read(written: Written, tmp_path: Path, encoding: str) -> None:
    text = written.console.read_text(encoding="utf-8").replace("\n", "\r\n")
    (tmp_path / "out.txt").write_bytes(text.encode(encoding))
    assert only(tmp_path / "out.txt").rows == only(written.console).rows


def test_a_csv_file_that_excel_saved_with_semicolons_is_read(written: Written, tmp_path: Path) -> None:
    text = Path(f"{written.prefix}_stats.csv").read_text(encoding="utf-8")
    (tmp_path / "saved.csv").write_text(text.replace(",", ";"), encoding="utf-8")
    assert only(tmp_path / "saved.csv").rows == only(Path(f"{written.prefix}_stats.csv")).rows
