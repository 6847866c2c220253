"""Points of a submission for each part of the exercise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from festgate.lab.description.starter import ROUTES, Starter
from festgate.lab.grading.reports import AuditedReport
from festgate.lab.grading.rubric import PARTS, InvalidRubric, Rubric

CRASHES: Final = frozenset({"crash-left", "crash-hidden"})
LOADS: Final = frozenset({
    "load-changed",
    "load-missing",
    "load-broken",
    "host-changed",
    "person-changed",
    "requests-rejected",
    "grouping-changed",
    "errors-swallowed",
})  # fmt: skip
"""Findings on a locustfile that change what is measured. A pause only changes how often."""


@dataclass(frozen=True, slots=True)
class PartScore:
    """The points of one part."""

    part: str
    title: str
    """`/events is faster and responds as before`."""
    share: float
    """The part that was achieved, from 0 to 1."""
    points: float
    maximum: float


@dataclass(frozen=True, slots=True)
class Score:
    """The points of a submission."""

    parts: tuple[PartScore, ...]

    @property
    def points(self) -> float:
        """Return the sum, rounded as gradebooks show it."""
        return round(sum(part.points for part in self.parts), 2)

    @property
    def maximum(self) -> float:
        """Return the points of all parts."""
        return sum(part.maximum for part in self.parts)


def check_rubric(rubric: Rubric, starter: Starter) -> None:
    """Check that the starter has each part that gives points. Raises InvalidRubric."""
    if rubric.points["answers"] and not starter.report:
        msg = "The rubric gives points for `answers`, but the starter has no report with questions. Set `answers = 0`."
        raise InvalidRubric(msg)
    if rubric.points["crash"] and not any(crash.must_be_fixed for crash in starter.crashes):
        msg = "The rubric gives points for `crash`, but the starter has no crash to fix. Set `crash = 0`."
        raise InvalidRubric(msg)


def score_of(
    rubric: Rubric,
    starter: Starter,
    results: Mapping[str, Any] | None,
    reports: Sequence[AuditedReport],
    answered: tuple[int, int],
) -> Score:
    """Return the points. `answered` is the number of answered questions, and of all questions."""
    titles = _titles(starter)
    shares = dict.fromkeys(PARTS, 0.0)
    if results is not None:
        codes = [(finding["code"], finding["route"]) for finding in results["findings"]]
        crashes = sum(crash.must_be_fixed for crash in starter.crashes)
        left = len({route for code, route in codes if code in CRASHES})
        shares["crash"] = max(0.0, 1 - left / crashes) if crashes else 0.0
        verdicts = {route["route"]: route["verdict"] for route in results["routes"]}
        for name in ROUTES:
            shares[name] = rubric.verdicts.get(verdicts.get(starter.paths[name], ""), 0.0)
        shares["others"] = float(bool(results["others_alike"]))
        changed = {route for code, route in codes if code in LOADS} & set(starter.paths.values())
        shares["load"] = 1 - len(changed) / len(ROUTES)
    shares["report"] = _report_share(reports, rubric.finding)
    shares["answers"] = answered[0] / answered[1] if answered[1] else 0.0
    return Score(
        tuple(
            PartScore(
                part,
                titles[part],
                shares[part],
                round(rubric.points.get(part, 0.0) * shares[part], 2),
                rubric.points.get(part, 0.0),
            )
            for part in PARTS
        )
    )


def _titles(starter: Starter) -> dict[str, str]:
    return {
        "crash": "The crashes are fixed",
        **{name: f"{starter.paths[name]} is faster and responds as before" for name in ROUTES},
        "others": "The other pages respond as before",
        "load": "The locustfiles send what they were handed out to send",
        "report": "The conclusions of the report follow from its tables",
        "answers": "The questions of the report are answered",
    }


def _report_share(reports: Sequence[AuditedReport], cost: float) -> float:
    """Return the share for the report; a report without a table could not be checked and gets nothing."""
    if not any(report.tables for report in reports):
        return 0.0
    kinds = {finding.code for report in reports for finding in report.findings}
    return max(0.0, 1 - cost * len(kinds))
