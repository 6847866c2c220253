"""Pictures that set runs beside each other: their figures, what was asked, what was answered."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import altair as alt
import numpy as np

from festgate.lab.hints.hint import Material
from festgate.lab.hints.shapes import bars, kinds, median_of, most, point_a_run
from festgate.lab.student.load import BUILD
from festgate.lab.student.runs import METRIC, SIDES, side_of
from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import Row, finished, inline, short
from festgate.rehearsal.runs.plan import Users
from festgate.rehearsal.runs.samples import Samples
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.limits import min_requests

_MAX_NAMES: Final = 15
"""Bars in one picture."""
_ALONE: Final = "played by itself"
_HALF: Final = 0.5
_P95: Final = 0.95


def _side(material: Material) -> dict[str, str]:
    """Which side each run is of, by its name."""
    if not material.after:
        return {run.name: side_of(run) or _ALONE for run in material.runs}
    sides = zip(SIDES, (material.before, material.after), strict=True)
    return {run.name: side for side, runs in sides for run in runs}


def _groups(names: dict[str, str]) -> list[str]:
    return [name for name in (*SIDES, _ALONE) if name in names.values()]


def spread(material: Material) -> Chart | None:
    """The median of every run, by its side."""
    sides = _side(material)
    return point_a_run(
        "Each run's median",
        f"{len(material.before)} before and {len(material.after)} after. Look how far the points of one side lie apart:"
        " of those the program was the same.",
        material.runs,
        lambda run: sides[run.name],
        _groups(sides),
    )


def builds(material: Material) -> Chart | None:
    """The median of every run, by the code that answered."""
    marks = {run.name: run.server.get(BUILD, "of unknown code") for run in material.runs}
    different = list(dict.fromkeys(marks.values()))
    programs = "one program" if len(different) == 1 else f"{len(different)} programs"
    return point_a_run(
        "Each run's median, by the code that answered",
        f"{len(material.runs)} {'run' if len(material.runs) == 1 else 'runs'} of {programs}; a mark stands for the code"
        " of the page as it was then.",
        material.runs,
        lambda run: marks[run.name],
        different,
    )


def repeats(material: Material) -> Chart | None:
    """The median of every load that there is of the route, by its code; comparisons are played by more people."""
    loads = [run for run in material.others if not side_of(run)]
    return builds(Material(loads or material.runs))


def order(material: Material) -> Chart | None:
    """Which side was played when."""
    sides = _side(material)
    began = min(run.began for run in material.runs)
    rows: list[Row] = []
    table = []
    for run in sorted(material.runs, key=lambda each: each.began):
        begin = run.began - began
        end = begin + run.plan.warm_up + run.plan.duration
        rows.append({"at": short(begin), "end": short(end), "side": sides[run.name]})
        table.append((run.name, sides[run.name], figures.at(begin)))
    axis = alt.Axis(
        labelExpr="floor(datum.value / 60) + ':' + format(datum.value % 60, '02d')", title="minutes:seconds"
    )
    names = _groups(sides)
    bar = (
        alt.Chart(inline(rows))
        .mark_bar(height=22)
        .encode(
            x=alt.X("at:Q", axis=axis),
            x2="end:Q",
            y=alt.Y("side:N", sort=names, title=None),
            color=kinds("side", names)["color"],
        )
    )
    return Chart(
        "Which side was played when",
        f"{len(rows)} runs, from the first to the last in {figures.span(max(float(row['end'] or 0) for row in rows))}.",
        finished(bar, 130),
        Table("The runs in their order", ("run", "side", "began at"), tuple(table), words=frozenset({0, 1})),
    )


def lengths(material: Material) -> Chart | None:
    """How long each run was to be, and until when it has requests."""
    values = []
    for run in material.runs:
        planned = run.plan.warm_up + run.plan.duration
        samples = run.samples()
        came = min(planned, float(samples.intended.max())) if len(samples) else 0.0
        values += [
            (run.name, "planned", planned, figures.span(planned)),
            (run.name, "played", came, figures.span(came)),
        ]
    cut = sum(run.state != "whole" for run in material.runs)
    return bars(
        "How long each run was, and was to be",
        f"{cut} of {len(material.runs)} runs ended before their time.",
        values,
        axis="seconds",
        groups=("planned", "played"),
    )


def asked(material: Material) -> Chart | None:
    """What share of a side's requests went to which page, and by which load."""
    values = []
    for side, runs in _by_side(material):
        counts = _names(runs)
        whole = sum(counts.values())
        if whole:
            values += [
                (name, side, 100 * count / whole, f"{figures.share(count / whole)} ({figures.count(count)})")
                for name, count in counts.most_common(_MAX_NAMES)
            ]
    if not values:
        return None
    loads = [f"{side}: {_load(runs)}" for side, runs in _by_side(material)]
    return bars(
        "What was asked",
        f"The pages that were asked for, as a share of a side's requests. {'. '.join(loads)}.",
        values,
        axis="% of the requests",
        groups=[side for side, _ in _by_side(material)],
    )


