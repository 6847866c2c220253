"""A locustfile's own options, tags, shape, listeners and events count as in Locust."""

import json
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from festgate.rehearsal.cli.execution import follow_locustfile
from festgate.rehearsal.runner.inspection import inspect_locustfile
from festgate.rehearsal.runner.run import rehearse
from festgate.rehearsal.runs.plan import Plan, Rate, RunOptions, Users
from festgate.rehearsal.stats.summary import summarize
from festgate.rehearsal.verdict.outcome import outcome_of
from tests.rehearsal.target import Target, answering, serving, welcome
from tests.rehearsal.test_commands import festgate

OPTIONS = """
from locust import HttpUser, LoadTestShape, constant, events, tag, task

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--fest")
    parser.add_argument("--door", env_var="FEST_DOOR", default="none")

@events.quitting.add_listener
def judge(environment, **_):
    if environment.stats.total.num_requests > 3:
        environment.process_exit_code = 3
"""
BUYER = """
@events.request.add_listener
def complain(name, **_):
    if name == "call":
        raise KeyError("complaint")

class Buyer(HttpUser):
    wait_time = constant(0.05)

    @tag("buy")
    @task
    def buy(self):
        options = self.environment.parsed_options
        self.client.get(f"/{options.fest}/{options.door}/{options.num_users}")

    @tag("buy")
    @task
    def call(self):
        events.request.fire(request_type="grpc", name="call", response_time=12.5, response_length=7)

    @task
    def look(self):
        self.client.get("/look")

class Another(Buyer):
    @tag("buy")
    @task
    def other(self):
        self.client.get("/other")
"""
STAGES = """
class Stages(LoadTestShape):
    def tick(self):
        seconds = self.get_run_time()
        return (2, 50) if seconds < 1 else (4, 50) if seconds < 2.5 else None

class Buyer(HttpUser):
    wait_time = constant(0.1)

    @task
    def look(self):
        self.client.get(f"/page", name=f"/page of {self.environment.parsed_options.fest}")
"""
STREAM = """
from locust import HttpUser, constant, task

class Listener(HttpUser):
    wait_time = constant(0.1)

    @task
    def listen(self):
        with self.client.get("/", stream=True, catch_response=True) as answer:
            next(answer.iter_content(10))
            answer.close()
"""


OTHER_PROTOCOL = """
import os
from locust import User, constant, task

class Caller(User):
    wait_time = constant(0.05)

    def fire(self, name, **more):
        event = {"request_type": "grpc", "name": name, "response_time": 0, "response_length": 0} | more
        self.environment.events.request.fire(**event)

    def on_start(self):
        os.system("echo seeding the database")

    @task
    def call(self):
        self.fire("call", response_time=None)

    def on_stop(self):
        self.fire("leave", exception=OSError("refused"))
"""


def written(folder: Path, text: str) -> str:
    file = folder / "buyers.py"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_options_tags_events_and_the_exit_code_of_a_locustfile_are_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEST_DOOR", "front")
    words = ("Buyer", "--fest", "dhara", "--tags", "buy")
    with answering(welcome) as target:
        plan = Plan(written(tmp_path, OPTIONS + BUYER), target.url, Users(2, 50.0), 1.5, arguments=words)
        run = rehearse(plan, tmp_path / "runs")
    samples = run.samples()
    assert set(samples.names) == {"/dhara/front/2", "grpc call"}
    # An event without its time of start is one that has just ended.
    calls = samples.name == samples.names.index("grpc call")
    assert samples.latency[calls] == pytest.approx(0.0125)
    # The first may have ended just after the beginning of the run.
    assert samples.start[calls].min() >= -0.0125
    assert samples.start[calls].max() < 3
    (exception,) = run.exceptions
    assert exception.startswith("KeyError: 'complaint' (buyers.py, line ")
    assert run.exceptions[exception] == calls.sum()
    assert run.exit_code == 3
    outcome = outcome_of(summarize(run))
    assert outcome.result == "failed"
    assert [check.name for check in outcome.failed_checks] == [
        "few exceptions were raised",
        "the locustfile accepted the run",
    ]
    assert json.loads((run.folder / "run.json").read_text())["plan"]["arguments"] == list(words)


