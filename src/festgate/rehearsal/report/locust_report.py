"""The report on Locust's own tables: a description, side by side if there are two, and why they decide nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Final

from festgate.rehearsal.locust_output import LocustOutput, Row, UnreadLine
from festgate.rehearsal.locust_output import Table as LocustTable
from festgate.rehearsal.locust_output.limits import milliseconds
from festgate.rehearsal.locust_output.reasons import reasons
from festgate.rehearsal.report.data import FORMAT, as_json, finding_fields
from festgate.rehearsal.report.document import Document, Notice, Section, Table
from festgate.rehearsal.report.junit import Case, suite
from festgate.rehearsal.stats import figures
from festgate.rehearsal.verdict.findings import LoadFinding

REFUSED: Final = 2
"""The exit code of a comparison without a verdict."""
ALL: Final = "all requests"
_COLUMNS: Final = ("step", "requests", "failures", "median", "p95", "mean", "maximum", "rate")
_RATES: Final[Mapping[str, str]] = {
    "run": "",
    "moment": "The rates are means of the last ten seconds before the table was copied.",
    "unknown": "The table does not show whether its rates are means of the whole run or of its last ten seconds.",
}


@dataclass(frozen=True)
class LocustComparison:
    """Locust's tables for the build before, and as many for the build after."""

    before: Sequence[LocustTable]
    after: Sequence[LocustTable]
    problems: Sequence[UnreadLine] = ()

    @cached_property
    def reasons(self) -> tuple[LoadFinding, ...]:
        """The reasons why there is no verdict; there is always one."""
        return reasons(self.before, self.after)


def locust_output_document(output: LocustOutput) -> Document:
    """Create the description of one file."""
    sections = [_table_section(table) for table in output.tables]
    return Document(
        title=f"Locust's own output: {output.source}",
        tone="plain",
        verdict="Description without a verdict",
        words=tuple(_in_words(table) for table in output.tables),
        sections=(*sections, *_not_understood(output.problems)),
    )


def locust_comparison_document(comparison: LocustComparison) -> Document:
    """Create the description of both sides, with the reasons why no verdict follows from it."""
    why = tuple(
        Notice("bad", _title(finding.code), finding.figure, finding.meaning, finding.remedy)
        for finding in comparison.reasons
    )
    tables = tuple(
        _side_by_side(before, after)
        for before, after in zip(comparison.before, comparison.after, strict=True)
    )
    words = [
        f"{side.capitalize()}: {_in_words(table)}"
        for side, of_side in (("before", comparison.before), ("after", comparison.after))
        for table in of_side
    ]
    return Document(
        title="Locust's own tables, side by side",
        tone="warn",
        verdict="No verdict",
        words=("These tables describe runs. They do not show whether one build is slower than the other.",),
        sections=(
            Section("Before and after", words=tuple(words), tables=tables),
            Section("Reasons for the refusal", notices=why),
            *_not_understood(comparison.problems),
        ),
    )


def locust_output_json(output: LocustOutput) -> str:
    """Return the tables as JSON: milliseconds, rates per second, shares from 0 to 1."""
    return as_json(
        {
            "kind": "locust_output",
            "format": FORMAT,
            "source": output.source,
            "tables": [_fields(table) for table in output.tables],
            "not_understood": [asdict(problem) for problem in output.problems],
        }
    )


def locust_comparison_json(comparison: LocustComparison) -> str:
    """Return the tables of both sides as JSON, with the reasons against a verdict."""
    return as_json(
        {
            "kind": "locust_comparison",
            "format": FORMAT,
            "verdict": "refused",
            "exit_code": REFUSED,
            "before": [_fields(table) for table in comparison.before],
            "after": [_fields(table) for table in comparison.after],
            "refusals": [finding_fields(finding) for finding in comparison.reasons],
            "not_understood": [asdict(problem) for problem in comparison.problems],
        }
    )


def locust_output_junit(output: LocustOutput) -> str:
    """Return JUnit XML with a case for each table, and an error for each line that could not be read."""
    cases = [Case(table.title, "passed", _in_words(table)) for table in output.tables]
    return suite("festgate.rehearsal.locust_output", cases + _problem_cases(output.problems))


