"""Reading a starter: its app, routes, load, data, people and crashes, without running a line of it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from festgate.lab.description.reading import Reading, read_starter
from festgate.lab.description.starter import BUILT_IN, BadStarter, Crash, Starter

HANDOUT = Path(__file__).parent / "handout"
APP = """
from fastapi import FastAPI, Form
app = FastAPI()
@app.get("/register")
def register_form(): ...
@app.post("/register")
def register(username: str = Form(...), password: str = Form(...)): ...
@app.post("/login")
def login(username: str = Form(...), password: str = Form(...)): ...
@app.get("/events")
def events(user: str): ...
@app.get("/register_event/{event_id}")
def register_event(event_id: int, user: str): ...
@app.get("/my-events")
def my_events(user: str): ...
@app.get("/checkout")
def checkout():
    return total()
"""
TOTAL = "def total():\n    return 1\n"
BROKEN_ROOT = "raise SystemExit('this file was run')\n"


@dataclass(frozen=True)
class Course:
    """A course's folder."""

    folder: Path

    def holds(self, files: Mapping[str, str]) -> Reading:
        """Write the files, and read the starter."""
        for place, text in files.items():
            path = self.folder / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return read_starter(self.folder)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path)


def test_the_courses_handout_is_read_as_it_is() -> None:
    reading = read_starter(HANDOUT)
    starter = reading.starter
    assert (starter.app, starter.person, starter.form) == ("main:app", "user", ("username", "password"))
    assert starter.paths == {"checkout": "/checkout", "events": "/events", "my-events": "/my-events"}
    assert starter.others["register_event"] == "/register_event/{event_id}"
    assert starter.load == {
        "checkout": "locust/checkout_locustfile.py",
        "events": "locust/events_locustfile.py",
        "my-events": "locust/myevents_locustfile.py",
        "journey": "locust/locust/journey_locustfile.py",
    }
    assert (starter.database, starter.fill, starter.report) == ("fest.db", "insert_events.py", "")
    assert reading.needed == ()


def test_the_crash_of_a_loaded_route_has_to_be_fixed_and_the_other_may_stay() -> None:
    required, optional = read_starter(HANDOUT).starter.crashes
    assert (required.file, required.code, required.path) == ("checkout/__init__.py", "1 / 0", "/checkout")
    assert required.must_be_fixed
    assert (optional.file, optional.path) == ("main.py", "/register_event/{event_id}")
    assert not optional.must_be_fixed


def test_festgates_own_starter_reads_as_it_is_described(tmp_path: Path) -> None:
    shutil.copytree(BUILT_IN.folder, tmp_path / "starter", ignore=shutil.ignore_patterns("__pycache__"))
    starter = read_starter(tmp_path / "starter").starter
    for name in ("app", "paths", "others", "form", "load", "person", "database", "fill", "report"):
        assert getattr(starter, name) == getattr(BUILT_IN, name), name
    assert {(crash.file, crash.line, crash.code, crash.path) for crash in starter.crashes} == {
        (crash.file, crash.line, crash.code, crash.path) for crash in BUILT_IN.crashes
    }


def test_a_copy_of_the_app_beside_it_changes_nothing(tmp_path: Path) -> None:
    shutil.copytree(HANDOUT, tmp_path / "given", ignore=shutil.ignore_patterns("__pycache__"))
    alone = read_starter(tmp_path / "given")
    shutil.copytree(HANDOUT, tmp_path / "given" / "a copy" / "before")
    shutil.copytree(HANDOUT, tmp_path / "given" / "before")
    (tmp_path / "given" / "before" / "database.py").write_text("import sqlite3\nsqlite3.connect('old.db')\n")
    assert read_starter(tmp_path / "given").starter == alone.starter


def test_no_line_of_the_starter_runs(course: Course) -> None:
    reading = course.holds(
        {"main.py": BROKEN_ROOT + "from a import total\n" + APP, "a.py": BROKEN_ROOT + TOTAL}
    )
    assert reading.starter.paths["checkout"] == "/checkout"


