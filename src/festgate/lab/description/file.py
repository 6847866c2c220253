"""The file `lab.toml`, which describes a starter: written for a teacher to correct, and read back."""

import ast
import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from festgate.files import write_atomically
from festgate.lab.description.reading import Reading, read_starter
from festgate.lab.description.starter import DESCRIPTION, JOURNEY, OTHERS, ROUTES, BadStarter, Crash, Starter

MAX_BYTES: Final = 100_000
_SEAL: Final = re.compile(r"^# Unedited: ([0-9a-f]{12})\s*\Z", re.MULTILINE)
"""The line that shows whether the file was edited: it has a hash of all other lines."""
_APP: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_PACKAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(==[A-Za-z0-9.+!]+)?")
"""A package's name, with or without a version; it becomes part of a command."""
_MEANINGS: Final[Mapping[str, str]] = {
    "string_type": "is not a text. Put it in quotes",
    "int_type": "is not a whole number",
    "bool_type": "is not true or false",
    "list_type": "is not a list. Write it in brackets: [...]",
    "tuple_type": "is not a list. Write it in brackets: [...]",
    "dict_type": "is not a table",
    "model_type": "is not a table",
    "greater_than_equal": "is too small. Lines are counted from 1",
}
"""The end of the message for each of pydantic's error types."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Crash(_Table):
    file: str
    line: int = Field(ge=1)
    code: str
    path: str = ""
    replacement: str = ""
    must_be_fixed: bool = True


class _Description(_Table):
    """The keys of the file."""

    app: str
    person: str = "user"
    form: list[str] = ["username", "password"]
    database: str = "fest.db"
    fill: str = ""
    report: str = ""
    packages: list[str] = []
    paths: dict[str, str]
    others: dict[str, str] = {}
    load: dict[str, str] = {}
    crashes: list[_Crash] = []


def starter_of(folder: Path) -> Starter:
    """Return the starter in a folder, by its `lab.toml` if it has one, or else by its code. Raises BadStarter."""
    file = folder / DESCRIPTION
    if file.is_file():
        return read_description(file)
    reading = read_starter(folder)
    if reading.needed:
        msg = (
            f"{folder}: No route was found for the page {reading.needed[0]}. Run `festgate lab describe` with that"
            f" folder, and add what is missing to its {DESCRIPTION}."
        )
        raise BadStarter(msg)
    return reading.starter


def read_description(file: Path) -> Starter:
    """Return the starter that a `lab.toml` describes. Raises BadStarter."""
    try:
        content = file.read_bytes()
        if len(content) > MAX_BYTES:
            msg = f"{file} has more than {MAX_BYTES:,} bytes. It is no description of a starter."
            raise BadStarter(msg)
        values = tomllib.loads(content.removeprefix(b"\xef\xbb\xbf").decode())
        described = _Description.model_validate(values)
    except OSError as error:
        msg = f"{file} cannot be read: {error.strerror}."
        raise BadStarter(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{file} is not valid TOML: {error}."
        raise BadStarter(msg) from None
    except ValidationError as error:
        raise BadStarter(_sentence(file, error)) from None
    problem = next(_problems(file.parent, described), "")
    if problem:
        msg = f"{file}, {problem}"
        raise BadStarter(msg)
    return Starter(
        folder=file.parent,
        app=described.app,
        paths={name: described.paths[name] for name in ROUTES},
        others=described.others,
        form=(described.form[0], described.form[1]),
        load=described.load,
        person=described.person,
        database=described.database,
        fill=described.fill,
        report=described.report,
        crashes=tuple(Crash(**crash.model_dump()) for crash in described.crashes),
        packages=tuple(described.packages),
    )


def is_edited(file: Path) -> bool:
    """Return whether a `lab.toml` differs from the one that was written. Raises OSError."""
    text = file.read_text(encoding="utf-8", errors="replace")
    seal = _SEAL.search(text)
    return seal is None or seal[1] != _hash(_SEAL.sub("", text))


def write_description(file: Path, reading: Reading) -> None:
    """Write the description atomically. Raises OSError."""
    write_atomically(file, description(reading))


def description(reading: Reading) -> str:
    """Return the text of a `lab.toml`, with a comment for each key."""
    text = "\n".join(_lines(reading)) + "\n"
    return f"{text}# Unedited: {_hash(text)}\n"


def _hash(text: str) -> str:
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()[:12]


def _lines(reading: Reading) -> Iterator[str]:
    starter = reading.starter
    yield "# The starter in this folder, as `festgate lab describe` read it from the code. Correct what is wrong:"
    yield "# Festgate uses this file from now on, and does not read the code again."
    if reading.missing:
        yield "#"
        yield from (f"# {sentence}" for sentence in reading.missing)
    for comment, key, value in (
        ("The module of the app, and its name in there, as in `uvicorn main:app`.", "app", starter.app),
        (
            f"The part of an address that names the person: /events?{starter.person}=Meera",
            "person",
            starter.person,
        ),
        ("The fields of the forms: the user name, then the password.", "form", list(starter.form)),
        ("The SQLite file, seen from the folder in which the app is started.", "database", starter.database),
        (
            'The script that inserts the events, run by hand before the first start; "" where the app inserts them.',
            "fill",
            starter.fill,
        ),
        (
            'The Markdown file with the questions for the report: topics with ##, questions with ###; "" for none.',
            "report",
            starter.report,
        ),
    ):
        yield from ("", f"# {comment}", _pair(key, value))
    yield from ("", f"# The packages of the app, {reading.pins}.", "# [] stands for current versions.")
    yield from ("packages = [", *(f"  {_text(name)}," for name in starter.packages), "]")
    yield from ("", "# The three routes that are loaded and made faster.", "[paths]")
    for name in ROUTES:
        path = starter.paths.get(name)
        yield _pair(name, path) if path else f'# {name} = "/..."  (add it)'
    others = "Other pages, which have to stay as they are. Leave out a page that the app does not have."
    yield from ("", f"# {others}", "[others]", *map(_pair, starter.others, starter.others.values()))
    yield from ("", "# The locustfile of each route, and of the journey through several pages.", "[load]")
    yield from map(_pair, starter.load, starter.load.values())
    yield from (
        "",
        "# The crashes that are in the code on purpose: the place, the statement, the route that reaches it, the",
        '# statement that fixes it ("" only removes it), and whether the exercise asks for the fix.',
    )
    for crash in starter.crashes:
        yield from ("[[crashes]]", *(_pair(key, getattr(crash, key)) for key in _Crash.model_fields), "")


def _pair(key: str, value: object) -> str:
    return f"{key} = {_text(value)}"


def _text(value: object) -> str:
    """Return a TOML value; JSON writes text, numbers, booleans and lists of text in the same way."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _sentence(file: Path, error: ValidationError) -> str:
    """Return a sentence with the place of the mistake, the mistake, and the allowed values."""
    details = error.errors()[0]
    *tables, key = details["loc"]
    place = "".join(f", {part + 1}" if isinstance(part, int) else f", {part}" for part in tables)
    allowed = _Crash if tables[:1] == ["crashes"] else _Description
    if details["type"] == "missing":
        return f"{file}{place}: {key} is missing. Add it, or write the file again with `festgate lab describe --force`."
    if details["type"] == "extra_forbidden":
        return f"{file}{place}: {key} is not a known key. Allowed are {', '.join(allowed.model_fields)}."
    place = f"{place}, {key + 1 if isinstance(key, int) else key}"
    return f"{file}{place}: {details['input']!r} {_MEANINGS.get(details['type'], details['msg'])}."


