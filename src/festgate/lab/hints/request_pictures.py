"""Pictures of what happened inside one run, request by request."""

from typing import Final

import altair as alt
import numpy as np

from festgate.lab.hints.hint import Material
from festgate.lab.hints.shapes import bars, most, requests_over_time
from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import (
    BAD,
    COLOURS,
    SOFT,
    Row,
    finished,
    inline,
    latency_axis,
    milliseconds,
    short,
    time_axis,
)
from festgate.rehearsal.runs.plan import Rate, Users
from festgate.rehearsal.runs.store import Resources, Run
from festgate.rehearsal.stats import figures
from festgate.rehearsal.stats.limits import MAX_CPU

_EARLY, _LATE = (0.1, 0.4), (0.7, 1.0)
"""Parts of a run that the rehearsal holds against each other for drift."""
_VOLLEY: Final = 0.1
"""Seconds of a bar in the picture of volleys."""
_MAX_BARS: Final = 120


def _slowest_over_usual(run: Run) -> float:
    latency = run.samples().latency
    return float(latency.max() / np.median(latency)) if len(latency) else 0.0


def connections(material: Material) -> Chart | None:
    """Those that opened a connection, in the run with the slowest request."""
    run = most(material.runs, _slowest_over_usual)
    samples = run.samples()
    if not samples.new_connection.any():
        return None
    opened = samples.new_connection
    rest = samples.latency[~opened]
    usual = f", of all others {figures.latency(float(np.median(rest)))}" if len(rest) else ""
    return requests_over_time(
        "Which requests opened a connection",
        f"Every request of run {run.name}. {figures.count(int(opened.sum()))} of {figures.count(len(samples))} opened a"
        f" connection; half of those waited {figures.latency(float(np.median(samples.latency[opened])))} or longer"
        f"{usual}.",
        samples,
        opened,
        marks="opened a connection",
        others="used one that was open",
    )


def failures(material: Material) -> Chart | None:
    """Those that failed, in the run with the most."""
    run = most(material.runs, lambda each: float(each.samples().failed.sum()))
    samples = run.samples()
    failed = samples.failed
    if not failed.any():
        return None
    rest = samples.latency[~failed]
    answered = f", those that were answered {figures.latency(float(np.median(rest)))}" if len(rest) else ""
    return requests_over_time(
        "How long the failed requests took",
        f"Every request of run {run.name}: {figures.count(int(failed.sum()))} of {figures.count(len(samples))} failed."
        f" At the median they took {figures.latency(float(np.median(samples.latency[failed])))}{answered}.",
        samples,
        failed,
        marks="failed",
        others="answered",
    )


def beginning(material: Material) -> Chart | None:
    """The first tenth of what was measured."""
    run = material.runs[0]
    samples = run.samples()
    if not len(samples):
        return None
    warm, end = run.plan.warm_up, run.plan.warm_up + run.plan.duration / 10
    early = (samples.intended >= warm) & (samples.intended < end)
    said = f"The first {warm:g} s are shaded and were not counted." if warm else "Nothing was left out."
    return requests_over_time(
        "How the run began",
        f"Every request of run {run.name}. {said} Marked is the first tenth of the time that counts.",
        samples,
        early,
        marks="at the beginning",
        others="later, or not counted",
        shaded=(0.0, warm) if warm else None,
    )


def stall(material: Material) -> Chart | None:
    """The longest time in which some request waited and hardly anybody could ask."""
    run = most(material.runs, _slowest_over_usual)
    samples = run.samples()
    if not len(samples):
        return None
    place = int(np.argmax(samples.latency))
    begin = float(samples.start[place])
    end = begin + float(samples.latency[place])
    inside = (samples.start > begin) & (samples.start < end)
    before = (samples.start < begin) & (samples.start >= begin - (end - begin))
    return requests_over_time(
        "Who asked while the slowest request waited",
        f"Run {run.name}. The slowest request waited from {begin:.2f} s to {end:.2f} s, which is shaded. In that time"
        f" {figures.count(int(inside.sum()))} others were sent; in as long a time before it, {int(before.sum())}.",
        samples,
        inside,
        marks="sent while it waited",
        shaded=(begin, end),
    )


