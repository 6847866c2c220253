"""Lab reports as students hand them in: one with all six errors, and a sound one, in Locust's own layouts."""

from collections.abc import Sequence
from html import escape
from typing import Final

from tests.rehearsal.locust_texts import WEB_HEAD, Told, console_table, folded, percentile_table

CHECKOUT: Final[tuple[Told, Told]] = (
    ("GET", "/checkout", 17, 0, 132, 7, 2104, 9, 0.6),
    ("GET", "/checkout", 19, 0, 117, 7, 2082, 8, 0.66),
)
EVENTS: Final[Told] = ("GET", "/events?user=anu", 16, 0, 451, 258, 2460, 330, 0.54)
MY_EVENTS: Final[Told] = ("GET", "/my-events?user=anu", 16, 0, 280, 115, 2242, 150, 0.56)
EVENTS_TOTAL: Final[Told] = ("", "Aggregated", 12, 0, 542, 311, 2493, 360, 0.53)
MY_EVENTS_TOTAL: Final[Told] = ("", "Aggregated", 17, 0, 204, 59, 2287, 71, 0.6)
_EVENTS: Final = (324, 2493, 311, 352, 360, 366, 371, 345, 380, 390, 402, 410)
_MY_EVENTS: Final = (94, 69, 73, 67, 74, 59, 65, 116, 82, 63, 67, 66, 70, 2287, 69, 79, 79)
CLAIMS: Final = (
    "After the optimisation /events dropped from 451 ms to 324 ms,",
    "and /my-events dropped from 280 ms to 94 ms.",
)
RATE: Final = "RPS of /my-events improved from 0.56 to 0.60."


def one_each(path: str, times: Sequence[int]) -> list[Told]:
    """Return a row for each request: the effect of a user's name in the address."""
    return [
        ("GET", f"{path}?user=user{4021 + 37 * place}", 1, 0, time, time, time, time, 0.04)
        for place, time in enumerate(times)
    ]


EVENTS_AFTER: Final = one_each("/events", _EVENTS)
MY_EVENTS_AFTER: Final = one_each("/my-events", _MY_EVENTS)
RUNS: Final[dict[str, list[tuple[list[Told], Told | None, int]]]] = {
    "Before": [([CHECKOUT[0]], None, 2100), ([EVENTS], None, 2500), ([MY_EVENTS], None, 2200)],
    "After": [
        ([CHECKOUT[1]], None, 2100),
        (EVENTS_AFTER, EVENTS_TOTAL, 2500),
        (MY_EVENTS_AFTER, MY_EVENTS_TOTAL, 2200),
    ],
}
"""(rows, row of all requests, p95 of all requests) of each run."""


def console_run(rows: list[Told], total: Told | None, high: int) -> str:
    """Return what Locust prints at the end of a run."""
    whole = total or ("", "Aggregated", *rows[-1][2:])
    percentiles = [
        (
            row[0],
            row[1],
            (row[7], *[row[7]] * 4, *[high if row is whole or len(rows) == 1 else row[6]] * 6),
            row[2],
        )
        for row in (*rows, whole)
    ]
    return console_table(*rows, total=total) + "\n" + percentile_table(*percentiles)


def web_rows(rows: list[Told], total: Told | None, high: int) -> list[tuple[str, ...]]:
    """Return the cells of the table on Locust's web page."""
    whole = total or ("", "Aggregated", *rows[-1][2:])
    cells = []
    for row in (*rows, whole):
        method, name, requests, failures, mean, minimum, maximum, middle, rate = row
        p95 = high if row is whole or len(rows) == 1 else maximum
        size = 2797 if "checkout" in rows[0][1] else 3144 if "my-" in rows[0][1] else 21138
        figures = (
            requests,
            failures,
            middle,
            p95,
            p95,
            f"{mean}.37" if requests > 1 else mean,
            minimum,
            maximum,
            size,
            rate,
            0,
        )
        cells.append((method, name, *map(str, figures)))
    return cells


def text_report() -> str:
    """Return the report as text, with the tables broken as in a Windows terminal of 120 columns."""
    parts = ["Load test of the fest portal", "", "One user was spawned, for about 30 s.", ""]
    for heading, runs in RUNS.items():
        parts += [f"{heading}:", ""]
        parts += [folded(console_run(*run), 120, trimmed=True) for run in runs]
    return "\n".join([*parts, "", *CLAIMS, RATE, ""])


def markdown_report() -> str:
    """Return the report as Markdown, with tables from Locust's web page and headings for the routes."""
    parts = ["# Load test of the fest portal", ""]
    for heading, runs in RUNS.items():
        parts += [f"## {heading} the change", ""]
        for run in runs:
            parts += [f"### {run[0][0][1].partition('?')[0]}", "", "```"]
            parts += ["\t".join(cells) for cells in (WEB_HEAD, *web_rows(*run))]
            parts += ["```", ""]
    return "\n".join([*parts, "## Results", "", f"- **{CLAIMS[0]}**", f"  {CLAIMS[1]}", f"- {RATE}", ""])


def html_report(*, console: bool = False) -> str:
    """Return the report as HTML; with `console`, the tables are those that Locust prints."""
    parts = [
        "<!DOCTYPE html>",
        "<html><head><title>Report</title><style>td, th { padding: 2px }</style></head><body>",
    ]
    parts += ["<h1>Load test of the fest portal</h1>"]
    for heading, runs in RUNS.items():
        parts += [f"<h2>{heading}</h2>"]
        for run in runs:
            if console:
                parts += [f"<pre style='font-size: 6px'>{escape(console_run(*run))}</pre>"]
                continue
            parts += [
                "<table style='font-size: 7px'><tr>"
                + "".join(f"<th>{column}</th>" for column in WEB_HEAD)
                + "</tr>"
            ]
            for cells in web_rows(*run):
                parts += ["<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"]
            parts += ["</table>"]
    return "\n".join([*parts, f"<p>{CLAIMS[0]}", f"{CLAIMS[1]}</p>", f"<p>{RATE}</p>", "</body></html>", ""])


def sound_report() -> str:
    """Return a sound report: the same load on both builds, warmed up, six runs each, grouped, with an interval."""
    parts = [
        "# /events, faster",
        "",
        "Each build was played 6 times, in turn (ABBA BAAB AB), after a warm-up of 10 s that is not counted.",
        "",
    ]
    for place in range(6):
        for heading, middle in (("Before", 331 + place), ("After", 12 + place % 2)):
            requests = 640 + 7 * place
            row: Told = ("GET", "/events", requests, 0, middle + 3, middle - 4, middle * 3, middle, 21.4)
            parts += [
                f"## {heading}, run {place + 1}",
                "",
                "```",
                console_run([row], None, middle * 2),
                "```",
                "",
            ]
    return "\n".join([
        *parts,
        "The median of /events fell from 331 ms to 12 ms, by 96 % (95 % interval: 95.8 to 96.5 %).",
        "RPS is not compared: users wait between 1 and 2 s, so it cannot move.",
        "",
    ])  # fmt: skip
