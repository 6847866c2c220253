"""Fork confined runners from a process that has imported the packages of an app; a program, which is never imported.

It needs 0.5 s of processor time to import them; a process that is forked afterwards has them at once. No submitted code
runs here, only in the forked processes. Standard library only, for any Python >= 3.10.

The only argument is the number of an open socket. Over it this program sends the names of all modules that it has
imported, as JSON, and then receives requests: JSON objects with two file descriptors, for the output of the process and
for its status. Its process id and later its exit code are written there, one number a line.

folder       the working folder
environment  variables that are added
confinement  the configuration of `confinement`
runner       the configuration of `runner`
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import select
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types

assert sys.platform != "win32"  # noqa: S101  (forks.py does not start it there)
FOLDER = os.path.dirname(os.path.abspath(__file__))
PACKAGES = (
    "uvicorn",
    "uvicorn.lifespan.on",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "fastapi",
    "fastapi.responses",
    "fastapi.staticfiles",
    "fastapi.templating",
    "jinja2.ext",
    "anyio._backends._asyncio",
    "python_multipart",
)
"""The server, and what apps of a course import; any of them may be missing."""
MAX_REQUEST = 1 << 16


def load(name: str) -> types.ModuleType:
    """Load a program of this folder as a module, without an entry among the modules that an app could see."""
    spec = importlib.util.spec_from_file_location(name, os.path.join(FOLDER, f"{name}.py"))
    assert spec is not None  # noqa: S101  (a file)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def import_packages() -> list[str]:
    """Import the packages that exist; return the first names of all imported modules."""
    # Not from the folder of this file.
    own = sys.path.pop(0)
    for name in PACKAGES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    sys.path.insert(0, own)
    return sorted({name.partition(".")[0] for name in sys.modules})


def next_request(requests: socket.socket) -> dict[str, Any]:
    """Fork a process for each request, and return the request there; exit when the connection closes."""
    poll = select.poll()
    poll.register(requests, select.POLLIN)
    running: dict[int, tuple[int, int]] = {}
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in running:
                process, status = running.pop(descriptor)
                poll.unregister(descriptor)
                os.close(descriptor)
                _, code = os.waitpid(process, 0)
                send(status, os.waitstatus_to_exitcode(code))
                os.close(status)
                continue
            message, files, _, _ = socket.recv_fds(requests, MAX_REQUEST, 2)
            if not message:
                sys.exit()
            output, status = files
            process = os.fork()
            if process == 0:
                os.dup2(output, 1)
                os.dup2(output, 2)
                # A forked process that kept this connection could fork others, without confinement.
                requests.detach()
                os.closerange(3, 65_536)
                request: dict[str, Any] = json.loads(message)
                return request
            os.close(output)
            send(status, process)
            watched = os.pidfd_open(process)  # type: ignore[attr-defined,unused-ignore]
            running[watched] = (process, status)
            poll.register(watched, select.POLLIN)


def send(status: int, number: int) -> None:
    """Write a number; the reader may have gone."""
    with contextlib.suppress(OSError):
        os.write(status, b"%d\n" % number)


def main() -> None:
    """Import the packages; fork, and serve an app in each forked process."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    runner, confinement = load("runner"), load("confinement")
    names = import_packages()
    # The collector would copy the pages that all processes share.
    gc.collect()
    gc.freeze()
    requests.send(json.dumps(names).encode())
    request = next_request(requests)
    os.setsid()
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    # As if the runner had been started.
    sys.argv[:] = [str(runner.__file__)]
    runner.__name__, runner.__spec__ = "__main__", None
    sys.modules["__main__"] = runner
    runner.serve(request["runner"], confinement.confine(request["confinement"]))


if __name__ == "__main__":
    main()
