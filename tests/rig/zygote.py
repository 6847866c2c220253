"""A process that has imported the program and forks for each command: `python -m tests.rig.zygote MODULE...`.

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
from typing import Any

STANDARD = 3
"""Standard input, output and error."""
MAX_REQUEST = 1 << 20
MAX_FILE = 1 << 20


def serve(control: socket.socket) -> list[str] | None:
    """Fork for each request. Return the command's words in the forked process, None after the client has ended."""
    # The kernel reaps the processes that wait for a command.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        data, files, _, _ = socket.recv_fds(control, MAX_REQUEST, STANDARD + 1)
        if not data:
            return None
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            return begin(json.loads(data), files)
        for number in files:
            os.close(number)


def begin(request: dict[str, object], files: list[int]) -> list[str]:
    """Fork again; the child becomes the command, and this process waits and reports its exit code."""
    *standard, status = files
    child = os.fork()
    if child:
        for number in standard:
            os.close(number)
        os.write(status, f"{child}\n".encode())
        _, ended = os.waitpid(child, 0)
        # The client may have ended.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        try:
            os.write(status, f"{os.waitstatus_to_exitcode(ended)}\n".encode())
        finally:
            os._exit(0)
    os.close(status)
    environment, words = request["environment"], request["words"]
    assert isinstance(environment, dict)
    assert isinstance(words, list)
    become(standard, environment, str(request["folder"]), new_session=True)
    return words


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
            os.close(copy)
    for number, name, errors in ((1, "stdout", "strict"), (2, "stderr", "backslashreplace")):
        # The old ones expect a file or a pipe as this process was given, and a command may get a terminal.
        unbuffered = open(number, "wb", buffering=0, closefd=False)  # noqa: SIM115
        setattr(sys, name, io.TextIOWrapper(unbuffered, encoding="utf-8", errors=errors, write_through=True))
    variables = dict(environment)
    os.environ.clear()
    os.environ.update(variables)
    if folder is not None:
        os.chdir(folder)


class Popen(subprocess.Popen[Any]):
    """A process that is forked where it would run `python -m festgate`: so a command starts its portal."""

    own_files = STANDARD
    """The first number of a file that was opened after the imports."""

    def _execute_child(self, *arguments: Any) -> None:  # noqa: ANN401  (internal to subprocess)
        words, folder, variables = arguments[0], arguments[5], arguments[6]
        pipes, new_session = arguments[10:16], arguments[21]
        variables = os.environ if variables is None else variables
        is_ours = isinstance(words, list) and words[:3] == [sys.executable, "-m", "festgate"]
        same_code = variables.get("PYTHONPATH") == os.environ.get("PYTHONPATH")
        if not (is_ours and same_code and threading.current_thread() is threading.main_thread()):
            super()._execute_child(*arguments)  # type: ignore[misc]
            return
        self.pid = os.fork()
        if self.pid == 0:
            # Nothing of the parent is collected or ended here.
            gc.freeze()
            atexit._clear()  # noqa: SLF001
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            folder = None if folder is None else os.fspath(folder)
            become((pipes[0], pipes[3], pipes[5]), variables, folder, new_session=new_session)
            os.closerange(self.own_files, MAX_FILE)
            os._exit(run(words[3:]))
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


def main() -> None:
    """Import the modules of the command line, then serve on standard input, which is a socket."""
    with socket.socket(fileno=os.dup(0)) as control:
        for name in sys.argv[1:]:
            import_all(name)
        subprocess.Popen = Popen  # type: ignore[misc]
        with open(os.devnull) as nothing:  # noqa: PTH123  (pathlib is not needed otherwise)
            Popen.own_files = nothing.fileno()
        # Memory is shared with forked processes until it is written to, which the garbage collector would do.
        gc.freeze()
        words = serve(control)
    if words is not None:
        os._exit(run(words))


def import_all(name: str) -> None:
    """Import a module, or all modules of `PACKAGE.*` except migrations."""
    package = import_module(name.removesuffix(".*"))
    if name.endswith(".*"):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name:
                import_module(module.name)


def run(words: list[str]) -> int:
    """Run the command and the exit handlers; return its exit code."""
    sys.argv = ["festgate", *words]
    code = 1
    try:
        import_module("festgate.cli").main()
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
