"""Write a verification for a terminal, as JSON, and in Gradescope's format."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from festgate.lab.verify.verdicts import RelativeChange, RouteVerdict
from festgate.lab.verify.verification import Verification
from festgate.lab.verify.work import Work
from festgate.rehearsal.stats import figures

STYLES: Final = {
    "improved": "bold green",
    "unchanged": "bold yellow",
    "worse": "bold red",
    "wrong": "bold red",
}
ROUTE_POINTS: Final = 3.0
"""Points for each improved route."""
OTHERS_POINTS: Final = 1.0
"""Points when all other pages respond as before."""


def show(verification: Verification, console: Console) -> None:
    """Print the verification."""
    result = ("not passed", "bold yellow")
    if verification.passed:
        result = ("passed. All three routes improved, and all pages respond as before.", "bold green")
    console.print(Text.assemble((verification.source, "bold"), ": ", result), soft_wrap=True)
    for route in verification.routes:
        head = Text.assemble("\n", (route.route, "bold"), "  ", (headline(route), STYLES[route.verdict]))
        console.print(head, soft_wrap=True)
        _print(console, [Text(reason) for reason in route.reasons])
    others = Text("\nThe other pages respond as before.")
    if not verification.others_alike:
        others = Text("\nOther pages do not respond as before.", "red")
    console.print(others, soft_wrap=True)
    if verification.findings:
        console.print(Text("\nFindings", "bold"))
    for finding in verification.findings:
        place = f"{finding.route}: " if finding.route else ""
        head = Text.assemble((f"{finding.code}  ", "yellow"), place, finding.meaning)
        _print(console, [head, Text(finding.evidence, "dim")])
    for note in verification.notes:
        _print(console, [Text(note, "dim")])
    end = f"\nPython {verification.python}, seed {verification.seed}, {figures.span(verification.seconds)}."
    console.print(Text(end, "dim"), soft_wrap=True)


def headline(route: RouteVerdict) -> str:
    """Write the verdict as `improved by 96.4 % [96.1 to 96.7]`, `unchanged` or `wrong`."""
    slower = f", and slower from about {route.slower_from:,} events on" if route.slower_from else ""
    if route.verdict == "improved":
        return f"{_improvement(route)}{slower}"
    if route.verdict == "worse" and route.by[0] == "work":
        return "worse: it does more work"
    if route.verdict == "worse" and route.by[0] == "processor" and route.processor is not None:
        return f"worse: {_percent(route.processor.share)} % more processor time"
    if route.verdict == "worse" and route.time is not None:
        return f"worse by {_percent(route.time.change)} %"
    return route.verdict


def _improvement(route: RouteVerdict) -> str:
    if "time" in route.by and route.time is not None:
        low, high = sorted((-route.time.low, -route.time.high))
        return f"improved by {_percent(-route.time.change)} % [{_percent(low)} to {_percent(high)}]"
    if route.by[0] == "processor" and route.processor is not None:
        return f"improved: {_percent(-route.processor.share)} % less processor time"
    if route.work is not None:
        first, second = (work.usual.counts["instructions"] for work in route.work)
        bound = "at least " if route.work[0].usual.capped else ""
        return f"improved: {bound}{_percent(1 - second / max(1, first))} % fewer instructions, counted"
    return route.verdict


def _percent(share: float) -> str:
    return f"{share * 100:.1f}"


def _print(console: Console, texts: Sequence[Text]) -> None:
    for text in texts:
        if console.is_terminal:
            console.print(Padding(text, (0, 0, 0, 2)))
        else:
            for line in text.split("\n"):
                console.print(Text("  ").append_text(line), soft_wrap=True)


def as_json(verification: Verification) -> dict[str, Any]:
    """Return the verification for programs; the keys are stable."""
    return {
        "source": verification.source,
        "content": verification.content,
        "passed": verification.passed,
        "routes": [_route(route) for route in verification.routes],
        "others_alike": verification.others_alike,
        "findings": [
            {
                "code": finding.code,
                "route": finding.route,
                "meaning": finding.meaning,
                "figure": finding.evidence,
            }
            for finding in verification.findings
        ],
        "notes": list(verification.notes),
        "seed": verification.seed,
        "python": verification.python,
        "seconds": verification.seconds,
    }


def _route(route: RouteVerdict) -> dict[str, Any]:
    return {
        "route": route.route,
        "verdict": route.verdict,
        "headline": headline(route),
        "by": list(route.by),
        "said": list(route.reasons),
        "time": _change(route.time),
        "work": None if route.work is None else [_work(work) for work in route.work],
        "processor": None
        if route.processor is None
        else {"before": round(route.processor.before, 3), "after": round(route.processor.after, 3)},
        "slower_from": route.slower_from or None,
    }


def _work(work: Work) -> dict[str, Any]:
    return {
        **work.usual.counts,
        "more_than_counted": work.usual.capped,
        "repeated": work.repeated,
        "growth": dict(work.growth),
    }


def _change(change: RelativeChange | None) -> Mapping[str, float] | None:
    return None if change is None else {"change": change.change, "low": change.low, "high": change.high}


def as_gradescope(results: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the result of `as_json` to the `results.json` of Gradescope's autograder.

    Each improved route gets three points, unchanged other pages one. The drawn inputs may be shown to students in
    `output`: the next verification draws others.
    """
    tests = [
        _test(
            f"{route['route']} responds as before, and is faster",
            ROUTE_POINTS * (route["verdict"] == "improved"),
            ROUTE_POINTS,
            [
                route["headline"],
                *route["said"],
                *(_finding(finding) for finding in results["findings"] if finding["route"] == route["route"]),
            ],
        )
        for route in results["routes"]
    ]
    alike = bool(results["others_alike"])
    routes = {route["route"] for route in results["routes"]}
    rest = [_finding(finding) for finding in results["findings"] if finding["route"] not in routes]
    tests.append(_test("The other pages respond as before", OTHERS_POINTS * alike, OTHERS_POINTS, rest))
    score, output = sum(test["score"] for test in tests), "\n".join(results["notes"])
    return {**gradescope_results(score, output, tests), "execution_time": round(results["seconds"])}


def not_verified(sentence: str) -> dict[str, Any]:
    """Return Gradescope's results for a submission that could not be verified."""
    tests = [_test("The submission can be verified", 0.0, 3 * ROUTE_POINTS + OTHERS_POINTS, [sentence])]
    return gradescope_results(0.0, sentence, tests)


def gradescope_results(score: float, output: str, tests: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the `results.json` of Gradescope's autograder with these tests."""
    return {
        "score": score,
        "output": output,
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def gradescope_test(name: str, score: float, maximum: float) -> dict[str, Any]:
    """Return one test of that file; it passes if it has all points."""
    return {
        "name": name,
        "score": float(score),
        "max_score": maximum,
        "status": "passed" if score >= maximum else "failed",
        "visibility": "visible",
    }


def _finding(finding: Mapping[str, str]) -> str:
    return f"{finding['code']}: {finding['meaning']} ({finding['figure']})"


def _test(name: str, score: float, maximum: float, output: Sequence[str]) -> dict[str, Any]:
    return gradescope_test(name, score, maximum) | {"output": "\n".join(output), "output_format": "text"}
