"""A process that has imported a program and forks for each start of it: `python -m tests.rig.zygote MODULE...`.

`PACKAGE.*` are all modules of a package except migrations.

Imports take nine tenths of the time of a command, and the tests run hundreds. A forked command is an ordinary process
with its own id, group, environment, folder, files, signals and exit code. `tests.rig.command` is the client.
"""

import atexit
import contextlib
import gc
import io
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module

# Those of the kernel: Locust replaces them in their modules by versions for its own event loop.
from os import close, fork, waitpid
from runpy import run_module
from signal import signal as set_handler
from typing import Any

from tests.rig import command

STANDARD = 3
"""Standard input, output and error."""
MAX_REQUEST = 1 << 20
MAX_FILE = 1 << 20
subprocess_popen = subprocess.Popen
LOAD_GENERATOR = "festgate.rehearsal.load"
PROGRAMS_WITH_GEVENT = (LOAD_GENERATOR, "locust")


def serve(control: socket.socket) -> Mapping[str, Any] | None:
    """Fork for each request. Return the request in the forked process, None after the client has ended."""
    # The kernel reaps the processes that wait for a command.
    set_handler(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, files, _, _ = socket.recv_fds(control, MAX_REQUEST, STANDARD + 1)
        if not data:
            return None
        if fork() == 0:
            set_handler(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            request: Mapping[str, Any] = json.loads(data)
            begin(request, files)
            return request
        for number in files:
            close(number)


def begin(request: Mapping[str, Any], files: list[int]) -> None:
    """Fork again; the child becomes the command, and this process waits and reports its exit code."""
    *standard, status = files
    child = fork()
    if child:
        for number in standard:
            close(number)
        os.write(status, f"{child}\n".encode())
        _, ended = waitpid(child, 0)
        # The client may have ended.
        set_handler(signal.SIGPIPE, signal.SIG_IGN)
        try:
            os.write(status, f"{os.waitstatus_to_exitcode(ended)}\n".encode())
        finally:
            os._exit(0)
    close(status)
    become(standard, request["environment"], request["folder"], new_session=request["new_session"])
    for number in standard:
        close(number)


def become(
    standard: Sequence[int], environment: Mapping[str, str], folder: str | None, *, new_session: bool
) -> None:
    """Give this process other standard files (-1 keeps one), another environment and another folder."""
    if new_session:
        os.setsid()
    copies = [number if number < 0 else os.dup(number) for number in standard]
    for number, copy in enumerate(copies):
        if copy >= 0:
            os.dup2(copy, number)
            close(copy)
    for number, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        # The old ones expect a file or a pipe as this process was given, and a command may get a terminal.
        unbuffered = open(number, "wb", buffering=0, closefd=False)  # noqa: SIM115
        setattr(sys, name, io.TextIOWrapper(unbuffered, encoding="utf-8", errors=errors, write_through=True))
    variables = dict(environment)
    os.environ.clear()
    os.environ.update(variables)
    # The interpreter looks at the variable only when it starts.
    sys.dont_write_bytecode = bool(variables.get("PYTHONDONTWRITEBYTECODE"))
    if folder is not None:
        os.chdir(folder)


class Popen(command.ForkedPopen):
    """A process that is forked where it would run a program of Festgate: so a command starts its portal."""

    own_files = STANDARD
    """The first number of a file that was opened after the imports."""
    forks_all = False
    """True if programs that cannot be forked from this process are forked from others. They are not its children."""

    def _execute_child(self, *arguments: Any) -> None:  # noqa: ANN401  (internal to subprocess)
        start = command.Start.of(arguments)
        on_main_thread = threading.current_thread() is threading.main_thread()
        if start.program == "festgate" and start.can_be_forked and on_main_thread:
            self._fork_here(start)
        elif self.forks_all:
            super()._execute_child(*arguments)
        else:
            subprocess_popen._execute_child(self, *arguments)  # type: ignore[attr-defined]  # noqa: SLF001

    def _fork_here(self, start: command.Start) -> None:
        self.pid = fork()
        if self.pid == 0:
            # Nothing of the parent is collected or ended here.
            gc.freeze()
            atexit._clear()  # noqa: SLF001
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            become(start.files, start.environment, start.folder, new_session=start.new_session)
            os.closerange(self.own_files, MAX_FILE)
            os._exit(run(start.program, start.words))
        self._child_created = True
        self._close_pipe_fds(*start.pipes)  # type: ignore[attr-defined]


def main() -> None:
    """Wait for the first request on standard input, which is a socket, import the modules, and serve.

    The first argument has sockets for requests to other zygotes, as JSON, the others are the modules.
    """
    with socket.socket(fileno=os.dup(0)) as control:
        if not control.recv(1, socket.MSG_PEEK):
            return
        for program, number in json.loads(sys.argv[1]).items():
            command.ZYGOTES[command.PROGRAMS[program]] = socket.socket(fileno=number)
        import_modules(sys.argv[2:])
        with open(os.devnull) as nothing:  # noqa: PTH123  (pathlib is not needed otherwise)
            Popen.own_files = nothing.fileno()
        # Memory is shared with forked processes until it is written to, which the garbage collector would do.
        gc.freeze()
        request = serve(control)
    if request is not None:
        Popen.forks_all = request["forks_all"]
        os._exit(run(request["program"], request["words"]))


def import_modules(names: Sequence[str]) -> None:
    """Import the modules, and have subprocess fork where it can."""
    if any(name.startswith(LOAD_GENERATOR) for name in names):
        # What `python -m festgate.rehearsal.load` does before it imports Locust.
        events = import_module("gevent.events")
        setattr(events, "notify_and_call_entry_points", events.notify)  # noqa: B010  (without a type)
    for name in names:
        import_all(name)
    if "gevent" not in sys.modules:
        subprocess.Popen = Popen  # type: ignore[misc]


def import_all(name: str) -> None:
    """Import a module, or all modules of `PACKAGE.*` except migrations."""
    package = import_module(name.removesuffix(".*"))
    if name.endswith(".*"):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:
                import_module(module.name)


def run(program: str, words: list[str]) -> int:
    """Run `python -m PROGRAM WORDS...` and the exit handlers; return its exit code."""
    sys.argv = [program, *words]
    if program in PROGRAMS_WITH_GEVENT:
        # The event loop of the parent process is not used in this one, and its clock stood still meanwhile.
        gevent = import_module("gevent")
        gevent.reinit()
        gevent.get_hub().loop.update_now()
    if program in PROGRAMS_WITH_GEVENT or program == "uvicorn":
        # Locustfiles and apps may import modules of the folder, as `python -m` lets them.
        sys.path[0] = os.getcwd()  # noqa: PTH109  (pathlib is not needed otherwise)
    code = 1
    try:
        run_module(program, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except BaseException:  # noqa: BLE001  (as the interpreter does it)
        traceback.print_exc()
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()  # noqa: SLF001  (nothing else calls them without ending the process)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    return code


if __name__ == "__main__":
    main()
