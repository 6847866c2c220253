"""Serve one submitted app under limits, in the submission's interpreter; a program, which only `fork_server` loads.

Standard library only, for any Python >= 3.10; the interpreter provides uvicorn and the app's packages. Standard input
holds one line of JSON, the configuration that `sandbox.sandboxed` writes. The arguments are the numbers of two open
sockets from `confinement`: the control connection, and the listening socket of the app. Without them, on Windows, the
program connects to the control port of the configuration and listens on a free port. It sends the app's port over the
control connection, and then answers requests for the counts and for the processor time: one line of JSON each way. The
counts are of all threads of this process:

instructions   bytecode instructions of code outside the standard library and installed packages
calls          calls of Python functions of the standard library and installed packages
statements     SQL statements of all connections of sqlite3
rows           fetched rows
steps          instructions of SQLite's virtual machine
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import sysconfig
import threading
import time
import types
from typing import Any

COUNTS = {"instructions": 0, "calls": 0, "statements": 0, "rows": 0, "steps": 0}
RAISED: dict[str, int] = {}
"""How often the app's own code raised each exception, by name."""
OWN = os.path.abspath(__file__)
LIBRARIES = tuple(
    {
        os.path.join(os.path.realpath(path), "")
        for name, path in sysconfig.get_paths().items()
        if name in {"stdlib", "platstdlib", "purelib", "platlib"}
    }
    | {os.path.join(path, "") for path in sysconfig.get_paths().values()}
)
TOOL = 4
"""The number of our tool among those of `sys.monitoring`."""
known: dict[str, bool] = {}
max_instructions = 0
"""Instructions of one request after which counting stops."""


def is_own(code: types.CodeType) -> bool:
    """Return whether the code is the app's: not a library's, not of this file. Code passed to `exec` is the app's."""
    name = code.co_filename
    own = known.get(name)
    if own is None:
        own = known[name] = name != OWN and not name.startswith(("<frozen", *LIBRARIES))
    return own


def trace(frame: types.FrameType, _event: str, _arg: object) -> Any:
    """Trace every call, before Python 3.12."""
    code = frame.f_code
    if is_own(code):
        if COUNTS["instructions"] < max_instructions:
            frame.f_trace_lines = False
            frame.f_trace_opcodes = True
            return local
    elif code.co_filename != OWN:
        COUNTS["calls"] += 1
    return None


def local(frame: types.FrameType, event: str, arg: Any) -> Any:
    """Trace every instruction of the app's own code."""
    if event == "opcode":
        COUNTS["instructions"] += 1
        if COUNTS["instructions"] >= max_instructions:
            # Returning None does not stop the tracing of a frame; this does.
            frame.f_trace_opcodes = False
            frame.f_trace = None
            return None
    elif event == "exception":
        record_exception(arg[0].__name__)
    return local


def record_exception(name: str) -> None:
    """Count an exception."""
    RAISED[name] = RAISED.get(name, 0) + 1


def prepare_counting() -> None:
    """Take a tool of Python 3.12, which counts in all threads; before that, trace all threads from now on."""
    if sys.version_info >= (3, 12):
        sys.monitoring.use_tool_id(TOOL, "festgate")
        return
    start = _thread.start_new_thread

    def started(function: Any, arguments: Any, *more: Any) -> Any:
        def traced(*args: Any, **named: Any) -> None:
            sys.settrace(trace)
            function(*args, **named)

        return start(traced, arguments, *more)

    _thread.start_new_thread = started
    threading._start_new_thread = started  # type: ignore[attr-defined]  # noqa: SLF001


def start_counting() -> None:
    """Count from now on."""
    if sys.version_info >= (3, 12):
        tools = sys.monitoring
        events = tools.events

        def instruction(code: types.CodeType, _offset: int) -> object:
            if not is_own(code):
                return tools.DISABLE
            COUNTS["instructions"] += 1
            if COUNTS["instructions"] >= max_instructions:
                tools.set_events(TOOL, events.PY_START | events.RAISE)
            return None

        def call(code: types.CodeType, _offset: int) -> None:
            if code.co_filename != OWN and not is_own(code):
                COUNTS["calls"] += 1

        def raised(code: types.CodeType, _offset: int, error: BaseException) -> None:
            if is_own(code):
                record_exception(type(error).__name__)

        tools.register_callback(TOOL, events.INSTRUCTION, instruction)
        tools.register_callback(TOOL, events.PY_START, call)
        tools.register_callback(TOOL, events.RAISE, raised)
        tools.set_events(TOOL, events.PY_START | events.RAISE)
    else:
        sys.settrace(trace)


def reset_counts() -> None:
    """Count from 0 again."""
    for name in COUNTS:
        COUNTS[name] = 0
    RAISED.clear()
    if sys.version_info >= (3, 12) and sys.monitoring.get_tool(TOOL):
        events = sys.monitoring.events
        sys.monitoring.set_events(TOOL, events.PY_START | events.RAISE | events.INSTRUCTION)


