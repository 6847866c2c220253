"""The journeys, played by Locust as anyone would play them, against a real portal and against wrong ones."""

import http.client
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.journeys.stage import ask_file, holds
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
"""Of each journey that one kind of visitor plays, by a person whom the portal has not seen before."""
RETURNING = ("my_events", "checkout", "attendee")
TRIES = 4
WATCHING = {"POST /login", "GET /organise", "GET /organise/orders"}
CHECKING_IN = {"GET /door", "GET /door/{slug}", "POST /door/{slug}"}
CREW = re.compile(r"Sign in as (organiser|staff) with the password (\S+)")
TEMPLATES = (
    (re.compile(r"^/events/[^/]+/register$"), "/events/{slug}/register"),
    (re.compile(r"^/events/[^/]+$"), "/events/{slug}"),
    (re.compile(r"^/orders/[^/]+$"), "/orders/{ref}"),
    (re.compile(r"^/tickets/[^/.]+$"), "/tickets/{code}"),
)


@dataclass(frozen=True)
class Played:
    """What Locust said of a run: its exit code (1 after any failure), and requests and failures of each step."""

    code: int
    requests: Mapping[str, int]
    failures: Mapping[str, int]
    said: str


def play(
    journey: str | Path,
    url: str,
    folder: Path,
    *,
    users: int = 5,
    seconds: int = 3,
    enough: Callable[[Mapping[str, int]], bool] = bool,
    **extra: str,
) -> Played:
    """Play a journey or a locustfile; `extra` is the environment's FESTGATE_REHEARSAL_..., in lower case.

    Locust counts its time from before it has users. On a busy machine that may be over before anything was sent: then
    it is played again, and for longer, until its requests are `enough`.
    """
    for attempt in range(TRIES):
        played = play_once(journey, url, folder, users, seconds * 2**attempt, extra)
        if enough(played.requests):
            break
    return played


def play_once(
    journey: str | Path, url: str, folder: Path, users: int, seconds: int, extra: Mapping[str, str]
) -> Played:
    """As `play`."""
    path = journey if isinstance(journey, Path) else JOURNEYS / f"{journey}.py"
    prefix = folder / path.stem
    known = {f"FESTGATE_REHEARSAL_{name.upper()}": value for name, value in extra.items()}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "--locustfile", str(path), "--headless"),
            *("--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds}s"),
            *("--host", url, "--csv", str(prefix), "--json-file", str(prefix), "--loglevel", "WARNING"),
        ],
        env=environment(folder, known),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=seconds + 60,
        check=False,
    )
    # The CSV files are a second behind at the end; what they say of failures is for whoever reads this test's.
    failures = prefix.with_name(f"{prefix.name}_failures.csv").read_text(encoding="utf-8")
    rows = json.loads(prefix.with_suffix(".json").read_text(encoding="utf-8"))
    steps = {f"{row['method']} {row['name']}": row for row in rows}
    return Played(
        done.returncode,
        {step: row["num_requests"] for step, row in steps.items()},
        {step: row["num_failures"] for step, row in steps.items()},
        done.stdout + done.stderr + failures,
    )


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The demo fest; each test's visitors have a seed of their own."""
    with serving(tmp_path_factory.mktemp("portal") / "data", "--demo") as server:
        yield server


def until_it_has(steps: set[str], once: Callable[[str, int], Played]) -> Played:
    """What `once(seed, seconds)` gives, with other people and for longer where the time was over before `steps`."""
    for attempt in range(TRIES):
        played = once(str(attempt), 3 * 2**attempt)
        if played.code or steps <= set(played.requests):
            break
    return played


@pytest.fixture(scope="module")
def plays(portal: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Future[Played]]]:
    """What several tests look at, two at a time from the first test on: most of a play is waiting."""

    def folder() -> Path:
        return tmp_path_factory.mktemp("play")

    def newcomers(journey: str) -> Played:
        return until_it_has(
            STEPS[journey],
            lambda seed, seconds: play(
                journey, portal.url, folder(), seconds=seconds, seed=f"{journey} {seed}"
            ),
        )

    def returning(journey: str) -> Played:
        def twice(seed: str, seconds: int) -> Played:
            same = {"users": 2, "seconds": seconds, "seed": f"again {journey} {seed}"}
            play(journey, portal.url, folder(), **same)  # type: ignore[arg-type]
            return play(journey, portal.url, folder(), **same)  # type: ignore[arg-type]

        return until_it_has({"POST /login"}, twice)

    def at_nothing(journey: str) -> Played:
        return play(journey, blank, folder(), users=2, seconds=2, organiser="a:b", staff="c:d")

    with answering(Blank) as blank, ThreadPoolExecutor(2) as pool:
        yield {
            **{name: pool.submit(newcomers, name) for name in STEPS},
            **{f"{name} again": pool.submit(returning, name) for name in RETURNING},
            **{f"{name} at nothing": pool.submit(at_nothing, name) for name in (*STEPS, "opening_day")},
        }


@pytest.mark.parametrize("journey", STEPS)
def test_a_journey_goes_through_and_is_told_by_its_steps_templates(
    plays: Mapping[str, Future[Played]], journey: str
) -> None:
    played = plays[journey].result()
    assert (played.code, sum(played.failures.values())) == (0, 0), played.said
    assert set(played.requests) == STEPS[journey]