def test_a_shape_sets_the_users_and_ends_the_run(tmp_path: Path) -> None:
    with answering(welcome) as target:
        file = written(tmp_path, OPTIONS + STAGES)
        plan = Plan(file, target.url, Users(1, 1.0, shape="Stages"), 60.0, arguments=("--fest", "dhara"))
        run = rehearse(plan, tmp_path / "runs")
    assert (run.state, run.exit_code, run.short_seconds) == ("whole", 3, 0)
    assert isinstance(run.plan.load, Users)
    assert run.plan.load.users == 4
    assert 2 <= run.plan.duration <= 6
    assert f"The locustfile ended the run after {run.plan.duration:g} s." in run.notes
    assert 2 <= run.samples().start.max() < run.plan.duration + 1


def test_a_shape_ends_a_run_with_workers_which_get_the_options(tmp_path: Path) -> None:
    with answering(welcome) as target:
        plan = Plan(
            written(tmp_path, OPTIONS + STAGES),
            target.url,
            Users(1, 1.0, shape="Stages"),
            duration=60.0,
            workers=2,
            arguments=("--fest", "dhara"),
        )
        run = rehearse(plan, tmp_path / "runs")
    assert run.samples().names == ("/page of dhara",)
    assert (run.state, run.exit_code, run.short_seconds) == ("whole", 3, 0)
    assert run.plan.duration < 60
    assert isinstance(run.plan.load, Users)
    assert run.plan.load.users == 4


def test_the_words_after_two_hyphens_are_the_locustfiles(tmp_path: Path) -> None:
    written(tmp_path, OPTIONS + STAGES)
    for words in (("rehearse", "buyers.py"), ("capacity", "buyers.py", "--slo", "p95 < 1s")):
        done = festgate(tmp_path, *words, "--tags", "buy", "--", "Buyer", "--fesst", "dhara")
        assert done.returncode == 2
        assert done.stderr.startswith("buyers.py, options after `--`: unrecognized arguments: --fesst dhara.")
    done = festgate(tmp_path, "rehearse", "events", "--", "--fest", "dhara")
    assert done.returncode == 2
    assert done.stderr.endswith("It has no options of its own.\n")


@pytest.mark.parametrize(
    "load, given, shape, notice",
    [
        (Users(1, 1.0), False, "Stages", "Stages sets the number of users."),
        (Users(1, 1.0), True, "", "Stages is not used: an option of the command sets the load."),
        (Rate(1.0), True, "", "Stages is not used: an option of the command sets the load."),
    ],
    ids=["default", "users", "rate"],
)
def test_a_load_that_the_command_gives_replaces_the_shape_with_a_notice(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    load: Users | Rate,
    given: bool,
    shape: str,
    notice: str,
) -> None:
    plan, _ = follow_locustfile(
        Plan(written(tmp_path, OPTIONS + STAGES), "", load, duration=5.0), load_given=given
    )
    assert notice in capsys.readouterr().err
    assert getattr(plan.load, "shape", "") == shape


def test_users_of_another_protocol_need_no_web_server_and_may_start_programs(tmp_path: Path) -> None:
    plan = Plan(written(tmp_path, OTHER_PROTOCOL), "", Users(2, 50.0), 1.0)
    assert not inspect_locustfile(plan).has_web_users
    run = rehearse(plan, tmp_path / "runs", options=RunOptions(web_target=False))
    assert (run.state, dict(run.server), run.plan.host) == ("whole", {}, "")
    assert set(run.measured().names) >= {"grpc call"}
    assert not run.measured().failed.any()
    assert "No user class has a web client of Locust" in run.notes[0]
    assert " requests without a response time. They count as 0 ms." in " ".join(run.notes)
    assert any(
        note.startswith("2 of the requests after the end failed; they do not count.") for note in run.notes
    )


class EndlessHandler(BaseHTTPRequestHandler):
    """A handler that writes until the client hangs up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while self.server_version:
                self.wfile.write(b"on and on\n" * 100)
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


class Endless(Target):
    """A server of a stream without end; its first answer, to the check before a run, is as any other."""

    def __init__(self) -> None:
        """Listen at once."""
        super().__init__(welcome)
        self.RequestHandlerClass = EndlessHandler


def test_a_stream_is_not_read_to_its_end(tmp_path: Path) -> None:
    with serving(Endless()) as target:
        run = rehearse(Plan(written(tmp_path, STREAM), target.url, Users(1, 1.0), 1.0), tmp_path / "runs")
    samples = run.samples()
    assert len(samples) > 2
    assert not samples.failed.any()
    assert not run.exceptions
