"""An organiser at work: the requests of the office, and the command `python -m bench.organiser PORT`.

The command serves the portal at PORT with the settings of its environment. It requests the dashboard, a search and an
export again and again until SIGTERM; BENCH_ORGANISER is the session token.
"""

import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlencode

from bench.office_fest import REGISTRATIONS
from bench.processes import TIMEOUT, BenchError, Program, running, wait_for

SESSION: Final = "BENCH_ORGANISER"
DASHBOARD: Final = "/organise"
SEARCH: Final = "/organise/guests?q=asha+sharma&sort=name"
COLUMNS: Final = (
    "registration",
    "event",
    "name",
    "email",
    "ticket",
    "state",
    "amount",
    "currency",
    "method",
    "order",
    "registered",
    "checked-in",
)
PAUSES: Final[dict[Literal["dashboard", "search", "export"], float]] = {
    "dashboard": 5.0,
    "search": 5.0,
    "export": 30.0,
}
"""Seconds from one request to the next: the dashboard refreshes by itself, a name is looked up, and now and then all
guests are exported."""


@dataclass(frozen=True)
class Answer:
    """The times of a response, in seconds from the request, its size, and its tag."""

    first: float
    whole: float
    size: int
    tag: str = ""


@dataclass(frozen=True)
class Organiser:
    """A person with an open session at the portal on that port."""

    port: int
    token: str

    def request(self, path: str, form: str | None = None, tag: str = "") -> Answer:
        """Send a request, with the tag of the page that is shown. Raise BenchError for another response than 200.

        With a tag, 304 is a response, too.
        """
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        headers = {"cookie": f"festgate_session={self.token}"} | ({"if-none-match": tag} if tag else {})
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        try:
            connection.request("GET" if form is None else "POST", path, form, headers)
            response = connection.getresponse()
            size = len(response.read(1))
            first = time.perf_counter() - began
            while piece := response.read1(1 << 16):
                size += len(piece)
            whole = time.perf_counter() - began
        except (OSError, HTTPException) as error:
            msg = f"{path}: {error!r}"
            raise BenchError(msg) from error
        finally:
            connection.close()
        if response.status != 200 and not (tag and response.status == 304):
            msg = f"{path} returned {response.status}"
            raise BenchError(msg)
        return Answer(first, whole, size, response.getheader("etag", ""))

    def export(self) -> Answer:
        """Export all registrations as CSV."""
        fields = {"format": "csv", "state": "all"} | {f"column_{name}": "1" for name in COLUMNS}
        answer = self.request("/organise/guests/export", urlencode(fields))
        if answer.size < REGISTRATIONS * 80:
            msg = f"the export has only {answer.size} bytes"
            raise BenchError(msg)
        return answer

    def work(self, program: Program, ended: threading.Event) -> None:
        """Send all requests in turn, with their pauses, until `ended`. Raise BenchError if the program ends first."""
        due, tag = dict.fromkeys(PAUSES, time.monotonic()), ""
        while True:
            name = min(due, key=lambda one: due[one])
            if ended.wait(max(0.0, due[name] - time.monotonic())):
                return
            program.assert_running()
            due[name] = time.monotonic() + PAUSES[name]
            if name == "export":
                self.export()
            elif name == "search":
                self.request(SEARCH)
            else:
                tag = self.request(DASHBOARD, tag=tag).tag


def main(port: int) -> None:
    """Serve the portal at `port`, and work until SIGTERM."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    words = [sys.executable, "-m", "festgate", "serve", "--port", str(port)]
    settings = {name: value for name, value in os.environ.items() if name.startswith("FESTGATE_")}
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "portal.log"
        with running(words, log_file=log, environment=settings, folder=Path(folder)) as program:
            wait_for(program, port, "/readyz")
            Organiser(port, os.environ[SESSION]).work(program, ended)


if __name__ == "__main__":
    main(int(sys.argv[1]))
