"""A locustfile has the same effect in `festgate rehearse` as in plain `locust`.

Each shape is run by both programs at once, against datasette and against a Flask app. Requests, failures and exceptions
agree step by step. Exit codes agree, too, except where a rehearsal has another rule on purpose; each such shape
has the reason.
"""

import json
import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
import trustme

from tests.rehearsal import fest_app
from tests.rehearsal.fest_app import Served
from tests.rehearsal.forward_proxy import UNREACHABLE, forwarding
from tests.rehearsal.test_commands import festgate
from tests.rig.lengths import length, torture
from tests.rig.server import TIMEOUT, environment
from tests.rig.waiting import until

pytestmark = torture

FOLDER: Final = Path(__file__).parent / "locustfiles"
SECONDS: Final = (4, 12, 36)
"""Seconds of a run: many times as long as its few requests take, or else longer, on a busy machine."""
QUIET: Final = 1.5
"""Seconds without a request at the end of a run in which all users have done what they had to do."""
AT_ONCE: Final = 4
"""Shapes that run at the same time, each in both programs; most of their time they wait."""
DATASETTE: Final = "import sys; sys.modules['rich'] = None; from datasette.cli import cli; cli()"
"""The command `datasette`. With rich, which Festgate installs, it would print a traceback for each 404, which takes
a second.
"""
BOTH: Final = ("datasette", "flask")


@dataclass(frozen=True)
class Shape:
    """A locustfile, and what both programs are expected to make of it."""

    codes: tuple[int, int] = (0, 0)
    """The exit codes of plain Locust and of a rehearsal."""
    differ: str = ""
    """The reason why the codes differ."""
    users: int = 3
    """0 where the locustfile sets the number."""
    options: tuple[str, ...] = ()
    """Options of the locustfile's own, and user classes."""
    tags: tuple[str, ...] = ()
    """The option --tags or --exclude-tags, and a tag."""
    targets: tuple[str, ...] = BOTH
    path: str = ""
    """A path in the host."""
    tls: bool = False
    own_host: bool = False
    """Whether the locustfile has the host, so that the command line has none."""
    proxy: bool = False
    """Whether only a proxy reaches the target."""
    file: str = ""
    """The locustfile, where the shape has another name."""
    after_the_end: Mapping[str, int] = field(default_factory=dict)
    """Requests of steps that Locust counts and a rehearsal does not, as they come after the measured time."""
    spread: int = 0
    """Requests of a step by which the programs may differ.

    0 where the locustfile determines their number. Where the clock does, a user of either program may be late by a
    pause at the beginning and at the end.
    """
    unreached: int = 0
    """Requests that do not come to the target, as they do not take the proxy."""
    seen: bool = True
    """Whether each request of the locustfile is one at the target: not if it follows redirects, or goes elsewhere."""


@dataclass(frozen=True)
class Result:
    """The report of a program."""

    code: int
    requests: Mapping[str, int]
    """By step: the name, after the method if that is not GET."""
    failures: Mapping[str, int]
    exceptions: int
    asked: int
    """Requests that the target answered in this run; only the Flask app counts them."""
    quiet: bool
    """Whether the users had done what they had to do before the end."""
    printed: str = field(repr=False)


FAILED: Final = (1, 1)
PRESENT: Final = "Locust does not mind users that leave"
SHAPES: Final[Mapping[str, Shape]] = {
    "accepted_failures": Shape(
        (0, 1), differ="a locustfile can refuse a run, and not accept one that failed"
    ),
    "catch_response": Shape(FAILED),
    "composed_names": Shape(),
    "exit_code": Shape((3, 1), differ="the exit codes of a rehearsal have a meaning"),
    "different_hosts": Shape(own_host=True, targets=("datasette",)),
    "fast_user": Shape(FAILED),
    "functions": Shape(),
    "gives_up": Shape(FAILED),
    "goodbye": Shape(after_the_end={"/sign out": 3}),
    "host_of_the_class": Shape(own_host=True),
    "key_error": Shape(FAILED, seen=False),
    "kinds_of_users": Shape(users=9),
    "leaving": Shape((0, 1), differ=PRESENT),
    "listeners": Shape(),
    "load_shape": Shape(users=0),
    "methods": Shape(FAILED, targets=("flask",)),
    "no_server": Shape(FAILED, users=2, seen=False),
    "one_failure": Shape((1, 0), targets=("flask",), differ="one failure in a hundred requests is tolerated"),
    "own_client": Shape(FAILED, seen=False),
    "own_events": Shape(FAILED, seen=False),
    "own_options": Shape(options=("--event", "2", "--twice")),
    "paces": Shape(spread=2),
    "path_in_the_host": Shape(users=4, path="/fest"),
    "seeding": Shape(),
    "self_signed": Shape(users=4, tls=True),
    "sequence": Shape(),
    "session": Shape(FAILED, targets=("flask",), seen=False),
    "several_at_once": Shape(FAILED),
    "silence": Shape((0, 1), differ="nothing was measured, so nothing was shown"),
    "start_raises": Shape(FAILED),
    "status_codes": Shape(FAILED),
    "strange_names": Shape(),
    "tags": Shape(users=4, tags=("--tags", "free")),
    "task_sets": Shape(tags=("--exclude-tags", "slow"), options=("Visitor",)),
    "through_a_proxy": Shape(FAILED, users=4, proxy=True, unreached=4),
    "through_a_tunnel": Shape(FAILED, users=4, proxy=True, tls=True, unreached=4, file="through_a_proxy"),
    "wrong_assertion": Shape(FAILED),
}
CASES: Final = [
    (name, target)
    for number, (name, shape) in enumerate(SHAPES.items())
    for target in length((shape.targets[number % len(shape.targets)],), shape.targets)
]
"""In the suite, every other shape has the same target; under torture, each shape has both."""


