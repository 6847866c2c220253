"""A submitted app is untrusted: whatever it does ends in a message, and leaves no process behind."""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from festgate.lab.verify import sandbox
from festgate.lab.verify.inputs import RequestStep
from festgate.lab.verify.protections import confined, protections
from festgate.lab.verify.requests import send_request
from festgate.lab.verify.sandbox import AppFailed, Limits, SandboxedApp, sandboxed
from tests.rig.waiting import until

APP = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    body = await answer(scope)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def answer(scope):
    return b"well"
"""
"""The smallest app that can be served."""
Start = Callable[..., AbstractContextManager[SandboxedApp]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Serve an app of the given code, without the package `hidden`."""

    @contextmanager
    def served(code: str, hidden: str = "", **limits: float) -> Iterator[SandboxedApp]:
        folder = tmp_path / "app"
        folder.mkdir()
        if hidden:
            # The app's folder comes first in the search for modules.
            (folder / f"{hidden}.py").write_text("raise ImportError", encoding="utf-8")
        (folder / "main.py").write_text(code, encoding="utf-8")
        with sandboxed(folder, sys.executable, tmp_path / "log", limits=Limits(**limits)) as app:  # type: ignore[arg-type]
            yield app

    return served


def message_about(serve: Start, code: str, limits: dict[str, float]) -> str:
    """Return the message about an app that does not start."""
    with pytest.raises(AppFailed) as error, serve(code, **limits):
        pass
    return str(error.value)


def has_ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    "code, limits, sentence",
    [
        ("while True: pass", {"start": 0.8}, "The app did not start within 0.8 s: its code does not end, or waits."),
        ("while True: pass", {"processor": 1}, "The app used more than 1 s of processor time."),
        ("import sys; print('no'); sys.exit(3)", {}, "The app exited with code 3: no"),
        ("import os; os._exit(0)", {}, "The app exited with code 0: it printed nothing."),
        ("import nothing_of_the_kind", {}, "ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ("here = bytearray(8 << 30)", {}, "The app used more than 4096 MB of memory: MemoryError"),
        ("here = b'x' * (150 << 20); SLEEP", {"memory": 120 << 20}, "The app used more than 120 MB of memory."),
        ("kept = [open('main.py') for _ in range(200)]", {"files": 100}, "Too many open files: 'main.py'"),
        ("open('out', 'wb').write(b'x' * 2_000_000)", {"written": 1_000_000}, "File too large"),
        ("import os\nfor _ in range(12): os.fork() or SLEEP\nSLEEP", {}, "The app started more than 8 processes."),
    ],
)  # fmt: skip
def test_an_app_that_does_not_start_is_reported_with_the_reason(
    start: Start, code: str, limits: dict[str, float], sentence: str
) -> None:
    assert sentence in message_about(start, code.replace("SLEEP", "__import__('time').sleep(60)"), limits)


def test_a_missing_interpreter_or_one_without_packages_is_reported(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP, encoding="utf-8")
    empty = tmp_path / "python"
    empty.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" -I -S "$@"\n', encoding="utf-8")
    empty.chmod(0o755)
    for python, sentence in (
        (tmp_path / "nothing", "nothing cannot be started: No such file or directory."),
        (empty, "The app cannot be served: the interpreter has no uvicorn (No module named 'uvicorn')."),
    ):
        with pytest.raises(AppFailed) as error, sandboxed(tmp_path, str(python), tmp_path / "log"):
            pass
        assert sentence in str(error.value)


OPTION = """    import asyncio, os, socket
    for number in range(3, 64):
        try:
            with socket.socket(fileno=os.dup(number)) as connection:
                if connection.getpeername() == tuple(scope["client"]):
                    set_ = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
                    return f"{type(asyncio.get_running_loop()).__module__} {set_}".encode()
        except OSError:
            pass
"""
"""An app that returns its event loop, and whether TCP_NODELAY is set on the connection of the request."""


