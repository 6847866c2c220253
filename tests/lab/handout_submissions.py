"""Twenty submissions against the course's handout, each with the findings that the lab has to report.

Each is a copy of `handout/` with small changes: those of students, and false improvements. A submission changes several
routes and files at once if they do not affect each other.
"""

import sqlite3
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.lab.report_files import placed_pdf, screenshot, word_document, word_paragraph, word_picture
from tests.lab.solutions import edit
from tests.rehearsal.locust_texts import console_table

HANDOUT: Final = Path(__file__).parent / "handout"
EVENTS_LOAD: Final = "locust/events_locustfile.py"
MY_EVENTS_LOAD: Final = "locust/myevents_locustfile.py"
CHECKOUT_LOAD: Final = "locust/checkout_locustfile.py"
JOURNEY_LOAD: Final = "locust/locust/journey_locustfile.py"
CRASH: Final = "    1 / 0\n"
COUNTING: Final = """    total = 0
    for row in rows:
        fee = row["fee"]
        while fee > 0:
            total += 1
            fee -= 1
"""
LOOPS: Final = {
    "events": "    waste = 0\n    for i in range(1000000):\n        waste += i\n",
    "my-events": "    dummy = 0\n    for _ in range(500000):\n        dummy += 1\n",
}
SHOW_EVENTS: Final = (
    '    return templates.TemplateResponse("events.html",'
    ' {"request": request, "events": rows, "user": user})\n'
)
SHOW_MINE: Final = SHOW_EVENTS.replace("events.html", "my_events.html")
APP: Final = 'app = FastAPI(title="Fest Monolith")\n'

Change = Callable[[Path], None]


def fix_crash(app: Path) -> None:
    """Comment out the crash, as all students do; the one of event 404 stays."""
    edit(app, "checkout/__init__.py", CRASH, "    # 1 / 0\n")


# The routes.


def add_fees(app: Path) -> None:
    """Replace checkout's loop by a sum."""
    edit(app, "checkout/__init__.py", COUNTING, '    total = sum(row["fee"] for row in rows)\n')


def add_fees_in_the_database(app: Path) -> None:
    """Let the database add the fees; without an event there is nothing to add."""
    path = app / "checkout" / "__init__.py"
    path.write_text(
        "from database import get_db\n\n\ndef checkout_total():\n    db = get_db()\n"
        '    total = db.execute("SELECT SUM(fee) FROM events").fetchone()[0]\n    return total or 0\n',
        encoding="utf-8",
    )


def add_fees_again_and_again(app: Path) -> None:
    """Add the fees of all events so far for each event: correct, and quadratic."""
    edit(
        app,
        "checkout/__init__.py",
        COUNTING,
        "    total = 0\n    for count in range(len(rows)):\n"
        '        total = sum(rows[place]["fee"] for place in range(count + 1))\n',
    )


def delete_loop(route: str) -> Change:
    """Delete the loop of a route."""
    return lambda app: edit(app, "main.py", LOOPS[route], "")


def shorten_loop(app: Path) -> None:
    """Let the loop of events run a fifth as long."""
    edit(app, "main.py", "range(1000000)", "range(200000)")


def loop_in_one_call(app: Path) -> None:
    """Add the numbers of my-events in one call."""
    edit(app, "main.py", LOOPS["my-events"], "    dummy = sum(range(500000))\n")


def close_connections(app: Path) -> None:
    """Close every connection after its request, so that the database is never locked."""
    edit(
        app,
        "main.py",
        "    if problem:\n",
        "    db.close()\n    if problem:\n",
    )


def other_layout(app: Path) -> None:
    """Show the name above the number and the fee, in a table."""
    path = app / "templates" / "events.html"
    path.write_text(
        """{% extends "base.html" %}
{% block content %}
<h2>All events for {{ user }}</h2>
<table class="w-full">
{% for event in events %}
<tr><td>{{ event["name"] }}</td><td>No. {{ event["id"] }}</td><td>₹ {{ event["fee"] }}</td>
<td><a class="underline" href="/register_event/{{ event['id'] }}?user={{ user }}">Take part</a></td></tr>
{% endfor %}
</table>
<a href="/register_event/404?user={{ user }}">Not an event</a>
{% endblock %}
""",
        encoding="utf-8",
    )


# False improvements.


