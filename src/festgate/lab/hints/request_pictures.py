"""Charts of what happened inside one run, request by request."""

from typing import Final

import altair as alt
import numpy as np

from festgate.lab.hints.charts import bars, requests_over_time
from festgate.lab.hints.hint import Material
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
"""Parts of a run that the rehearsal compares to find drift, as shares of its duration."""
_BURST: Final = 0.1
"""Seconds for each bar in the chart of bursts."""
_MAX_BARS: Final = 120


def _slowest_over_median(run: Run) -> float:
    latency = run.samples().latency
    return float(latency.max() / np.median(latency)) if len(latency) else 0.0


def connections(material: Material) -> Chart | None:
    """Draw the requests that opened a connection, in the run with the slowest request."""
    run = max(material.runs, key=_slowest_over_median)
    samples = run.samples()
    if not samples.new_connection.any():
        return None
    opened = samples.new_connection
    rest = samples.latency[~opened]
    others = f", of all others {figures.latency(float(np.median(rest)))}" if len(rest) else ""
    return requests_over_time(
        "Which requests opened a connection",
        f"Every request of run {run.name}. {figures.count(int(opened.sum()))} of {figures.count(len(samples))} opened a"
        f" connection; half of these waited {figures.latency(float(np.median(samples.latency[opened])))} or longer"
        f"{others}.",
        samples,
        opened,
        label="opened a connection",
        others="used an open connection",
    )


def failures(material: Material) -> Chart | None:
    """Draw the failed requests, in the run that has most of them."""
    run = max(material.runs, key=lambda run: float(run.samples().failed.sum()))
    samples = run.samples()
    failed = samples.failed
    if not failed.any():
        return None
    rest = samples.latency[~failed]
    answered = f", the answered ones {figures.latency(float(np.median(rest)))}" if len(rest) else ""
    return requests_over_time(
        "How long the failed requests took",
        f"Every request of run {run.name}: {figures.count(int(failed.sum()))} of {figures.count(len(samples))} failed."
        f" Their median is {figures.latency(float(np.median(samples.latency[failed])))}{answered}.",
        samples,
        failed,
        label="failed",
        others="answered",
    )


def beginning(material: Material) -> Chart | None:
    """Draw the first run, with the first tenth of the measured time highlighted."""
    run = material.runs[0]
    samples = run.samples()
    if not len(samples):
        return None
    warm, end = run.plan.warm_up, run.plan.warm_up + run.plan.duration / 10
    early = (samples.intended >= warm) & (samples.intended < end)
    cut = f"The first {warm:g} s are shaded and do not count." if warm else "All of it counts."
    return requests_over_time(
        "How the run started",
        f"Every request of run {run.name}. {cut} Highlighted is the first tenth of the time that counts.",
        samples,
        early,
        label="in the first tenth",
        others="later, or not counted",
        shaded=(0.0, warm) if warm else None,
    )


def stall(material: Material) -> Chart | None:
    """Draw the time in which the slowest request waited, and the requests sent during it."""
    run = max(material.runs, key=_slowest_over_median)
    samples = run.samples()
    if not len(samples):
        return None
    place = int(np.argmax(samples.latency))
    begin = float(samples.start[place])
    end = begin + float(samples.latency[place])
    inside = (samples.start > begin) & (samples.start < end)
    before = (samples.start < begin) & (samples.start >= begin - (end - begin))
    return requests_over_time(
        "Requests sent while the slowest request waited",
        f"Run {run.name}. The slowest request waited from {begin:.2f} s to {end:.2f} s, which is shaded. In that time"
        f" {figures.count(int(inside.sum()))} others were sent; in the same time before it, {int(before.sum())}.",
        samples,
        inside,
        label="sent while it waited",
        shaded=(begin, end),
    )


def early_late(material: Material) -> Chart | None:
    """Draw the medians of an early and of a late part of a run, as lines through its requests."""
    runs = [run for run in material.runs if len(run.measured())]
    if not runs:
        return None
    run = max(runs, key=lambda run: abs(np.log(_drift(run))))
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
    layers = alt.layer(points.encode(x=time_axis(), y=axis), line.encode(x=time_axis(), x2="end:Q", y=axis))
    early, late = (_median_between(run, *part) for part in (_EARLY, _LATE))
    table = Table(
        "Median of the early and of the late part",
        ("part", "median"),
        (("from 10 % to 40 %", figures.latency(early)), ("from 70 % to the end", figures.latency(late))),
    )
    return Chart(
        "Early and late in the run",
        f"Every request of run {run.name}. The two lines are the medians of an early and of a late part:"
        f" {figures.latency(early)} and {figures.latency(late)}.",
        finished(layers),
        table,
    )


def _median_between(run: Run, low: float, high: float) -> float:
    begin, seconds = run.plan.warm_up, run.plan.duration
    part = run.samples().between(begin + low * seconds, begin + high * seconds)
    return float(np.median(part.latency)) if len(part) else float("nan")