def test_whoever_went_the_whole_way_has_a_ticket_and_the_books_are_right(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve("--demo")
    played = until_it_has(
        STEPS["attendee"],
        lambda seed, seconds: play("attendee", server.url, tmp_path, seconds=seconds, seed=seed),
    )
    assert played.code == 0, played.said
    ((issued,),) = ask_file(server.data, "SELECT count(*) FROM tickets_tickets")
    assert issued >= played.requests["GET /tickets/{code}"] > 0
    server.stop()
    holds(server.data)


def test_opening_day_sells_the_scarce_seats_once_while_staff_check_people_in_and_an_organiser_watches(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve("--demo")
    crew: dict[str, Any] = {name: f"{name}:{password}" for name, password in CREW.findall(server.log())}
    played = play(
        "opening_day",
        server.url,
        tmp_path,
        users=16,
        seconds=10,
        doors="3",
        **crew,
    )
    assert (played.code, sum(played.failures.values())) == (0, 0), played.said
    assert set(played.requests) == {*WHOLE_WAY, *WATCHING, *CHECKING_IN}
    taken = ask_file(
        server.data,
        "SELECT slug, taken, capacity FROM catalogue_seats JOIN catalogue_events ON id = event_id WHERE taken > 0",
    )
    assert taken == [("photography-walk", 8, 8)]
    assert played.requests["POST /login"] == 1 + 2
    let_in = ask_file(
        server.data,
        "SELECT username, count(*) FROM tickets_tickets JOIN accounts_people p ON p.id = admitted_by GROUP BY username",
    )
    assert [name for name, _ in let_in] == ["staff"]
    assert 0 < let_in[0][1] <= played.requests["POST /door/{slug}"]
    server.stop()
    holds(server.data)


def test_opening_day_without_staff_and_an_organiser_has_a_crowd_alone(portal: Server, tmp_path: Path) -> None:
    played = play("opening_day", portal.url, tmp_path, seed="crowd", doors="0")
    assert (played.code, sum(played.failures.values())) == (0, 0), played.said
    assert not (WATCHING | CHECKING_IN) & set(played.requests)


def test_a_journey_of_ones_own_is_played_as_the_reference_shows_it(portal: Server, tmp_path: Path) -> None:
    page = (ROOT / "docs/reference/journeys.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    own = tmp_path / "looker.py"
    own.write_text(shown, encoding="utf-8")
    steps = {"GET /events", "GET /events/{slug}", "GET /"}
    played = until_it_has(
        steps, lambda seed, seconds: play(own, portal.url, tmp_path, seconds=seconds, seed=seed)
    )
    assert (played.code, sum(played.failures.values())) == (0, 0), played.said
    assert set(played.requests) == steps


def names(server: Server) -> set[str]:
    return {
        name
        for (name,) in ask_file(server.data, "SELECT username FROM accounts_people WHERE role = 'attendee'")
    }


def test_the_same_seed_brings_the_same_people_and_another_seed_brings_others(
    serve: Serve, tmp_path: Path
) -> None:
    def all_three(requests: Mapping[str, int]) -> bool:
        return requests.get("GET /my-events", 0) > 0 and requests.get("POST /register", 3) >= 3

    first, second = serve("--demo"), serve("--demo")
    play("my_events", first.url, tmp_path, users=3, enough=all_three, seed="7")
    play("my_events", second.url, tmp_path, users=3, enough=all_three, seed="7")
    assert len(names(first)) == 3
    assert names(first) == names(second)
    play("my_events", second.url, tmp_path, users=3, enough=all_three, seed="8")
    assert len(names(second)) == 6


@pytest.mark.parametrize("journey", RETURNING)
def test_people_who_were_here_before_sign_in_and_find_what_they_have(
    plays: Mapping[str, Future[Played]], journey: str
) -> None:
    played = plays[f"{journey} again"].result()
    assert (played.code, sum(played.failures.values())) == (0, 0), played.said
    assert played.requests["POST /login"] > 0


class Blank(BaseHTTPRequestHandler):
    """Answers 200 with nothing, whatever is asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815  (as the class has it)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as the class has it)
        """A test's output is what failed."""


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server on loopback whose connections `handler` answers; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("journey", [*STEPS, "opening_day"])
def test_a_server_that_answers_200_with_nothing_passes_at_no_step(
    plays: Mapping[str, Future[Played]], journey: str
) -> None:
    played = plays[f"{journey} at nothing"].result()
    assert played.code == 1
    assert played.requests == played.failures, played.said
    assert sum(played.requests.values()) > 0


def step_of(method: str, path: str) -> str:
    for pattern, template in TEMPLATES:
        path = pattern.sub(template, path)
    return f"{method} {path}"


class Spoiler(BaseHTTPRequestHandler):
    """Passes everything on to the portal, and spoils one step for each person: another one for the next person.

    A person is a connection. The status stays as it was: of a page the body is gone, a redirect leads elsewhere.
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
            # Of an empty page no encoding is true.
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
        """A test's output is what failed."""


def test_a_wrong_answer_is_found_at_whichever_step_it_comes(portal: Server, tmp_path: Path) -> None:
    beyond = portal.url.removeprefix("http://")
    spoiler = type("Here", (Spoiler,), {"portal": beyond, "persons": count()})
    with answering(spoiler) as url:
        played = play("attendee", url, tmp_path, users=2 * len(WHOLE_WAY), seconds=6, seed="spoiled")
    assert played.code == 1
    assert {step for step, failures in played.failures.items() if failures} == set(WHOLE_WAY), played.said
