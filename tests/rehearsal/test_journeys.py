"""The journeys in Locust alone, against a real portal and against wrong ones."""

import http.client
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.journeys.stage import change_file, check_data, query_file
from tests.rig.server import Serve, Server, environment, serving
from tests.rules.project import ROOT

JOURNEYS = ROOT / "src/festgate/rehearsal/journeys"
SIGN_UP = {"GET /register", "POST /register"}
WHOLE_WAY = [
    "GET /events",
    "GET /events/{slug}",
    "GET /register",
    "POST /register",
    "POST /events/{slug}/register",
    "GET /my-events",
    "GET /checkout",
    "POST /checkout",
    "GET /orders/{ref}",
    "GET /tickets/{code}",
]
STEPS = {
    "events": SIGN_UP | {"GET /events"},
    "my_events": SIGN_UP | {"GET /my-events"},
    "checkout": SIGN_UP | {"GET /events", "POST /events/{slug}/register", "GET /checkout"},
    "attendee": set(WHOLE_WAY),
}
"""The steps of each journey with one kind of visitor, for a person new to the portal."""
ANSWERING = {"GET /my-events/{slug}/questions", "POST /my-events/{slug}/questions"}
"""The steps at the event with questions."""
OTHERS = ("tickets", "opening_day")
RETURNING = ("my_events", "checkout", "attendee")
LAST = {"events": "GET /events", "my_events": "GET /my-events", "checkout": "GET /checkout"}
"""The step that a regular repeats."""
USERS = 5
WATCHING = {"POST /login", "GET /organise", "GET /organise/orders"}
CHECKING_IN = {"GET /door", "GET /door/{slug}", "POST /door/{slug}"}
CREW = re.compile(r"Sign in as (organiser|staff) with the password (\S+)")
TEMPLATES = (
    (re.compile(r"^/events/[^/]+/register$"), "/events/{slug}/register"),
    (re.compile(r"^/events/[^/]+$"), "/events/{slug}"),
    (re.compile(r"^/orders/[^/]+$"), "/orders/{ref}"),
    (re.compile(r"^/tickets/[^/.]+$"), "/tickets/{code}"),
)
MAX_SECONDS = 120
"""Seconds for a run to have its requests on a busy machine; it needs a few."""
END_OF_THE_RUN = """
import json
import os
from collections import Counter

import gevent
from locust import events

enough = json.loads(os.environ["ENOUGH"])
done = Counter()

@events.init.add_listener
def watch(environment, **_):
    def count(request_type, name, exception, **_):
        step = f"{request_type} {name}"
        before = is_enough()
        done.update(["all", step, *([f"failed {step}"] if exception else [])])
        if is_enough() and not before:
            gevent.spawn(environment.runner.quit)

    environment.events.request.add_listener(count)

def is_enough():
    return all(done[step] >= least for step, least in enough.items())
"""
"""A locustfile without users, which ends the run as soon as it has enough requests, and not by the clock."""


@dataclass(frozen=True)
class Outcome:
    """Locust's result: its exit code (1 after any failure), and the requests and failures of each step."""

    code: int
    requests: Mapping[str, int]
    failures: Mapping[str, int]
    output: str


