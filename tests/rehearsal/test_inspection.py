"""The inspection of a locustfile before its run: its users' host is used, and unused parts are named."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from festgate.ports import free_port
from festgate.rehearsal.cli.execution import follow_locustfile
from festgate.rehearsal.report import render
from festgate.rehearsal.runner.inspection import Inspection, inspect_locustfile
from festgate.rehearsal.runner.run import CannotRun, rehearse
from festgate.rehearsal.runs.plan import Load, Plan, Rate, Users
from festgate.rehearsal.runs.store import read_run
from festgate.rehearsal.stats.summary import summarize
from tests.rehearsal.target import Answer, answering, welcome
from tests.rehearsal.test_commands import festgate

USER = """
from locust import HttpUser, LoadTestShape, constant, events, task

class Visitor(HttpUser):
    host = "{host}"
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get("/page")
"""
ONE = Users(1, 1.0)
MORE = """
class Stages(LoadTestShape):
    use_common_options = True

    def tick(self):
        return None

class Regular(Visitor):
    fixed_count = 2

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--fest", help="its address", required=True)
    parser.add_argument("--secret", is_secret=True, env_var="FEST_SECRET", default="")
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "visitor.py"
    file.write_text(text, encoding="utf-8")
    return file


def inspected(file: Path, *arguments: str, load: Load = ONE) -> Inspection:
    return inspect_locustfile(Plan(str(file), "", load, duration=1.0, arguments=arguments))


def test_parts_that_a_rehearsal_does_not_use_are_named(tmp_path: Path) -> None:
    file = written(tmp_path, USER.format(host="http://127.0.0.1:1") + MORE)
    inspection = inspected(file, "--fest", "a", "--run-time", "5m", "--csv", "x", load=Rate(1.0))
    assert (inspection.host, inspection.hosts) == ("http://127.0.0.1:1", {})
    assert (inspection.shape, inspection.shape_takes_options) == ("Stages", True)
    options, fixed = inspection.ignored
    assert options.startswith(
        "--run-time, --csv of Locust are not used: the options of this command set the load"
    )
    assert fixed == (
        "`fixed_count` of Regular is not used: with --rate, arrivals choose a user class by its weight."
    )
    plain = inspected(written(tmp_path, USER.format(host="")))
    assert plain == Inspection("", {}, (), (), "", shape_takes_options=False)


@pytest.mark.parametrize(
    "arguments, reason",
    [
        ((), "required: --fest. Its own options are --fest (its address), --secret."),
        (("--fest", "a", "--fesst", "b"), "unrecognized arguments: --fesst. Did you mean '--fest'?"),
        (("--help",), "Its own options are --fest (its address)"),
        (("--fest", "a", "--secret", "b"), "set it in the variable FEST_SECRET of the environment instead"),
        (("--fest", "a", "Nobody"), "Nobody is no user class of visitor.py, which has Visitor, Regular."),
        (("--fest", "a", "--tags", "none"), "Visitor, Regular of visitor.py has no task left"),
    ],
    ids=["missing", "unknown", "help", "secret", "user class", "tags"],
)
def test_options_that_cannot_be_followed_are_reported_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], reason: str
) -> None:
    file = written(tmp_path, USER.format(host="") + MORE)
    with pytest.raises(CannotRun, match=re.escape(reason)):
        inspected(file, *arguments)


