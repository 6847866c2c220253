"""Finding claims in prose, and comparing their numbers with the tables."""

import pytest

from festgate.lab.audit.claims import Claim, claims_of
from festgate.lab.audit.own_tables import claims_of_tables
from festgate.lab.audit.prose import read_prose
from festgate.rehearsal.locust_output.lines import lines_of
from tests.lab.conftest import Auditor
from tests.lab.reports import console_run
from tests.rehearsal.locust_texts import TRACEBACK, Told

ROUTES = ("/my-events", "/checkout", "/events")
SLOW: Told = ("GET", "/events", 700, 0, 340, 250, 900, 331, 0.55)
FAST: Told = ("GET", "/events", 690, 0, 20, 9, 80, 14, 0.66)
METHOD = "Warmed up for 10 s, each played 6 times, with 95 % intervals of 1 to 2 %.\n\n"


def claims(text: str) -> list[Claim]:
    return claims_of(read_prose(lines_of(text), ()), ROUTES)


def short(claim: Claim) -> tuple[str, str | None, float | None, float | None]:
    before, after = (figure.value if figure is not None else None for figure in (claim.before, claim.after))
    return claim.route, claim.metric, before, after


@pytest.mark.parametrize(
    "sentence, expected",
    [
        ("/events dropped from 451 ms to 324 ms.", ("/events", None, 451, 324)),
        ("The events page fell from 451 to 324 ms on average.", ("/events", "average", 451, 324)),
        ("The p95 of `/checkout` went from 2.1 s to 0.9 s.", ("/checkout", "p95", 2100, 900)),
        ("Median: 1,330 ms -> 360 ms", ("", "median", 1330, 360)),
        ("/my-events: 280ms \u2192 94ms", ("/my-events", None, 280, 94)),
        ("It went down to 324 ms (from 451 ms).", ("", None, 451, 324)),
        ("It was 451 ms before and is 324 ms now.", ("", None, 451, 324)),
        ("The mean is 324 ms after the change, compared to 451 ms.", ("", "average", 451, 324)),
        ("RPS improved from 0.54 to 0.60.", ("", "rate", 0.54, 0.6)),
        ("We got 0.60 requests/s instead of 0.54 requests/s.", ("", "rate", 0.54, 0.6)),
        ("The 95th percentile fell to 2100 ms.", ("", "p95", None, 2100)),
        ("Before: 451 ms", ("", None, 451, None)),
        ("After the fix: average 324 ms", ("", "average", None, 324)),
    ],
)
def test_a_claim_is_found_with_its_route_its_column_and_its_sides(
    sentence: str, expected: tuple[str, str | None, float | None, float | None]
) -> None:
    (claim,) = claims(sentence)
    assert short(claim) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "The users went from 1 to 10 users.",
        "wait_time was changed from 2 s to 1 s.",
        "The interval goes from 11 to 13 ms.",
        "Latency ranged from 258 ms to 2460 ms.",
        "I cut the loop from 3,000,000 to 0.",
        "We waited between 1 and 2 s and played for about 30 s.",
        "It was played after a warm-up of 10 s.",
        "The app answered HTTP 500 at 127.0.0.1:8000 on 2026-11-20.",
        "It ran with 95 % confidence intervals.",
        "Hackathon costs 500 and Dance Battle 300.",
        "The page has 21138 bytes.",
    ],
)
def test_other_numbers_are_not_claims(sentence: str) -> None:
    assert claims(sentence) == []


def test_two_claims_of_one_sentence_have_their_own_lines_and_routes() -> None:
    first, second = claims("/events dropped from 451\nms to 324 ms, and /my-events\nfrom 280 ms to 94 ms.")
    assert (first.line, short(first)) == (1, ("/events", None, 451, 324))
    assert (second.line, short(second)) == (3, ("/my-events", None, 280, 94))


