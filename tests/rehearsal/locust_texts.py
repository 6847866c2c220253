"""Tables in the layouts of Locust's outputs with invented figures: printed, copied and wrapped."""

from collections.abc import Sequence

from festgate.rehearsal.locust_output.columns import WEB_COLUMNS

HEAD = ("Type", "Name", "# reqs", "# fails", "Avg", "Min", "Max", "Med", "req/s", "failures/s")
PERCENTS = ("50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%")
WEB_HEAD = ("Type", "Name", *WEB_COLUMNS)
WEB_ROWS = (
    ("GET", "/events", "16", "1", "330", "2500", "2500", "451.37", "258", "2460", "21138", "0.5", "0.1"),
    ("GET", "/my events", "4", "0", "9", "11", "11", "8.02", "7", "11", "3144.5", "0.5", "0"),
    ("", "Aggregated", "20", "1", "300", "2500", "2500", "362.7", "7", "2460", "17539", "1", "0.1"),
)

Told = tuple[str, str, int, int, int, int, int, int, float]
"""Method, name, requests, failures, mean, minimum, maximum, median, rate."""
BEFORE: Told = ("GET", "/checkout", 17, 0, 132, 7, 2104, 9, 0.6)
AFTER: Told = ("GET", "/checkout", 19, 0, 117, 7, 2082, 8, 0.66)


def console_row(figures: Told, width: int = 40) -> str:
    """Return a row with Locust's spacing; `width` is that of the name."""
    method, name, requests, failures, mean, minimum, maximum, middle, rate = figures
    failed = f"{failures}({100 * failures / requests if requests else 0:.2f}%)"
    return (
        f"{method:8} {name:{width}} {requests:7d} {failed:>12} |{mean:7d} {minimum:7d} {maximum:7d}{middle:7d} | "
        f"{rate:7.2f} {0:11.2f}"
    )


def console_table(*rows: Told, total: Told | None = None, width: int = 40) -> str:
    """Return the table of requests; without a total, the last row is repeated as the total."""
    first, second, third, *times, rate, failing = HEAD
    middle = f"|{times[1]:>7} {times[2]:>7} {times[3]:>7}{times[4]:>7} | {rate:>7} {failing:>11}"
    heading = f"{first:8} {second:{width}} {third:>7} {times[0]:>12} {middle}"
    rule = "|".join("-" * cell for cell in (8, width, 7, 13, 7, 7, 7, 7, 8, 11))
    whole: Told = total or ("", "Aggregated", *rows[-1][2:])
    return "\n".join(
        [heading, rule, *(console_row(row, width) for row in rows), rule, console_row(whole, width), ""]
    )


def percentile_table(*rows: tuple[str, str, Sequence[int], int], width: int = 44) -> str:
    """Return the table of percentiles, which Locust prints once at the end of a run."""
    heading = f"{'Type':8} {'Name':{width}} {PERCENTS[0]:>8} {' '.join(f'{cell:>6}' for cell in PERCENTS[1:])} # reqs"
    rule = "|".join("-" * cell for cell in (8, width, 8, *[6] * len(PERCENTS)))
    lines = [
        f"{method:8} {name:{width}} {times[0]:8d} {' '.join(f'{cell:6d}' for cell in times[1:])} {requests:6d}"
        for method, name, times, requests in rows
    ]
    return "\n".join(["Response time percentiles (approximated)", heading, rule, *lines, rule, ""])


def folded(text: str, width: int, *, trimmed: bool = False) -> str:
    """Wrap a text at the width of a window; with `trimmed`, remove trailing spaces, as terminals do."""
    pieces = [
        line[begin : begin + width]
        for line in text.split("\n")
        for begin in range(0, max(len(line), 1), width)
    ]
    return "\n".join(piece.rstrip() if trimmed else piece for piece in pieces)


TRACEBACK = """\
Traceback (most recent call last):
  File "task.py", line 363, in run
    self.execute_next_task()
    ~~~~~~~~~~~~~~~~~~~~~~^^
  File "visitor.py", line 24, in look
    (first
    ~~~~~~
     .later())
     ~~~~~~^^
    total = price / people
            ~~~~~~^~~~~~~~
ZeroDivisionError: division by zero
"""
"""A traceback of Python 3.13, which underlines code with the character of a Markdown fence."""
