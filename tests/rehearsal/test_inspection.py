"""A locustfile is looked at before its run: its users' host is used, and what is not used is named."""

import re
from pathlib import Path

import pytest

from festgate.rehearsal.runner.inspection import Inspection, inspect_locustfile
from festgate.rehearsal.runner.run import CannotRun
from festgate.rehearsal.runs.plan import Load, Plan, Rate, Users
from tests.rehearsal.target import answering, welcome
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
    assert inspection.hosts == ("http://127.0.0.1:1",)
    assert (inspection.shape, inspection.shape_takes_options) == ("Stages", True)
    options, fixed = inspection.ignored
    assert options.startswith(
        "--run-time, --csv of Locust are not used: the options of this command set the load"
    )
    assert fixed == (
        "`fixed_count` of Regular is not used: with --rate, arrivals choose a user class by its weight."
    )
    plain = inspected(written(tmp_path, USER.format(host="")))
    assert plain == Inspection((), (), "", shape_takes_options=False)


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
def test_options_that_cannot_be_followed_are_one_sentence(
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
def test_a_file_that_cannot_be_imported_is_one_sentence(tmp_path: Path, text: str, reason: str) -> None:
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


def test_several_hosts_need_a_choice(tmp_path: Path) -> None:
    other = 'class Other(Visitor):\n    host = "http://127.0.0.1:2"\n'
    written(tmp_path, USER.format(host="http://127.0.0.1:1") + other)
    done = festgate(tmp_path, "rehearse", "visitor.py")
    assert done.returncode == 2
    assert "several hosts (http://127.0.0.1:1, http://127.0.0.1:2). Choose one with --host." in done.stderr


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
    assert "the step /PAGE does not stand in visitor.py, which has /, /page." in done.stderr
    assert done.returncode == 1
    assert "Met: max(/PAGE) < 5s" in done.stdout
    assert "Not met: max(/nowhere) < 5s: no requests" in done.stdout
    assert "The steps of this run are /PAGE." in done.stdout