def test_the_authors_own_table_is_read_in_both_directions() -> None:
    wide = "| Metric | Before | After |\n|---|---|---|\n| Average (ms) | 451 | 324 |\n| RPS | 0.54 | 0.60 |\n"
    long = (
        "| Build | Average | p95 |\n|---|---|---|\n| before | 451 ms | 2.5 s |\n| after | 324 ms | 2.4 s |\n"
    )
    wide_claims, long_claims = (
        claims_of_tables(read_prose(lines_of(f"## /events\n\n{text}"), ()), ROUTES) for text in (wide, long)
    )
    assert [short(claim) for claim in wide_claims] == [
        ("/events", "average", 451, 324),
        ("/events", "rate", 0.54, 0.6),
    ]
    assert [short(claim) for claim in long_claims] == [
        ("/events", "average", 451, 324),
        ("/events", "p95", 2500, 2400),
    ]
    assert [claim.line for claim in wide_claims] == [5, 6]


def with_tables(claim: str, *, before: Told = SLOW, after: Told = FAST) -> str:
    """Write a report that is sound except for its claim."""
    tables = [
        f"## {side}\n\n{console_run([row], None, 2 * row[7])}\n"
        for side, row in (("Before", before), ("After", after))
    ]
    return f"{METHOD}{''.join(tables)}## Result\n\n{claim}\n"


@pytest.mark.parametrize(
    "claim, codes",
    [
        ("The average of /events fell from 340 ms to 20 ms.", set()),
        ("The median of /events fell from 331 ms to 14 ms, by 96 %.", set()),
        ("The median of /events fell from 0.33 s to 0.01 s.", set()),
        ("/events is 17 times faster.", set()),
        ("RPS of /events did not change: 0.55 before, 0.66 after.", set()),
        ("/events fell from 340 ms to 14 ms.", {"columns-mixed"}),
        ("The p95 of /events fell from 340 ms to 20 ms.", {"columns-mixed"}),
        ("/events fell from 340 ms to 20 ms, which is 50 % faster.", {"share-off"}),
        ("/events is 50 % faster.", {"share-off"}),
        ("RPS of /events increased a lot.", {"rate-cannot-move"}),
        ("Throughput of /events increased from 0.55 to 0.66.", {"rate-cannot-move"}),
    ],
)
def test_each_claim_is_checked_against_the_rows_of_all_requests(
    audited: Auditor, claim: str, codes: set[str]
) -> None:
    result = audited(with_tables(claim))
    assert {finding.kind.code for finding in result.findings} == codes
    assert result.open == () or not codes


def test_a_slower_route_was_not_improved(audited: Auditor) -> None:
    result = audited(with_tables("/events is 94 % faster.", before=FAST, after=SLOW))
    assert [finding.kind.code for finding in result.findings] == ["share-off"]


def test_a_claim_that_no_table_contains_cannot_be_checked_and_is_not_a_finding(audited: Auditor) -> None:
    result = audited(with_tables("The average of /events fell from 800 ms to 20 ms."))
    assert result.findings == ()
    assert [spot.figure for spot in result.open] == [
        "800 ms is in no table of /events before. All 700 requests there: Average 340 ms."
    ]


def test_claims_without_any_table_cannot_be_checked(audited: Auditor) -> None:
    result = audited(
        f"{METHOD}/events dropped from 451 ms to 324 ms.\n\n![chart](one.png) ![chart](two.png)\n"
    )
    assert result.findings == ()
    assert [spot.figure for spot in result.open] == [
        "There is no Locust table as text: nothing can be checked.",
        f'2 screenshots: enter these numbers (festgate lab audit --enter "{result.source}").',
    ]
    assert not result.is_checked


def test_tables_without_a_claim_are_checked_alone(audited: Auditor) -> None:
    result = audited(console_run([("GET", "/events", 12, 0, 320, 258, 400, 330, 0.5)], None, 400))
    assert [finding.kind.code for finding in result.findings] == ["percentile-is-maximum"]
    assert "No claim with figures" in result.open[0].figure


@pytest.mark.parametrize("traceback", [TRACEBACK, "\n".join(TRACEBACK.splitlines()[:4])], ids=["odd", "one"])
def test_prose_after_a_traceback_is_read(traceback: str) -> None:
    (claim,) = claims(f"It crashed:\n\n{traceback}\n\n/events dropped from 451 ms to 324 ms.\n")
    assert short(claim) == ("/events", None, 451, 324)