def constant_page(app: Path) -> None:
    """Return a stored copy of the list of events, with the user's name inserted."""
    edit(app, "main.py", APP, f"{APP}pages = {{}}\n")
    edit(
        app,
        "main.py",
        SHOW_EVENTS,
        '    if "events" not in pages:\n'
        '        pages["events"] = templates.get_template("events.html").render(events=rows, user="USER")\n'
        '    return HTMLResponse(pages["events"].replace("USER", user))\n',
    )


def shared_page(app: Path) -> None:
    """Render the own events once and then show them to every user."""
    edit(app, "main.py", APP, f"{APP}mine = []\n")
    edit(
        app,
        "main.py",
        SHOW_MINE,
        "    if not mine:\n"
        '        page = templates.get_template("my_events.html")\n'
        "        mine.append(page.render(events=rows, user=user))\n"
        "    return HTMLResponse(mine[0])\n",
    )


def fixed_total(app: Path) -> None:
    """Return the total of the nine events as a constant."""
    path = app / "checkout" / "__init__.py"
    path.write_text("def checkout_total():\n    return 2900\n", encoding="utf-8")


def dropped_rows(app: Path) -> None:
    """Show five events, which is faster."""
    edit(app, "main.py", '"SELECT * FROM events"', '"SELECT * FROM events LIMIT 5"')


def refused_at_once(app: Path) -> None:
    """Require another type of parameter than the load sends: 422 comes at once."""
    edit(
        app,
        "main.py",
        "def my_events(request: Request, user: str):",
        "def my_events(request: Request, user: int):",
    )


def hidden_crash(app: Path) -> None:
    """Keep the crash and swallow its error."""
    edit(app, "checkout/__init__.py", "    # 1 / 0\n", "    try:\n        1 / 0\n    except:\n        pass\n")


def loop_in_middleware(app: Path) -> None:
    """Move the loop of events to a middleware that runs before each request."""
    delete_loop("events")(app)
    with (app / "main.py").open("a", encoding="utf-8") as file:
        file.write(
            '\n\n@app.middleware("http")\nasync def get_ready(request: Request, call_next):\n'
            f"{LOOPS['events']}    return await call_next(request)\n"
        )


def loop_in_dependency(app: Path) -> None:
    """Move the loop of my-events to a dependency."""
    delete_loop("my-events")(app)
    edit(app, "main.py", APP, f"{APP}\n\ndef interest():\n{LOOPS['my-events']}    return dummy\n\n\n")
    edit(app, "main.py", "import FastAPI,", "import Depends, FastAPI,")
    edit(
        app,
        "main.py",
        '@app.get("/my-events", response_class=HTMLResponse)',
        '@app.get("/my-events", response_class=HTMLResponse, dependencies=[Depends(interest)])',
    )


def own_error(app: Path) -> None:
    """Read the fees wrongly, which is another failure than the planted crash."""
    edit(app, "checkout/__init__.py", COUNTING, "    total = sum(row.fee for row in rows)\n")


def async_routes(app: Path) -> None:
    """Make two routes `async`, which changes nothing about their loops."""
    for name in ("events", "my_events"):
        edit(app, "main.py", f"\ndef {name}(", f"\nasync def {name}(")


def pages_for_the_load(app: Path) -> None:
    """Return three events to the load, and all of them to everybody else, as slowly as before."""
    edit(
        app,
        "main.py",
        "def events(request: Request, user: str):",
        "def events(request: Request, user: str, few: int = 0):",
    )
    edit(
        app,
        "main.py",
        "    # some work for the load test\n",
        '    if few:\n        return templates.TemplateResponse("events.html",'
        ' {"request": request, "events": rows[:few], "user": user})\n',
    )
    edit(app, EVENTS_LOAD, "user=locust_user", "user=locust_user&few=3")


def slower_copy(app: Path) -> None:
    """Hand in a copy of the handout that sleeps, to compare with."""
    copy_handout(app / "before")
    edit(app / "before", "main.py", LOOPS["events"], f"{LOOPS['events']}    time.sleep(0.5)\n")
    edit(app / "before", "main.py", "import sqlite3\n", "import sqlite3\nimport time\n")


# The load.


def other_pause(app: Path) -> None:
    """Let the load of events wait less, so that RPS rises."""
    edit(app, EVENTS_LOAD, "between(1, 2)", "between(0.1, 0.3)")


def user_as_parameter(app: Path) -> None:
    """Write the same addresses with `params=`."""
    for file, route in ((EVENTS_LOAD, "events"), (MY_EVENTS_LOAD, "my-events")):
        edit(app, file, f'"/{route}?user=locust_user"', f'"/{route}", params={{"user": "locust_user"}}')


