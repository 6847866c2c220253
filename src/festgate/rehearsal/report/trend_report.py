"""The report of a trend: a chart and a table of kept runs, without a verdict."""

import math

from festgate.rehearsal.report.data import FORMAT, as_json
from festgate.rehearsal.report.document import Chart, Document, Section, Table
from festgate.rehearsal.report.junit import Case, suite
from festgate.rehearsal.report.run_report import FEW
from festgate.rehearsal.report.words import target_of, workload_of
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.trend import Trend, TrendPoint

NO_VERDICT = (
    "A trend is no verdict: the machine and everything else on it change from run to run, too. To learn whether a"
    " change made the target slower, compare both builds with `festgate ab`."
)
_BAR = 20
"""Characters of the longest bar."""


def trend_document(trend: Trend, *, drawn: bool = True) -> Document:
    """Create the report of a trend; with its charts only if it is `drawn`."""
    first, last = (figures.moment(trend.points[place].run.began) for place in (0, -1))
    count = len(trend.points)
    return Document(
        title=f"{', '.join(metric.text for metric in trend.metrics)} of kept runs",
        tone="plain",
        verdict="No verdict",
        words=(f"{count} {'run' if count == 1 else 'runs'} from {first} to {last}.", NO_VERDICT),
        sections=(
            Section("Trend", charts=_charts(trend) if drawn else ()),
            Section("Runs", tables=_tables(trend, bars=not drawn)),
        ),
    )


def trend_json(trend: Trend) -> str:
    """Return the runs and the values of the metrics as JSON."""
    return as_json(
        {
            "kind": "trend",
            "format": FORMAT,
            "metrics": [metric.text for metric in trend.metrics],
            "runs": [
                {
                    "name": point.run.name,
                    "began": point.run.began,
                    "plan": point.run.plan.as_json(),
                    "server": dict(point.run.server),
                    "values": dict(zip([metric.text for metric in trend.metrics], point.values, strict=True)),
                    "few_requests_for": [
                        metric.text for metric, few in zip(trend.metrics, point.few, strict=True) if few
                    ],
                }
                for point in trend.points
            ],
        }
    )


def trend_junit(trend: Trend) -> str:
    """Return JUnit XML with a skipped case for each run, because a trend has no verdict."""
    cases = [
        Case(
            point.run.name,
            "skipped",
            "; ".join(
                f"{metric.text} {metric.shown(value)}"
                for metric, value in zip(trend.metrics, point.values, strict=True)
            ),
        )
        for point in trend.points
    ]
    return suite("festgate.rehearsal.trend", cases)


def _charts(trend: Trend) -> tuple[Chart, ...]:
    # Importing Altair takes 0.3 s, and text reports do not need it.
    from festgate.rehearsal.report.trend_charts import trend_chart  # noqa: PLC0415

    return tuple(trend_chart(trend, number) for number in range(len(trend.metrics)))


def _tables(trend: Trend, *, bars: bool) -> tuple[Table, ...]:
    """Return a table for each workload: runs of different workloads cannot be compared.

    For text, which has no charts, the last column has `bars` of characters.
    """
    workloads: dict[str, list[TrendPoint]] = {}
    for point in trend.points:
        workloads.setdefault(workload_of(point.run), []).append(point)
    tables = []
    for words, points in workloads.items():
        highest = max((point.values[0] for point in points if math.isfinite(point.values[0])), default=0.0)
        rows = tuple(
            (
                point.run.name,
                figures.moment(point.run.began),
                target_of(point.run),
                *(
                    f"{metric.shown(value)} {FEW}" if few else metric.shown(value)
                    for metric, value, few in zip(trend.metrics, point.values, point.few, strict=True)
                ),
                *((_bar(point.values[0], highest),) if bars else ()),
            )
            for point in points
        )
        columns = (
            "run",
            "start",
            "target",
            *(metric.text for metric in trend.metrics),
            *((trend.metrics[0].text + ", drawn",) if bars else ()),
        )
        note = f"{FEW}: too few requests for this percentile, so chance decides it."
        marked = any(any(point.few) for point in points)
        text = frozenset({0, 1, 2, *((len(columns) - 1,) if bars else ())})
        tables.append(Table(words, columns, rows, words=text, note=note if marked else ""))
    return tuple(tables)


def _bar(value: float, highest: float) -> str:
    return "#" * round(_BAR * value / highest) if math.isfinite(value) and highest else ""
