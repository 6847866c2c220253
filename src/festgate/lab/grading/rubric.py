"""The rubric: points for each part of the exercise, from a small TOML file."""

import codecs
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from festgate.lab.description.starter import ROUTES

FILE: Final = "rubric.toml"
PARTS: Final = ("crash", *ROUTES, "others", "load", "report", "answers")
MAX_POINTS: Final = 1_000


class InvalidRubric(Exception):
    """The rubric cannot be used; the message names the file, the key and what to do."""


@dataclass(frozen=True)
class Rubric:
    """Points for the parts of the exercise."""

    points: Mapping[str, float]
    """The points of each of PARTS."""
    verdicts: Mapping[str, float]
    """The share of a route's points for each verdict."""
    finding: float
    """The share of the report's points that each kind of finding costs."""

    @property
    def maximum(self) -> float:
        """Return the points of all parts."""
        return sum(self.points.values())


def default_text() -> str:
    """Return the default rubric as it is written into a file."""
    return (files(__package__ or "") / FILE).read_text(encoding="utf-8")


def default_rubric() -> Rubric:
    """Return the default rubric."""
    return _rubric("the default rubric", default_text(), None)


def read_rubric(file: Path) -> Rubric:
    """Read a rubric; missing entries are those of the default. Raises InvalidRubric."""
    try:
        content = file.read_bytes()
        # Windows PowerShell writes UTF-16 when the default is redirected into a file.
        text = content.decode("utf-16" if content[:2] == codecs.BOM_UTF16_LE else "utf-8-sig")
    except OSError as error:
        msg = f"{file} cannot be read: {error.strerror}."
        raise InvalidRubric(msg) from None
    except UnicodeDecodeError:
        msg = f"{file} is not UTF-8. Save it as UTF-8."
        raise InvalidRubric(msg) from None
    return _rubric(str(file), text, default_rubric())


def _rubric(source: str, text: str, default: Rubric | None) -> Rubric:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        msg = f"{source} is not TOML: {error}. Correct it, or begin anew with `festgate lab grade --print-rubric`."
        raise InvalidRubric(msg) from None
    known = ("points", "verdicts", "report")
    for name, table in tables.items():
        if name not in known or not isinstance(table, dict):
            msg = f"{source}: `{name}` is not one of the tables {', '.join(f'[{table}]' for table in known)}."
            raise InvalidRubric(msg)
    points = _numbers(source, "points", tables, MAX_POINTS, PARTS)
    verdicts = _numbers(source, "verdicts", tables, 1)
    report = _numbers(source, "report", tables, 1, ("finding",))
    if default is not None:
        points = {**default.points, **points}
        verdicts = {**default.verdicts, **verdicts}
        report = {"finding": default.finding, **report}
    return Rubric(points, verdicts, report["finding"])


def _numbers(
    source: str, table: str, tables: Mapping[str, Any], maximum: float, names: tuple[str, ...] | None = None
) -> dict[str, float]:
    numbers = {}
    for name, value in tables.get(table, {}).items():
        if names is not None and name not in names:
            msg = f"{source}: [{table}] has no `{name}`. It has {', '.join(names)}."
            raise InvalidRubric(msg)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= maximum:
            msg = f"{source}: `{name}` in [{table}] is {value!r}. Give a number from 0 to {maximum:g}."
            raise InvalidRubric(msg)
        numbers[name] = float(value)
    return numbers