def user_as_constant(app: Path) -> None:
    """Write the same address by a constant."""
    edit(app, EVENTS_LOAD, '"/events?user=locust_user"', "ADDRESS")
    edit(app, EVENTS_LOAD, "\n\n\nclass", '\n\nADDRESS = "/events?user=locust_user"\n\n\nclass')


def grouped_rows(app: Path) -> None:
    """Name the rows of the statistics."""
    edit(app, EVENTS_LOAD, 'user=locust_user"', 'user=locust_user", name="/events"')
    edit(app, MY_EVENTS_LOAD, 'user=locust_user"', 'user=locust_user", name="/my-events"')


def other_host(app: Path) -> None:
    """Send the load to 127.0.0.1, which spares the first connection two seconds."""
    for file in (EVENTS_LOAD, MY_EVENTS_LOAD, CHECKOUT_LOAD, JOURNEY_LOAD):
        edit(app, file, "http://localhost:8000", "http://127.0.0.1:8000")


def checked_status(app: Path) -> None:
    """Count what is not 200 as a failure, which it is in any case."""
    edit(
        app,
        CHECKOUT_LOAD,
        '        self.client.get("/checkout")\n',
        '        with self.client.get("/checkout", catch_response=True) as response:\n'
        "            if response.status_code == 200:\n                response.success()\n"
        '            else:\n                response.failure(f"status {response.status_code}")\n',
    )


def hidden_failures(app: Path) -> None:
    """Count every response as a success."""
    edit(
        app,
        CHECKOUT_LOAD,
        '        self.client.get("/checkout")\n',
        '        with self.client.get("/checkout", catch_response=True) as response:\n'
        "            response.success()\n",
    )


def dropped_user(app: Path) -> None:
    """Send no user, so that every request is refused with 422."""
    edit(app, EVENTS_LOAD, "/events?user=locust_user", "/events")


def random_users(app: Path) -> None:
    """Send another user with each request."""
    edit(
        app,
        MY_EVENTS_LOAD,
        '"/my-events?user=locust_user"',
        'f"/my-events?user=user{random.randint(1, 9999)}"',
    )
    edit(app, MY_EVENTS_LOAD, "from locust", "import random\n\nfrom locust")


# What else lies in the folder.


def with_data(app: Path) -> None:
    """Leave the database of the own trials in the folder; the events are in it twice."""
    with closing(sqlite3.connect(app / "fest.db")) as connection, connection:
        connection.execute("CREATE TABLE users (username TEXT PRIMARY KEY, password TEXT)")
        connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, name TEXT, fee INTEGER)")
        connection.execute("CREATE TABLE registrations (username TEXT, event_id INTEGER)")
        rows = [("Hackathon", 500), ("Robo Race", 450)] * 2
        connection.executemany("INSERT INTO events (name, fee) VALUES (?, ?)", rows)
        connection.execute("INSERT INTO registrations VALUES ('locust_user', 1)")


def with_environment(app: Path) -> None:
    """Leave the virtual environment and compiled files in the folder."""
    packages = app / ".venv" / "lib" / "python3.12" / "site-packages" / "fastapi"
    packages.mkdir(parents=True)
    (app / ".venv" / "pyvenv.cfg").write_text("home = /usr/bin\n", encoding="utf-8")
    (packages / "main.py").write_text("app = None\n", encoding="utf-8")
    (app / "__pycache__").mkdir()
    (app / "__pycache__" / "main.cpython-312.pyc").write_bytes(bytes(64))


def without_data_script(app: Path) -> None:
    """Remove the script that fills the database, once it has run."""
    (app / "insert_events.py").unlink()


# The reports.

CLAIM: Final = "The average of /events dropped from 451 ms to 324 ms."


def pictures_only(app: Path) -> None:
    """Hand in nine screenshots and no text."""
    (app / "screenshots").mkdir()
    for number in range(1, 10):
        (app / "screenshots" / f"Screenshot {number}.png").write_bytes(screenshot(200 + number))


def word_report(app: Path) -> None:
    """Write the report with Word: a claim, and the tables as pictures."""
    pictures = [screenshot(shade) for shade in (210, 220)]
    lines = ("Load test of the fest portal", "Before the change and after the change:", CLAIM)
    body = "".join(map(word_paragraph, lines)) + "".join(map(word_picture, range(len(pictures))))
    word_document(app / "Report.docx", body, pictures)