@pytest.fixture(scope="module", autouse=True)
def results(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Mapping[tuple[str, str], Future[tuple[Result, Result]]]]:
    """The results of both programs for each shape and target; they run in the background of the tests."""
    folder = tmp_path_factory.mktemp("shapes")
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    pem = folder / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with ExitStack() as stack:
        plain = stack.enter_context(datasette(folder / "plain"))
        secure = stack.enter_context(datasette(folder / "secure", pem))
        shop = stack.enter_context(fest_app.serving())
        threads = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        stack.callback(threads.shutdown, cancel_futures=True)

        def serving(target: str, shape: Shape) -> AbstractContextManager[Served]:
            served: AbstractContextManager[Served]
            if target == "flask":
                served = fest_app.serving(context if shape.tls else None)
            else:
                variables = {"FEST_SHOP": shop.url}
                served = nullcontext(Served(secure if shape.tls else plain, variables=variables))
            return behind_a_proxy(served) if shape.proxy else served

        def run(name: str, target: str) -> tuple[Result, Result]:
            shape = SHAPES[name]
            for seconds in SECONDS:
                own = folder / f"{name}-{target}-{seconds}"
                own.mkdir()
                results = run_both(name, seconds, own, lambda: serving(target, shape))
                if shape.spread or all(result.quiet for result in results):
                    break
            return results

        selected = {item.name for item in request.session.items}
        yield {
            case: threads.submit(run, *case)
            for case in CASES
            if any(f"[{'-'.join(case)}]" in name for name in selected)
        }


@contextmanager
def datasette(folder: Path, pem: Path | None = None) -> Iterator[str]:
    """Serve the events with datasette until the block ends; yield the address."""
    folder.mkdir()
    fest_app.write_database(folder / "fest.db")
    words = ["serve", "fest.db", "--host", "127.0.0.1", "--port", "0"]
    if pem is not None:
        words += ["--ssl-keyfile", str(pem), "--ssl-certfile", str(pem)]
    log = folder / "datasette.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-c", DATASETTE, *words],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        address = until(
            lambda: re.search(r"running on (https?://[\d.:]+)", log.read_text(encoding="utf-8")),
            "datasette listens",
            TIMEOUT,
        )
        # Its first answers take longer.
        for path in ("/", "/fest", "/fest/events.json", "/fest/events/1.json"):
            httpx.get(address[1] + path, timeout=TIMEOUT, trust_env=False, verify=False)
        yield address[1]
    finally:
        process.terminate()
        process.wait(TIMEOUT)


@contextmanager
def behind_a_proxy(serving: AbstractContextManager[Served]) -> Iterator[Served]:
    """Serve at an address that only a proxy reaches, until the block ends."""
    with serving as served:
        scheme, address, *_ = urlsplit(served.url)
        with forwarding({UNREACHABLE: address}) as proxy:
            yield replace(served, url=f"{scheme}://{UNREACHABLE}", variables={"FEST_PROXY": proxy})


def run_both(
    name: str, seconds: int, folder: Path, serving: Callable[[], AbstractContextManager[Served]]
) -> tuple[Result, Result]:
    """Run a shape with both programs at once, each with a target of its own; return our result and Locust's."""
    with serving() as one, serving() as other, ThreadPoolExecutor(1) as beside:
        plain = beside.submit(run_locust, name, seconds, folder, one)
        return run_festgate(name, seconds, folder, other), plain.result()


def locustfile_of(name: str) -> Path:
    """Return the locustfile of a shape."""
    return FOLDER / f"{SHAPES[name].file or name}.py"