def test_environments_runs_and_hidden_folders_are_not_the_starters(course: Course) -> None:
    other = "from fastapi import FastAPI\napp = FastAPI()\n" + '@app.get("/a{}")\ndef a(): ...\n' * 20
    reading = course.holds(
        {
            "main.py": APP + TOTAL,
            "env/pyvenv.cfg": "",
            "env/lib/site.py": other,
            ".hidden/app.py": other,
            "runs/1/app.py": other,
        }
    )
    assert reading.starter.app == "main:app"


@pytest.mark.parametrize(
    "files, app",
    [
        ({"main.py": APP.replace("app", "portal")}, "main:portal"),
        ({"web/__init__.py": "", "web/server.py": APP}, "web.server:app"),
        ({"web/__init__.py": APP}, "web:app"),
        (
            {
                "main.py": APP.replace(
                    "from fastapi import FastAPI, Form", "import fastapi\nfrom fastapi import Form"
                ).replace("= FastAPI", "= fastapi.FastAPI")
            },
            "main:app",
        ),
        (
            {
                "main.py": "from shop import routes\nfrom fastapi import FastAPI\napp = FastAPI()\n"
                "app.include_router(routes.router)\n",
                "shop/__init__.py": "",
                "shop/routes.py": APP.replace("FastAPI", "APIRouter").replace("app", "router"),
            },
            "main:app",
        ),
        (
            {
                "main.py": "from fastapi import FastAPI\n"
                + APP.replace("app = FastAPI()", "def make():\n    app = FastAPI()\n    return app\n")
                + "app = make()\n"
            },
            "main:app",
        ),
    ],
    ids=["another name", "a module in a package", "a package", "the module's name", "a router", "a function"],
)
def test_the_app_and_its_routes_are_found(course: Course, files: dict[str, str], app: str) -> None:
    starter = course.holds(files).starter
    assert starter.app == app
    assert starter.paths == {"checkout": "/checkout", "events": "/events", "my-events": "/my-events"}
    assert set(starter.others) == {"register", "login", "register_event"}
    assert (starter.folder / starter.app_file).is_file()


def test_prefixes_registered_functions_and_mounted_lists_are_followed(course: Course) -> None:
    starter = course.holds(
        {
            "main.py": """
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from pages import events, mine, pay
PREFIX = "/fest"
routes = [Route("/events", events), Mount(PREFIX, routes=[Route(f"{'/my'}-events", mine)])]
app = Starlette(routes=routes)
app.add_route(PREFIX + "/checkout", pay, methods=["GET"])
""",
            "pages.py": """
def events(request): return request.query_params["who"]
def mine(request): return request.query_params.get("who")
def pay(request): 1 / 0
""",
        }
    ).starter
    assert starter.paths == {
        "checkout": "/fest/checkout",
        "events": "/events",
        "my-events": "/fest/my-events",
    }
    assert starter.person == "who"
    assert [crash.path for crash in starter.crashes] == ["/fest/checkout"]


def test_routers_with_prefixes_are_followed(course: Course) -> None:
    starter = course.holds(
        {
            "main.py": """
from fastapi import FastAPI
from a import router as shop
app = FastAPI()
app.include_router(shop, prefix="/v1")
""",
            "a.py": """
from fastapi import APIRouter
router = APIRouter(prefix="/shop")
@router.get("/cart")
def cart(): ...
@router.api_route("/events", methods=["GET"])
def events(name: str): ...
@router.get("/my_events")
def mine(name: str): ...
""",
        }
    ).starter
    assert starter.paths == {
        "checkout": "/v1/shop/cart",
        "events": "/v1/shop/events",
        "my-events": "/v1/shop/my_events",
    }
    assert starter.person == "name"


@pytest.mark.parametrize(
    "code, database",
    [
        ('sqlite3.connect("fest.db")', "fest.db"),
        ('sqlite3.connect("./data/fest.db")', "data/fest.db"),
        ("sqlite3.connect(FILE)", "inner/events.sqlite"),
        ('sqlite3.connect(os.path.join(HERE, "f.db"))', "inner/f.db"),
        ('sqlite3.connect(f"{HERE}/g.db")', "inner/g.db"),
        ('sqlite3.connect(str(Path(__file__).resolve().parent.parent / "h.db"))', "h.db"),
        ('create_engine("sqlite:///./orm.db")', "orm.db"),
    ],
)
def test_the_database_is_found_in_the_working_folder_or_beside_the_code(
    course: Course, code: str, database: str
) -> None:
    head = (
        "import os, sqlite3\nfrom pathlib import Path\nfrom sqlalchemy import create_engine\n"
        'FILE = Path(__file__).parent / "events.sqlite"\nHERE = os.path.dirname(os.path.abspath(__file__))\n'
    )
    files = {
        "main.py": "from inner.db import get\n" + APP + TOTAL,
        "inner/db.py": f"{head}def get(): {code}\n",
    }
    reading = course.holds(files)
    assert reading.starter.database == database
    assert not any("SQLite" in sentence for sentence in reading.missing)


