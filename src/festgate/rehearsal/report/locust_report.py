"""Locust's own tables described, one or two beside each other, and why they decide nothing."""

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
_COLUMNS: Final = ("step", "requests", "failures", "median", "p95", "mean", "slowest", "rate")
_RATES: Final[Mapping[str, str]] = {
    "run": "",
    "moment": "The rates are those of the last ten seconds before the table was copied.",
    "unknown": "Whether the rates are of the whole run or of its last ten seconds, the table does not tell.",
}


@dataclass(frozen=True)
class LocustComparison:
    """Tables of Locust's for the build before, and as many for the build after."""

    before: Sequence[LocustTable]
    after: Sequence[LocustTable]
    problems: Sequence[UnreadLine] = ()

    @cached_property
    def reasons(self) -> tuple[LoadFinding, ...]:
        """Why there is no verdict; there always are some."""
        return reasons(self.before, self.after)


def locust_output_document(output: LocustOutput) -> Document:
    """What one file tells."""
    sections = [_described(table) for table in output.tables]
    return Document(
        title=f"Locust's own output: {output.source}",
        tone="plain",
        verdict="Described, not judged",
        words=tuple(_in_words(table) for table in output.tables),
        sections=(*sections, *_not_understood(output.problems)),
    )


def locust_comparison_document(beside: LocustComparison) -> Document:
    """Both sides' tables beside each other, and why nothing follows from them."""
    why = tuple(
        Notice("bad", _title(each.code), each.figure, each.meaning, each.remedy) for each in beside.reasons
    )
    tables = tuple(_beside(before, after) for before, after in zip(beside.before, beside.after, strict=True))
    words = [
        f"{side.capitalize()}: {_in_words(table)}"
        for side, of_side in (("before", beside.before), ("after", beside.after))
        for table in of_side
    ]
    return Document(
        title="Locust's own tables, beside each other",
        tone="warn",
        verdict="No verdict",
        words=("These tables describe runs. They cannot tell whether one build is slower than the other.",),
        sections=(
            Section("From before to after", words=tuple(words), tables=tables),
            Section("Why it is refused", notices=why),
            *_not_understood(beside.problems),
        ),
    )


def locust_output_json(output: LocustOutput) -> str:
    """The tables for programs: milliseconds, a second, shares from 0 to 1."""
    return as_json(
        {
            "kind": "locust_output",
            "format": FORMAT,
            "source": output.source,
            "tables": [_fields(table) for table in output.tables],
            "not_understood": [asdict(problem) for problem in output.problems],
        }
    )


def locust_comparison_json(beside: LocustComparison) -> str:
    """The same of both sides, with the reasons against a verdict."""
    return as_json(
        {
            "kind": "locust_comparison",
            "format": FORMAT,
            "verdict": "refused",
            "exit_code": REFUSED,
            "before": [_fields(table) for table in beside.before],
            "after": [_fields(table) for table in beside.after],
            "refusals": [finding_fields(each) for each in beside.reasons],
            "not_understood": [asdict(problem) for problem in beside.problems],
        }
    )


def locust_output_junit(output: LocustOutput) -> str:
    """A case for each table that was read, an error for each line that was not understood."""
    cases = [Case(table.title, "passed", _in_words(table)) for table in output.tables]
    return suite("festgate.rehearsal.locust_output", cases + _problem_cases(output.problems))


def locust_comparison_junit(beside: LocustComparison) -> str:
    """An error for each reason."""
    cases = [
        Case(each.code, "error", f"{each.figure}: {each.meaning} {each.remedy}") for each in beside.reasons
    ]
    return suite("festgate.rehearsal.locust_output", cases + _problem_cases(beside.problems))


def _problem_cases(problems: Sequence[UnreadLine]) -> list[Case]:
    return [Case(f"{each.source}, line {each.line}", "error", each.sentence) for each in problems]


def _in_words(table: LocustTable) -> str:
    failures = (table.total or _sum(table)).failures
    text = (
        f"{table.title}: {figures.count(table.requests)} requests, {figures.count(failures)} of them failed"
    )
    if table.users:
        text += f", of {figures.count(table.users)} users at most"
    text += f", sent to {table.host}." if table.host else "."
    if table.interim:
        lines = ", ".join(str(line) for line in table.interim)
        text += (
            f" What Locust had printed of the same run before (line {lines}) is replaced by this last table."
        )
    return " ".join(part for part in (text, _RATES[table.rates]) if part)


def _sum(table: LocustTable) -> Row:
    requests, failures = (sum(getattr(row, name) for row in table.rows) for name in ("requests", "failures"))
    return Row(table.line, "", ALL, requests, failures)


def _described(table: LocustTable) -> Section:
    rows = tuple((_name(row), *_cells(row)) for row in _all(table))
    tables = [Table(f"As Locust told them ({table.kind})", _COLUMNS, rows)]
    if table.failures:
        told = tuple(
            (f"{each.method} {each.name}".strip() or figures.NOTHING, each.error, str(each.occurrences))
            for each in table.failures
        )
        tables.append(Table("Errors", ("step", "error", "times"), told, words=frozenset({0, 1})))
    return Section(table.title, tables=tuple(tables))


def _beside(before: LocustTable, after: LocustTable) -> Table:
    sides = [{_name(row): row for row in _all(table)} for table in (before, after)]
    # The row of all comes last, as in Locust's tables, also where a name is on one side only.
    names = [name for name in dict.fromkeys((*sides[0], *sides[1])) if name != ALL]
    rows = []
    for name in (*names, *([ALL] if any(ALL in side for side in sides) else [])):
        cells = [_cells(side[name]) if name in side else (figures.NOTHING,) * 7 for side in sides]
        rows.append((name, *(_from_to(*pair) for pair in zip(*cells, strict=True))))
    note = f"Before: {before.title}. After: {after.title}. A difference here is no verdict."
    return Table("Steps, from before to after", _COLUMNS, tuple(rows), note=note)


def _from_to(one: str, other: str) -> str:
    return figures.NOTHING if one == other == figures.NOTHING else f"{one} to {other}"


def _all(table: LocustTable) -> list[Row]:
    return [*table.rows, *([table.total] if table.total is not None else [])]


def _name(row: Row) -> str:
    return ALL if row.key == ("", "Aggregated") else row.title


def _cells(row: Row) -> tuple[str, ...]:
    times = (row.median, row.percentile(0.95), row.average, row.most)
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
        Notice("warn", f"{each.source}, line {each.line}", meaning=each.sentence) for each in problems
    )
    return (Section("What was not understood", notices=notices),)


def _title(code: str) -> str:
    return code.replace("-", " ").capitalize()


def _fields(table: LocustTable) -> dict[str, Any]:
    told = asdict(table)
    for row in (*told["rows"], *([told["total"]] if told["total"] else [])):
        row["percentiles"] = {f"{share:g}": value for share, value in row["percentiles"]}
    return told
