"""Drill files: found by name, read from TOML, and refused with one sentence that names the place and the remedy."""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from festgate.drills.plan import ACTIONS, Drill, Probe, Setup, SteadyState, Tolerance

FOLDER: Final = Path(__file__).parent / "plans"
TABLES: Final[Mapping[str, type[Any]]] = {
    "configuration": Setup,
    "steady-state-hypothesis": SteadyState,
    "probes": Probe,
    "tolerance": Tolerance,
    **ACTIONS,
}
"""The class of each table, by the last part of its location that names it."""
REMEDIES: Final[Mapping[str, str]] = {
    "steady-state-hypothesis": "begin it with [steady-state-hypothesis]",
    "tolerance": "begin it with [tolerance]",
    "method": "begin each entry with [[method]]",
    "rollbacks": "begin each entry with [[rollbacks]]",
}
"""How to add a missing table or list."""
MESSAGES: Final[Mapping[str, str]] = {
    "string_type": "{value} is not text; put it in quotes",
    "string_too_short": "the text is empty; write some text in its quotes",
    "float_type": "{value} is not a number; write {key} = 2.5",
    "finite_number": "{value} is not a number; write {key} = 2.5",
    "int_type": "{value} is not a whole number; write {key} = 1",
    "bool_type": "{value} is not a boolean; write true or false",
    "greater_than_equal": "{value} is too small; write at least {ge:.15g}",
    "less_than_equal": "{value} is too large; write at most {le:.15g}",
    "tuple_type": "this is not a list; {remedy}",
    "too_short": "the list is empty; {remedy}",
    "dataclass_type": "this is not a table; begin it with [{key}]",
    "value_error": "{error}",
}
"""A sentence for each of pydantic's error types."""
ACTION_DEPTH: Final = 3
"""The position of an action's name in the location of an error: method, number, action, name."""


class BadDrill(Exception):
    """A drill that cannot be read. The message names the place, the mistake and the remedy."""


def drills() -> list[Drill]:
    """Return the drills that come with Festgate, ordered by name."""
    return [read_drill(path) for path in sorted(FOLDER.glob("*.toml"))]


def find_drill(name: str) -> Drill:
    """Return the built-in drill of that name, or the drill in the file of that name. Raise BadDrill."""
    built_in = FOLDER / f"{name}.toml"
    if "/" not in name and "\\" not in name and built_in.is_file():
        return read_drill(built_in)
    path = Path(name)
    if path.suffix == ".toml" or path.is_file():
        return read_drill(path)
    known = [path.stem for path in sorted(FOLDER.glob("*.toml"))]
    near = difflib.get_close_matches(name, known, 1)
    question = f" Did you mean {near[0]}?" if near else ""
    msg = (
        f"There is no drill {name}.{question} `festgate drill list` shows all drills; a drill file has a name that"
        " ends in .toml."
    )
    raise BadDrill(msg)


def read_drill(path: Path) -> Drill:
    """Return the drill in a file. Raise BadDrill."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        return replace(TypeAdapter(Drill).validate_python(values), path=path)
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path.name} is not valid TOML: {error}."
    except ValidationError as error:
        sentences = [_sentence(path, details) for details in error.errors()]
        msg = next((sentence for sentence in sentences if "Did you mean" in sentence), sentences[0])
    raise BadDrill(msg)


def _sentence(path: Path, error: Any) -> str:  # noqa: ANN401  (a dictionary of pydantic's own type)
    """Return where the file is wrong, what is wrong there, and what to write instead."""
    kind, location, value, context = error["type"], [*error["loc"]], error["input"], error.get("ctx", {})
    keys = _known_keys(location)
    if location[:1] in (["method"], ["rollbacks"]) and len(location) > ACTION_DEPTH:
        # In the file, the keys of an action are in the table of its activity.
        del location[ACTION_DEPTH - 1 : ACTION_DEPTH + 1]
    key = next((part for part in reversed(location) if isinstance(part, str)), "")
    if kind in ("missing", "union_tag_not_found"):
        location = location[:-1]
        message = f"{key} is missing; {REMEDIES.get(key, f'add the key {key}')}."
    elif kind in ("literal_error", "union_tag_invalid"):
        choices = re.findall(r"'([^']*)'", context.get("expected_tags") or context["expected"])
        choice = context.get("tag", value)
        message = f"{_in_toml(choice)} is unknown. {_nearest(choice, choices)}"
    elif kind == "unexpected_keyword_argument" or location == ["path"]:
        location = location[:-1]
        message = f"{key} is not a known key. {_nearest(key, keys)}"
    elif kind in MESSAGES:
        remedy = REMEDIES.get(key, f"write {key} = [...]")
        message = f"{MESSAGES[kind].format(value=_in_toml(value), key=key, remedy=remedy, **context)}."
    else:
        message = f"{error['msg']}."
    place = "".join(f" {part + 1}" if isinstance(part, int) else f", {part}" for part in location)
    return f"{path.name}{place}: {message}"


def _in_toml(value: object) -> str:
    """Return a value as the file has it: `true`, `"text"`, `[1, 2]`; a date is written as text."""
    return str(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False, default=str)


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """Return the keys that the table at a location may have."""
    table = next((TABLES[str(part)] for part in reversed(location[:-1]) if part in TABLES), Drill)
    keys = [key for key in TypeAdapter(table).json_schema()["properties"] if (table, key) != (Drill, "path")]
    return ["name", "at", *keys] if table in ACTIONS.values() else keys


def _nearest(word: object, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(word), known, 1)
    return f"Did you mean {near[0]}?" if near else f"Use one of {', '.join(known)}."
