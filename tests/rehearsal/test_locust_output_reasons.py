"""The reasons why Locust's tables give no verdict, with the figures of the report of a real course."""

import json
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer

from festgate.rehearsal.cli import locust_files as describing
from festgate.rehearsal.cli.commands import show
from festgate.rehearsal.locust_output import LocustOutput, Moment, Row, Table, UnreadLine, read_locust
from festgate.rehearsal.locust_output.limits import bucket
from festgate.rehearsal.locust_output.reasons import reasons
from festgate.rehearsal.report import LocustComparison, render
from festgate.rehearsal.verdict.findings import LoadFinding
from tests.rehearsal.locust_texts import AFTER, BEFORE, Told, console_table
from tests.rehearsal.test_commands import festgate

ALWAYS = {"no-samples", "no-pairs", "intended-times-unknown", "warm-up-inside"}
CALM = Row(9, "GET", "/events", 1000, 0, 30.0, 20.0, 60.0, 29.0, ((0.95, 45.0),), 300.0, 0.0, 21138.0)


def table(*rows: Row, total: Row | None = None, **changes: object) -> Table:
    whole = total or replace(rows[0], method="", name="Aggregated")
    made = Table("report.md", 7, "html", "run", rows, whole)
    return replace(made, **changes)  # type: ignore[arg-type]


def reasons_of(before: Sequence[Table], after: Sequence[Table]) -> dict[str, LoadFinding]:
    return {finding.code: finding for finding in reasons(before, after)}


def pasted(folder: Path, *tables: str) -> list[Table]:
    (folder / "report.md").write_text("\n## Part\n".join(tables), encoding="utf-8")
    return list(read_locust(folder / "report.md").tables)


def test_tables_without_any_problem_are_refused_too() -> None:
    findings = reasons_of([table(CALM)], [table(CALM)])
    assert set(findings) == ALWAYS
    assert findings["no-pairs"].figure == "1 before and 1 after"
    assert findings["warm-up-inside"].figure.startswith("all 2,000 requests")
    assert "one response took 60 ms" in findings["intended-times-unknown"].figure


def test_many_pairs_of_tables_are_no_pairs_of_runs() -> None:
    assert set(reasons_of([table(CALM)] * 10, [table(CALM)] * 10)) == ALWAYS


@pytest.mark.parametrize(
    "value, low, high",
    [(87, 86.5, 87.5), (100, 99.5, 100.5), (110, 105, 115), (2500, 2450, 2550), (59000, 58500, 59500)],
)
def test_a_percentile_stands_for_all_times_that_locust_rounds_to_it(
    value: float, low: float, high: float
) -> None:
    assert bucket(value) == (low, high)


def test_the_coarsest_percentile_is_shown_with_its_range() -> None:
    coarse = replace(CALM, median=330.0, percentiles=((0.95, 2500.0),), maximum=2460.0, average=451.0)
    finding = reasons_of([table(CALM)], [table(coarse)])["no-samples"]
    # 100 of 2,500 ms are more than 10 of 330.
    assert finding.figure == "p95 of GET /events after: 2,500 ms may be 2,450 ms to 2,550 ms"


def test_in_the_report_of_checkout_one_request_makes_the_mean_and_users_pause(tmp_path: Path) -> None:
    before, after = pasted(tmp_path, console_table(BEFORE), console_table(AFTER))
    findings = reasons_of([before], [after])
    assert set(findings) == ALWAYS | {
        "percentile-is-maximum",
        "one-request-in-the-mean",
        "connections-inside",
        "rate-cannot-move",
    }
    outlier = findings["one-request-in-the-mean"]
    assert outlier.figure == "GET /checkout before: one request of 2,104 ms is 94 % of the mean"
    assert "is 132 ms. Without this request it would be about 8.75 ms." in outlier.meaning
    assert findings["percentile-is-maximum"].figure == "GET /checkout before: 17 requests"
    assert "260 times the median, 8 ms" in findings["connections-inside"].figure
    assert "if the client tries ::1 first" in findings["connections-inside"].meaning
    # 0.60/s of 132 ms: 0.079 requests under way; were they of no time, it would be 0.60 / (1 - 0.079).
    assert findings["rate-cannot-move"].figure == "before: 0.60/s, and at most 0.65/s with instant responses"


def test_a_row_for_each_visitor_and_different_names_are_reported(tmp_path: Path) -> None:
    one: Told = ("GET", "/events", 16, 0, 451, 258, 2460, 330, 0.54)
    singles: list[Told] = [
        ("GET", f"/events?user=u{number}", 1, 0, 300, 300, 300, 300, 0.04) for number in range(12)
    ]
    whole: Told = ("", "Aggregated", 12, 0, 542, 300, 2493, 360, 0.53)
    before, after = pasted(tmp_path, console_table(one), console_table(*singles, total=whole))
    findings = reasons_of([before], [after])
    assert findings["one-row-a-request"].figure == "after: 12 of 12 rows have one request"
    assert findings["rows-differ"].figure.startswith("13 of 13 names are on one side only: GET /events,")


def test_figures_just_below_a_limit_are_not_a_reason() -> None:
    near = replace(CALM, requests=21, maximum=5 * 29.0 - 1, average=80.0)
    assert set(reasons_of([table(near)], [table(near)])) == ALWAYS
    few = replace(near, requests=20, maximum=5 * 29.0)
    assert set(reasons_of([table(few)], [table(few)])) == ALWAYS | {
        "percentile-is-maximum",
        "connections-inside",
    }


