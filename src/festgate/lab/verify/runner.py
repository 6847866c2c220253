"""Runs one app under limits, in the interpreter that it is handed in with; started as a program, never imported.

Standard library only, for any Python >= 3.10; uvicorn and the app's own packages are the interpreter's. Its standard
input is one line of JSON (see `serving.Order`). It calls back to the port that is named there, over which it says where
the app answers, and is asked what was counted: a line of JSON each way. Counted is what runs in this process, in
whichever thread:

instructions   bytecode of code that belongs neither to the standard library nor to installed packages
calls          calls of Python functions of those
statements     SQL statements, of any connection of sqlite3
rows           rows that were fetched
steps          instructions of SQLite's virtual machine
"""

from __future__ import annotations

import _thread
import contextlib
import json
import os
import socket
import sqlite3
import sys
import sysconfig
import threading
import types
from typing import Any

COUNTS = {"instructions": 0, "calls": 0, "statements": 0, "rows": 0, "steps": 0}
RAISED: dict[str, int] = {}
"""How often an error of that name was raised by the app's own code."""
OWN = os.path.abspath(__file__)
LIBRARIES = tuple(
    {
        os.path.join(os.path.realpath(path), "")
        for name, path in sysconfig.get_paths().items()
        if name in {"stdlib", "platstdlib", "purelib", "platlib"}
    }
    | {os.path.join(path, "") for path in sysconfig.get_paths().values()}
)
known: dict[str, bool] = {}
most = 0
"""Instructions of one request after which no more are counted."""


def is_own(code: types.CodeType) -> bool:
    """Whether it is the app's: not of a library, not of this file. Code made from text is."""
    name = code.co_filename
    found = known.get(name)
    if found is None:
        found = known[name] = name != OWN and not name.startswith(("<frozen", *LIBRARIES))
    return found


def trace(frame: types.FrameType, _event: str, _arg: object) -> Any:
    """Of every call, before Python 3.12."""
    code = frame.f_code
    if is_own(code):
        if COUNTS["instructions"] < most:
            frame.f_trace_lines = False
            frame.f_trace_opcodes = True
            return local
    elif code.co_filename != OWN:
        COUNTS["calls"] += 1
    return None


def local(frame: types.FrameType, event: str, arg: Any) -> Any:
    """Of every instruction of the app's own."""
    if event == "opcode":
        COUNTS["instructions"] += 1
        if COUNTS["instructions"] >= most:
            # None as an answer would change nothing: only this ends it.
            frame.f_trace_opcodes = False
            frame.f_trace = None
            return None
    elif event == "exception":
        tell_raised(arg[0].__name__)
    return local


def tell_raised(name: str) -> None:
    """Note it."""
    RAISED[name] = RAISED.get(name, 0) + 1


def count_by_tracing() -> None:
    """Python 3.10 and 3.11: in threads that are begun from now on, however they are."""
    start = _thread.start_new_thread

    def started(function: Any, arguments: Any, *more: Any) -> Any:
        def traced(*args: Any, **named: Any) -> None:
            sys.settrace(trace)
            function(*args, **named)

        return start(traced, arguments, *more)

    _thread.start_new_thread = started
    threading._start_new_thread = started  # type: ignore[attr-defined]  # noqa: SLF001
    sys.settrace(trace)


def count_by_monitoring() -> None:
    """From Python 3.12 on: in all threads."""
    if sys.version_info >= (3, 12):
        tools = sys.monitoring
        events = tools.events
        tools.use_tool_id(4, "festgate")

        def instruction(code: types.CodeType, _offset: int) -> object:
            if not is_own(code):
                return tools.DISABLE
            COUNTS["instructions"] += 1
            if COUNTS["instructions"] >= most:
                tools.set_events(4, events.PY_START | events.RAISE)
            return None

        def call(code: types.CodeType, _offset: int) -> None:
            if code.co_filename != OWN and not is_own(code):
                COUNTS["calls"] += 1

        def raised(code: types.CodeType, _offset: int, error: BaseException) -> None:
            if is_own(code):
                tell_raised(type(error).__name__)

        tools.register_callback(4, events.INSTRUCTION, instruction)
        tools.register_callback(4, events.PY_START, call)
        tools.register_callback(4, events.RAISE, raised)
        tools.set_events(4, events.PY_START | events.RAISE)