class Cursor(sqlite3.Cursor):
    """A cursor that counts the fetched rows."""

    def __next__(self) -> Any:
        row = super().__next__()
        COUNTS["rows"] += 1
        return row

    def fetchone(self) -> Any:
        row = super().fetchone()
        COUNTS["rows"] += row is not None
        return row

    def fetchmany(self, *arguments: Any, **named: Any) -> Any:
        rows = super().fetchmany(*arguments, **named)
        COUNTS["rows"] += len(rows)
        return rows

    def fetchall(self) -> Any:
        rows = super().fetchall()
        COUNTS["rows"] += len(rows)
        return rows


class Connection(sqlite3.Connection):
    """A connection with counting cursors that counts its statements."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        watch(self)

    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(factory)

    # The C code of these methods makes a plain cursor.
    def execute(self, *arguments: Any) -> Any:
        return self.cursor().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        return self.cursor().executemany(*arguments)

    def executescript(self, *arguments: Any) -> Any:
        return self.cursor().executescript(*arguments)


def watch(connection: sqlite3.Connection) -> None:
    """Start to count the statements and the steps of SQLite's virtual machine."""

    def statement(_text: str) -> None:
        COUNTS["statements"] += 1

    def step() -> None:
        COUNTS["steps"] += 1

    connection.set_trace_callback(statement)
    connection.set_progress_handler(step, 1)


def count_sql() -> None:
    """Count on every connection that is opened from now on, by each name that sqlite3 has for it."""
    connect = sqlite3.connect

    def counted(*arguments: Any, **named: Any) -> Any:
        if len(arguments) < 6:  # noqa: PLR2004  (the position of its factory)
            named.setdefault("factory", Connection)
        connection = connect(*arguments, **named)
        if not isinstance(connection, Connection):
            watch(connection)
        return connection

    for module in (sqlite3, sqlite3.dbapi2):
        module.connect = counted  # type: ignore[attr-defined]
        module.Connection = Connection  # type: ignore[attr-defined]


def insert_data(script: str) -> str:
    """Run the script that inserts the data, in a process with the same limits; return its last line if it failed."""
    command = [sys.executable, "-s", "-B", script]
    run = subprocess.run(  # noqa: S603  (confined as this process is)
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if run.returncode == 0:
        return ""
    lines = run.stdout.decode("utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    return f"{script} exited with code {run.returncode}: {last[:200]}"


def answer(control: socket.socket) -> None:
    """Answer requests on the control connection until it closes; then exit."""
    with contextlib.suppress(OSError, ValueError), control.makefile("rw", encoding="utf-8") as stream:
        for line in stream:
            command = json.loads(line)
            reply: object = None
            if command == "begin":
                reset_counts()
            elif command == "processor":
                reply = time.process_time()
            else:
                reply = {"counts": dict(COUNTS), "raised": dict(RAISED)}
            stream.write(json.dumps(reply) + "\n")
            stream.flush()
    os._exit(0)


def main() -> None:
    """Serve the app in the current folder."""
    config = json.loads(sys.stdin.readline())
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    descriptors = [int(number) for number in sys.argv[1:]]
    # The app's own reading of arguments must not see these.
    del sys.argv[1:]
    serve(config, descriptors)


def serve(config: dict[str, Any], descriptors: list[int]) -> None:
    """Serve the app with the two open sockets, if there are any."""
    global max_instructions  # noqa: PLW0603  (set once, at the start)
    if descriptors:
        control, listening = (socket.socket(fileno=number) for number in descriptors)
        # The app's child processes must not have these.
        control.set_inheritable(False)
        listening.set_inheritable(False)
    else:
        control = socket.create_connection(("127.0.0.1", config["control_port"]))
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))

    def send(**fields: object) -> None:
        control.sendall(json.dumps({"token": config["token"], **fields}).encode() + b"\n")

    # Not the folder of this file: the app must not import its modules.
    sys.path[0] = os.getcwd()
    try:
        import uvicorn  # noqa: PLC0415
    except ImportError as error:
        send(error=f"the interpreter has no uvicorn ({error})")
        return
    failure = insert_data(config["fill"]) if config["fill"] else ""
    _thread.start_new_thread(answer, (control,))
    if config["count"]:
        max_instructions = config["max_instructions"]
        count_sql()
        prepare_counting()
    server_config = uvicorn.Config(config["app"], log_level="warning", lifespan="on", access_log=False)
    server_config.load()
    if config["count"]:
        # Counting during imports would double the time of the start, and the counts of a request do not include
        # imports.
        start_counting()
    server = uvicorn.Server(server_config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    started = server.startup

    async def startup(sockets: Any = None) -> None:
        await started(sockets)
        # A script may need the tables that the app makes when it starts.
        if failure and (again := insert_data(config["fill"])):
            send(error=again)
            server.should_exit = True
        if not server.should_exit:
            send(port=listening.getsockname()[1], python=sys.version.split()[0])

    server.startup = startup  # type: ignore[method-assign]
    server.run([listening])


if __name__ == "__main__":
    main()
