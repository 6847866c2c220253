"""Charts that compare runs with each other: their figures, their requests and the answers."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import altair as alt
import numpy as np

from festgate.lab.hints.charts import bars, colours_and_shapes, median_of, median_of_each_run
from festgate.lab.hints.hint import Material
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
"""Bars in one chart."""
_ALONE: Final = "single run"
_HALF: Final = 0.5
_P95: Final = 0.95


def _side(material: Material) -> dict[str, str]:
    """Return the side of each run, by the run's name."""
    if not material.after:
        return {run.name: side_of(run) or _ALONE for run in material.runs}
    sides = zip(SIDES, (material.before, material.after), strict=True)
    return {run.name: side for side, runs in sides for run in runs}


def _groups(names: dict[str, str]) -> list[str]:
    return [name for name in (*SIDES, _ALONE) if name in names.values()]


def spread(material: Material) -> Chart | None:
    """Draw the median of every run, by its side."""
    sides = _side(material)
    return median_of_each_run(
        "Each run's median",
        f"{len(material.before)} before and {len(material.after)} after. Look how far apart the points of one side lie:"
        " they are of the same program.",
        material.runs,
        lambda run: sides[run.name],
        _groups(sides),
    )


def builds(material: Material) -> Chart | None:
    """Draw the median of every run, by the code that answered."""
    codes = {run.name: run.server.get(BUILD, "unknown code") for run in material.runs}
    different = list(dict.fromkeys(codes.values()))
    programs = "one program" if len(different) == 1 else f"{len(different)} programs"
    return median_of_each_run(
        "Each run's median, by the code that answered",
        f"{len(material.runs)} {'run' if len(material.runs) == 1 else 'runs'} of {programs}; a fingerprint stands for"
        " the code of the page at that time.",
        material.runs,
        lambda run: codes[run.name],
        different,
    )


def repeats(material: Material) -> Chart | None:
    """Draw the median of every load of the route outside of comparisons (which have more users), by its code."""
    loads = [run for run in material.others if not side_of(run)]
    return builds(Material(loads or material.runs))


def order(material: Material) -> Chart | None:
    """Draw which side ran when."""
    sides = _side(material)
    began = min(run.began for run in material.runs)
    rows: list[Row] = []
    table = []
    for run in sorted(material.runs, key=lambda run: run.began):
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
            color=colours_and_shapes("side", names)["color"],
        )
    )
    return Chart(
        "Which side ran when",
        f"{len(rows)} runs, from the first to the last in {figures.span(max(float(row['end'] or 0) for row in rows))}.",
        finished(bar, 130),
        Table("The runs in their order", ("run", "side", "began at"), tuple(table), words=frozenset({0, 1})),
    )


def lengths(material: Material) -> Chart | None:
    """Draw the planned length of each run, and the time of its last request."""
    values = []
    for run in material.runs:
        planned = run.plan.warm_up + run.plan.duration
        samples = run.samples()
        reached = min(planned, float(samples.intended.max())) if len(samples) else 0.0
        values += [
            (run.name, "planned", planned, figures.span(planned)),
            (run.name, "ran", reached, figures.span(reached)),
        ]
    cut = sum(run.state != "whole" for run in material.runs)
    return bars(
        "How long each run was, and was planned to be",
        f"{cut} of {len(material.runs)} runs ended early.",
        values,
        axis="seconds",
        groups=("planned", "ran"),
    )


def mix(material: Material) -> Chart | None:
    """Draw the share of each page among a side's requests, with the load in words."""
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
        "What was requested",
        f"The requested pages, as shares of a side's requests. {'. '.join(loads)}.",
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
    """Draw how many requests are counted under each name."""
    run = max(material.runs, key=lambda run: len(run.samples().names))
    counts = _names([run])
    if not counts:
        return None
    shown = counts.most_common(_MAX_NAMES)
    whole = sum(counts.values())
    more = f" The first {len(shown)} of {len(counts)} are shown." if len(counts) > len(shown) else ""
    return bars(
        "How many requests are counted under each name",
        f"Run {run.name}: {figures.count(whole)} requests under {figures.count(len(counts))}"
        f" {'name' if len(counts) == 1 else 'names'}.{more}",
        [(name, "", count, figures.count(count)) for name, count in shown],
        axis="requests",
    )