def _load(runs: Sequence[Run]) -> str:
    plans = {
        f"{run.plan.load.shown} for {run.plan.duration:g} s, locustfile {run.generator.get('journey', 'unknown')}"
        for run in runs
    }
    return " or ".join(sorted(plans))


def names(material: Material) -> Chart | None:
    """How many requests stand behind each name."""
    run = most(material.runs, lambda each: float(len(each.samples().names)))
    counts = _names([run])
    if not counts:
        return None
    shown = counts.most_common(_MAX_NAMES)
    whole = sum(counts.values())
    more = f" The first {len(shown)} of {len(counts)} are shown." if len(counts) > len(shown) else ""
    return bars(
        "How many requests stand behind each name",
        f"Run {run.name}: {figures.count(whole)} requests under {figures.count(len(counts))}"
        f" {'name' if len(counts) == 1 else 'names'}.{more}",
        [(name, "", count, figures.count(count)) for name, count in shown],
        axis="requests",
        groups=("",),
    )


def _names(runs: Sequence[Run]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for run in runs:
        samples = run.measured()
        for number, count in zip(*np.unique(samples.name, return_counts=True), strict=True):
            counts[samples.names[number]] += int(count)
    return counts


def beyond(material: Material) -> Chart | None:
    """The requests of the smallest run in the order of their time, and which of them a percentile rests on."""
    run = most([run for run in material.runs if len(run.measured())], lambda each: -len(each.measured()))
    samples = run.measured()
    waited = np.sort(samples.latency)
    count = len(waited)
    over = {share: count - int(np.ceil(share * count)) for share in (_HALF, _P95)}
    groups = ["faster half", "slower half", "the p95 or beyond it"]
    rows: list[Row] = []
    for place, value in enumerate(waited):
        group = 0 if place < count - over[_HALF] else 1 if place < count - max(1, over[_P95]) else 2
        rows.append({"place": place + 1, "waited": short(float(value) * 1000), "group": groups[group]})
    points = (
        alt.Chart(inline(rows))
        .mark_point(filled=True, size=60, opacity=0.9)
        .encode(
            x=alt.X("place:Q", title="requests, from the quickest to the slowest", axis=alt.Axis(grid=False)),
            y=alt.Y("waited:Q", title="waited, ms", scale=alt.Scale(zero=True)),
            **kinds("group", groups),
        )
    )
    table = Table(
        "The slowest ten",
        ("place", "waited"),
        tuple(
            (str(count - back), figures.latency(float(waited[-1 - back]))) for back in range(min(10, count))
        ),
    )
    needed = {share: min_requests(share) for share in (_HALF, _P95)}
    return Chart(
        "On how many requests a percentile rests",
        f"Run {run.name} has {figures.count(count)} requests that count: {over[_HALF]} lie beyond its median and"
        f" {over[_P95]} beyond its p95. For thirty beyond them it takes {needed[_HALF]} and {needed[_P95]}.",
        finished(points),
        table,
    )


def answers(material: Material) -> Chart | None:
    """Each different answer, and how often it came on which side."""
    found: dict[tuple[int, int, int], dict[str, int]] = {}
    for side, runs in _by_side(material):
        for run in runs:
            for key in _answers(run.measured()):
                sides = found.setdefault(key, {})
                sides[side] = sides.get(side, 0) + 1
    if not found:
        return None
    frequent = sorted(found, key=lambda key: -sum(found[key].values()))[:_MAX_NAMES]
    values = []
    for number, key in enumerate(frequent, 1):
        status, size, _ = key
        name = f"answer {number}: {status or 'none'}, {size:,} bytes"
        values += [(name, side, count, f"{figures.count(count)} times") for side, count in found[key].items()]
    more = f" The first {len(frequent)} are shown." if len(found) > len(frequent) else ""
    shared = sum(len(sides) > 1 for sides in found.values())
    return bars(
        "What was answered",
        f"{figures.count(len(found))} different answers, by status, size and content; {figures.count(shared)} of them"
        f" came from both sides.{more}",
        values,
        axis="times",
        groups=[side for side, _ in _by_side(material)],
    )


def _answers(samples: Samples) -> list[tuple[int, int, int]]:
    columns = (samples.status.tolist(), samples.size.tolist(), samples.digest.tolist())
    return list(zip(*columns, strict=True))


def ceiling(material: Material) -> Chart | None:
    """The rate that there was, and the one that there would be if each answer came at once."""
    values = []
    said = []
    for side, runs in _by_side(material):
        run = runs[0]
        samples = run.measured()
        load = run.plan.load
        if not isinstance(load, Users) or not len(samples):
            continue
        rate = len(samples) / run.plan.duration
        # Little's law: a round of each person takes people / rate; what of it is no wait for an answer is the pause.
        waits = float(samples.latency.mean())
        pause = max(load.users / rate - waits, 0.0)
        highest = load.users / pause if pause else rate
        values += [
            (f"{side}: as it was", side, rate, figures.rate(rate)),
            (f"{side}: if every answer came at once", side, highest, figures.rate(highest)),
        ]
        said.append(
            f"{side}, {load.shown}, a wait of {figures.latency(waits)} and a pause of {figures.latency(pause)} in each"
            " round"
        )
    if not values:
        return None
    return bars(
        "The rate as it was, and as it could have been at most",
        f"People divided by (wait + pause): {'; '.join(said)}.",
        values,
        axis="requests a second",
        groups=[side for side, _ in _by_side(material)],
    )


def columns(material: Material) -> Chart | None:
    """Mean, median, p95 and maximum of the very same requests."""
    run = most(material.runs, lambda each: each.began)
    waited = run.measured().latency
    if not len(waited):
        return None
    told = {
        "median": float(np.median(waited)),
        "mean": float(waited.mean()),
        "p95": float(np.quantile(waited, _P95)),
        "maximum": float(waited.max()),
    }
    return bars(
        "Four figures of the same requests",
        f"Run {run.name}, {figures.count(len(waited))} requests: the median is {figures.latency(told['median'])}, the"
        f" mean {figures.latency(told['mean'])}, and nothing has changed between the two.",
        [(name, "", value * 1000, figures.latency(value)) for name, value in told.items()],
        axis="milliseconds",
        groups=("",),
    )


def shares(material: Material) -> Chart | None:
    """The medians of two runs, for whoever divides one by the other."""
    pair = [*material.before[:1], *material.after[-1:]]
    middles = [median_of(run) for run in pair]
    if len(pair) < len(SIDES) or not np.isfinite(middles).all():
        return None
    return bars(
        "What is divided by what",
        f"A run before had a median of {figures.latency(middles[0])}, one after of {figures.latency(middles[1])}. The"
        " bars are as long as people waited.",
        [
            (side, "", middle * 1000, figures.latency(middle))
            for side, middle in zip(SIDES, middles, strict=True)
        ],
        axis=f"{METRIC}, milliseconds",
        groups=("",),
    )


def _by_side(material: Material) -> list[tuple[str, Sequence[Run]]]:
    if not material.after:
        return [("this run" if len(material.before) == 1 else "these runs", material.before)]
    return [(side, runs) for side, runs in zip(SIDES, (material.before, material.after), strict=True) if runs]
