"""`festgate` for the shell of a reader, without the imports: a small program that has the command forked by the tests.

The program sends the command over a socket to this process, in which `tests.rig.command` starts it.
"""

import atexit
import json
import shutil
import socket
import sys
import tempfile
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path
from threading import Thread

from tests.rig import command

PROGRAM = """#!{python} -IS
import json, os, socket, sys
request = {{"words": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as tests:
    tests.connect({address!r})
    socket.send_fds(tests, [json.dumps(request).encode()], [0, 1, 2])
    sys.exit(int(tests.recv(64)))
"""
MAX_REQUEST = 1 << 20


@cache
def folder_for_path() -> Path:
    """Return a folder with the program, for the beginning of PATH."""
    folder = Path(tempfile.mkdtemp(prefix="festgate-docs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = folder / "tests.socket"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(address))
    listener.listen()
    program = folder / "festgate"
    program.write_text(PROGRAM.format(python=sys.executable, address=str(address)), encoding="utf-8")
    program.chmod(0o755)
    Thread(target=_accept, args=(listener,), daemon=True).start()
    return folder


def _accept(listener: socket.socket) -> None:
    while True:
        shell, _ = listener.accept()
        Thread(target=_run, args=(shell,), daemon=True).start()


def _run(shell: socket.socket) -> None:
    """Run the command of a shell, and send its exit code."""
    with shell:
        data, descriptors, _, _ = socket.recv_fds(shell, MAX_REQUEST, 3)
        request = json.loads(data)
        with ExitStack() as stack:
            # Not kept open here: the terminal ends when its last writer has closed it.
            files = [stack.enter_context(open(number, "rb", buffering=0)) for number in descriptors]  # noqa: PTH123
            process = command.start(
                request["words"],
                request["environment"],
                *files,
                folder=Path(request["folder"]),
                modules=command.REHEARSAL,
                forks_all=True,
            )
        with suppress(OSError):
            shell.send(str(process.wait()).encode())