def early_late(material: Material) -> Chart | None:
    """The medians of the early and of the late part, as lines through the requests."""
    runs = [run for run in material.runs if len(run.measured())]
    if not runs:
        return None
    run = most(runs, lambda each: abs(np.log(_moved(each))))
    samples = run.measured()
    rows: list[Row] = [
        {"at": short(float(at)), "waited": milliseconds(float(waited))}
        for at, waited in zip(samples.start, samples.latency, strict=True)
    ]
    parts: list[Row] = []
    for low, high in (_EARLY, _LATE):
        middle = _median_between(run, low, high)
        parts.append(
            {
                "at": short(run.plan.warm_up + low * run.plan.duration),
                "end": short(run.plan.warm_up + high * run.plan.duration),
                "waited": milliseconds(middle) if np.isfinite(middle) else None,
            }
        )
    axis = latency_axis("waited", rows)
    points = alt.Chart(inline(rows)).mark_point(filled=True, size=30, color=SOFT, opacity=0.5)
    line = alt.Chart(inline(parts)).mark_rule(color=BAD, strokeWidth=4)
    drawn = alt.layer(points.encode(x=time_axis(), y=axis), line.encode(x=time_axis(), x2="end:Q", y=axis))
    early, late = (_median_between(run, *part) for part in (_EARLY, _LATE))
    table = Table(
        "Median of the early and of the late part",
        ("part", "median"),
        (("from 10 % to 40 %", figures.latency(early)), ("from 70 % on", figures.latency(late))),
    )
    return Chart(
        "Early and late in the run",
        f"Every request of run {run.name}. The two lines are the medians of an early and of a late part:"
        f" {figures.latency(early)} and {figures.latency(late)}.",
        finished(drawn),
        table,
    )


def _median_between(run: Run, low: float, high: float) -> float:
    begin, seconds = run.plan.warm_up, run.plan.duration
    part = run.samples().between(begin + low * seconds, begin + high * seconds)
    return float(np.median(part.latency)) if len(part) else float("nan")


def _moved(run: Run) -> float:
    ratio = _median_between(run, *_LATE) / _median_between(run, *_EARLY)
    return ratio if np.isfinite(ratio) and ratio > 0 else 1.0


def volleys(material: Material) -> Chart | None:
    """Requests sent in each tenth of a second, over a few seconds of the run."""
    run = most(material.runs, lambda each: float(len(each.measured())))
    samples = run.measured()
    if not len(samples):
        return None
    begin = run.plan.warm_up
    bins = min(_MAX_BARS, round(run.plan.duration / _VOLLEY))
    counts, edges = np.histogram(samples.start, bins=bins, range=(begin, begin + bins * _VOLLEY))
    rows: list[Row] = [
        {"at": short(float(edge)), "end": short(float(edge) + _VOLLEY), "sent": int(count)}
        for edge, count in zip(edges[:-1], counts, strict=True)
    ]
    bar = (
        alt.Chart(inline(rows))
        .mark_rect(color=COLOURS[0])
        .encode(x=time_axis(), x2="end:Q", y=alt.Y("sent:Q", title="sent in a tenth of a second"))
    )
    silent = int(np.count_nonzero(counts == 0))
    table = Table(
        "Requests in each tenth of a second",
        ("from", "sent"),
        tuple((f"{edge:.1f} s", str(count)) for edge, count in zip(edges[:-1], counts, strict=True)),
    )
    return Chart(
        "When the requests were sent",
        f"Run {run.name}, its first {bins * _VOLLEY:g} s that count. In {silent} of these {bins} tenths of a second"
        f" nobody asked; in the fullest {int(counts.max())} did.",
        finished(bar),
        table,
    )


