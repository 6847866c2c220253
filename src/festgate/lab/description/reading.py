"""Describes a starter by reading its code; the code is parsed and never run."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from festgate.lab.description import crashes, data, locustfiles, packages, people
from festgate.lab.description.modules import Modules, TooManyFiles, read_modules
from festgate.lab.description.routes import Routes, name_pages
from festgate.lab.description.starter import JOURNEY, OTHERS, ROUTES, BadStarter, Starter

# The headings of a report: a topic such as `## /events`, and below it questions such as `### Why is it faster?`.
_TOPIC: Final = re.compile(r"^##\s", re.MULTILINE)
_QUESTION: Final = re.compile(r"^###\s", re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """The description of a starter, and the facts that its code does not show."""

    starter: Starter
    pins: str
    """The origin of the versions of its packages."""
    missing: tuple[str, ...]
    """A sentence for each thing that was not found."""
    needed: tuple[str, ...]
    """The keys of the description that a teacher has to add."""


def read_starter(folder: Path) -> Reading:
    """Describe the starter in a folder. Raises BadStarter if it holds no app."""
    try:
        return _read(folder, _modules_in(folder))
    except RecursionError:
        msg = f"The code in {folder} is nested too deeply to be read."
        raise BadStarter(msg) from None


def _read(folder: Path, modules: Modules) -> Reading:
    routes = Routes(modules)
    app = next(iter(routes.apps()), "")
    if not app:
        raise BadStarter(_no_app(folder, modules))
    module = modules.by_name[app.partition(":")[0]]
    imported = modules.imported(module)
    _require_root(folder, modules, app)
    pages = name_pages(routes.of(app))
    files = locustfiles.locustfiles(modules)
    load = locustfiles.files_of_routes(files, pages)
    person = people.person_parameter(
        modules, pages, [parameter for file in files for parameter in file.parameters]
    )
    form = people.form_fields(pages, folder)
    database = data.database_file(modules, imported)
    fill = data.fill_script(modules, imported)
    planted = crashes.planted_crashes(modules, imported, routes.of(app), pages)
    pins = packages.pins_of(folder, modules)
    defaults = Starter(folder)
    starter = Starter(
        folder=folder,
        app=app,
        paths={name: pages[name].path for name in ROUTES if name in pages},
        others={name: pages[name].path for name in OTHERS if name in pages},
        form=form or defaults.form,
        load=load,
        person=person or defaults.person,
        database=database or defaults.database,
        fill=fill or "",
        report=_report_in(folder),
        crashes=planted,
        packages=pins.packages,
    )
    absent = [
        (not planted, "No crash was found: no statement that a route reaches divides by a constant zero."),
        (not person, f"No query parameter that names the person was found; {defaults.person!r} is assumed."),
        (form is None, f"No form fields were found; {' and '.join(defaults.form)} are assumed."),
        (not database, f"No SQLite file was found; {defaults.database} is assumed."),
        (fill is None, "No code that inserts the events was found; the app is taken to have them."),
        *(
            (name not in load, f"No locustfile was found that requests only {starter.paths[name]}.")
            for name in starter.paths
        ),
        (JOURNEY not in load, "No locustfile was found that requests several pages."),
        *((name not in pages, f"No route was found for the page {name}.") for name in (*ROUTES, *OTHERS)),
        *((True, f"{place} is not valid Python and was not read.") for place in modules.unreadable),
        (not starter.report, "No report with questions was found."),
    ]
    return Reading(
        starter,
        pins.source,
        tuple(sentence for applies, sentence in absent if applies),
        tuple(name for name in ROUTES if name not in pages),
    )


def _modules_in(folder: Path) -> Modules:
    if not folder.is_dir():
        problem = "is not a folder; unpack it and name its folder" if folder.exists() else "does not exist"
        msg = f"{folder} {problem}."
        raise BadStarter(msg)
    try:
        return read_modules(folder)
    except OSError as error:
        msg = f"{folder} cannot be read: {error.strerror}."
    except TooManyFiles:
        msg = f"{folder} holds too many Python files for a starter. Name the folder of the app."
    raise BadStarter(msg)


def _no_app(folder: Path, modules: Modules) -> str:
    broken = f" {modules.unreadable[0]} is not valid Python." if modules.unreadable else ""
    return (
        f"No app was found in {folder}: no module has a line such as `app = FastAPI()`.{broken} Name the folder that"
        " holds the course's main.py."
    )


def _require_root(folder: Path, modules: Modules, app: str) -> None:
    """Raise BadStarter if the app's own imports only work in a folder further inside."""
    module = modules.by_name[app.partition(":")[0]]
    inner = module.name.rpartition(".")[0]
    tops = {full.split(".")[0] for full in module.names.values()}
    known = {name.split(".")[0] for name in modules.by_name}
    if inner and not tops & known and any(f"{inner}.{top}" in modules.by_name for top in tops):
        place = folder.joinpath(*inner.split("."))
        msg = f"The app of {folder} is in {place}: name that folder."
        raise BadStarter(msg)


def _report_in(folder: Path) -> str:
    """Return the Markdown file with the questions for the student's report; empty if there is none."""
    for file in sorted(folder.glob("*.md")):
        if "report" not in file.stem.lower() or file.is_symlink() or not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        topic = _TOPIC.search(text)
        if topic is not None and _QUESTION.search(text, topic.end()):
            return file.name
    return ""
