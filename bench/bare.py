"""A bare Starlette app that returns fixed bytes: the limit that the portal is measured against.

    python -m bench.bare PORT PAGES.json

PAGES.json maps each path to a file and its headers. The server is the portal's own (uvicorn with uvloop and httptools,
with the settings of `festgate.server.worker`), so only the application differs.
"""

import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from festgate.server.sockets import listen
from festgate.server.worker import server_config
from festgate.settings import Settings


def returning(body: bytes, headers: Mapping[str, str]) -> Callable[[Request], Awaitable[Response]]:
    """Return an endpoint that always sends this body."""

    async def endpoint(_request: Request) -> Response:
        return Response(body, 200, headers)

    return endpoint


def app_of(pages: Mapping[str, Any], folder: Path) -> Starlette:
    """Return the app for the content of PAGES.json."""
    return Starlette(
        routes=[
            Route(path, returning((folder / page["file"]).read_bytes(), page["headers"]), methods=["GET"])
            for path, page in pages.items()
        ]
    )


def main(port: int, pages_file: Path) -> None:
    """Serve until SIGTERM."""
    settings = Settings(host=("127.0.0.1",), port=port)
    app = app_of(json.loads(pages_file.read_text(encoding="utf-8")), pages_file.parent)
    uvicorn.Server(server_config(app, settings)).run(sockets=listen(settings.host, settings.port))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