def test_a_rate_of_users_that_wait_for_answers_half_of_the_time_can_move() -> None:
    users = (Moment(0.0, 4, 0.0, 0),)
    # 60/s of 30 ms are 1.8 under way, of four users 45 %; at 67/s it is half of their time.
    findings = reasons_of([table(replace(CALM, rate=60.0), history=users)], [table(CALM)])
    assert "4 users spent 45 % of the time" in findings["rate-cannot-move"].meaning
    assert "rate-cannot-move" not in reasons_of(
        [table(replace(CALM, rate=67.0), history=users)], [table(CALM)]
    )
    assert "rate-cannot-move" not in reasons_of([table(replace(CALM, rate=60.0))], [table(CALM)])


def test_rates_of_the_last_seconds_and_cut_tables_are_reported() -> None:
    findings = reasons_of([table(CALM, rates="moment")], [table(CALM, total=None)])
    assert findings["rates-of-a-moment"].figure == "before: 300.00/s"
    cut = reasons_of([table(CALM)], [replace(table(CALM), total=None)])
    assert cut["table-cut"].figure == "after: report.md, line 7"


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_every_format_has_both_sides_and_every_reason(form: str) -> None:
    problem = UnreadLine("report.md", 12, "it is torn.")
    beside = LocustComparison([table(CALM)], [table(replace(CALM, median=31.0, requests=1200))], [problem])
    text = render(beside, form)
    assert "No verdict" in text
    assert "29 ms to 31 ms" in text
    assert "1,000 to 1,200" in text
    assert "it is torn." in text
    for finding in beside.reasons:
        assert finding.figure.split(":")[0] in text


def test_json_and_junit_report_the_refusal() -> None:
    beside = LocustComparison([table(CALM)], [table(CALM)])
    findings = json.loads(render(beside, "json"))
    assert (findings["verdict"], findings["exit_code"]) == ("refused", 2)
    assert {refusal["code"] for refusal in findings["refusals"]} == ALWAYS
    (row,) = findings["before"][0]["rows"]
    assert row["percentiles"] == {"0.95": 45.0}
    assert {"least", "most"} <= row.keys()
    (suite,) = ET.fromstring(render(beside, "junit")).iter("testsuite")  # noqa: S314  (our own)
    assert (suite.get("tests"), suite.get("errors")) == ("4", "4")


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json", "junit"])
def test_one_output_is_described_in_every_format(form: str) -> None:
    text = render(LocustOutput("report.md", (table(CALM),), (UnreadLine("report.md", 3, "torn."),)), form)
    assert "/events" in text or form == "junit"
    assert "1,000" in text or form == "json"
    assert "torn." in text


def sentence_of(capsys: pytest.CaptureFixture[str], names: list[Path], folder: Path) -> str:
    with pytest.raises(typer.Exit) as ended:
        describing.set_beside(describing.read([str(name) for name in names], folder))
    assert ended.value.exit_code == 2
    return capsys.readouterr().err


def test_files_that_make_no_pairs_are_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, three, other = (tmp_path / name for name in ("one.txt", "two.md", "three.md", "other.txt"))
    one.write_text(console_table(BEFORE), encoding="utf-8")
    two.write_text("\n# x\n".join([console_table(BEFORE)] * 2), encoding="utf-8")
    three.write_text("\n# x\n".join([console_table(BEFORE)] * 3), encoding="utf-8")
    other.write_text("nothing of the kind\n", encoding="utf-8")
    assert "one.txt has one table of Locust's: line 1. To compare two" in sentence_of(capsys, [one], tmp_path)
    sentence = sentence_of(capsys, [three], tmp_path)
    assert "3 tables of Locust's: line 1, line 8 (x), line 15 (x)" in sentence
    assert "Together with other files" in sentence_of(capsys, [one, two], tmp_path)
    assert "3 files cannot be split" in sentence_of(capsys, [one, one, one], tmp_path)
    assert "other.txt, line 2: the file ends without a table" in sentence_of(capsys, [other], tmp_path)
    (tmp_path / "run").mkdir()
    assert "is a kept run. They cannot be compared" in sentence_of(capsys, [one, tmp_path / "run"], tmp_path)
    assert describing.read([str(tmp_path / "run")], tmp_path) == []


@pytest.fixture
def report(tmp_path: Path) -> Path:
    text = f"## Before\n{console_table(BEFORE)}\n## After\n{console_table(AFTER)}\n"
    (tmp_path / "report.md").write_text(text, encoding="utf-8")
    return tmp_path / "report.md"


def test_compare_describes_the_two_tables_of_a_report_and_refuses(report: Path) -> None:
    done = festgate(report.parent, "compare", "report.md", "--report", "beside.html")
    assert done.returncode == 2, done.stderr
    assert "report.md, line 2 (Before): 17 requests" in done.stdout
    assert "GET /checkout  17 to 19" in done.stdout
    assert "one request of 2,104 ms is 94 % of the mean" in done.stdout
    assert "No verdict" in (report.parent / "beside.html").read_text(encoding="utf-8")


def test_show_describes_a_file(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ends = signal.getsignal(signal.SIGTERM)
    try:
        show(run=str(report), form="markdown", runs=report.parent)
    finally:
        # A command answers the signal in its own way, for as long as its process lasts.
        signal.signal(signal.SIGTERM, ends)
    assert "| GET /checkout | 19 | 0 | 8 ms | - | 117 ms | 2,082 ms | 0.660/s |" in capsys.readouterr().out
