"""A process that has imported the program and forks for each command: `python -m tests.rig.zygote MODULE...`.

Imports take nine tenths of the time of a command, and the tests run hundreds. A forked command is an ordinary process
with its own id, group, environment, folder, files, signals and exit code. `tests.rig.command` is the client.
"""

import atexit
import contextlib
import gc
import json
import os
import signal
import socket
import sys
import threading
import traceback
from importlib import import_module

STANDARD = 3
"""Standard input, output and error."""
MAX_REQUEST = 1 << 20


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
    os.setsid()
    for number, opened in enumerate(standard):
        os.dup2(opened, number)
        os.close(opened)
    os.close(status)
    environment, words = request["environment"], request["words"]
    assert isinstance(environment, dict)
    assert isinstance(words, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(request["folder"]))
    return words


def main() -> None:
    """Import the modules of the command line, then serve on standard input, which is a socket."""
    with socket.socket(fileno=os.dup(0)) as control:
        for module in sys.argv[1:]:
            import_module(module)
        # Memory is shared with forked processes until it is written to, which the garbage collector would do.
        gc.freeze()
        words = serve(control)
    if words is not None:
        os._exit(run(words))


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