@pytest.mark.parametrize("loop", ["asyncio.unix_events", "uvloop"])
def test_a_response_does_not_wait_for_an_acknowledgement_with_either_event_loop(
    start: Start, loop: str
) -> None:
    with start(APP.replace('    return b"well"\n', OPTION), hidden="uvloop" * (loop != "uvloop")) as app:
        assert send_request(app, RequestStep("/")).body == f"{loop} True"


def test_an_app_that_hangs_exits_or_responds_with_garbage_is_reported_with_its_reason(start: Start) -> None:
    code = APP.replace(
        '    return b"well"\n',
        """    import asyncio, os, socket
    print("\\x1b[31mrubbish\\x00", "x" * 5_000)
    if scope["path"] == "/hang":
        await asyncio.sleep(60)
    if scope["path"] == "/much":
        return b"x" * 5_000_000
    if scope["path"] == "/listen":
        socket.create_server(("127.0.0.1", 0))
    if scope["path"] == "/end":
        os._exit(7)
    return b"well"
""",
    )
    with start(code, response=2.0) as app:
        assert (
            send_request(app, RequestStep("/")).body
            == send_request(app, RequestStep("/listen")).body
            == "well"
        )
        assert send_request(app, RequestStep("/hang")).problem == "no response within 2 s"
        assert send_request(app, RequestStep("/much")).problem == "a response of more than 4 MB"
        assert send_request(app, RequestStep("/")).status == 200
        assert send_request(app, RequestStep("/end")).problem.startswith(
            "no response. The app exited with code 7: "
        )
        until(lambda: not app.process.runs, "the end of the app")
        assert "\x1b" not in app.process.why_gone()
        with pytest.raises(AppFailed, match="exited with code 7"):
            app.counted()


def test_no_process_runs_afterwards_whatever_the_app_has_started(start: Start, tmp_path: Path) -> None:
    mark = f"sleeper of {tmp_path}"
    code = f"""
import os, subprocess, sys
sleeper = [sys.executable, "-c", "import time; time.sleep(60)", {mark!r}]
# In its own session, and with a parent that is gone.
subprocess.Popen(sleeper, start_new_session=True)
if os.fork() == 0:
    os.setsid()
    subprocess.Popen(sleeper, start_new_session=True, env={{}})
    os._exit(0)
os.wait()
{APP}"""

    def sleepers() -> list[psutil.Process]:
        return [
            process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or ())
        ]

    with start(code) as app:
        assert send_request(app, RequestStep("/")).status == 200
        started = [*sleepers(), psutil.Process(app.pid)]
        assert len(started) == 3
    assert all(has_ended(process.pid) for process in started)


def test_an_app_has_no_access_to_our_environment_or_to_modules_beside_its_runner(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "sesame")
    code = APP.replace(
        '    return b"well"\n',
        """    import importlib.util, os, sys
    beside = importlib.util.find_spec("intake") is None
    here = os.getcwd()
    return f"{os.environ.get('A_SECRET')} {beside} {here in sys.path} {os.environ['HOME'] == here}".encode()
""",
    )
    with start(code) as app:
        assert send_request(app, RequestStep("/")).body == "None True True True"


SEEN = """    import os, sys
    main = sys.modules["__main__"]
    seen = {
        "main": (main.__name__, main.__spec__, main.__file__, sys.argv, sys.flags),
        "path": sys.path,
        "variables": sorted(set(os.environ) - {"LC_CTYPE"}),
        "own": [True for name in sys.modules if getattr(sys.modules[name], "OWN", None) is True] == [True],
        "streams": (sys.stdin.read(), sys.stdout.encoding, sys.stdout.fileno()),
        "files": sorted(map(int, os.listdir("/proc/self/fd")))[:3],
    }
    return str(seen).encode()
"""
"""An app that returns its surroundings."""


