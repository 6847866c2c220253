"""Findings from the tables alone and their limits, and files that are not reports."""

import random
from pathlib import Path

import pytest

from festgate.lab.audit.audit import AuditResult, audit
from festgate.lab.audit.documents import UnreadableReport
from tests.lab.conftest import Auditor
from tests.lab.reports import (
    EVENTS,
    EVENTS_AFTER,
    EVENTS_TOTAL,
    MY_EVENTS,
    MY_EVENTS_AFTER,
    MY_EVENTS_TOTAL,
    console_run,
    html_report,
    markdown_report,
    one_each,
    text_report,
    web_rows,
)
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
    names = ("/events?user=[user]", "/events?user={id}", "Events")
    named: list[Told] = [("GET", name, *AFTER[2:]) for name in names]
    pairs = [(one, AFTER), (BEFORE, ("GET", "/events?user=a", *AFTER[2:])), *((one, row) for row in named)]
    for first, second in pairs:
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
    reported = codes(audited, report(("Before", [BEFORE], None), ("After", [small], None)))
    assert reported == ({"percentile-is-maximum"} if few else set())


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


def figures(result: AuditResult, code: str) -> list[str]:
    return [spot.figure for finding in result.findings if finding.kind.code == code for spot in finding.spots]


def tabbed(rows: list[Told], total: Told | None) -> str:
    return "\n".join("\t".join(cells) for cells in (WEB_HEAD, *web_rows(rows, total, 2500)))


CLAIM = "The average response time of /events dropped from 451 ms to 324 ms.\n"


def test_a_complete_table_is_read_instead_of_a_part_of_the_same_run(audited: Auditor) -> None:
    part = tabbed(EVENTS_AFTER[:7], EVENTS_TOTAL).rsplit("\n", 1)[0]
    complete = console_run(EVENTS_AFTER, EVENTS_TOTAL, 2500)
    for tables in ((part, complete), (complete, part)):
        text = "\n\n".join(["Before:", console_run([EVENTS], None, 2500), "After:", *tables, CLAIM])
        result = audited(text)
        (picked,) = figures(result, "one-row-of-many")
        assert picked.endswith(
            "1 of 12 requests. All requests: Average 451 ms before, 542 ms after (20 % more)"
        )
        (repeated,) = figures(result, "not-repeated")
        assert "runs: /events 1 before and 1 after" in repeated
        assert ["cut off" in spot.figure for spot in result.open] == [True]


def test_a_part_of_another_run_is_a_run_of_its_own(audited: Auditor) -> None:
    part = tabbed([("GET", "/events", 90, 0, 20, 9, 80, 14, 0.66)], None).rsplit("\n", 1)[0]
    complete = tabbed([("GET", "/events", 690, 0, 21, 8, 81, 14, 0.66)], None)
    text = "\n\n".join(["Before:", tabbed([EVENTS], None), "After:", part, "Again:", complete, CLAIM])
    (repeated,) = figures(audited(text), "not-repeated")
    assert "runs: /events 1 before and 2 after" in repeated


def test_a_row_of_all_requests_that_contradicts_its_rows_is_found_and_not_used(audited: Auditor) -> None:
    misread: Told = ("", "Aggregated", 17, 0, 285, *MY_EVENTS_TOTAL[5:])
    tables = [console_run([MY_EVENTS], None, 2200), "After:", console_run(MY_EVENTS_AFTER, misread, 2200)]
    result = audited("\n\n".join(["Before:", *tables, "/my-events dropped from 280 ms to 94 ms."]))
    (shown,) = figures(result, "total-differs")
    assert shown.startswith(
        "Aggregated shows Average 285 ms; its 17 rows give Average 204.6 ms (they add up to 3,479 ms"
    )
    (picked,) = figures(result, "one-row-of-many")
    assert picked.endswith("All requests: Average 280 ms before, 205 ms after (27 % less)")


