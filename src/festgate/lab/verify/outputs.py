"""A verification for people in a terminal, as JSON, and in Gradescope's format."""

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
POINTS: Final = {"improved": 1.0}
"""Of what a route is worth."""
ROUTE_POINTS: Final = 3.0
OTHERS_POINTS: Final = 1.0


def show(verified: Verification, console: Console) -> None:
    """All of it."""
    word = "improved on all three routes, and alike" if verified.passed else "not as it should be"
    style = "bold green" if verified.passed else "bold yellow"
    console.print(Text.assemble((verified.source, "bold"), ": ", (word, style)), soft_wrap=True)
    for judged in verified.routes:
        head = Text.assemble("\n", (judged.route, "bold"), "  ", (headline(judged), STYLES[judged.verdict]))
        console.print(head, soft_wrap=True)
        _print(console, [Text(each) for each in judged.said])
    others = (
        "The other pages answer as they did."
        if verified.others_alike
        else "Other pages do not answer as they did."
    )
    console.print(Text(f"\n{others}", "" if verified.others_alike else "red"), soft_wrap=True)
    if verified.findings:
        console.print(Text("\nFound besides", "bold"))
    for finding in verified.findings:
        place = f"{finding.route}: " if finding.route else ""
        _print(
            console,
            [
                Text.assemble(
                    (f"{finding.code}  ", "yellow"), place, finding.meaning, "\n", (finding.figure, "dim")
                )
            ],
        )
    for note in verified.notes:
        _print(console, [Text(note, "dim")])
    console.print(
        Text(f"\nPython {verified.python}, seed {verified.seed}, {figures.span(verified.seconds)}.", "dim"),
        soft_wrap=True,
    )


def headline(judged: RouteVerdict) -> str:
    """`improved by 96.4 % [96.1 to 96.7]`, `unchanged`, `wrong`."""
    if judged.verdict == "improved":
        if "time" in judged.by and judged.time is not None:
            least, most = sorted((-judged.time.low, -judged.time.high))
            return f"improved by {_percent(-judged.time.change)} % [{_percent(least)} to {_percent(most)}]"
        if judged.work is not None:
            first, second = (each.usual.counts["instructions"] for each in judged.work)
            bound = "at least " if judged.work[0].usual.capped else ""
            return f"improved: {bound}{_percent(1 - second / max(1, first))} % fewer instructions, counted"
    if judged.verdict == "worse" and judged.by[0] == "work":
        return "worse: more work, or work that grows faster"
    if judged.verdict == "worse" and judged.time is not None:
        return f"worse by {_percent(judged.time.change)} %"
    return judged.verdict


def _percent(share: float) -> str:
    return f"{share * 100:.1f}"


def _print(console: Console, texts: Sequence[Text]) -> None:
    for text in texts:
        if console.is_terminal:
            console.print(Padding(text, (0, 0, 0, 2)))
        else:
            for line in text.split("\n"):
                console.print(Text("  ").append_text(line), soft_wrap=True)


def as_json(verified: Verification) -> dict[str, Any]:
    """For programs; the names are kept."""
    return {
        "source": verified.source,
        "content": verified.content,
        "passed": verified.passed,
        "routes": [_route(each) for each in verified.routes],
        "others_alike": verified.others_alike,
        "findings": [
            {"code": each.code, "route": each.route, "meaning": each.meaning, "figure": each.figure}
            for each in verified.findings
        ],
        "notes": list(verified.notes),
        "seed": verified.seed,
        "python": verified.python,
        "seconds": verified.seconds,
    }


def _route(judged: RouteVerdict) -> dict[str, Any]:
    return {
        "route": judged.route,
        "verdict": judged.verdict,
        "headline": headline(judged),
        "by": list(judged.by),
        "said": list(judged.said),
        "time": _change(judged.time),
        "work": None if judged.work is None else [_work(each) for each in judged.work],
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


def as_gradescope(told: Mapping[str, Any]) -> dict[str, Any]:
    """The `results.json` of Gradescope's autograder, of what `as_json` gave.

    Three points for each route that is improved, one where the other pages are as they were. What was drawn from the
    seed is in `output` and so is shown: the next verification draws anew.
    """
    tests = [
        _test(
            f"{each['route']} answers as before, and is quicker",
            ROUTE_POINTS * POINTS.get(each["verdict"], 0.0),
            ROUTE_POINTS,
            [each["headline"], *each["said"], *_of_route(told, each["route"])],
        )
        for each in told["routes"]
    ]
    alike = bool(told["others_alike"])
    routes = {each["route"] for each in told["routes"]}
    rest = [_finding(each) for each in told["findings"] if each["route"] not in routes]
    tests.append(_test("The other pages answer as before", OTHERS_POINTS * alike, OTHERS_POINTS, rest))
    return {
        "score": sum(each["score"] for each in tests),
        "execution_time": round(told["seconds"]),
        "output": "\n".join(told["notes"]),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def not_verified(sentence: str) -> dict[str, Any]:
    """The same where it could not be verified."""
    tests = [_test("It can be verified", 0.0, 3 * ROUTE_POINTS + OTHERS_POINTS, [sentence])]
    return {
        "score": 0.0,
        "output": sentence,
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _of_route(told: Mapping[str, Any], route: str) -> list[str]:
    return [_finding(each) for each in told["findings"] if each["route"] == route]


def _finding(finding: Mapping[str, str]) -> str:
    return f"{finding['code']}: {finding['meaning']} ({finding['figure']})"


def _test(name: str, score: float, most: float, output: Sequence[str]) -> dict[str, Any]:
    return {
        "name": name,
        "score": float(score),
        "max_score": most,
        "status": "passed" if score >= most else "failed",
        "output": "\n".join(output),
        "output_format": "text",
        "visibility": "visible",
    }