def busy(material: Material) -> Chart | None:
    """How much of a core the sender used, second by second, and the line above which it measures itself."""
    run = most(material.runs, lambda each: max((seen.cpu for seen in _sender(each)), default=0.0))
    seconds = _sender(run)
    if not seconds:
        return None
    rows: list[Row] = [{"at": short(seen.at), "used": short(seen.cpu * 100)} for seen in seconds]
    line = alt.Chart(inline(rows)).mark_line(point=True, color=COLOURS[0])
    limit = alt.Chart(inline([{"limit": MAX_CPU * 100}])).mark_rule(color=BAD, strokeDash=[6, 3])
    axis = alt.Y("used:Q", title="% of one core", scale=alt.Scale(zero=True))
    drawn = alt.layer(
        line.encode(x=time_axis(), y=axis), limit.encode(y=alt.Y("limit:Q", title="% of one core"))
    )
    table = Table(
        "What the sender used",
        ("at", "of one core"),
        tuple((figures.at(seen.at), figures.share(seen.cpu)) for seen in seconds),
    )
    highest = figures.share(max(seen.cpu for seen in seconds))
    return Chart(
        "How busy Locust was",
        f"Run {run.name}, second by second; at most {highest} of a core. The line is at {figures.share(MAX_CPU)}:"
        " above it, what waits in Locust's own queue is part of what Locust measures.",
        finished(drawn),
        table,
    )


def _sender(run: Run) -> list[Resources]:
    return [seen for seen in run.resources() if seen.side == "generator"]


def under_way(material: Material) -> Chart | None:
    """How many requests were under way at once, over time, and the people that there were."""
    run = most(material.runs, lambda each: float(each.measured().latency.sum()))
    samples = run.samples()
    if not len(samples):
        return None
    times = np.concatenate([samples.start, samples.start + samples.latency])
    steps = np.concatenate([np.ones(len(samples)), -np.ones(len(samples))])
    order = np.argsort(times, kind="stable")
    edges = np.linspace(0, float(times.max()), 151)
    level = np.cumsum(steps[order])
    at = np.searchsorted(times[order], edges, side="right") - 1
    counts = [float(level[place]) if place >= 0 else 0.0 for place in at]
    rows: list[Row] = [
        {"at": short(float(edge)), "count": count} for edge, count in zip(edges, counts, strict=True)
    ]
    load = run.plan.load
    people = load.users if isinstance(load, Users) else load.most_users
    step = alt.Chart(inline(rows)).mark_line(color=COLOURS[0], interpolate="step-after")
    limit = alt.Chart(inline([{"limit": people}])).mark_rule(color=BAD, strokeDash=[6, 3])
    axis = alt.Y("count:Q", title="requests under way at once")
    drawn = alt.layer(
        step.encode(x=time_axis(), y=axis),
        *(
            [limit.encode(y=alt.Y("limit:Q", title="requests under way at once"))]
            if people <= _MAX_BARS
            else []
        ),
    )
    table = Table(
        "Requests under way at once",
        ("at", "under way"),
        tuple((f"{edge:.1f} s", f"{count:.0f}") for edge, count in zip(edges[::5], counts[::5], strict=True)),
    )
    return Chart(
        "How many requests were under way",
        f"Run {run.name}: at most {max(counts):.0f} at once, for {load.shown}. The dashed line is how many people there"
        " were.",
        finished(drawn),
        table,
    )


def lateness(material: Material) -> Chart | None:
    """The part of each wait that passed before the request was sent."""
    run = most(material.runs, lambda each: float((each.measured().start - each.measured().intended).sum()))
    samples = run.measured()
    if not len(samples):
        return None
    late = float(np.median(samples.start - samples.intended))
    own = float(np.median(samples.latency))
    return bars(
        "Before it was sent, and after",
        f"Run {run.name}, at the median: {figures.latency(late)} passed before a request was sent, and"
        f" {figures.latency(own)} until its answer was there.",
        [
            ("before it was sent", "", late * 1000, figures.latency(late)),
            ("until the answer", "", own * 1000, figures.latency(own)),
        ],
        axis="milliseconds",
        groups=("",),
    )


def dropped(material: Material) -> Chart | None:
    """Those who asked and those who never did; an open loop only."""
    run = most(material.runs, lambda each: float(each.dropped))
    if not isinstance(run.plan.load, Rate):
        return None
    asked = len(run.samples())
    return bars(
        "Who asked, and who never did",
        f"Run {run.name}: {figures.count(asked)} asked, and {figures.count(run.dropped)} were never sent.",
        [
            ("asked", "", asked, figures.count(asked)),
            ("never sent", "", run.dropped, figures.count(run.dropped)),
        ],
        axis="people",
        groups=("",),
    )
