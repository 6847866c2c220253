"""Running the portal: sockets, worker processes, reload."""

import errno
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import ChangeReload, Multiprocess

from festgate.app import create_app
from festgate.kit.errors import StartupError
from festgate.kit.logging import configure
from festgate.kit.metrics import MULTIPROCESS_VARIABLE
from festgate.settings import Settings

BACKLOG = 4096
"""Connections that the kernel holds until they are accepted: the first second of an opening."""
LONGEST_GOODBYE = 15
"""Seconds that requests under way have to end when the server is asked to stop."""
LONGEST_SILENCE = 30
"""Seconds in which a worker process has to say that it lives, from its start. With uvicorn's five, a busy machine on
which a worker takes longer to import its code kills each one as it gets ready, and starts the next, for ever."""
NOT_STARTED = 3
"""Exit code when the server could not start for a reason that it has logged."""


def serve(settings: Settings, sockets: Sequence[socket.socket], *, reload: bool = False) -> int:
    """Serve until SIGINT or SIGTERM. The process's exit code: 0, or 3 when it could not start."""
    factory = partial(application, settings)
    if settings.workers == 1 and not reload:
        server = uvicorn.Server(server_config(factory(), settings))
        # Once it has ended in good order, uvicorn raises the signal that ended it again.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with suppress(KeyboardInterrupt):
            server.run(sockets=list(sockets))
        return 0 if server.started else NOT_STARTED
    with tempfile.TemporaryDirectory(prefix="festgate-metrics-") as folder:
        # The workers' environment, which they are given before they import the metrics library.
        os.environ[MULTIPROCESS_VARIABLE] = folder
        factory()  # whatever is wrong with the settings is said once, here
        config = server_config(factory, settings, reload=reload)
        if reload:
            ChangeReload(config, target=uvicorn.Server(config).run, sockets=list(sockets)).run()
        else:
            Multiprocess(config, sockets=list(sockets)).run()
    return 0


def application(settings: Settings) -> ASGIApp:
    """The portal, in the process that serves it."""
    configure(settings.log_format, settings.log_level)
    return create_app(settings)


def listen(settings: Settings) -> list[socket.socket]:
    """A listening socket for each address of the settings; port 0 takes a free one, the same for all.

    An address that this machine does not have (often ::1, where IPv6 is off) is passed over as long as another is
    there. Raises StartupError when the port is taken.
    """
    sockets: list[socket.socket] = []
    port = settings.port
    missing: OSError | None = None
    for host in settings.host:
        try:
            sockets.append(_listen(host, port))
        except socket.gaierror as error:
            _close(sockets)
            msg = f"The address {host} to listen on is not known: {error.strerror}."
            raise StartupError(msg) from error
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                missing = error
                continue
            _close(sockets)
            raise StartupError(_sentence(host, port, error)) from error
        port = sockets[0].getsockname()[1]
    if not sockets:
        msg = f"This machine has none of the addresses {', '.join(settings.host)}: {missing}."
        raise StartupError(msg)
    return sockets


def server_config(
    app: ASGIApp | Callable[[], ASGIApp], settings: Settings, *, reload: bool = False
) -> uvicorn.Config:
    """How uvicorn serves the portal; the benchmark serves its bare route the same way."""
    config = uvicorn.Config(
        app,
        factory=isinstance(app, partial),
        reload=reload,
        workers=settings.workers,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.trusted_proxies),
        backlog=BACKLOG,
        timeout_graceful_shutdown=LONGEST_GOODBYE,
        timeout_worker_healthcheck=LONGEST_SILENCE,
    )
    if reload:
        # Set afterwards: uvicorn itself watches nothing for an application that it does not import by its name.
        config.reload_dirs = [Path(__file__).parent]
        # Needs watchfiles (a development dependency); without it only Python files are watched.
        config.reload_includes = ["*.html", "*.css", "*.js", "*.txt"] if find_spec("watchfiles") else []
    return config


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    made = socket.socket(family, kind, protocol)
    try:
        if sys.platform != "win32":  # there it would let two programs share the port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.set_inheritable(True)
    except BaseException:
        made.close()
        raise
    return made


def _close(sockets: list[socket.socket]) -> None:
    for each in sockets:
        each.close()


def _sentence(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program. Stop it, or choose another with --port."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"This account may not listen on port {port} of {host}. Choose a port above 1023 with --port."
    return f"Cannot listen on port {port} of {host}: {error.strerror}."