@pytest.mark.parametrize(
    "text, reason",
    [
        ("import sys\nsys.exit(0)\n", "ended the process that imported it"),
        ("raise OSError('x')\n", "line 1: OSError"),
    ],
    ids=["exit", "error"],
)
def test_a_file_that_cannot_be_imported_is_reported_in_one_sentence(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(CannotRun, match=reason):
        inspected(written(tmp_path, text))


def test_the_host_of_the_users_is_used_and_never_a_temporary_portal(tmp_path: Path) -> None:
    with answering(welcome) as target:
        written(tmp_path, USER.format(host=target.url))
        done = festgate(
            tmp_path, "rehearse", "visitor.py", "--users", "1", "--warm-up", "0s", "--duration", "1s"
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert target.url in done.stdout


OTHERS = """
from locust import FastHttpUser, User

class Other(HttpUser):
    host = "{other}"
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get("/other")

class Payer(User):
    host = "bank:6000"

class Homeless(FastHttpUser):
    pass

class Own(HttpUser):
    def __init__(self, environment):
        self.host = "{other}"
        super().__init__(environment)
"""
ONE_HOST, OTHER_HOST = "http://127.0.0.1:1", "http://127.0.0.1:2/fest/"


@pytest.mark.parametrize(
    "arguments, host, hosts, without_host",
    [
        (("Visitor", "Other"), "", {"Visitor": ONE_HOST, "Other": OTHER_HOST}, ()),
        (("Visitor", "Payer"), "", {"Visitor": ONE_HOST}, ()),
        (("Visitor", "Homeless", "Own"), "", {"Visitor": ONE_HOST}, ("Homeless",)),
        (("Visitor", "Homeless", "--host", OTHER_HOST), OTHER_HOST, {}, ()),
        (("Other",), OTHER_HOST, {}, ()),
        (("Payer",), "bank:6000", {}, ()),
    ],
    ids=["different", "other protocol", "none", "option", "one class", "no web client"],
)
def test_each_user_class_has_its_own_host_unless_an_option_names_one(
    tmp_path: Path,
    arguments: tuple[str, ...],
    host: str,
    hosts: dict[str, str],
    without_host: tuple[str, ...],
) -> None:
    file = written(tmp_path, USER.format(host=ONE_HOST) + OTHERS.format(other=OTHER_HOST))
    inspection = inspected(file, *arguments)
    assert (inspection.host, inspection.hosts, inspection.without_host) == (host, hosts, without_host)


@pytest.mark.parametrize(
    "workers, load, one_host",
    [(2, Users(2, 100.0), False), (1, Rate(10.0), False), (1, Users(2, 100.0), True)],
    ids=["workers", "arrivals", "option"],
)
def test_users_of_different_hosts_run_against_their_own_unless_there_is_one_for_all(
    tmp_path: Path, workers: int, load: Load, *, one_host: bool
) -> None:
    asked: tuple[set[str], set[str]] = set(), set()

    def noting(paths: set[str]) -> Callable[[str], Answer]:
        def answer(path: str) -> Answer:
            paths.add(path)
            return welcome(path)

        return answer

    with answering(noting(asked[0])) as one, answering(noting(asked[1])) as other:
        file = written(tmp_path, USER.format(host=one.url) + OTHERS.format(other=other.url))
        host = other.url if one_host else ""
        plan = Plan(str(file), host, load, 1.5, workers=workers, seed=7, arguments=("Visitor", "Other"))
        plan, _ = follow_locustfile(plan, load_given=True)
        run = rehearse(plan, tmp_path / "runs")
    assert not run.measured().failed.any()
    assert (read_run(run.folder).plan.host, read_run(run.folder).plan.hosts) == (plan.host, plan.hosts)
    if one_host:
        assert asked == (set(), {"/", "/page", "/other"})
        return
    # Each was looked at before the run, too.
    assert asked == ({"/", "/page"}, {"/", "/other"})
    sentence = f"The user classes have different hosts: {one.url} (Visitor), {other.url} (Other)."
    assert run.notes[0].startswith(sentence)
    text = render(summarize(run), "text")
    assert sentence in " ".join(text.split())
    assert f"{one.url}, {other.url}" in text


def test_a_user_class_without_a_host_beside_others_is_refused_before_the_run(tmp_path: Path) -> None:
    text = USER.format(host=ONE_HOST) + OTHERS.format(other=OTHER_HOST)
    plan = Plan(str(written(tmp_path, text)), "", ONE, 1.0)
    with pytest.raises(
        CannotRun, match=r"some have none: Homeless. Locust would stop at them. Set `host` there, or"
    ):
        follow_locustfile(plan, load_given=True)


def test_hosts_that_the_targets_of_a_command_replace_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = USER.format(host=ONE_HOST) + OTHERS.format(other=OTHER_HOST)
    plan = Plan(str(written(tmp_path, text)), "", ONE, 1.0, arguments=("Visitor", "Other"))
    assert follow_locustfile(plan, load_given=True, own_host=False)[0].targets == ()
    assert (
        f"Their own hosts are not used: {ONE_HOST} of Visitor, {OTHER_HOST} of Other."
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "command",
    [("calibrate", "visitor.py", "--pairs", "2"), ("capacity", "visitor.py", "--slo", "errors < 1%")],
)
def test_commands_without_a_target_use_the_hosts_of_the_users(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    host = f"http://127.0.0.1:{free_port()}"
    written(tmp_path, USER.format(host=host))
    done = festgate(tmp_path, *command, "--duration", "1s")
    assert done.returncode == 2
    assert f"Nothing answers at {host} " in done.stderr


def test_a_limit_on_a_step_that_is_not_in_the_file_warns_and_fails_if_it_never_came(tmp_path: Path) -> None:
    with answering(welcome) as target:
        text = USER.format(host=target.url).replace('get("/page")', 'get("/page", name="/" + "page".upper())')
        written(tmp_path, text)
        done = festgate(
            tmp_path,
            "rehearse",
            "visitor.py",
            *("--users", "1", "--warm-up", "0s", "--duration", "1s"),
            *("--fail-if", "max(/PAGE) < 5s", "--fail-if", "max(/nowhere) < 5s"),
        )
    assert "no step /PAGE was found in visitor.py, which has /, /page." in done.stderr
    assert done.returncode == 1
    assert "Met: max(/PAGE) < 5s" in done.stdout
    assert "Not met: max(/nowhere) < 5s: no requests" in done.stdout
    assert "The steps of this run are /PAGE." in done.stdout
