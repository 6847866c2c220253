"""Findings from the tables alone and their limits, and files that are not reports."""

import random
from pathlib import Path

import pytest

from festgate.lab.audit.audit import UnreadableReport, audit
from tests.lab.conftest import Auditor
from tests.lab.reports import console_run, html_report, markdown_report, one_each, text_report, web_rows
from tests.rehearsal.locust_texts import WEB_HEAD, Told

METHOD = (
    "Warmed up, each build played 6 times, 95 % interval 3 to 4 %."
    " The median of /events fell from 331 ms to 330 ms.\n\n"
)
BEFORE: Told = ("GET", "/events", 700, 0, 340, 250, 900, 331, 0.55)
AFTER: Told = ("GET", "/events", 690, 0, 339, 251, 890, 330, 0.55)


def report(*runs: tuple[str, list[Told], Told | None], method: str = METHOD) -> str:
    """Write console tables below their headings."""
    return method + "".join(f"## {title}\n\n{console_run(rows, total, 700)}\n" for title, rows, total in runs)


def codes(audited: Auditor, text: str) -> set[str]:
    return {finding.kind.code for finding in audited(text).findings}


def test_the_same_names_on_both_sides_are_the_same_load(audited: Auditor) -> None:
    assert codes(audited, report(("Before", [BEFORE], None), ("After", [AFTER], None))) == set()


def test_another_user_on_the_other_side_is_another_load(audited: Auditor) -> None:
    one: Told = ("GET", "/events?user=a", *BEFORE[2:])
    other: Told = ("GET", "/events?user=b", *AFTER[2:])
    assert codes(audited, report(("Before", [one], None), ("After", [other], None))) == {"workload-differs"}


def test_a_name_without_the_user_is_the_same_route_and_does_not_show_the_load(audited: Auditor) -> None:
    one: Told = ("GET", "/events?user=a", *BEFORE[2:])
    for first, second in ((one, AFTER), (BEFORE, ("GET", "/events?user=a", *AFTER[2:]))):
        result = audited(report(("Before", [first], None), ("After", [second], None)))
        assert "workload-differs" not in {finding.kind.code for finding in result.findings}
        assert "One side groups its requests in one name" in result.open[0].figure


def test_rows_for_single_users_on_both_sides_cannot_be_compared(audited: Auditor) -> None:
    total: Told = ("", "Aggregated", 30, 0, 324, 310, 339, 331, 0.55)
    first = one_each("/events", range(310, 340))
    second = [(method, f"{name}x", *rest) for method, name, *rest in one_each("/events", range(320, 350))]
    later: Told = ("", "Aggregated", 30, 0, 334, 320, 349, 330, 0.55)
    result = audited(report(("Before", first, total), ("After", second, later)))  # type: ignore[arg-type]
    assert {finding.kind.code for finding in result.findings} == {"many-names"}
    assert any("whether the load was the same" in spot.figure for spot in result.open)


@pytest.mark.parametrize("requests, few", [(20, True), (21, False)])
def test_the_p95_is_the_maximum_up_to_twenty_requests(audited: Auditor, requests: int, few: bool) -> None:
    small: Told = ("GET", "/events", requests, 0, 340, 250, 900, 331, 0.55)
    found = codes(audited, report(("Before", [BEFORE], None), ("After", [small], None)))
    assert found == ({"percentile-is-maximum"} if few else set())


def test_one_slow_request_of_many_does_not_make_the_mean(audited: Auditor) -> None:
    slow: Told = ("GET", "/events", 690, 0, 342, 251, 2460, 330, 0.55)
    method = METHOD.replace("median", "average").replace("331", "340").replace("330", "342")
    assert codes(audited, report(("Before", [BEFORE], None), ("After", [slow], None), method=method)) == set()


@pytest.mark.parametrize("metric, reported", [("median", False), ("average", True)])
def test_an_outlier_does_not_matter_where_only_medians_are_compared(
    audited: Auditor, metric: str, reported: bool
) -> None:
    first: Told = ("GET", "/checkout", 60, 0, 45, 7, 2104, 9, 0.6)
    second: Told = ("GET", "/checkout", 60, 0, 43, 7, 2082, 8, 0.6)
    figures = "9 ms to 8 ms" if metric == "median" else "45 ms to 43 ms"
    method = f"Warmed up, repeated, \u00b1 1 ms. The {metric} of /checkout fell from {figures}.\n\n"
    result = audited(report(("Before", [first], None), ("After", [second], None), method=method))
    assert [finding.kind.code for finding in result.findings] == (["connection-outliers"] if reported else [])
    assert all("first request to `localhost`" in finding.kind.question for finding in result.findings)


def test_an_outlier_of_another_size_is_not_called_a_first_connection(audited: Auditor) -> None:
    odd: Told = ("GET", "/events", 60, 0, 400, 250, 6000, 331, 0.55)
    method = METHOD.replace("median", "average").replace("fell from 331 ms to 330", "went from 340 ms to 400")
    (finding,) = audited(report(("Before", [BEFORE], None), ("After", [odd], None), method=method)).findings
    assert (finding.kind.code, "localhost" in finding.kind.question) == ("connection-outliers", False)


