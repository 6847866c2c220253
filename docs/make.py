#!/usr/bin/env python3
"""Write the generated part of the pages of docs/reference, below the line that marks it in each.

    python docs/make.py            writes the pages
    python docs/make.py --check    exits with code 1 and lists the pages that differ from the code
    python docs/make.py --pictures writes the pages, and takes the pictures of docs/images again (`docs/picture.py`)

docs/reference/benchmarks.md is not generated: it has the results of one day.
"""

import argparse
import inspect
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import typer
from sqlalchemy import CheckConstraint, Index, Table, UniqueConstraint
from sqlalchemy.dialects import sqlite
from starlette.routing import BaseRoute, Mount, Route

from festgate.cli import app as command_line
from festgate.kit.db.statements import metadata
from festgate.kit.errors import Refused
from festgate.kit.metrics import Metrics
from festgate.kit.roles import MEANINGS, PERMISSIONS, ROLE_NAMES, Role, may_grant
from festgate.kit.web.api import Problem
from festgate.kit.web.portal import GuardedRoute
from festgate.portal.app import Api, create_app
from festgate.settings import DEMO_SETTINGS, Settings, meaning

REFERENCE = Path(__file__).parent / "reference"
MARK = "<!-- Generated below this line by docs/make.py: change the code, then run it. -->\n"
ORDER = (
    "kit",
    "audit",
    "accounts",
    "fest",
    "catalogue",
    "registrations",
    "checkout",
    "tickets",
    "door",
    "backoffice",
)

EVERY_METHOD: Mapping[str, Any] = {
    "payment_methods": ("sandbox", "desk", "stripe"),
    "stripe_secret_key": "sk_test_reference",
    "stripe_webhook_secret": "whsec_reference",
}
"""Settings that switch on every route of the portal."""

FASTAPI_ERRORS = {"HTTPValidationError", "ValidationError"}
"""FastAPI's own error shapes, which the portal never returns."""

Schema = Mapping[str, Any]


def cell(text: object) -> str:
    """Return text that fits into one cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table without its empty columns; no lines for a table without rows."""
    written = [[cell(value) for value in row] for row in rows]
    if not written:
        return []
    kept = [place for place in range(len(head)) if any(row[place] for row in written)]
    lines = [
        [head[place] for place in kept],
        ["---"] * len(kept),
        *([row[place] for place in kept] for row in written),
    ]
    return [f"| {' | '.join(line)} |" for line in lines] + [""]


def code(text: object) -> str:
    """Return text as code; an empty text stays empty."""
    return f"`{text}`" if str(text) else ""


def paragraph(text: str | None) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split())


# Settings


def settings_page() -> list[str]:
    """Return the page of every setting, and of the demo's values."""
    fields = Settings.model_json_schema()["properties"]
    rows = [
        (code(name), code(_listed(field.default)) or "empty", _values(fields[name]), meaning(name))
        for name, field in Settings.model_fields.items()
    ]
    demo = [(code(name), code(_listed(value))) for name, value in DEMO_SETTINGS.items()]
    return [
        *table(("Setting", "Default", "Values", "Meaning"), rows),
        "## In the demo",
        "",
        "`festgate serve --demo` uses these values instead of the defaults. Your own settings override them.",
        "",
        *table(("Setting", "Value in the demo"), demo),
    ]


