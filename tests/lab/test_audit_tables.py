"""What the tables alone show, where it begins and where it does not; and files that are no reports."""

import random
from pathlib import Path

import pytest

from festgate.lab.audit.audit import Unreadable, audit
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
    """Console tables below their headings."""
    return method + "".join(f"## {title}\n\n{console_run(rows, total, 700)}\n" for title, rows, total in runs)


def codes(audited: Auditor, text: str) -> set[str]:
    return {each.kind.code for each in audited(text).findings}


def test_the_same_names_on_both_sides_are_the_same_load(audited: Auditor) -> None:
    assert codes(audited, report(("Before", [BEFORE], None), ("After", [AFTER], None))) == set()


def test_another_visitor_on_the_other_side_is_another_load(audited: Auditor) -> None:
    other: Told = ("GET", "/events?user=b", *AFTER[2:])
    assert codes(audited, report(("Before", [BEFORE], None), ("After", [other], None))) == {
        "workload-differs"
    }


def test_rows_of_visitors_on_both_sides_are_no_change_of_load_but_cannot_be_told(audited: Auditor) -> None:
    total: Told = ("", "Aggregated", 30, 0, 330, 310, 360, 331, 0.55)
    first = one_each("/events", range(310, 340))
    second = [(method, f"{name}x", *rest) for method, name, *rest in one_each("/events", range(320, 350))]
    later: Told = ("", "Aggregated", 30, 0, 334, 320, 360, 330, 0.55)
    found = audited(report(("Before", first, total), ("After", second, later)))  # type: ignore[arg-type]
    assert {each.kind.code for each in found.findings} == {"many-names"}
    assert any("whether the same was asked" in spot.figure for spot in found.open)


@pytest.mark.parametrize("requests, few", [(20, True), (21, False)])
def test_the_p95_is_the_maximum_up_to_twenty_requests(audited: Auditor, requests: int, few: bool) -> None:
    small: Told = ("GET", "/events", requests, 0, 340, 250, 900, 331, 0.55)
    found = codes(audited, report(("Before", [BEFORE], None), ("After", [small], None)))
    assert found == ({"percentile-is-maximum"} if few else set())


def test_one_slow_request_of_many_is_none_that_makes_the_mean(audited: Auditor) -> None:
    slow: Told = ("GET", "/events", 690, 0, 342, 251, 2460, 330, 0.55)
    method = METHOD.replace("median", "average").replace("331", "340").replace("330", "342")
    assert codes(audited, report(("Before", [BEFORE], None), ("After", [slow], None), method=method)) == set()


@pytest.mark.parametrize("metric, told", [("median", False), ("average", True)])
def test_an_outlier_does_no_harm_where_only_medians_are_compared(
    audited: Auditor, metric: str, told: bool
) -> None:
    first: Told = ("GET", "/checkout", 60, 0, 45, 7, 2104, 9, 0.6)
    second: Told = ("GET", "/checkout", 60, 0, 43, 7, 2082, 8, 0.6)
    figures = "9 ms to 8 ms" if metric == "median" else "45 ms to 43 ms"
    method = f"Warmed up, repeated, \u00b1 1 ms. The {metric} of /checkout fell from {figures}.\n\n"
    found = audited(report(("Before", [first], None), ("After", [second], None), method=method))
    assert [each.kind.code for each in found.findings] == (["connection-outliers"] if told else [])
    assert all("first request to `localhost`" in each.kind.question for each in found.findings)


def test_an_outlier_of_another_size_is_not_called_a_first_connection(audited: Auditor) -> None:
    odd: Told = ("GET", "/events", 60, 0, 400, 250, 6000, 331, 0.55)
    method = METHOD.replace("median", "average").replace("331", "340").replace("330", "400")
    (found,) = audited(report(("Before", [BEFORE], None), ("After", [odd], None), method=method)).findings
    assert (found.kind.code, "localhost" in found.kind.question) == ("connection-outliers", False)