@pytest.mark.parametrize(
    "method, missing",
    [
        ("After a warm-up of 10 s. Three runs each, with a confidence interval.", ""),
        ("We discarded the first 10 s; every run was repeated; \u00b1 4 ms.", ""),
        ("No warm-up was done. It was not repeated.", "warm-up; runs; interval"),
        ("There was a warm-up. The page is 3 times faster.", "runs; interval"),
    ],
)
def test_the_method_is_found_in_words_unless_it_is_negated(
    audited: Auditor, method: str, missing: str
) -> None:
    text = report(("Before", [BEFORE], None), ("After", [AFTER], None), method=f"{method}\n\n")
    figures = [
        spot.figure
        for finding in audited(text).findings
        if finding.kind.code == "not-repeated"
        for spot in finding.spots
    ]
    assert len(figures) == bool(missing)
    assert all(word in figures[0] for word in missing.split("; ")) if missing else not figures


def test_three_tables_a_side_are_a_repetition(audited: Auditor) -> None:
    runs = [(title, [row], None) for row, title in ((BEFORE, "Before"), (AFTER, "After")) for _ in range(3)]
    text = report(*runs, method="Warmed up; 95 % interval: 0.1 to 0.2.\n\n")
    assert codes(audited, text) == set()


def test_failures_and_sizes_that_differ_are_found(audited: Auditor) -> None:
    failing: Told = ("GET", "/events", 690, 600, 20, 9, 80, 14, 0.66)
    rows = [web_rows([row], None, 700) for row in (BEFORE, failing)]
    shorter = [[cell.replace("21138", "900") for cell in row] for row in rows[1]]
    tables = [
        f"## {title}\n\n" + "\n".join("\t".join(cells) for cells in (WEB_HEAD, *table))
        for title, table in (("Before", rows[0]), ("After", shorter))
    ]
    assert codes(audited, METHOD + "\n\n".join(tables)) >= {"error-rates-differ", "responses-differ"}


def test_routes_of_one_table_are_separate_from_its_row_of_all_requests(audited: Auditor) -> None:
    other: Told = ("GET", "/checkout", 700, 0, 10, 7, 90, 9, 0.55)
    total: Told = ("", "Aggregated", 1400, 0, 175, 7, 900, 150, 1.1)
    text = report(("Before", [BEFORE, other], total), ("After", [AFTER, other], total))
    result = audited(text + "The average of /events fell from 340 ms to 339 ms.\n")
    assert result.findings == ()
    assert result.claims[-1].sources[0].startswith("340 ms (before): Average of GET /events")


def test_two_tables_without_labels_are_taken_in_their_order(audited: Auditor) -> None:
    text = report(("One", [BEFORE], None), ("Two", [AFTER], None))
    result = audited(text)
    assert result.open == ()
    assert "331 ms (before): Median" in result.claims[0].sources[0]


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"", "is empty."),
        (b" \n \n", "is empty."),
        (b"PK\x03\x04docx", "Save the report as PDF"),
        (b"\x00\x01\x02", "this is not text."),
        (b"%PDF-1.7\nnothing", "is a PDF that cannot be read"),
        (
            b"We used it and it was nice.\n",
            "contains no Locust table as text, no claim with figures, and no picture.",
        ),
    ],
)
def test_a_file_that_is_not_a_report_is_refused_with_one_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "report"
    path.write_bytes(content)
    with pytest.raises(UnreadableReport) as refusal:
        audit(path)
    assert str(refusal.value).startswith(str(path))
    assert sentence in str(refusal.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableReport, match="cannot be read: No such file"):
        audit(tmp_path / "none.md")


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_report_is_audited_as_far_as_possible_or_refused_with_a_sentence(
    tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    path = tmp_path / "report"
    audits, refused = 0, []
    for _ in range(12):
        text = rng.choice((text_report, markdown_report, html_report))()
        for _ in range(3):
            begin = rng.randrange(len(text))
            end = begin + rng.randrange(1, 300)
            text = rng.choice((text[:begin] + text[end:], text[:begin] + text[begin:end] * 2 + text[begin:]))
        path.write_text(text, encoding="utf-8")
        try:
            result = audit(path)
        except UnreadableReport as error:
            refused.append(str(error))
        else:
            audits += 1
            lines = len(text.split("\n"))
            assert all(
                result.place(spot).line <= lines for finding in result.findings for spot in finding.spots
            )
    assert audits
    assert all(sentence.startswith(str(path)) for sentence in refused)


def test_data_without_full_stops_are_not_one_sentence(audited: Auditor) -> None:
    rows = "\n".join(f"sample {number} of {number + 1}" for number in range(300))
    text = report(("Before", [BEFORE], None), ("After", [AFTER], None))
    assert (
        codes(audited, f"{text}\n{rows}\nThe average of /events fell from 340 ms to 339 ms\n{rows}\n")
        == set()
    )
