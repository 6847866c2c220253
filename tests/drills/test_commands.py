"""`festgate drill`: its list, its refusals, and that no fault stays armed."""

import json
import signal
import tempfile
from pathlib import Path

import pytest

from festgate.drills.plan import Arm
from festgate.drills.portal import DrillRefused, Portal, is_served
from festgate.ports import free_port
from festgate.rehearsal.runs.store import read_run
from tests.rig import command
from tests.rig.server import Serve, Server, environment
from tests.rig.waiting import until

TOKEN = "of-this-test-only"
QUICK = ("--duration", "2s", "--quiet", "2s", "--rate", "6")


def festgate(folder: Path, *words: str, seconds: float = 120) -> tuple[int, str, str]:
    known = environment(folder / "data") | {"COLUMNS": "120"}
    done = command.run(
        list(words), known, folder=folder, modules=command.REHEARSAL, forks_all=True, seconds=seconds
    )
    return done.returncode, done.stdout, done.stderr


def drilled_portal(serve: Serve) -> Server:
    return serve(
        "--demo",
        extra={
            "FESTGATE_DRILLS_TOKEN": TOKEN,
            "FESTGATE_PAYMENT_METHODS": "sandbox",
            "FESTGATE_ADDRESS_LIMIT": "1000000",
        },
    )


def test_the_list_shows_every_drill(tmp_path: Path) -> None:
    code, output, _ = festgate(tmp_path, "drill", "list")
    assert code == 0
    assert "checkout-raises" in output
    assert "A deployment during the rush" in output


@pytest.mark.parametrize(
    "words, sentence",
    [
        ([], "Name one or more drills, or use --all."),
        (["checkout-raises", "--all"], "Name one or more drills, or use --all."),
        (["checkout-raise"], "There is no drill checkout-raise. Did you mean checkout-raises?"),
        (["mine.toml"], "mine.toml cannot be read: No such file or directory."),
        (["checkout-raises", "--journey", "nowhere"], "nowhere is neither a journey"),
        (["checkout-raises", "--format", "pdf"], "Invalid value for '--format'"),
        (["checkout-raises", "--duration", "long"], "'long' is not a duration"),
        (["checkout-raises", "--against", "http://192.0.2.7:8000"], "is not a portal on this machine"),
        (["checkout-raises", "--against", "http://127.0.0.1:{free}"], "Nothing responds at"),
        (["a-worker-is-killed", "--against", "http://127.0.0.1:1"], "cannot be done over HTTP"),
        (["mail-is-down", "--against", "http://127.0.0.1:1"], "proxy before the mail server"),
        (
            ["checkout-raises", "--against", "http://127.0.0.1:1", "--without-bulkheads"],
            "need a temporary portal",
        ),
    ],
)
def test_a_drill_that_is_not_possible_ends_with_one_sentence_and_exit_code_2(
    tmp_path: Path, words: list[str], sentence: str
) -> None:
    code, output, errors = festgate(
        tmp_path, "drill", "run", *(word.replace("{free}", str(free_port())) for word in words)
    )
    assert code == 2, output + errors
    assert sentence in errors
    assert "Traceback" not in errors
    assert not list(tmp_path.glob("festgate-runs/*"))


def test_a_running_portal_allows_drills_only_with_its_token_and_is_left_as_it_was(
    tmp_path: Path, serve: Serve
) -> None:
    server = drilled_portal(serve)
    run = ("drill", "run", "checkout-raises", "--against", server.url, *QUICK)
    code, _, errors = festgate(tmp_path, *run, "--token", "another")
    assert (code, "does not allow drills with this token" in errors) == (2, True)
    report_file = tmp_path / "drill.html"
    code, output, errors = festgate(
        tmp_path, *run, "--token", TOKEN, "--format", "json", "--report", str(report_file), "--seed", "4"
    )
    report = json.loads(output)
    assert (code, report["contained"]) == (0, True), output + errors
    assert report["drills"][0]["checked_after"] is None
    assert report_file.stat().st_size > 10_000
    folders = (tmp_path / "festgate-runs").glob("*/run.json")
    assert [read_run(file.parent).plan.seed for file in folders] == [4]
    assert "Drill 1 of 1: Checkout raises" in errors
    assert Portal(server.url, TOKEN).armed() == []


def test_ctrl_c_rolls_the_fault_back(tmp_path: Path, serve: Serve) -> None:
    server = drilled_portal(serve)
    portal = Portal(server.url, TOKEN)
    words = [
        "drill",
        "run",
        "checkout-raises",
        "--against",
        server.url,
        "--token",
        TOKEN,
        "--duration",
        "60s",
    ]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as nothing:
        process = command.start(
            [*words, "--quiet", "1s", "--rate", "4"],
            environment(tmp_path / "data"),
            nothing,
            output,
            output,
            folder=tmp_path,
            modules=command.REHEARSAL,
        )
        until(portal.armed, "the fault is armed", 60)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        output.seek(0)
        written = output.read().decode()
    assert "Every fault has been rolled back." in written
    assert "Traceback" not in written
    assert portal.armed() == []


def test_a_portal_without_a_token_arms_nothing(serve: Serve) -> None:
    server = serve()
    with pytest.raises(DrillRefused, match="Start it with FESTGATE_DRILLS_TOKEN set"):
        Portal(server.url, "").armed()
    with pytest.raises(DrillRefused):
        Portal(server.url, "guessed").arm(Arm("module.checkout", "raise"), 5.0)


def test_a_fault_ends_by_itself_when_nobody_disarms_it(serve: Serve) -> None:
    portal = Portal(drilled_portal(serve).url, TOKEN)
    portal.arm(Arm("module.checkout", "raise"), 1.0)
    assert [fault["point"] for fault in portal.armed()] == ["module.checkout"]
    until(lambda: not portal.armed(), "the dead man's switch")
    until(lambda: is_served(portal.get("/checkout")), "checkout is back")