def _problems(folder: Path, described: _Description) -> Iterator[str]:
    """Return a sentence for each value that cannot be used."""
    app_file = Starter(folder, described.app).app_file
    if not _APP.fullmatch(described.app):
        yield f'app: {described.app!r} is not a module and a name. Write it as "main:app".'
    elif not (folder / app_file).is_file():
        yield f"app: {app_file} is not in {folder}."
    if len(described.form) != len(Starter(folder).form):
        yield "form: Two texts are allowed, the fields of the user name and of the password."
    if not described.person:
        yield 'person: The text is empty. Write the name, such as "user".'
    if not _is_inside(described.database):
        yield f"database: {described.database!r} is not a path inside the folder."
    for package in described.packages:
        if not _PACKAGE.fullmatch(package):
            yield f'packages: {package!r} is not a package. Write it as "fastapi==0.110.0".'
    yield from _problems_of_paths(described)
    yield from _problems_of_files(folder, described)


def _problems_of_paths(described: _Description) -> Iterator[str]:
    for table, names in (("paths", ROUTES), ("others", OTHERS)):
        paths: Mapping[str, str] = getattr(described, table)
        yield from _unknown(table, paths, names)
        for name, path in paths.items():
            if not path.startswith("/"):
                yield f'{table}, {name}: {path!r} does not begin with "/". Write the path, such as "/{name}".'
    for name in ROUTES:
        if name not in described.paths:
            yield f'paths: {name} is missing. Write its path, such as {name} = "/{name}".'


def _problems_of_files(folder: Path, described: _Description) -> Iterator[str]:
    yield from _unknown("load", described.load, (*ROUTES, JOURNEY))
    for number, crash in enumerate(described.crashes, 1):
        try:
            ast.parse(crash.replacement)
        except (SyntaxError, ValueError):
            yield f"crashes, {number}, replacement: {crash.replacement!r} is not a statement of Python."
    files = [(key, place) for key, place in (("fill", described.fill), ("report", described.report)) if place]
    files += [(f"load, {name}", place) for name, place in described.load.items()]
    files += [(f"crashes, {number}, file", crash.file) for number, crash in enumerate(described.crashes, 1)]
    for key, place in files:
        if not _is_inside(place):
            yield f"{key}: {place!r} is not a path inside the folder. Write it with /, seen from {folder}."
        elif not (folder / place).is_file():
            yield f"{key}: {place} is not in {folder}."


def _unknown(table: str, given: Mapping[str, str], known: Sequence[str]) -> Iterator[str]:
    for name in given:
        if name not in known:
            yield f"{table}: {name} is not a known name. Allowed are {', '.join(known)}."


def _is_inside(place: str) -> bool:
    path = PurePosixPath(place)
    return (
        bool(place)
        and not path.is_absolute()
        and ".." not in path.parts
        and "\\" not in place
        and ":" not in place
    )