def _drift(run: Run) -> float:
    ratio = _median_between(run, *_LATE) / _median_between(run, *_EARLY)
    return ratio if np.isfinite(ratio) and ratio > 0 else 1.0


def bursts(material: Material) -> Chart | None:
    """Draw how many requests were sent in each tenth of a second, over a few seconds of a run."""
    run = max(material.runs, key=lambda run: len(run.measured()))
    samples = run.measured()
    if not len(samples):
        return None
    begin = run.plan.warm_up
    bins = min(_MAX_BARS, round(run.plan.duration / _BURST))
    counts, edges = np.histogram(samples.start, bins=bins, range=(begin, begin + bins * _BURST))
    rows: list[Row] = [
        {"at": short(float(edge)), "end": short(float(edge) + _BURST), "sent": int(count)}
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
        f"Run {run.name}, its first {bins * _BURST:g} s that count. In {silent} of these {bins} tenths of a second no"
        f" request was sent; the busiest has {int(counts.max())}.",
        finished(bar),
        table,
    )


def busy(material: Material) -> Chart | None:
    """Draw how much of a core the load generator used, second by second, and the limit for it."""
    run = max(material.runs, key=lambda run: max((usage.cpu for usage in _generator(run)), default=0.0))
    seconds = _generator(run)
    if not seconds:
        return None
    rows: list[Row] = [{"at": short(usage.at), "used": short(usage.cpu * 100)} for usage in seconds]
    line = alt.Chart(inline(rows)).mark_line(point=True, color=COLOURS[0])
    axis = alt.Y("used:Q", title="% of one core", scale=alt.Scale(zero=True))
    layers = alt.layer(line.encode(x=time_axis(), y=axis), _limit(MAX_CPU * 100, "% of one core"))
    table = Table(
        "Processor use of Locust",
        ("at", "of one core"),
        tuple((figures.at(usage.at), figures.share(usage.cpu)) for usage in seconds),
    )
    highest = figures.share(max(usage.cpu for usage in seconds))
    return Chart(
        "How busy Locust was",
        f"Run {run.name}, second by second; at most {highest} of a core. The line is at {figures.share(MAX_CPU)}:"
        " above it, the wait in Locust's own queue is part of the measured times.",
        finished(layers),
        table,
    )


def _limit(value: float, title: str) -> alt.Chart:
    """Draw a dashed line at a value of the axis with that title."""
    rule = alt.Chart(inline([{"limit": value}])).mark_rule(color=BAD, strokeDash=[6, 3])
    line: alt.Chart = rule.encode(y=alt.Y("limit:Q", title=title))
    return line


def _generator(run: Run) -> list[Resources]:
    return [usage for usage in run.resources() if usage.side == "generator"]


def concurrency(material: Material) -> Chart | None:
    """Draw how many requests were in progress at once, over time, and how many users there were."""
    run = max(material.runs, key=lambda run: float(run.measured().latency.sum()))
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
    users = load.users if isinstance(load, Users) else load.most_users
    step = alt.Chart(inline(rows)).mark_line(color=COLOURS[0], interpolate="step-after")
    title = "requests in progress at once"
    limits = [_limit(users, title)] if users <= _MAX_BARS else []
    layers = alt.layer(step.encode(x=time_axis(), y=alt.Y("count:Q", title=title)), *limits)
    table = Table(
        "Requests in progress at once",
        ("at", "in progress"),
        tuple((f"{edge:.1f} s", f"{count:.0f}") for edge, count in zip(edges[::5], counts[::5], strict=True)),
    )
    return Chart(
        "How many requests were in progress",
        f"Run {run.name}: at most {max(counts):.0f} at once, for {load.shown}. The dashed line is the number of"
        " users.",
        finished(layers),
        table,
    )


def lateness(material: Material) -> Chart | None:
    """Draw the part of the waiting time that passed before the request was sent."""
    run = max(material.runs, key=lambda run: float((run.measured().start - run.measured().intended).sum()))
    samples = run.measured()
    if not len(samples):
        return None
    late = float(np.median(samples.start - samples.intended))
    answered = float(np.median(samples.latency))
    return bars(
        "Before the request was sent, and after",
        f"Run {run.name}, medians: {figures.latency(late)} passed before a request was sent, and"
        f" {figures.latency(answered)} until its answer arrived.",
        [
            ("before it was sent", "", late * 1000, figures.latency(late)),
            ("until the answer", "", answered * 1000, figures.latency(answered)),
        ],
        axis="milliseconds",
    )


def dropped(material: Material) -> Chart | None:
    """Draw the sent requests and those that were never sent; only for a load with a fixed rate."""
    run = max(material.runs, key=lambda run: run.dropped)
    if not isinstance(run.plan.load, Rate):
        return None
    sent = len(run.samples())
    return bars(
        "Requests that were sent, and that never were",
        f"Run {run.name}: {figures.count(sent)} requests were sent, and {figures.count(run.dropped)} never were.",
        [
            ("sent", "", sent, figures.count(sent)),
            ("never sent", "", run.dropped, figures.count(run.dropped)),
        ],
        axis="requests",
    )
