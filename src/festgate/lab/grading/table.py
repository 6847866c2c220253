"""The grades as a table: a row of `grades.csv` for each submission."""

from collections.abc import Sequence
from typing import Any, Final

from festgate.lab.description.starter import ROUTES, Starter
from festgate.lab.grading.cells import as_csv
from festgate.lab.grading.grades import Grade
from festgate.lab.grading.roster import HEADINGS
from festgate.lab.grading.rubric import PARTS

COLUMNS: Final = (
    "submission",
    "result",
    "points",
    *(name for route in ROUTES for name in (route, f"{route} change")),
    "others",
    "findings",
    "reports",
    "report findings",
    "same as",
    "problem",
    "seconds",
    "content",
    *HEADINGS.values(),
    "unsure",
    *(f"{route} {name}" for route in ROUTES for name in ("claim", "claim and verification")),
    "report checked",
    "same files",
    "unanswered",
    *(f"{part} points" for part in PARTS),
    "max points",
)


def grades_csv(starter: Starter, grades: Sequence[Grade]) -> bytes:
    """Write a line for each grade."""
    return as_csv(COLUMNS, [row(starter, grade) for grade in grades])


def row(starter: Starter, grade: Grade) -> dict[str, str]:
    """Return the cells of a grade."""
    results = grade.results
    cells = {
        "submission": grade.name,
        "result": grade.result,
        "points": f"{grade.points:g}",
        "others": "" if results is None else ("alike" if results["others_alike"] else "differ"),
        "findings": " ".join(sorted({finding["code"] for finding in results["findings"]})) if results else "",
        "reports": " ".join(report.name for report in grade.reports),
        "report findings": " ".join(
            sorted({finding.code for report in grade.reports for finding in report.findings})
        ),
        "same as": grade.same_as,
        "problem": grade.problem,
        "seconds": f"{results['seconds']:g}" if results else "",
        "content": grade.content,
        **{heading: getattr(grade.student, field) for field, heading in HEADINGS.items()},
        "unsure": " ".join(HEADINGS[field] for field in HEADINGS if field in grade.student.unsure),
        "report checked": report_state(grade),
        "same files": " ".join(twin.sentence for twin in grade.twins),
        "unanswered": str(len(grade.reading.missing)) if grade.reading.answered[1] else "",
        **{f"{part.part} points": f"{part.points:g}" for part in grade.score.parts},
        "max points": f"{grade.score.maximum:g}",
    }
    return cells | _route_cells(starter, grade, results)


def report_state(grade: Grade) -> str:
    """Return whether the conclusions of the reports could be checked: `no report`, `not checked`, `findings`..."""
    if not grade.reports:
        return "no report"
    states = {report.state for report in grade.reports}
    order = ("findings", "no findings", "not checked", "not readable")
    return next(state for state in order if state in states)


def _route_cells(starter: Starter, grade: Grade, results: Any) -> dict[str, str]:  # noqa: ANN401  (JSON)
    routes = {} if results is None else {route["route"]: route for route in results["routes"]}
    agreed = {agreement.route: agreement for agreement in grade.claims}
    cells = {}
    for name in ROUTES:
        path = starter.paths[name]
        route = routes.get(path)
        cells[name] = route["verdict"] if route else ""
        cells[f"{name} change"] = route["headline"] if route else ""
        cells[f"{name} claim"] = agreed[path].claimed
        cells[f"{name} claim and verification"] = agreed[path].agreement
    return cells