def locust_comparison_junit(comparison: LocustComparison) -> str:
    """Return JUnit XML with an error for each reason against a verdict."""
    cases = [
        Case(finding.code, "error", f"{finding.figure}: {finding.meaning} {finding.remedy}")
        for finding in comparison.reasons
    ]
    return suite("festgate.rehearsal.locust_output", cases + _problem_cases(comparison.problems))


def _problem_cases(problems: Sequence[UnreadLine]) -> list[Case]:
    return [Case(f"{problem.source}, line {problem.line}", "error", problem.sentence) for problem in problems]


def _in_words(table: LocustTable) -> str:
    failures = (table.total or _sum(table)).failures
    text = (
        f"{table.title}: {figures.count(table.requests)} requests, {figures.count(failures)} of them failed"
    )
    if table.users:
        text += f", by at most {figures.count(table.users)} users"
    text += f", sent to {table.host}." if table.host else "."
    if table.interim:
        lines = ", ".join(str(line) for line in table.interim)
        text += f" This is the last table of the run; earlier ones (line {lines}) are not counted."
    return " ".join(part for part in (text, _RATES[table.rates]) if part)


def _sum(table: LocustTable) -> Row:
    requests, failures = (sum(getattr(row, name) for row in table.rows) for name in ("requests", "failures"))
    return Row(table.line, "", ALL, requests, failures)


def _table_section(table: LocustTable) -> Section:
    rows = tuple((_name(row), *_cells(row)) for row in _all(table))
    tables = [Table(f"Locust's figures ({table.kind})", _COLUMNS, rows)]
    if table.failures:
        errors = tuple(
            (
                f"{failure.method} {failure.name}".strip() or figures.NOTHING,
                failure.error,
                str(failure.occurrences),
            )
            for failure in table.failures
        )
        tables.append(Table("Errors", ("step", "error", "count"), errors, words=frozenset({0, 1})))
    return Section(table.title, tables=tuple(tables))


def _side_by_side(before: LocustTable, after: LocustTable) -> Table:
    sides = [{_name(row): row for row in _all(table)} for table in (before, after)]
    # As in Locust's tables, the row of all requests comes last, even if a name is on one side only.
    names = [name for name in dict.fromkeys((*sides[0], *sides[1])) if name != ALL]
    rows = []
    for name in (*names, *([ALL] if any(ALL in side for side in sides) else [])):
        cells = [_cells(side[name]) if name in side else (figures.NOTHING,) * 7 for side in sides]
        rows.append((name, *(_from_to(*pair) for pair in zip(*cells, strict=True))))
    note = f"Before: {before.title}. After: {after.title}. A difference here is not a verdict."
    return Table("Steps, before and after", _COLUMNS, tuple(rows), note=note)


def _from_to(one: str, other: str) -> str:
    return figures.NOTHING if one == other == figures.NOTHING else f"{one} to {other}"


def _all(table: LocustTable) -> list[Row]:
    return [*table.rows, *([table.total] if table.total is not None else [])]


def _name(row: Row) -> str:
    return ALL if row.key == ("", "Aggregated") else row.title


def _cells(row: Row) -> tuple[str, ...]:
    times = (row.median, row.percentile(0.95), row.average, row.maximum)
    return (
        figures.count(row.requests),
        figures.count(row.failures),
        *(figures.NOTHING if time is None else milliseconds(time) for time in times),
        figures.NOTHING if row.rate is None else figures.rate(row.rate),
    )


def _not_understood(problems: Sequence[UnreadLine]) -> tuple[Section, ...]:
    if not problems:
        return ()
    notices = tuple(
        Notice("warn", f"{problem.source}, line {problem.line}", meaning=problem.sentence)
        for problem in problems
    )
    return (Section("Lines that could not be read", notices=notices),)


def _title(code: str) -> str:
    return code.replace("-", " ").capitalize()


def _fields(table: LocustTable) -> dict[str, Any]:
    fields = asdict(table)
    for row in (*fields["rows"], *([fields["total"]] if fields["total"] else [])):
        row["percentiles"] = {f"{share:g}": value for share, value in row["percentiles"]}
        # The names of the public format.
        row["least"], row["most"] = row.pop("minimum"), row.pop("maximum")
    return fields