def variables(target: Served, seconds: int) -> dict[str, str]:
    """Return variables of the environment that locustfiles read."""
    return {
        "FEST": target.url,
        "FEST_SUFFIX": " of the fest",
        "FEST_SECONDS": str(seconds),
        **target.variables,
    }


def run_locust(name: str, seconds: int, folder: Path, target: Served) -> Result:
    """Run plain Locust, with time for open requests at the end, as in a rehearsal."""
    shape = SHAPES[name]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "--headless", "--locustfile", str(locustfile_of(name))),
            *(
                ["--users", str(shape.users), "--spawn-rate", "100", "--run-time", f"{seconds}s"]
                if shape.users
                else []
            ),
            *("--stop-timeout", "10", "--loglevel", "ERROR", "--json-file", "locust"),
            *([] if shape.own_host else ["--host", target.url + shape.path]),
            *shape.tags,
            *shape.options,
        ],
        check=False,
        cwd=folder,
        env=environment(folder / "data", variables(target, seconds)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=TIMEOUT + 5 * seconds,
    )
    report = folder / "locust.json"
    entries = json.loads(report.read_text(encoding="utf-8")) if report.exists() else []
    steps = {
        entry["name"] if entry["method"] == "GET" else f"{entry['method']} {entry['name']}": entry
        for entry in entries
    }
    measured = [entry for step, entry in steps.items() if step not in shape.after_the_end]
    earliest = min((entry["start_time"] for entry in measured), default=0.0)
    longest = max((entry["max_response_time"] for entry in measured), default=0.0)
    latest = max((entry["last_request_timestamp"] for entry in measured), default=earliest)
    return Result(
        code=done.returncode,
        requests={step: entry["num_requests"] for step, entry in steps.items()},
        failures={step: entry["num_failures"] for step, entry in steps.items() if entry["num_failures"]},
        exceptions=len(re.findall(r"/ERROR/locust\.user\.", done.stdout)),
        asked=target.asked.total(),
        quiet=latest - earliest + longest / 1000 < seconds - QUIET,
        printed=done.stdout,
    )


def run_festgate(name: str, seconds: int, folder: Path, target: Served) -> Result:
    """Rehearse the locustfile."""
    shape = SHAPES[name]
    done = festgate(
        folder,
        *("rehearse", str(locustfile_of(name)), "--format", "json", "--warm-up", "0s"),
        *(["--users", str(shape.users), "--spawn-rate", "100"] if shape.users else []),
        *("--duration", f"{seconds if shape.users else 60}s"),
        *([] if shape.own_host else ["--host", target.url + shape.path]),
        *shape.tags,
        *(["--", *shape.options] if shape.options else []),
        extra=variables(target, seconds),
    )
    nothing = {"steps": [], "exceptions": {}, "series": {"at": [seconds], "answered": [1]}}
    report: dict[str, Any] = json.loads(done.stdout) if done.stdout else nothing
    series = report["series"]
    latest = max((at for at, count in zip(series["at"], series["answered"], strict=True) if count), default=0)
    return Result(
        code=done.returncode,
        requests={step["name"]: step["requests"] for step in report["steps"]},
        failures={step["name"]: step["failures"] for step in report["steps"] if step["failures"]},
        exceptions=sum(report["exceptions"].values()),
        asked=target.asked.total(),
        quiet=latest + 1 <= seconds - QUIET,
        printed=done.stdout + done.stderr,
    )


@pytest.mark.parametrize("name, target", CASES)
def test_a_locustfile_means_the_same_to_both_programs(
    name: str, target: str, results: Mapping[tuple[str, str], Future[tuple[Result, Result]]]
) -> None:
    shape = SHAPES[name]
    ours, plain = results[name, target].result()
    later = shape.after_the_end
    assert {step: plain.requests[step] for step in later} == later
    expected_requests = {step: count for step, count in plain.requests.items() if step not in later}
    assert ours.exceptions == plain.exceptions, ours.printed
    assert set(ours.requests) == set(expected_requests), ours.printed
    for reported, expected in ((ours.requests, expected_requests), (ours.failures, plain.failures)):
        apart = {step: (reported.get(step, 0), expected.get(step, 0)) for step in {*reported, *expected}}
        assert all(abs(one - other) <= shape.spread for one, other in apart.values()), apart
    assert (plain.code, ours.code) == shape.codes, plain.printed + ours.printed
    assert (shape.codes[0] == shape.codes[1]) == (shape.differ == "")
    if target == "flask" and shape.seen:
        for result, more in ((ours, sum(later.values())), (plain, 0)):
            reported_count = sum(result.requests.values()) + more - shape.unreached
            assert abs(result.asked - reported_count) <= shape.spread * len(result.requests)