def test_an_app_runs_the_same_in_a_forked_process_as_in_a_started_one(tmp_path: Path) -> None:
    # An app's own module with the name of a package comes first, so its process is started.
    bodies, programs = [], []
    for own in ("fastapi", "unrelated"):
        folder = tmp_path / own
        folder.mkdir()
        (folder / f"{own}.py").write_text("OWN = True", encoding="utf-8")
        (folder / "main.py").write_text(f"import {own}\n{APP}".replace('    return b"well"\n', SEEN))
        with sandboxed(folder, sys.executable, tmp_path / "log") as app:
            bodies.append(send_request(app, RequestStep("/")).body.replace(own, "own"))
            programs.append({Path(word).name for word in psutil.Process(app.pid).cmdline()})
    assert "runner.py" in programs[0]
    assert ("fork_server.py" if protections().namespaces else "runner.py") in programs[1]
    assert bodies[0] == bodies[1]
    assert "'own': True" in bodies[0]


def test_a_connection_to_the_control_port_without_the_token_is_ignored(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers: list[socket.socket] = []

    def after_a_stranger(*arguments: Any, **named: Any) -> list[str]:  # noqa: ANN401  (passed on)
        stranger = socket.create_connection(("127.0.0.1", named["control_port"]))
        stranger.sendall(
            json.dumps({"token": "guessed", "pid": 1, "port": 1, "python": "9"}).encode() + b"\n"
        )
        strangers.append(stranger)
        return confined(*arguments, **named)

    monkeypatch.setattr(sandbox, "confined", after_a_stranger)
    with start(APP) as app, strangers[0]:
        assert app.python == ".".join(map(str, sys.version_info[:3]))
        assert send_request(app, RequestStep("/")).body == "well"


def test_an_app_exits_when_the_process_that_started_it_has_ended(start: Start) -> None:
    with start(APP) as app:
        app._control.close()  # noqa: SLF001  (as the end of our process would)
        until(lambda: has_ended(app.pid), "the end of the app")


def test_a_slow_response_has_the_same_time_limit_as_any_other(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, start(APP, response=0.4) as real:

        def drip() -> None:
            line, _ = server.accept()
            with line, suppress(OSError):
                line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
                for _ in range(40):
                    line.sendall(b"x")
                    time.sleep(0.05)

        dripping = threading.Thread(target=drip)
        dripping.start()
        slow = replace(real, port=server.getsockname()[1])
        assert send_request(slow, RequestStep("/")).problem == "no response within 0.4 s"
        dripping.join()


READS = '    return open("data.txt", encoding="utf-8").read().encode()\n'
STARTED = '        await send({"type": "lifespan.startup.complete"})\n'


@pytest.mark.parametrize(
    "script, begin, content",
    [
        ("open('data.txt', 'a').write('rows')", "", "rows"),
        # A script that needs what the app makes when it starts is run again then.
        (
            "open('data.txt', 'r+').write('rows of the script')",
            "        open('data.txt', 'w')\n",
            "rows of the script",
        ),
    ],
)
def test_the_script_that_inserts_the_data_is_run_once_before_or_after_the_start(
    tmp_path: Path, script: str, begin: str, content: str
) -> None:
    code = APP.replace('    return b"well"\n', READS).replace(STARTED, begin + STARTED)
    (tmp_path / "main.py").write_text(code, encoding="utf-8")
    (tmp_path / "insert.py").write_text(script, encoding="utf-8")
    with sandboxed(tmp_path, sys.executable, tmp_path / "log", fill="insert.py") as app:
        assert send_request(app, RequestStep("/")).body == content


def test_a_script_that_fails_is_named_with_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP, encoding="utf-8")
    (tmp_path / "insert.py").write_text("import sys; sys.exit('no rows')", encoding="utf-8")
    with (
        pytest.raises(AppFailed) as error,
        sandboxed(tmp_path, sys.executable, tmp_path / "log", fill="insert.py"),
    ):
        pass
    assert str(error.value) == "The app cannot be served: insert.py exited with code 1: no rows."