def run(
    journey: str | Path,
    url: str,
    folder: Path,
    enough: Mapping[str, int],
    *,
    users: int = USERS,
    **extra: str,
) -> Outcome:
    """Run a journey or a locustfile until it has `enough` requests: of a step, of a `failed ` step, or of `all`.

    `extra` is the environment's FESTGATE_REHEARSAL_..., in lower case.
    """
    path = journey if isinstance(journey, Path) else JOURNEYS / f"{journey}.py"
    end = folder / "end_of_the_run.py"
    end.write_text(END_OF_THE_RUN, encoding="utf-8")
    prefix = folder / path.stem
    known = {f"FESTGATE_REHEARSAL_{name.upper()}": value for name, value in extra.items()}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "--locustfile", f"{path},{end}", "--headless"),
            *("--users", str(users), "--spawn-rate", str(users), "--run-time", f"{MAX_SECONDS}s"),
            *("--host", url, "--csv", str(prefix), "--json-file", str(prefix), "--loglevel", "WARNING"),
        ],
        env=environment(folder, known | {"ENOUGH": json.dumps(enough)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=MAX_SECONDS + 60,
        check=False,
    )
    # The CSV files are a second behind at the end; their failures only explain a failed test.
    failures = prefix.with_name(f"{prefix.name}_failures.csv").read_text(encoding="utf-8")
    rows = json.loads(prefix.with_suffix(".json").read_text(encoding="utf-8"))
    steps = {f"{row['method']} {row['name']}": row for row in rows}
    return Outcome(
        done.returncode,
        {step: row["num_requests"] for step, row in steps.items()},
        {step: row["num_failures"] for step, row in steps.items()},
        done.stdout + done.stderr + failures,
    )


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo fest; each test's visitors have their own seed."""
    with serving(tmp_path_factory.mktemp("portal") / "data", "--demo") as server:
        yield server


@pytest.fixture(scope="module")
def fest_of_attendees(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo fest that only the journey `attendee` visits, in the runs that several tests share."""
    with serving(tmp_path_factory.mktemp("attendees") / "data", "--demo") as server:
        yield server


@pytest.fixture(scope="module")
def outcomes(
    portal: Server, fest_of_attendees: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[Outcome]]]:
    """The runs that several tests share, two at a time from the first test on: they mostly wait."""

    def folder() -> Path:
        return tmp_path_factory.mktemp("run")

    def server(journey: str) -> Server:
        return fest_of_attendees if journey == "attendee" else portal

    def url(journey: str) -> str:
        return server(journey).url

    def repeated(journey: str) -> dict[str, int]:
        return {LAST[journey]: 2 * USERS} if journey in LAST else {"GET /tickets/{code}": USERS}

    def newcomers(journey: str) -> Outcome:
        enough = dict.fromkeys(STEPS[journey], USERS) | repeated(journey)
        return run(journey, url(journey), folder(), enough, seed=journey)

    def returning(journey: str, first: Future[Outcome]) -> Outcome:
        first.result()
        # Shortly after signing up, the same form again signs in by itself.
        change_file(server(journey).data, "UPDATE accounts_people SET created_at = created_at - 86400000")
        return run(journey, url(journey), folder(), {"POST /login": USERS} | repeated(journey), seed=journey)

    def at_blank(journey: str) -> Outcome:
        return run(journey, blank, folder(), {"all": 10}, users=2, organiser="a:b", staff="c:d")

    with answering(Blank) as blank, ThreadPoolExecutor(2) as pool:
        first = {name: pool.submit(newcomers, name) for name in STEPS}
        yield {
            **first,
            **{f"{name} again": pool.submit(returning, name, first[name]) for name in RETURNING},
            **{f"{name} at a blank server": pool.submit(at_blank, name) for name in (*STEPS, *OTHERS)},
        }


@pytest.mark.parametrize("journey", STEPS)
def test_a_journey_succeeds_and_its_steps_are_named_by_templates(
    outcomes: Mapping[str, Future[Outcome]], journey: str
) -> None:
    outcome = outcomes[journey].result()
    assert (outcome.code, sum(outcome.failures.values())) == (0, 0), outcome.output
    assert set(outcome.requests) - ANSWERING == STEPS[journey]


def test_attendees_who_went_the_whole_way_have_tickets_and_all_invariants_hold(
    outcomes: Mapping[str, Future[Outcome]], fest_of_attendees: Server
) -> None:
    first, again = outcomes["attendee"].result(), outcomes["attendee again"].result()
    ((issued,),) = query_file(fest_of_attendees.data, "SELECT count(*) FROM tickets_tickets")
    assert issued >= first.requests["GET /tickets/{code}"] >= USERS
    assert again.requests["GET /tickets/{code}"] >= USERS
    fest_of_attendees.stop()
    check_data(fest_of_attendees.data)


def test_opening_day_sells_the_scarce_seats_once_while_staff_check_people_in_and_an_organiser_watches(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve("--demo")
    crew: dict[str, Any] = {name: f"{name}:{password}" for name, password in CREW.findall(server.log())}
    # Thirteen people wait for eight seats, and others come after them.
    enough = dict.fromkeys((*WHOLE_WAY, *WATCHING, *CHECKING_IN), 1)
    enough |= {"GET /tickets/{code}": 8, "POST /register": 20}
    outcome = run("opening_day", server.url, tmp_path, enough, users=16, doors="3", **crew)
    assert (outcome.code, sum(outcome.failures.values())) == (0, 0), outcome.output
    assert set(outcome.requests) == {*WHOLE_WAY, *WATCHING, *CHECKING_IN}
    taken = query_file(
        server.data,
        "SELECT slug, taken, capacity FROM catalogue_seats JOIN catalogue_events ON id = event_id WHERE taken > 0",
    )
    assert taken == [("photography-walk", 8, 8), ("pottery-corner", 6, 6)]
    assert outcome.requests["POST /login"] == 1 + 2
    let_in = query_file(
        server.data,
        "SELECT username, count(*) FROM tickets_tickets JOIN accounts_people p ON p.id = admitted_by GROUP BY username",
    )
    assert [name for name, _ in let_in] == ["staff"]
    assert 0 < let_in[0][1] <= outcome.requests["POST /door/{slug}"]
    server.stop()
    check_data(server.data)


def test_opening_day_without_staff_and_an_organiser_has_a_crowd_alone(portal: Server, tmp_path: Path) -> None:
    enough = {"GET /tickets/{code}": USERS}
    outcome = run("opening_day", portal.url, tmp_path, enough, seed="crowd", doors="0")
    assert (outcome.code, sum(outcome.failures.values())) == (0, 0), outcome.output
    assert not (WATCHING | CHECKING_IN) & set(outcome.requests)


def test_the_custom_journey_of_the_reference_runs(portal: Server, tmp_path: Path) -> None:
    page = (ROOT / "docs/reference/journeys.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    own = tmp_path / "looker.py"
    own.write_text(shown, encoding="utf-8")
    steps = {"GET /events", "GET /events/{slug}", "GET /"}
    outcome = run(own, portal.url, tmp_path, dict.fromkeys(steps, 3))
    assert (outcome.code, sum(outcome.failures.values())) == (0, 0), outcome.output
    assert set(outcome.requests) == steps


def names(server: Server) -> set[str]:
    return {
        name
        for (name,) in query_file(
            server.data,
            "SELECT username FROM accounts_people WHERE role = 'attendee' AND username NOT LIKE '%-example'",
        )
    }


def test_the_same_seed_brings_the_same_people_and_another_seed_brings_others(
    serve: Serve, tmp_path: Path
) -> None:
    all_three = {"POST /register": 3, "GET /my-events": 3}
    first, second = serve("--demo"), serve("--demo")
    run("my_events", first.url, tmp_path, all_three, users=3, seed="7")
    run("my_events", second.url, tmp_path, all_three, users=3, seed="7")
    assert len(names(first)) == 3
    assert names(first) == names(second)
    run("my_events", second.url, tmp_path, all_three, users=3, seed="8")
    assert len(names(second)) == 6


@pytest.mark.parametrize("journey", RETURNING)
def test_returning_people_sign_in_and_find_their_seats(
    outcomes: Mapping[str, Future[Outcome]], journey: str
) -> None:
    outcome = outcomes[f"{journey} again"].result()
    assert (outcome.code, sum(outcome.failures.values())) == (0, 0), outcome.output
    assert outcome.requests["POST /login"] > 0


class Blank(BaseHTTPRequestHandler):
    """A server that answers every request with an empty 200."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815  (as the class has it)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as the class has it)
        """Keep the log out of the test's output."""


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve connections on loopback with `handler`; yields the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("journey", [*STEPS, *OTHERS])
def test_an_empty_200_passes_at_no_step(outcomes: Mapping[str, Future[Outcome]], journey: str) -> None:
    outcome = outcomes[f"{journey} at a blank server"].result()
    assert outcome.code == 1
    assert outcome.requests == outcome.failures, outcome.output
    assert sum(outcome.requests.values()) > 0


def step_of(method: str, path: str) -> str:
    for pattern, template in TEMPLATES:
        path = pattern.sub(template, path)
    return f"{method} {path}"


class Spoiler(BaseHTTPRequestHandler):
    """A proxy before the portal that spoils one step for each person, a different one for the next person.

    A person is a connection. The status stays the same: a page loses its body, a redirect leads elsewhere.
    """

    protocol_version = "HTTP/1.1"
    portal: ClassVar[str]
    persons: ClassVar[Iterator[int]]

    def setup(self) -> None:
        super().setup()
        self.spoiled = WHOLE_WAY[next(self.persons) % len(WHOLE_WAY)]

    def do_GET(self) -> None:
        form = self.rfile.read(int(self.headers.get("content-length", 0)))
        with closing(http.client.HTTPConnection(self.portal, timeout=30)) as beyond:
            beyond.request(self.command, self.path, form, dict(self.headers.items()))
            answer = beyond.getresponse()
            body = answer.read()
        spoil = step_of(self.command, self.path) == self.spoiled
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            # An empty body has no encoding.
            if name.lower() not in {
                "content-length",
                "connection",
                "location",
                *(["content-encoding"] if spoil else []),
            }:
                self.send_header(name, value)
        if location := answer.getheader("location"):
            self.send_header("location", "/elsewhere" if spoil else location)
        self.send_header("content-length", "0" if spoil else str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if spoil else body)

    do_POST = do_GET  # noqa: N815  (as the class has it)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as the class has it)
        """Keep the log out of the test's output."""


def test_a_wrong_answer_is_detected_at_every_step(portal: Server, tmp_path: Path) -> None:
    beyond = portal.url.removeprefix("http://")
    enough = {f"failed {step}": 1 for step in WHOLE_WAY}
    spoiler = type("Here", (Spoiler,), {"portal": beyond, "persons": count()})
    with answering(spoiler) as url:
        outcome = run("attendee", url, tmp_path, enough, users=2 * len(WHOLE_WAY), seed="spoiled")
    assert outcome.code == 1
    assert {step for step, failures in outcome.failures.items() if failures} == set(WHOLE_WAY), outcome.output