def begin_anew() -> None:
    """Count from 0."""
    for name in COUNTS:
        COUNTS[name] = 0
    RAISED.clear()
    if sys.version_info >= (3, 12) and sys.monitoring.get_tool(4):
        events = sys.monitoring.events
        sys.monitoring.set_events(4, events.PY_START | events.RAISE | events.INSTRUCTION)


class Cursor(sqlite3.Cursor):
    """Counts the rows that are taken from it."""

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
    """Gives such cursors, and counts what is done on it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        watch(self)

    def cursor(self, factory: Any = Cursor) -> Any:
        return super().cursor(factory)

    # In C these make a plain cursor.
    def execute(self, *arguments: Any) -> Any:
        return self.cursor().execute(*arguments)

    def executemany(self, *arguments: Any) -> Any:
        return self.cursor().executemany(*arguments)

    def executescript(self, *arguments: Any) -> Any:
        return self.cursor().executescript(*arguments)


def watch(connection: sqlite3.Connection) -> None:
    """Count its statements and the steps of SQLite's machine."""

    def statement(_text: str) -> None:
        COUNTS["statements"] += 1

    def step() -> None:
        COUNTS["steps"] += 1

    connection.set_trace_callback(statement)
    connection.set_progress_handler(step, 1)


def count_sql() -> None:
    """Of every connection that is opened from now on, through whichever name of sqlite3."""
    connect = sqlite3.connect

    def counted(*arguments: Any, **named: Any) -> Any:
        if len(arguments) < 6:  # noqa: PLR2004  (the place of its factory)
            named.setdefault("factory", Connection)
        connection = connect(*arguments, **named)
        if not isinstance(connection, Connection):
            watch(connection)
        return connection

    for module in (sqlite3, sqlite3.dbapi2):
        module.connect = counted  # type: ignore[attr-defined]
        module.Connection = Connection  # type: ignore[attr-defined]


def limit(limits: dict[str, int]) -> list[str]:
    """Set them; which of them this system does not have."""
    if sys.platform == "win32":
        return sorted(limits)
    import resource  # noqa: PLC0415  (Windows has none)

    missing = []
    for name, most_of in limits.items():
        try:
            kind = getattr(resource, f"RLIMIT_{name}")
            _, hard = resource.getrlimit(kind)
            most_hard = sys.maxsize if hard == resource.RLIM_INFINITY else hard
            # At the soft limit of processor time a signal of its own tells why; at the hard one it is only killed.
            spare = 1 if name == "CPU" else 0
            resource.setrlimit(kind, (min(most_of, most_hard), min(most_of + spare, most_hard)))
        except (AttributeError, ValueError, OSError):
            missing.append(name)
    return sorted(missing)


def answer(control: socket.socket) -> None:
    """What is asked over the line, until it is closed; then this process ends."""
    with contextlib.suppress(OSError, ValueError), control.makefile("rw", encoding="utf-8") as line:
        for asked in line:
            if json.loads(asked) == "begin":
                begin_anew()
                told: object = None
            else:
                told = {"counts": dict(COUNTS), "raised": dict(RAISED)}
            line.write(json.dumps(told) + "\n")
            line.flush()
    os._exit(0)


def main() -> None:
    """Serve the app that is in the current folder."""
    global most  # noqa: PLW0603  (the one figure that is set when it begins)
    order = json.loads(sys.stdin.readline())
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    missing = limit(order["limits"])
    control = socket.create_connection(("127.0.0.1", order["call"]))

    def tell(**fields: object) -> None:
        control.sendall(json.dumps({"token": order["token"], **fields}).encode() + b"\n")

    # Not the folder of this file: what lies there is nothing that the app may import.
    sys.path[0] = os.getcwd()
    try:
        import uvicorn  # noqa: PLC0415
    except ImportError as error:
        tell(error=f"it has no uvicorn ({error})")
        return
    _thread.start_new_thread(answer, (control,))
    if order["count"]:
        most = order["most"]
        count_sql()
        if sys.version_info >= (3, 12):
            count_by_monitoring()
        else:
            count_by_tracing()
    config = uvicorn.Config("main:app", log_level="warning", lifespan="on", access_log=False)
    config.load()
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    started = server.startup

    async def startup(sockets: Any = None) -> None:
        await started(sockets)
        if not server.should_exit:
            tell(port=listening.getsockname()[1], python=sys.version.split()[0], missing=missing)

    server.startup = startup  # type: ignore[method-assign]
    server.run([listening])


if __name__ == "__main__":
    main()
