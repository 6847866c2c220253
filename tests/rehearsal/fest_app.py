"""A small Flask app with a fest's events, and the same events as a database for datasette.

Both answer the same paths below /fest. Only the app takes orders and has sessions; and it counts what it was asked,
so that a load generator's figures can be checked at the target.
"""

import sqlite3
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flask import Flask, Response, jsonify, redirect, request, session
from werkzeug import Response as BaseResponse
from werkzeug.serving import WSGIRequestHandler, make_server

EVENTS: Final = tuple(
    {"id": number, "title": title, "price": 100 * number}
    for number, title in enumerate(
        ("Garba night", "Kite morning", "Film club", "Chess evening", "Book fair"), start=1
    )
)
PREFLIGHT: Final = "python-httpx"
"""The beginning of the name of the client that looks whether the target answers, before a run."""


def write_database(file: Path) -> None:
    """Write the events into a new SQLite database; datasette calls it by the stem of the file's name."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, title TEXT, price INTEGER)")
        connection.executemany("INSERT INTO events VALUES (:id, :title, :price)", EVENTS)


@dataclass
class Served:
    """A server that runs, and the requests it has answered."""

    url: str
    asked: Counter[str] = field(default_factory=Counter)
    """The number of requests of each method and path."""
    variables: dict[str, str] = field(default_factory=dict)
    """Variables of the environment with which locustfiles reach it."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """Serve the app on a free loopback port until the block ends."""
    asked: Counter[str] = Counter()
    server = make_server(
        "127.0.0.1", 0, _app(asked), threaded=True, request_handler=_Handler, ssl_context=tls
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Served(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}", asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object, **_more: object) -> None:
        return


def _app(asked: Counter[str]) -> Flask:
    app = Flask("fest")
    app.secret_key = "of a fest that lasts for some seconds"
    lock = threading.Lock()

    @app.before_request
    def count() -> None:
        if not request.headers.get("User-Agent", "").startswith(PREFLIGHT):
            with lock:
                asked[f"{request.method} {request.path}"] += 1

    _add_events(app)
    _add_orders(app)
    _add_sessions(app)
    return app


def _add_events(app: Flask) -> None:
    @app.get("/")
    @app.get("/fest")
    def home() -> str:
        return "<h1>Fest</h1>"

    @app.get("/fest/events.json")
    def events() -> Response:
        return jsonify(EVENTS)

    @app.get("/fest/events/<int:number>.json")
    def event(number: int) -> tuple[Response, int]:
        rows = [one for one in EVENTS if one["id"] == number]
        return jsonify(rows), 200 if rows else 404


def _add_orders(app: Flask) -> None:
    @app.route("/fest/orders", methods=["GET", "POST"])
    def orders() -> tuple[str, int]:
        if request.method == "GET":
            return "no orders", 200
        return ("ordered", 201) if request.get_json()["event"] else ("no such event", 422)

    @app.route("/fest/orders/<int:number>", methods=["PUT", "PATCH", "DELETE"])
    def order(number: int) -> tuple[str, int]:
        return ("", 204) if request.method == "DELETE" else (f"order {number}", 200)


def _add_sessions(app: Flask) -> None:
    @app.route("/login", methods=["GET", "POST"])
    def login() -> BaseResponse:
        if request.method == "GET":
            return redirect("/")
        session["name"] = request.form["name"]
        return redirect("/me")

    @app.get("/me")
    def me() -> tuple[str, int]:
        return (f"tickets of {session['name']}", 200) if "name" in session else ("sign in first", 401)