def _listed(value: object) -> str:
    """Write a value as an environment variable has it."""
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _values(schema: Schema) -> str:
    """Describe the values of a setting, as far as its type defines them."""
    if "enum" in schema:
        return ", ".join(map(code, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_values(schema['items'])}"
    if "minimum" in schema and "maximum" in schema:
        return f"{schema['minimum']:,} to {schema['maximum']:,}"
    if "maxLength" in schema:
        return f"at most {schema['maxLength']} characters"
    return {"string": "text", "integer": "number", "boolean": "`on` or `off`"}[schema["type"]]


# The command line


def commands_page() -> list[str]:
    """Return the page of every command with its arguments and options."""
    return _command(typer.main.get_command(command_line), "festgate")


def _command(command: Any, path: str) -> list[str]:  # noqa: ANN401  (Typer gives its commands no public type)
    inner: Mapping[str, Any] = getattr(command, "commands", {})
    lines = (
        []
        if path == "festgate"
        else [f"{'###' if ' ' in path.removeprefix('festgate ') else '##'} `{path}`", ""]
    )
    lines += [inspect.cleandoc(command.help or ""), ""]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    hints = get_type_hints(command.callback) if command.callback else {}
    if not inner:
        words = [path, *(f"--{_option(each)} {_metavar(each)}" for each in options if each.required)]
        words += [_metavar(each) for each in arguments]
        words += ["[OPTIONS]"] if any(not each.required for each in options) else []
        lines += ["```text", " ".join(words), "```", ""]
    rows = [(code(_metavar(each)), "", _choices(hints.get(each.name)), each.help) for each in arguments]
    for each in options:
        takes = "" if each.is_flag else _choices(hints.get(each.name)) or "text"
        default = "required" if each.required else code(each.default or "")
        rows.append((code(", ".join(each.opts)), default, takes, each.help))
    lines += table(("Name", "Default", "Values", "Meaning"), rows)
    for name, each in inner.items():
        lines += _command(each, f"{path} {name}")
    return lines


def _option(parameter: Any) -> str:  # noqa: ANN401
    long: str = parameter.opts[0]
    return long.removeprefix("--")


def _metavar(parameter: Any) -> str:  # noqa: ANN401
    named: str = parameter.metavar or parameter.name
    return named.upper()


def _choices(hint: Any) -> str:  # noqa: ANN401
    """Describe the values of a parameter: `Literal['csv', 'ics'] | None` -> `csv`, `ics`; `int` -> number."""
    parts = [part for part in (get_args(hint) or (hint,)) if part is not type(None)]
    if all(isinstance(part, str) for part in parts):
        return ", ".join(map(code, parts))
    if len(parts) == 1 and get_args(parts[0]):
        return _choices(parts[0])
    return {int: "number", str: "text", Path: "file"}.get(parts[0], "")


# The API


def api_page(document: Schema) -> list[str]:
    """Return the page of every call with its parameters and answers, then the shapes and the problem codes."""
    lines: list[str] = []
    groups: dict[str, list[tuple[str, str, Schema]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    for tag, operations in groups.items():
        lines += [f"## {tag.capitalize()}", ""]
        for method, path, operation in operations:
            lines += _operation(document, f"{method} /api/v1{path}", operation)
    lines += ["## Shapes", ""]
    schemas = {**document["components"]["schemas"], "Problem": Problem.model_json_schema()}
    bodies = {
        _reference(_content(operation["requestBody"]))
        for operation in _operations(document)
        if "requestBody" in operation
    }
    for name, schema in sorted(schemas.items()):
        # The shape of a request body is shown with its call.
        if f"#/components/schemas/{name}" not in bodies and name not in FASTAPI_ERRORS:
            lines += _shape(document, name, schema)
    lines += ["## Problem codes", "", *table(("Code", "Status", "Meaning"), _problem_rows())]
    return lines


def _operation(document: Schema, title: str, operation: Schema) -> list[str]:
    lines = [f"### `{title}`", "", " ".join(operation["description"].split()), ""]
    if operation.get("security"):
        lines += ["Needs a token.", ""]
    rows = [
        (
            code(each["name"]),
            each["in"],
            _kind(document, each["schema"]),
            "yes" if each.get("required") else "",
            each.get("description") or each["schema"].get("description", ""),
        )
        for each in operation.get("parameters", [])
    ]
    body = _content(operation.get("requestBody", {}))
    if body:
        rows += [(*row[:1], "body", *row[1:]) for row in _fields(document, body)]
    lines += table(("Parameter", "In", "Type", "Required", "Meaning"), rows)
    answers = []
    for status, answer in sorted(operation["responses"].items()):
        shape = _content(answer)
        good = _kind(document, shape) if shape else _file(answer)
        codes = ", ".join(map(code, dict.fromkeys(answer["description"].split("; "))))
        answers.append((status, good if status.startswith("2") else codes))
    return lines + table(("Status", "Answer"), answers)


def _operations(document: Schema) -> list[Schema]:
    return [operation for methods in document["paths"].values() for operation in methods.values()]


def _content(holder: Schema) -> Schema:
    schema: Schema = holder.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _file(answer: Schema) -> str:
    """Return the types of the file that a call answers with."""
    types = [name for name in answer.get("content", {}) if "json" not in name]
    return f"a file: {' or '.join(map(code, types))}" if types else "nothing"


def _shape(document: Schema, name: str, schema: Schema) -> list[str]:
    lines = [f"### {name}", "", " ".join(schema.get("description", "").split()), ""]
    fields = ((field, kind, meaning) for field, kind, _, meaning in _fields(document, schema))
    return lines + table(("Field", "Type", "Meaning"), fields)


def _reference(schema: Schema) -> str:
    """Return the reference of a shape, also of a body that may be left out; empty if it is written out."""
    parts = schema.get("anyOf", [schema])
    return next((part["$ref"] for part in parts if "$ref" in part), "")


def _fields(document: Schema, schema: Schema) -> list[tuple[str, str, str, str]]:
    reference = _reference(schema)
    resolved = document["components"]["schemas"][reference.rsplit("/", 1)[1]] if reference else schema
    needed = resolved.get("required", [])
    return [
        (code(name), _kind(document, field), "yes" if name in needed else "", field.get("description", ""))
        for name, field in resolved["properties"].items()
    ]


def _kind(document: Schema, schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(_kind(document, each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(map(code, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(document, schema['items'])}"
    kind: str = schema.get("type", "object")
    return {"date-time": "time"}.get(schema.get("format", ""), kind)


def _problem_rows() -> list[tuple[str, int, str]]:
    rows: dict[str, tuple[str, int, str]] = {}
    for kind in _kinds(Refused):
        meaning = kind.message if "message" in vars(kind) else paragraph(kind.__doc__)
        rows.setdefault(kind.code, (code(kind.code), kind.status, meaning))
    return [rows[name] for name in sorted(rows)]


def _kinds(kind: type[Refused]) -> list[type[Refused]]:
    """Return every refusal with its own problem code."""
    below = [each for child in kind.__subclasses__() for each in _kinds(child)]
    return [kind, *below] if "code" in vars(kind) and kind is not Refused else below


# Routes


def routes_page(routes: Iterable[BaseRoute]) -> list[str]:
    """Return the page of every route of the portal, and of its metrics."""
    lines: list[str] = []
    groups: dict[str, list[tuple[str, str, str, str]]] = {}
    for route in routes:
        if isinstance(route, Route):
            module = (
                route.endpoint.__module__.removeprefix("festgate.portal.")
                .removeprefix("festgate.")
                .split(".")[0]
            )
            methods = ", ".join(sorted(set(route.methods or ()) - {"HEAD"}))
            needs = code(route.permission) if isinstance(route, GuardedRoute) else ""
            row = (code(route.path.replace(":int}", "}")), methods, paragraph(route.endpoint.__doc__), needs)
            groups.setdefault(module, []).append(row)
    for module in sorted(groups, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER)):
        title = {"app": "The portal itself", "kit": "The API's own pages"}.get(module, module.capitalize())
        lines += [
            f"## {title}",
            "",
            *table(("Address", "Method", "Does", "Permission"), sorted(groups[module])),
        ]
    metrics = re.findall(r"^# HELP (\w+) (.+)$", Metrics().exposition().decode(), re.MULTILINE)
    rows = [(code(name), meaning) for name, meaning in metrics]
    return [*lines, "## Metrics at `/metrics`", "", *table(("Metric", "Meaning"), rows)]


# Roles


def roles_page() -> list[str]:
    """Return the page of every role, and of the permissions of each."""
    roles: list[Role] = [role for role in reversed(list(ROLE_NAMES)) if role != "attendee"]
    named = [(ROLE_NAMES[role].title, code(role), ROLE_NAMES[role].purpose) for role in roles]
    rows = [
        (code(permission), meaning, *("yes" if permission in PERMISSIONS[role] else "" for role in roles))
        for permission, meaning in MEANINGS.items()
    ]
    given = [
        (
            ROLE_NAMES[role].title,
            ", ".join(ROLE_NAMES[other].title for other in roles if may_grant(role, other)),
        )
        for role in roles
    ]
    return [
        *table(("Role", "In commands and the API", "Purpose"), named),
        "## What each role may do",
        "",
        *table(("Permission", "Meaning", *(ROLE_NAMES[role].title for role in roles)), rows),
        "## Roles that each role gives and takes",
        "",
        *table(("Role", "Gives and takes"), [row for row in given if row[1]]),
    ]


# Tables


def tables_page() -> list[str]:
    """Return the page of every table of the database."""
    lines: list[str] = []
    groups: dict[str, list[Table]] = {}
    for entry in metadata.sorted_tables:
        groups.setdefault(entry.name.split("_")[0], []).append(entry)
    for module in sorted(groups, key=ORDER.index):
        owner = "festgate.kit" if module == "kit" else f"festgate.portal.{module}.tables"
        lines += [f"## {module.capitalize()}", "", paragraph(import_module(owner).__doc__), ""]
        for entry in groups[module]:
            lines += _table(entry)
    return lines


def _table(entry: Table) -> list[str]:
    rows = []
    for column in entry.columns:
        keys = ["primary"] if column.primary_key else []
        keys += [f"references `{key.target_fullname}`" for key in column.foreign_keys]
        kind = column.type.compile(sqlite.dialect()).lower()
        rows.append((code(column.name), kind, "yes" if column.nullable else "", ", ".join(keys)))
    rules = sorted([*map(_constraint, entry.constraints), *map(_index, entry.indexes)])
    listed = [f"- {sentence}" for sentence in rules if sentence]
    head = ("Column", "Type", "Nullable", "Key")
    return [f"### `{entry.name}`", "", *table(head, rows), *listed, *([""] if listed else [])]


def _constraint(constraint: object) -> str:
    """Describe a constraint; keys are left out, since they are shown beside their columns."""
    if isinstance(constraint, CheckConstraint):
        return f"check: `{constraint.sqltext}`"
    if isinstance(constraint, UniqueConstraint):
        return f"unique: {_columns(constraint.columns)}"
    return ""


def _index(index: Index) -> str:
    where = index.info.get("where")
    text = f"{'unique' if index.unique else 'index'}: {_columns(index.columns)}"
    if where is None:
        return text
    return f"{text} where `{where.compile(dialect=sqlite.dialect(), compile_kwargs={'literal_binds': True})}`"


def _columns(columns: Iterable[Any]) -> str:
    return ", ".join(code(column.name) for column in columns)


# All of them


def pages() -> dict[str, list[str]]:
    """Return the lines of every generated page, by file name."""
    with tempfile.TemporaryDirectory() as folder:
        routes = create_app(Settings(data_dir=Path(folder), **EVERY_METHOD)).routes.listed
    api = next(route.app for route in routes if isinstance(route, Mount) and isinstance(route.app, Api))
    return {
        "settings.md": settings_page(),
        "command-line.md": commands_page(),
        "api.md": api_page(api.built.now().openapi()),
        "addresses.md": routes_page(routes),
        "roles.md": roles_page(),
        "tables.md": tables_page(),
    }


def main() -> None:
    """Write the pages, or list those that are out of date."""
    parser = argparse.ArgumentParser(description=inspect.cleandoc(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; list the pages that are out of date"
    )
    parser.add_argument("--pictures", action="store_true", help="also take the pictures of docs/images again")
    arguments = parser.parse_args()
    checks = arguments.check
    stale = []
    for name, lines in pages().items():
        path = REFERENCE / name
        before = path.read_text(encoding="utf-8")
        by_hand, mark, _ = before.partition(MARK)
        if not mark:
            sys.exit(f"{path} has no line that marks the generated part: {MARK}")
        after = "\n".join([by_hand + MARK, *lines]).rstrip("\n") + "\n"
        if after != before:
            stale.append(name)
            if not checks:
                path.write_text(after, encoding="utf-8", newline="\n")
    if checks and stale:
        sys.exit(f"These pages differ from the code: {', '.join(stale)}. Run `python docs/make.py`.")
    if arguments.pictures:
        # A process of its own, in the project's folder: the pictures need the rig of the tests.
        root = REFERENCE.parent.parent
        sys.exit(subprocess.run([sys.executable, "-m", "docs.picture"], cwd=root, check=False).returncode)


if __name__ == "__main__":
    main()