def _names(runs: Sequence[Run]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for run in runs:
        samples = run.measured()
        for number, count in zip(*np.unique(samples.name, return_counts=True), strict=True):
            counts[samples.names[number]] += int(count)
    return counts


def beyond(material: Material) -> Chart | None:
    """Draw the requests of the smallest run by their time, and highlight those that decide a percentile."""
    run = min((run for run in material.runs if len(run.measured())), key=lambda run: len(run.measured()))
    samples = run.measured()
    waited = np.sort(samples.latency)
    count = len(waited)
    over = {share: count - int(np.ceil(share * count)) for share in (_HALF, _P95)}
    groups = ["faster half", "slower half", "at or above the p95"]
    rows: list[Row] = []
    for place, value in enumerate(waited):
        group = 0 if place < count - over[_HALF] else 1 if place < count - max(1, over[_P95]) else 2
        rows.append({"place": place + 1, "waited": short(float(value) * 1000), "group": groups[group]})
    points = (
        alt.Chart(inline(rows))
        .mark_point(filled=True, size=60, opacity=0.9)
        .encode(
            x=alt.X("place:Q", title="requests, from the fastest to the slowest", axis=alt.Axis(grid=False)),
            y=alt.Y("waited:Q", title="waited, ms", scale=alt.Scale(zero=True)),
            **colours_and_shapes("group", groups),
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
        "How many requests decide a percentile",
        f"Run {run.name} has {figures.count(count)} requests that count: {over[_HALF]} lie above its median and"
        f" {over[_P95]} above its p95. For thirty above them it takes {needed[_HALF]} and {needed[_P95]} requests.",
        finished(points),
        table,
    )


def answers(material: Material) -> Chart | None:
    """Draw each different answer, and how often each side returned it."""
    counts: dict[tuple[int, int, int], dict[str, int]] = {}
    for side, runs in _by_side(material):
        for run in runs:
            for key in _answers(run.measured()):
                sides = counts.setdefault(key, {})
                sides[side] = sides.get(side, 0) + 1
    if not counts:
        return None
    frequent = sorted(counts, key=lambda key: -sum(counts[key].values()))[:_MAX_NAMES]
    values = []
    for number, key in enumerate(frequent, 1):
        status, size, _ = key
        name = f"answer {number}: {status or 'none'}, {size:,} bytes"
        values += [
            (name, side, count, f"{figures.count(count)} times") for side, count in counts[key].items()
        ]
    more = f" The first {len(frequent)} are shown." if len(counts) > len(frequent) else ""
    shared = sum(len(sides) > 1 for sides in counts.values())
    return bars(
        "Which answers came back",
        f"{figures.count(len(counts))} different answers, by status, size and content; {figures.count(shared)} of them"
        f" came from both sides.{more}",
        values,
        axis="times",
        groups=[side for side, _ in _by_side(material)],
    )


def _answers(samples: Samples) -> list[tuple[int, int, int]]:
    columns = (samples.status.tolist(), samples.size.tolist(), samples.digest.tolist())
    return list(zip(*columns, strict=True))


def ceiling(material: Material) -> Chart | None:
    """Draw the measured rate, and the rate that would be possible with instant answers."""
    values = []
    rounds = []
    for side, runs in _by_side(material):
        run = runs[0]
        samples = run.measured()
        load = run.plan.load
        if not isinstance(load, Users) or not len(samples):
            continue
        rate = len(samples) / run.plan.duration
        # Little's law: a user's round takes users / rate seconds; the part that is not a wait for the answer is the
        # pause.
        waits = float(samples.latency.mean())
        users = run.plan.mean_load
        pause = max(users / rate - waits, 0.0)
        highest = users / pause if pause else rate
        values += [
            (f"{side}: measured", side, rate, figures.rate(rate)),
            (f"{side}: if every answer came at once", side, highest, figures.rate(highest)),
        ]
        rounds.append(
            f"{side}, {load.shown}, a wait of {figures.latency(waits)} and a pause of {figures.latency(pause)} in each"
            " round"
        )
    if not values:
        return None
    return bars(
        "The measured rate, and the highest possible rate",
        f"Users divided by (wait + pause): {'; '.join(rounds)}.",
        values,
        axis="requests per second",
        groups=[side for side, _ in _by_side(material)],
    )


def columns(material: Material) -> Chart | None:
    """Draw the mean, median, p95 and maximum of the same requests."""
    run = max(material.runs, key=lambda run: run.began)
    waited = run.measured().latency
    if not len(waited):
        return None
    values = {
        "median": float(np.median(waited)),
        "mean": float(waited.mean()),
        "p95": float(np.quantile(waited, _P95)),
        "maximum": float(waited.max()),
    }
    return bars(
        "Four figures of the same requests",
        f"Run {run.name}, {figures.count(len(waited))} requests: the median is {figures.latency(values['median'])}, the"
        f" mean {figures.latency(values['mean'])}, although nothing changed between the two.",
        [(name, "", value * 1000, figures.latency(value)) for name, value in values.items()],
        axis="milliseconds",
    )


def shares(material: Material) -> Chart | None:
    """Draw the medians of two runs, of which a report gives the ratio."""
    pair = [*material.before[:1], *material.after[-1:]]
    middles = [median_of(run) for run in pair]
    if len(pair) < len(SIDES) or not np.isfinite(middles).all():
        return None
    return bars(
        "Which number is divided by which",
        f"A run before has a median of {figures.latency(middles[0])}, one after {figures.latency(middles[1])}. The bars"
        " show how long users waited.",
        [
            (side, "", middle * 1000, figures.latency(middle))
            for side, middle in zip(SIDES, middles, strict=True)
        ],
        axis=f"{METRIC}, milliseconds",
    )


def _by_side(material: Material) -> list[tuple[str, Sequence[Run]]]:
    if not material.after:
        return [("this run" if len(material.before) == 1 else "these runs", material.before)]
    return [(side, runs) for side, runs in zip(SIDES, (material.before, material.after), strict=True) if runs]