def google_report(app: Path) -> None:
    """Write the report with Google Docs and save it as PDF: a claim, and the tables as pictures."""
    text = f"Load test of the fest portal\n\nFinally the loop was removed from the route.\n{CLAIM}"
    (app / "report.pdf").write_bytes(placed_pdf(text, pictures=2))


def collapsed_table(heading: str, name: str, requests: int, average: int, middle: int, rate: str) -> str:
    """Return a table of Locust's console as a paste leaves it: columns of one space, and rates that end in `0`."""
    figures = f"{requests} 0(0.00%) | {average} 7 1804 {middle} | {rate} 0"
    return f"""{heading}

Type Name # reqs # fails | Avg Min Max Med | req/s failures/s
--------|----|-------|-------|-------|-------|-------|-------
GET {name} {figures}
--------|----|-------|-------|-------|-------|-------|-------
Aggregated {figures}

"""


def google_tables(app: Path) -> None:
    """Paste Locust's tables into Google Docs: the load changed, and the claim names another figure than its table."""
    before = console_table(("GET", "/my-events?user=locust_user", 16, 0, 280, 115, 2242, 150, 0.56))
    after = console_table(("GET", "/my-events", 96, 0, 84, 59, 2287, 71, 3.2))
    lines = [
        "Load test of the fest portal",
        "",
        "Before",
        *before.splitlines(),
        "",
        "After",
        *after.splitlines(),
    ]
    lines += ["", "Results of /my-events:", "Before the change: 280 ms", "After the change: 71 ms"]
    (app / "report.pdf").write_bytes(placed_pdf("\n".join(lines)))


def readme_report(app: Path) -> None:
    """Write the report as a README in UTF-16, with collapsed tables and a claim that its tables deny."""
    text = "# Load test of the fest portal\n\n"
    text += collapsed_table("## Before", "/checkout", 17, 118, 9, "0.60")
    text += collapsed_table("## After", "/checkout", 19, 156, 8, "0.66")
    text += "After the optimisation /checkout has a lower average: from 118 ms to 156 ms.\n"
    (app / "README.md").write_bytes(text.encode("utf-16"))