@pytest.mark.parametrize(
    "place, value, shown",
    [
        (2, 11, "Aggregated shows 11 requests; its 12 rows give 12 requests. The audit uses these"),
        (3, 1, "Aggregated shows 1 failures; its 12 rows give 0 failures. The audit uses these"),
        (5, 300, "Aggregated shows Min 300 ms; its 12 rows give Min 311 ms. The audit uses these"),
        (6, 2600, "Aggregated shows Max 2,600 ms; its 12 rows give Max 2,493 ms. The audit uses these"),
        (4, 543, ""),  # cut off or rounded
        (6, 2494, ""),
    ],
)
def test_each_figure_of_the_row_of_all_requests_is_checked(
    audited: Auditor, place: int, value: int, shown: str
) -> None:
    total = list(EVENTS_TOTAL)
    total[place] = value
    result = audited(f"After:\n\n{console_run(EVENTS_AFTER, tuple(total), 2500)}")  # type: ignore[arg-type]
    assert figures(result, "total-differs") == [shown][: bool(shown)]


def test_a_table_without_some_of_its_rows_cannot_be_checked_against_them(audited: Auditor) -> None:
    result = audited(f"After:\n\n{console_run(EVENTS_AFTER[:4], EVENTS_TOTAL, 2500)}")
    assert figures(result, "total-differs") == []
    assert any(
        spot.figure == "8 of the 12 requests in the row Aggregated are in no other row of this table."
        for spot in result.open
    )


@pytest.mark.parametrize("heading", ["## /my-events, {}", "**/my-events {}:**", "Results of /my-events ({})"])
def test_a_table_under_the_heading_of_another_route_is_found(audited: Auditor, heading: str) -> None:
    sides = [heading.format(side) for side in ("before", "after")]
    runs = [console_run([MY_EVENTS], None, 2200), console_run([EVENTS], None, 2500)]
    text = "\n\n".join(part for pair in zip(sides, runs, strict=True) for part in pair)
    assert figures(audited(text), "table-of-other-route") == [
        "the heading names /my-events, the table shows /events"
    ]
    right = text.replace("/events?", "/my-events?").replace("/my-/my-", "/my-")
    assert figures(audited(right), "table-of-other-route") == []


def test_headings_that_fit_the_table_or_name_no_route_of_it_are_no_finding(audited: Auditor) -> None:
    journey = [EVENTS, ("GET", "/checkout", 16, 0, 20, 9, 80, 14, 0.54)]
    text = "\n\n".join([
        "# Report in /tmp/lab",
        "## /checkout and /events",
        console_run([EVENTS], None, 2500),
        "Figure 1: /my-events",
        console_run([EVENTS], None, 2500),
        "## /checkout",
        console_run(journey, ("", "Aggregated", 32, 0, 235, 9, 2460, 172, 1.08), 2500),
    ])  # fmt: skip
    assert figures(audited(text), "table-of-other-route") == []


def paused(users: str, *, before: float = 1.4, after: float = 0.2, mean: int = 451, served: int = 60) -> str:
    """Write two runs of one user who pauses for these seconds."""
    runs = []
    for side, pause in (("Before", before), ("After", after)):
        rate = round(1 / (pause + mean / 1000), 2)
        row: Told = ("GET", "/events", served, 0, mean, 258, 900, 430, rate)
        runs += [f"## {side}", console_run([row], None, 900)]
    return "\n\n".join([users, *runs])


def test_a_pause_that_the_figures_give_away_is_another_load(audited: Auditor) -> None:
    (known,) = figures(audited(paused("One user.")), "workload-differs")
    assert known.startswith(
        "/events: before 60 requests, 0.54/s, 451 ms each, after 60 requests, 1.54/s, 451 ms each"
    )
    assert known.endswith(": the user paused for 1.4 s, then for 0.2 s")
    (unknown,) = figures(audited(paused("")), "workload-differs")
    assert unknown.endswith("users paused for another time, or there were more or fewer of them")


@pytest.mark.parametrize(
    "text",
    [
        paused("One user.", after=1.3),  # chance
        paused("One user.", served=7),
        paused("One user.", before=0.05, after=0.01),  # the server, and not the pause, takes the time
    ],
)
def test_pauses_that_differ_by_chance_are_the_same_load(audited: Auditor, text: str) -> None:
    assert figures(audited(text), "workload-differs") == []


def test_a_faster_route_is_not_a_shorter_pause(audited: Auditor) -> None:
    slow: Told = ("GET", "/events", 60, 0, 1400, 1250, 1900, 1330, 0.34)
    fast: Told = ("GET", "/events", 60, 0, 20, 9, 80, 14, 0.66)
    for users in ("One user.", ""):
        text = "\n\n".join(
            [users, "Before:", console_run([slow], None, 1900), "After:", console_run([fast], None, 80)]
        )
        assert figures(audited(text), "workload-differs") == []