@pytest.mark.parametrize(
    "method, missing",
    [
        ("After a warm-up of 10 s. Three runs each, with a confidence interval.", ""),
        ("We discarded the first 10 s; every run was repeated; \u00b1 4 ms.", ""),
        ("No warm-up was done. It was not repeated.", "warm-up; runs; interval"),
        ("There was a warm-up. The page is 3 times faster.", "runs; interval"),
    ],
)
def test_method_is_found_in_words_and_not_where_it_is_denied(
    audited: Auditor, method: str, missing: str
) -> None:
    text = report(("Before", [BEFORE], None), ("After", [AFTER], None), method=f"{method}\n\n")
    told = [
        spot.figure
        for each in audited(text).findings
        if each.kind.code == "not-repeated"
        for spot in each.spots
    ]
    assert len(told) == bool(missing)
    assert all(word in told[0] for word in missing.split("; ")) if missing else not told


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


def test_routes_of_one_table_are_told_apart_from_its_row_of_all(audited: Auditor) -> None:
    other: Told = ("GET", "/checkout", 700, 0, 10, 7, 90, 9, 0.55)
    total: Told = ("", "Aggregated", 1400, 0, 175, 7, 900, 150, 1.1)
    text = report(("Before", [BEFORE, other], total), ("After", [AFTER, other], total))
    found = audited(text + "The average of /events fell from 340 ms to 339 ms.\n")
    assert found.findings == ()
    assert found.claims[-1].sources[0].startswith("340 ms (before): Average of GET /events")


def test_two_tables_without_a_word_are_taken_in_their_order(audited: Auditor) -> None:
    text = report(("One", [BEFORE], None), ("Two", [AFTER], None))
    found = audited(text)
    assert found.open == ()
    assert "331 ms (before): Median" in found.claims[0].sources[0]


@pytest.mark.parametrize(
    "content, sentence",
    [
        (b"", "is empty."),
        (b" \n \n", "is empty."),
        (b"PK\x03\x04docx", "save the report as PDF"),
        (b"\x00\x01\x02", "this is not text."),
        (b"%PDF-1.7\nnothing", "is a PDF that cannot be read"),
        (b"We used it and it was nice.\n", "holds no table of Locust as text, and claims no figures."),
        (b"<html><body><p>Nice.</p><img src=a.png></body></html>", "Its 1 pictures were not read."),
    ],
)
def test_what_is_no_report_is_unreadable_in_one_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "report"
    path.write_bytes(content)
    with pytest.raises(Unreadable) as said:
        audit(path)
    assert str(said.value).startswith(str(path))
    assert sentence in str(said.value)


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="cannot be read: No such file"):
        audit(tmp_path / "none.md")


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_report_is_audited_as_far_as_it_goes_or_refused_in_a_sentence(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    path = tmp_path / "report"
    audits, refused = 0, []
    for _ in range(12):
        text = chance.choice((text_report, markdown_report, html_report))()
        for _ in range(3):
            begin = chance.randrange(len(text))
            end = begin + chance.randrange(1, 300)
            text = chance.choice(
                (text[:begin] + text[end:], text[:begin] + text[begin:end] * 2 + text[begin:])
            )
        path.write_text(text, encoding="utf-8")
        try:
            found = audit(path)
        except Unreadable as said:
            refused.append(str(said))
        else:
            audits += 1
            lines = len(text.split("\n"))
            assert all(found.place(spot).line <= lines for each in found.findings for spot in each.spots)
    assert audits
    assert all(sentence.startswith(str(path)) for sentence in refused)


def test_data_without_a_full_stop_are_no_one_sentence(audited: Auditor) -> None:
    rows = "\n".join(f"sample {number} of {number + 1}" for number in range(300))
    text = report(("Before", [BEFORE], None), ("After", [AFTER], None))
    assert (
        codes(audited, f"{text}\n{rows}\nThe average of /events fell from 340 ms to 339 ms\n{rows}\n")
        == set()
    )
