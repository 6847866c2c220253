"""The blast radius at a glance: what was harmed, and when. Colours and letters say the same."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt

from festgate.drills.impact import BIN, State, module_of, worst
from festgate.drills.plan import MODULES
from festgate.drills.sentences import LETTERS, MEANINGS, harm, modules_of
from festgate.drills.verdict import Outcome
from festgate.rehearsal.report.document import Chart, Table
from festgate.rehearsal.report.drawing import INK, Row, finished, inline
from festgate.rehearsal.stats import figures

COLOURS: Final[Mapping[State, str]] = {
    "well": "var(--good-tint)",
    "slow": "var(--line-6)",
    "resting": "var(--line-2)",
    "error": "var(--bad)",
    "quiet": "transparent",
}
_SHOWN: Final[tuple[State, ...]] = ("well", "slow", "resting", "error")
_MAX_CELLS: Final = 24
"""Cells of a row: a letter in each has to fit on a phone."""
_ROW: Final = 34
"""Pixels of a row with its name above it."""
_SECONDS = "datum.value + ' s'"


def blast_over_time(outcome: Outcome) -> Chart:
    """Each step's half seconds, from before the fault until it was over."""
    rows: list[Row] = []
    names = []
    together = math.ceil(max(map(len, outcome.cells.values()), default=1) / _MAX_CELLS)
    width = together * BIN
    for step, states in outcome.cells.items():
        name = _name(outcome, step)
        names.append(name)
        for number in range(0, len(states), together):
            state = worst(states[number : number + together])
            begin = outcome.cells_begin - outcome.armed + number * BIN
            if state != "quiet":
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
    y = alt.Y("step:N", sort=names, axis=None, scale=alt.Scale(domain=names, paddingInner=0.5))
    told = [alt.Tooltip("step:N"), alt.Tooltip("at:Q", title="second"), alt.Tooltip("state:N")]
    cell = (
        alt.Chart(inline(rows))
        .mark_rect(stroke="var(--card)")
        .encode(x=x, x2="end:Q", y=y, color=_colour(), tooltip=told)
    )
    letter = _letters(inline(rows)).encode(x="middle:Q", y=y, text="letter:N")
    return Chart(
        title="Who was harmed, and when",
        description=_says(outcome),
        spec=finished(
            alt.layer(cell, letter, _names(names), *_moments(outcome)), _ROW * max(len(names), 2) + 20
        ),
        table=Table(
            "Worst half seconds of each step",
            ("step", "slow", "come back later", "errors"),
            tuple(
                (_name(outcome, step), *(str(states.count(state)) for state in _SHOWN[1:]))
                for step, states in outcome.cells.items()
            ),
            note="In half seconds.",
        ),
    )


def blast_of_all(outcomes: Sequence[Outcome]) -> Chart:
    """Drills by modules."""
    rows: list[Row] = []
    played = [outcome for outcome in outcomes if not outcome.refused]
    names = [outcome.drill.title for outcome in played]
    table = []
    for outcome in played:
        states = modules_of(outcome)
        struck = outcome.drill.tolerance.struck
        table.append(
            (
                outcome.drill.title,
                *(MEANINGS[states[module]] + (" (struck)" if module == struck else "") for module in MODULES),
            )
        )
        rows += [
            {
                "step": outcome.drill.title,
                "module": module,
                "state": MEANINGS[state],
                "letter": LETTERS[state] + ("*" if module == struck else ""),
            }
            for module, state in states.items()
            if state != "quiet"
        ]
    x = alt.X(
        "module:N",
        sort=list(MODULES),
        axis=alt.Axis(title=None, orient="top", labelAngle=-40, domain=False, ticks=False, offset=14),
    )
    y = alt.Y("step:N", sort=names, axis=None, scale=alt.Scale(domain=names, paddingInner=0.5))
    told = [alt.Tooltip("step:N", title="drill"), alt.Tooltip("module:N"), alt.Tooltip("state:N")]
    cell = (
        alt.Chart(inline(rows))
        .mark_rect(stroke="var(--card)")
        .encode(x=x, y=y, color=_colour(), tooltip=told)
    )
    letter = _letters(inline(rows)).encode(x=x, y=y, text="letter:N")
    leaked = sum(not outcome.contained for outcome in outcomes)
    return Chart(
        title="The blast radius of each drill",
        description="A row for each drill, a column for each module: the worst that its visitors met. A star marks what"
        f" was struck. {'Nothing leaked.' if not leaked else f'{leaked} leaked.'}",
        spec=finished(alt.layer(cell, letter, _names(names)), _ROW * max(len(names), 2) + 20),
        table=Table(
            "The blast radius of each drill",
            ("drill", *MODULES),
            tuple(table),
            words=frozenset(range(len(MODULES) + 1)),
        ),
    )


def _name(outcome: Outcome, step: str) -> str:
    module = module_of(step)
    mark = " (may be harmed)" if outcome.drill.may_harm(step) else ""
    return f"{module}: {step}{mark}" if module else f"{step}{mark}"


def _says(outcome: Outcome) -> str:
    lines = "The dashed lines are the fault, at 0, when it was undone, and when all was as before."
    harmed = [step for step in outcome.steps if harm(step)]
    if not harmed:
        return f"No step had an error. {lines}"
    told = ", ".join(
        f"{step.step} ({figures.count(harm(step))} of {figures.count(step.requests)})" for step in harmed
    )
    return f"Harmed were {told}. {lines}"


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


def _letters(data: alt.InlineData) -> alt.Chart:
    drawn: alt.Chart = alt.Chart(data).mark_text(color="var(--card)", fontSize=11, fontWeight="bold")
    return drawn


def _names(names: Sequence[str]) -> alt.Chart:
    """Above each row: beside it, a phone would have no room left."""
    drawn: alt.Chart = (
        alt.Chart(inline([{"step": name} for name in names]))
        .mark_text(align="left", baseline="bottom", color=INK, fontSize=12, yOffset=-3)
        .encode(x=alt.value(0), y=alt.Y("step:N", sort=list(names), bandPosition=0), text="step:N")
    )
    return drawn


def _moments(outcome: Outcome) -> list[Any]:
    """Rules at what happened to all of it."""
    rows: list[Row] = [
        {"at": 0.0, "what": "fault"},
        {"at": round(outcome.undone - outcome.armed, 2), "what": "undone"},
    ]
    if outcome.recovered is not None:
        rows.append({"at": round(outcome.recovered - outcome.armed, 2), "what": "as before"})
    rule = alt.Chart(inline(rows)).mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.5)
    return [rule.encode(x="at:Q", tooltip=[alt.Tooltip("what:N"), alt.Tooltip("at:Q", title="second")])]