def copy_handout(folder: Path) -> None:
    """Copy the handout's files into a new folder."""
    for path in sorted(HANDOUT.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            target = folder / path.relative_to(HANDOUT)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


def no_app(app: Path) -> None:
    """Hand in no code."""
    for path in sorted(app.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


def other_app(app: Path) -> None:
    """Replace everything by an app that does not descend from the handout."""
    no_app(app)
    (app / "main.py").write_text(
        '''"""A shop for books."""

from fastapi import FastAPI

app = FastAPI()
BOOKS = {1: ("Tides", 12), 2: ("Maps", 9)}


@app.get("/books")
def books():
    """List the books."""
    return [{"id": number, "title": title, "price": price} for number, (title, price) in BOOKS.items()]


@app.get("/checkout")
def checkout(book: int = 1):
    """Price a book."""
    return {"price": BOOKS[book][1]}
''',
        encoding="utf-8",
    )


@dataclass(frozen=True)
class Submission:
    """The changes of a submission, and what the lab has to answer."""

    changes: tuple[Change, ...]
    checkout: str = "unchanged"
    events: str = "unchanged"
    mine: str = "unchanged"
    """The verdicts on the three routes."""
    load: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    """The codes of the findings on its locustfiles, by route."""
    behaviour: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    """The codes of the other findings, by route."""
    report: str = ""
    """The file of its report."""
    audit: AbstractSet[str] = frozenset()
    """The codes of the audit's findings."""
    problem: str = ""
    """The reason why it cannot be judged."""

    @property
    def verdicts(self) -> dict[str, str]:
        """Return the verdicts by the names of routes."""
        return {"checkout": self.checkout, "events": self.events, "my-events": self.mine}

    @property
    def findings(self) -> dict[str, AbstractSet[str]]:
        """Return the codes of all findings by route."""
        routes = self.load.keys() | self.behaviour.keys()
        return {route: set(self.load.get(route, ())) | set(self.behaviour.get(route, ())) for route in routes}


BEST: Final = (fix_crash, add_fees, delete_loop("events"), delete_loop("my-events"))
WRONG: Final = ("wrong", "wrong", "wrong")
FASTER: Final = ("improved", "improved", "improved")
SUBMISSIONS: Final[Mapping[str, Submission]] = {
    # Good work, in several hands.
    "all-three": Submission((*BEST, with_data, without_data_script), *FASTER),
    "own-files": Submission((*BEST, close_connections, with_environment), *FASTER),
    "sum-in-database": Submission(
        (fix_crash, add_fees_in_the_database, delete_loop("my-events"), grouped_rows),
        checkout="improved",
        mine="improved",
        load={"/events": {"load-equivalent"}, "/my-events": {"load-equivalent"}},
    ),
    "own-ways": Submission(
        (
            *(fix_crash, add_fees_again_and_again, shorten_loop, loop_in_one_call),
            *(other_layout, close_connections, with_environment, other_pause, checked_status),
        ),
        *FASTER,
        load={"/events": {"wait-changed"}, "/checkout": {"load-equivalent"}},
        behaviour={"/checkout": {"grows-faster"}},
    ),
    # What most do: the sum or nothing, and the loops left.
    "sum": Submission(
        (fix_crash, add_fees, other_host),
        checkout="improved",
        load={route: {"host-changed"} for route in ("/checkout", "/events", "/my-events", "")},
    ),
    "google-report": Submission(
        (fix_crash, add_fees, user_as_constant, google_report),
        checkout="improved",
        load={"/events": {"load-equivalent"}},
        report="report.pdf",
        audit={"not-repeated"},
    ),
    "word-report": Submission(
        (fix_crash, add_fees, random_users, word_report),
        checkout="improved",
        load={"/my-events": {"person-changed", "grouping-changed"}},
        report="Report.docx",
        audit={"not-repeated"},
    ),
    "pictures-only": Submission((fix_crash, pictures_only), report="screenshots"),
    "readme-report": Submission(
        (fix_crash, hidden_failures, readme_report),
        load={"/checkout": {"errors-swallowed"}},
        report="README.md",
        audit={"percentile-is-maximum", "connection-outliers", "not-repeated", "direction-denied"},
    ),
    "user-dropped": Submission((fix_crash, dropped_user), load={"/events": {"requests-rejected"}}),
    "user-as-parameter": Submission(
        (user_as_parameter,),
        checkout="wrong",
        load={"/events": {"load-equivalent"}, "/my-events": {"load-equivalent"}},
        behaviour={"/checkout": {"crash-left"}},
    ),
    # False improvements.
    "false-answers": Submission(
        (*BEST, constant_page, shared_page, fixed_total),
        *WRONG,
        behaviour={
            "/checkout": {"fixed-total"},
            "/events": {"constant-page"},
            "/my-events": {"constant-page", "shared-answer"},
        },
    ),
    "fewer-answers": Submission(
        (*BEST, hidden_crash, dropped_rows, refused_at_once),
        *WRONG,
        behaviour={
            "/checkout": {"crash-hidden"},
            "/events": {"rows-dropped"},
            "/my-events": {"fails-at-once"},
        },
    ),
    "moved-loop": Submission(
        (fix_crash, loop_in_dependency, google_tables),
        report="report.pdf",
        audit={
            "workload-differs",
            "percentile-is-maximum",
            "connection-outliers",
            "not-repeated",
            "columns-mixed",
        },
    ),
    "loop-before-every-page": Submission((fix_crash, loop_in_middleware), checkout="worse", mine="worse"),
    "own-error": Submission(
        (fix_crash, own_error, async_routes),
        checkout="wrong",
        behaviour={"/checkout": {"answers-differ"}},
    ),
    "pages-for-the-load": Submission((fix_crash, pages_for_the_load), load={"/events": {"load-changed"}}),
    "slower-copy": Submission((fix_crash, slower_copy), behaviour={"/events": {"baseline-changed"}}),
    # Nothing to judge.
    "report-only": Submission(
        (no_app, google_report),
        report="report.pdf",
        audit={"not-repeated"},
        problem="no main.py",
    ),
    "other-app": Submission((other_app,), problem="does not descend from the starter"),
}
"""The submissions by their names."""
IMPROVED: Final = tuple(
    name for name, submission in SUBMISSIONS.items() if "improved" in submission.verdicts.values()
)
"""Those with an improved route."""
FALSE: Final = tuple(
    name
    for name, submission in SUBMISSIONS.items()
    if submission.problem or {"wrong", "worse"} & set(submission.verdicts.values())
)
"""False improvements, and those with nothing to judge."""
UNCHANGED: Final = tuple(name for name in SUBMISSIONS if name not in {*IMPROVED, *FALSE})
"""The others: no route is better or worse than the handout's."""


def hand_in(name: str, folder: Path) -> Path:
    """Write a submission into a new folder of its name and return it."""
    target = folder / name
    copy_handout(target)
    for change in SUBMISSIONS[name].changes:
        change(target)
    return target
