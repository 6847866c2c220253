"""Charts of the blast radius: what was affected, and when. Letters repeat the meaning of the colours."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt

from festgate.drills.impact import BIN, State, module_of, worst
from festgate.drills.plan import MODULES
from festgate.drills.sentences import LETTERS, MEANINGS, states_of_modules
from festgate.drills.verdict import Outcome
from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import INK, Row, finished, inline
from festgate.rehearsal.stats import figures

COLOURS: Final[Mapping[State, str]] = {
    "served": "var(--good-tint)",
    "slow": "var(--line-6)",
    "unavailable": "var(--line-2)",
    "error": "var(--bad)",
    "idle": "transparent",
}
_SHOWN: Final[tuple[State, ...]] = ("served", "slow", "unavailable", "error")
_MAX_CELLS: Final = 24
"""Cells of a row, each wide enough for a letter on a phone."""
_ROW: Final = 34
"""The height in pixels of a row with its name above it."""
_SECONDS = "datum.value + ' s'"


def blast_over_time(outcome: Outcome) -> Chart:
    """Return a chart of each step's state in each half second, from before the fault to the recovery."""
    rows: list[Row] = []
    names = [_name(outcome, step) for step in outcome.cells]
    together = math.ceil(max(map(len, outcome.cells.values()), default=1) / _MAX_CELLS)
    width = together * BIN
    for name, states in zip(names, outcome.cells.values(), strict=True):
        for number in range(0, len(states), together):
            state = worst(states[number : number + together])
            begin = outcome.cells_begin - outcome.armed + number * BIN
            if state != "idle":
                rows.append(
                    {
                        "step": name,
                        "at": round(begin, 2),
                        "end": round(begin + width, 2),
                        "middle": round(begin + width / 2, 2),
                        "state": MEANINGS[state],
                        "letter": LETTERS[state],
                    }
                )
    x = alt.X("at:Q", axis=alt.Axis(labelExpr=_SECONDS, title="since the fault", grid=False, tickMinStep=1))
    tooltip = [alt.Tooltip("step:N"), alt.Tooltip("at:Q", title="second"), alt.Tooltip("state:N")]
    cells, letters = _cells(rows, names, tooltip)
    layers = [cells.encode(x=x, x2="end:Q"), letters.encode(x="middle:Q"), _names(names), *_moments(outcome)]
    return Chart(
        title="What was affected, and when",
        description=_description(outcome),
        spec=_drawn(layers, names),
        table=Table(
            "Worst half seconds of each step",
            ("step", "slow", "come back later", "errors"),
            tuple(
                (name, *(str(states.count(state)) for state in _SHOWN[1:]))
                for name, states in zip(names, outcome.cells.values(), strict=True)
            ),
            note="In half seconds.",
        ),
    )


def blast_of_all(outcomes: Sequence[Outcome]) -> Chart:
    """Return a chart with a row for each drill and a column for each module."""
    rows: list[Row] = []
    table = []
    run = [outcome for outcome in outcomes if not outcome.refused]
    for outcome in run:
        title, faulted = outcome.drill.title, outcome.drill.tolerance.faulted
        cells = [title]
        for module, state in states_of_modules(outcome).items():
            cells.append(MEANINGS[state] + (" (faulted)" if module == faulted else ""))
            if state != "idle":
                letter = LETTERS[state] + ("*" if module == faulted else "")
                rows.append({"step": title, "module": module, "state": MEANINGS[state], "letter": letter})
        table.append(tuple(cells))
    names = [outcome.drill.title for outcome in run]
    axis = alt.Axis(title=None, orient="top", labelAngle=-40, domain=False, ticks=False, offset=14)
    x = alt.X("module:N", sort=list(MODULES), axis=axis)
    tooltip = [alt.Tooltip("step:N", title="drill"), alt.Tooltip("module:N"), alt.Tooltip("state:N")]
    layers = [*(layer.encode(x=x) for layer in _cells(rows, names, tooltip)), _names(names)]
    leaked = sum(not outcome.contained for outcome in outcomes)
    return Chart(
        title="The blast radius of each drill",
        description="A row for each drill, a column for each module, with the worst state of its requests. A star marks"
        f" the faulted module. {'Every drill was contained.' if not leaked else f'{leaked} were not contained.'}",
        spec=_drawn(layers, names),
        table=Table(
            "The blast radius of each drill",
            ("drill", *MODULES),
            tuple(table),
            words=frozenset(range(len(MODULES) + 1)),
        ),
    )


def _name(outcome: Outcome, step: str) -> str:
    module = module_of(step)
    note = " (may be affected)" if outcome.drill.may_affect(step) else ""
    return f"{module}: {step}{note}" if module else f"{step}{note}"


def _description(outcome: Outcome) -> str:
    lines = "The dashed lines mark the fault at 0, the rollback and the recovery."
    affected = [step for step in outcome.steps if step.affected]
    if not affected:
        return f"No step was affected. {lines}"
    counts = ", ".join(
        f"{step.step} ({figures.count(step.affected)} of {figures.count(step.requests)})" for step in affected
    )
    return f"Affected: {counts}. {lines}"


def _colour() -> alt.Color:
    domain = [MEANINGS[state] for state in _SHOWN]
    legend = alt.Legend(
        title=None,
        orient="bottom",
        columns=alt.ExprRef("width < 500 ? 2 : 4"),
        symbolType="square",
        labelLimit=220,
        symbolStrokeWidth=0,
        symbolSize=160,
    )
    scale = alt.Scale(domain=domain, range=[COLOURS[state] for state in _SHOWN])
    return alt.Color("state:N", sort=domain, legend=legend, scale=scale)


def _cells(rows: list[Row], names: list[str], tooltip: list[alt.Tooltip]) -> tuple[alt.Chart, alt.Chart]:
    """Return the cells and their letters, in rows with these names; the caller places them horizontally."""
    y = alt.Y("step:N", sort=names, axis=None, scale=alt.Scale(domain=names, paddingInner=0.5))
    cells = alt.Chart(inline(rows)).mark_rect(stroke="var(--card)")
    letters = alt.Chart(inline(rows)).mark_text(color="var(--card)", fontSize=11, fontWeight="bold")
    return cells.encode(y=y, color=_colour(), tooltip=tooltip), letters.encode(y=y, text="letter:N")


def _names(names: Sequence[str]) -> alt.Chart:
    """Write each name above its row: on a phone there is no room beside the row."""
    drawn: alt.Chart = (
        alt.Chart(inline([{"step": name} for name in names]))
        .mark_text(align="left", baseline="bottom", color=INK, fontSize=12, yOffset=-3)
        .encode(x=alt.value(0), y=alt.Y("step:N", sort=list(names), bandPosition=0), text="step:N")
    )
    return drawn


def _moments(outcome: Outcome) -> list[Any]:
    """Draw dashed lines at the fault, the rollback and the recovery."""
    rows: list[Row] = [
        {"at": 0.0, "what": "fault"},
        {"at": round(outcome.rolled_back - outcome.armed, 2), "what": "rollback"},
    ]
    if outcome.recovered is not None:
        rows.append({"at": round(outcome.recovered - outcome.armed, 2), "what": "recovery"})
    rule = alt.Chart(inline(rows)).mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.5)
    return [rule.encode(x="at:Q", tooltip=[alt.Tooltip("what:N"), alt.Tooltip("at:Q", title="second")])]


def _drawn(layers: Sequence[alt.Chart], names: Sequence[str]) -> dict[str, Any]:
    return finished(alt.layer(*layers), _ROW * max(len(names), 2) + 20)
