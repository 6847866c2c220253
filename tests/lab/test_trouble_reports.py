"""Reports that were once audited wrongly, each with the right result."""

from pathlib import Path
from typing import Final

from festgate.lab.audit.audit import AuditResult, audit

REPORTS: Final = Path(__file__).parent / "trouble"


def audited(name: str) -> AuditResult:
    return audit(REPORTS / f"{name}.txt")


def figures(result: AuditResult, code: str) -> list[str]:
    return [spot.figure for finding in result.findings if finding.kind.code == code for spot in finding.spots]


def test_figures_below_the_words_before_and_after_belong_to_that_side() -> None:
    assert [claim.sources[0].partition(":")[0] for claim in audited("r8").claims] == [
        "0.7/s (before)",
        "124 ms (before)",
        "0.64/s (after)",
        "119 ms (after)",
    ]


def test_the_complete_table_of_a_run_counts_and_its_cut_off_copy_does_not() -> None:
    result = audited("r9")
    (picked,) = figures(result, "one-row-of-many")
    assert picked.endswith("1 of 12 requests. All requests: Average 451 ms before, 542 ms after (20 % more)")
    (repeated,) = figures(result, "not-repeated")
    assert "runs: /events 1 before and 1 after" in repeated


def test_requests_that_are_grouped_by_a_name_are_the_same_route() -> None:
    result = audited("r10")
    assert figures(result, "workload-differs") == []
    assert any("One side groups its requests in one name" in spot.figure for spot in result.open)


def test_a_total_that_contradicts_its_rows_is_named_and_the_rows_are_compared() -> None:
    result = audited("r12")
    (shown,) = figures(result, "total-differs")
    assert "17 rows give Average 204.6 ms (they add up to 3,479 ms" in shown
    (picked,) = figures(result, "one-row-of-many")
    assert picked.endswith("All requests: Average 280 ms before, 205 ms after (27 % less)")