@pytest.mark.parametrize("fence", ["```", "~~~", "```text", "~~~~ text", "  ~~~"])
def test_fenced_text_is_code_even_if_it_contains_the_other_fence(fence: str) -> None:
    code = "/checkout dropped from 90 ms to 10 ms.\n"
    other = "~~~" if "`" in fence else "```"
    end = fence.removesuffix("text").rstrip()
    text = f"{fence}\n{code}{other}\n{code}{end}\n\n/events dropped from 451 ms to 324 ms.\n\n{fence}\n{code}{end}\n"
    (claim,) = claims(text)
    assert short(claim) == ("/events", None, 451, 324)


LISTS = """Before optimisation
{}Requests/sec (RPS): ~0.55
{}Average response time: ~340 ms
{}
After optimisation
{}Requests/sec (RPS): ~0.66
{}Average response time: ~20 ms
"""


@pytest.mark.parametrize("mark", ["- ", "\u25cf ", "1. ", "    * ", ""])
def test_figures_of_a_list_belong_to_the_side_in_the_line_above_it(audited: Auditor, mark: str) -> None:
    text = LISTS.format(mark, mark, "" if mark else "\n", mark, mark)
    result = audited(with_tables(text))
    assert [source.partition(",")[0] for claim in result.claims for source in claim.sources] == [
        "0.55/s (before): RPS of Aggregated",
        "340 ms (before): Average of Aggregated",
        "0.66/s (after): RPS of Aggregated",
        "20 ms (after): Average of Aggregated",
    ]


def test_a_list_under_labels_that_are_list_items_has_their_sides(audited: Auditor) -> None:
    text = "- Before:\n  - Average: 340 ms\n- After:\n  - Average: 20 ms\n\nThe mean of the others is 7 ms.\n"
    result = audited(with_tables(text))
    assert [source.partition(",")[0] for claim in result.claims for source in claim.sources] == [
        "340 ms (before): Average of Aggregated",
        "20 ms (after): Average of Aggregated",
    ]


def test_a_screenshot_between_the_label_and_its_list_does_not_part_them(audited: Auditor) -> None:
    text = "**Screenshot 4: before**\n\n![chart](a.png)\n\n- Average: 340 ms\n\nNotes:\n- RPS: 20\n"
    result = audited(with_tables(text))
    assert [source.partition(",")[0] for claim in result.claims for source in claim.sources] == [
        "340 ms (before): Average of Aggregated"
    ]


UP: Told = ("GET", "/events", 690, 0, 156, 9, 800, 14, 0.6)
DOWN: Told = ("GET", "/events", 700, 0, 118, 8, 900, 16, 0.62)


@pytest.mark.parametrize(
    "claim, denied",
    [
        (
            "The new version has a lower average.",
            "lower: /events Average 118 ms before, 156 ms after (32 % more)",
        ),
        ("The average response time of /events dropped to 156 ms.", "lower: /events Average 118 ms before"),
        ("The average improved from 118 ms to 156 ms.", "lower: 118 ms to 156 ms is 32 % more time"),
        ("Latency decreased, and RPS is the same.", "lower: /events Average"),
        ("The median increased.", "higher: /events Median 16 ms before, 14 ms after"),
        ("The median is lower, but the average is higher.", ""),
        ("The average response time is higher.", ""),
        ("The average did not get lower.", ""),
        ("The goal was to reduce the average response time.", ""),
        ("A cache would give a lower average.", ""),
        ("Throughput improved a lot.", "higher: /events RPS 0.62/s before, 0.60/s after (3 % less)"),
        ("The minimum is lower because of other work.", "lower: /events Min 8 ms before, 9 ms after"),
        ("The average of /checkout is lower.", ""),
        ("The median is lower than the average.", ""),
        ("A lower response time means better performance.", ""),
    ],
)
def test_a_direction_that_the_figures_deny_is_found(audited: Auditor, claim: str, denied: str) -> None:
    result = audited(with_tables(claim, before=DOWN, after=UP))
    spots = [
        spot.figure
        for finding in result.findings
        if finding.kind.code == "direction-denied"
        for spot in finding.spots
    ]
    assert len(spots) == bool(denied)
    assert "".join(spots).startswith(denied)