@pytest.mark.parametrize("place", ['":memory:"', '"/var/fest.db"', '"../fest.db"', 'os.environ["DB"]'])
def test_a_database_outside_the_folder_is_reported_as_not_found(course: Course, place: str) -> None:
    reading = course.holds({"main.py": f"import os, sqlite3\nsqlite3.connect({place})\n{APP}{TOTAL}"})
    assert any("SQLite" in sentence for sentence in reading.missing)


INSERTS = 'db.executemany("INSERT OR IGNORE INTO events (name, fee) VALUES (?, ?)", [])\n'


@pytest.mark.parametrize(
    "files, fill, missing",
    [
        ({"seed.py": INSERTS}, "seed.py", False),
        ({"main.py": f"import seed\n{APP}{TOTAL}", "seed.py": f"def go():\n    {INSERTS}"}, "", False),
        ({}, "", True),
    ],
    ids=["a script run by hand", "a module of the app", "neither"],
)
def test_the_script_that_inserts_the_events_is_distinguished_from_the_app(
    course: Course, files: dict[str, str], fill: str, *, missing: bool
) -> None:
    reading = course.holds({"main.py": APP + TOTAL} | files)
    assert reading.starter.fill == fill
    assert any("inserts the events" in sentence for sentence in reading.missing) is missing


@pytest.mark.parametrize(
    "body, crash",
    [
        ("    1 / 0\n    return 1\n", ("1 / 0", "", True)),
        ("    one = 1 // 0\n    return one\n", ("one = 1 // 0", "one = 1", True)),
        ("    return 7 % 0\n", ("return 7 % 0", "return 7", True)),
        ("    raise RuntimeError('planted')\n", ("raise RuntimeError('planted')", "", True)),
    ],
)
def test_a_planted_crash_is_found_with_its_fix(
    course: Course, body: str, crash: tuple[str, str, bool]
) -> None:
    (planted,) = course.holds({"main.py": f"{APP}def total():\n{body}"}).starter.crashes
    assert (planted.code, planted.replacement, planted.must_be_fixed) == crash
    assert planted.path == "/checkout"


@pytest.mark.parametrize(
    "body",
    [
        "    # 1 / 0\n    return 1\n",
        "    return 1 / 2\n",
        "    return '%d' % 0\n",
        "    try:\n        1 / 0\n    except ZeroDivisionError:\n        return 1\n",
        "    if not events:\n        raise ValueError\n    return 1\n",
        "    raise HTTPException(404)\n",
    ],
)
def test_no_crash_is_claimed_where_none_is_planted(course: Course, body: str) -> None:
    reading = course.holds({"main.py": f"{APP}def total():\n{body}", "tool.py": "def unused():\n    1 / 0\n"})
    assert reading.starter.crashes == ()
    assert any(sentence.startswith("No crash was found: ") for sentence in reading.missing)


def test_a_crash_behind_a_local_variable_of_the_same_name_is_not_the_routes(course: Course) -> None:
    code = APP.replace(
        "def my_events(user: str): ...", "def my_events(user: str):\n    total = 1\n    return total"
    )
    crashes = course.holds({"main.py": f"{code}def total():\n    1 / 0\n"}).starter.crashes
    assert [crash.path for crash in crashes] == ["/checkout"]


LOCUST = "from locust import HttpUser, task\nclass U(HttpUser):\n    @task\n    def go(self):\n        {}\n"


