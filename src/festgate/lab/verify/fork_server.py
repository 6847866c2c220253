"""Fork confined programs from a process that has imported their packages; a program, which is never imported.

It needs 0.5 s of processor time to import them and to use them once; a process that is forked afterwards has them at
once. No submitted code runs here, only in the forked processes. Standard library only, for any Python >= 3.10.

The arguments are the number of an open socket and the name of the program, `runner` or `load_recorder`. Over the socket
this program sends the names of the modules that an app must not have, as JSON, and then receives requests: JSON objects
with two file descriptors, for the output of the process and for its status. Its process id and later its exit code are
written there, one number a line.

folder       the working folder
environment  variables that are added
confinement  the configuration of `confinement`
program      the configuration of the program
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types

assert sys.platform != "win32"  # noqa: S101  (forks.py does not start it there)

# Those of the kernel: Locust replaces them in their modules by versions for its own event loop.
from os import fork, waitpid  # noqa: E402
from select import POLLIN, poll  # noqa: E402

RUNNER = "runner"
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


def use_packages() -> None:
    """Declare a page and compile a template, as each app does: only then some packages import others."""
    with contextlib.suppress(Exception):
        # Those of the app's environment, not of Festgate.
        fastapi: Any = importlib.import_module("fastapi")
        jinja2: Any = importlib.import_module("jinja2")

        def page(request: Any, number: int, name: str = "", text: str = fastapi.Form("")) -> None:  # noqa: ANN401
            """Return nothing: it is never requested."""

        # As text, an annotation would be looked up among the names of this module.
        page.__annotations__ = {"request": fastapi.Request, "number": int, "name": str, "text": str}
        app = fastapi.FastAPI()
        app.get("/{number}")(page)
        app.post("/{number}")(page)
        lines = "{% block all %}{% for each in names %}{{ each['a'].b | upper }}{% endfor %}{% endblock %}"
        jinja2.Environment(autoescape=True).from_string(lines).render(names=[])


def import_packages() -> list[str]:
    """Import the packages that exist and use them; return the first names of all imported modules."""
    for name in PACKAGES:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    use_packages()
    return sorted({name.partition(".")[0] for name in sys.modules})


def next_request(requests: socket.socket) -> dict[str, Any]:
    """Fork a process for each request, and return the request there; exit when the connection closes."""
    waiting = poll()
    waiting.register(requests, POLLIN)
    running: dict[int, tuple[int, int]] = {}
    while True:
        for descriptor, _ in waiting.poll():
            if descriptor in running:
                process, status = running.pop(descriptor)
                waiting.unregister(descriptor)
                os.close(descriptor)
                _, code = waitpid(process, 0)
                send(status, os.waitstatus_to_exitcode(code))
                os.close(status)
                continue
            message, files, _, _ = socket.recv_fds(requests, MAX_REQUEST, 2)
            if not message:
                sys.exit()
            output, status = files
            process = fork()
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
            waiting.register(watched, POLLIN)


def send(status: int, number: int) -> None:
    """Write a number; the reader may have gone."""
    with contextlib.suppress(OSError):
        os.write(status, b"%d\n" % number)


def main() -> None:
    """Load the program with its packages; fork, and run it in each forked process."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    # Nothing is imported from the folder of this file.
    own = sys.path.pop(0)
    confinement, program = load("confinement"), load(sys.argv[2])
    names: list[str] = []
    if sys.argv[2] == RUNNER:
        names = import_packages()
        # The runner puts the app's folder in its place.
        sys.path.insert(0, own)
    # The collector would copy the pages that all processes share.
    gc.collect()
    gc.freeze()
    requests.send(json.dumps(names).encode())
    request = next_request(requests)
    os.setsid()
    os.chdir(request["folder"])
    os.environ.update(request["environment"])
    # As if the program had been started.
    sys.argv[:] = [str(program.__file__)]
    program.__name__, program.__spec__ = "__main__", None
    sys.modules["__main__"] = program
    program.serve(request["program"], confinement.confine(request["confinement"]))


if __name__ == "__main__":
    main()