def test_each_locustfile_is_of_the_one_route_that_it_requests(course: Course) -> None:
    requests = {
        "a.py": 'self.client.get("/events", params={"who": "x"})',
        "b.py": 'self.client.request("GET", f"/my-events?who={name}")',
        "c.py": 'self.client.get(url="http://localhost:8000/checkout/")',
        "d.py": 'self.client.get("/register_event/7"); self.client.get("/checkout")',
        "e.py": 'self.client.get("/elsewhere")',
    }
    reading = course.holds(
        {"main.py": (APP + TOTAL).replace("user:", "who:")}
        | {f"load/{name}": LOCUST.format(request) for name, request in requests.items()}
    )
    assert reading.starter.load == {
        "events": "load/a.py",
        "my-events": "load/b.py",
        "checkout": "load/c.py",
        "journey": "load/d.py",
    }
    assert reading.starter.person == "who"


def test_form_fields_are_read_from_the_template_where_the_code_does_not_name_them(course: Course) -> None:
    page = "<form><INPUT class=a NAME='mail'><input name=\"pwd\" type=password></form>"
    code = APP.replace("username: str = Form(...), password: str = Form(...)", "")
    reading = course.holds({"main.py": code + TOTAL, "templates/login.html": page})
    assert reading.starter.form == ("mail", "pwd")


def test_parts_that_are_not_found_are_named(course: Course) -> None:
    code = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/events')\ndef events(): ...\n"
    reading = course.holds({"main.py": code, "broken.py": "def ("})
    assert reading.needed == ("checkout", "my-events")
    text = " ".join(reading.missing)
    for part in (
        "page checkout",
        "page my-events",
        "broken.py is not valid Python",
        "several pages",
        "query",
    ):
        assert part in text


@pytest.mark.parametrize(
    "files, message",
    [
        ({"notes.py": "x = 1\n"}, "No app was found in"),
        (
            {"main.py": f"{APP}{TOTAL}A = 'a'{' + A' * 900}\n@app.get(A)\ndef deep(): ...\n"},
            "nested too deeply",
        ),
        ({"main.py": "def (\n"}, "main.py is not valid Python"),
        (
            {"CC/main.py": "from database import get\n" + APP + TOTAL, "CC/database.py": "get = 1\n"},
            "CC: name that",
        ),
    ],
    ids=["no app", "a deep expression", "a broken file", "a folder further inside"],
)
def test_a_folder_without_an_app_is_refused(course: Course, files: dict[str, str], message: str) -> None:
    with pytest.raises(BadStarter, match=message):
        course.holds(files)


def test_texts_that_repeat_each_other_are_read_at_once(course: Course) -> None:
    doubled = "".join(f"A{number} = A{number + 1} + A{number + 1}\n" for number in range(60))
    itself = "B = B + B + B\nC = f'{C}{C}'\n"
    code = f"import sqlite3\n{doubled}A60 = '/a'\n{itself}sqlite3.connect(C)\nsqlite3.connect(A0)\n"
    reading = course.holds(
        {"main.py": f"{APP}{TOTAL}{code}@app.get(A0)\ndef a(): ...\n@app.get(B)\ndef b(): ...\n"}
    )
    assert reading.starter.paths["events"] == "/events"
    assert any("SQLite" in sentence for sentence in reading.missing)


def test_a_missing_folder_and_a_zip_are_refused(tmp_path: Path) -> None:
    (tmp_path / "handout.zip").write_bytes(b"PK")
    with pytest.raises(BadStarter, match=r"none does not exist\."):
        read_starter(tmp_path / "none")
    with pytest.raises(BadStarter, match=r"unpack it"):
        read_starter(tmp_path / "handout.zip")


def test_the_report_with_questions_is_found(course: Course) -> None:
    files = {
        "main.py": APP + TOTAL,
        "README.md": "## A\n### B?\n",
        "my_report.md": "# R\n\n## /events\n\n### Why?\n",
    }
    assert course.holds(files).starter.report == "my_report.md"


def test_an_app_in_a_package_has_its_file_there() -> None:
    assert Starter(HANDOUT, "checkout:app").app_file == "checkout/__init__.py"
    assert Starter(HANDOUT, "main:app").app_file == "main.py"


def test_crashes_at_the_top_of_a_module_must_be_fixed(course: Course) -> None:
    crashes = course.holds({"main.py": APP + TOTAL + "1 / 0\n"}).starter.crashes
    assert [(crash.path, crash.must_be_fixed) for crash in crashes] == [("", True)]
    assert isinstance(crashes[0], Crash)
