"""Locust's web page of a run. It shows the run; the load is the plan's and cannot be changed there."""

from typing import Final

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import Runner
from locust.stats import stats_history

from festgate.rehearsal.load.locustfile import CannotStart

HOST: Final = "127.0.0.1"
LOAD_IS_FIXED: Final = "The plan fixes the load; it cannot be changed during the run."


def open_page(environment: Environment, runner: Runner, port: int, stopped: Event) -> str:
    """Serve the page until this process ends; return its address. Its Stop button ends the run. Raises CannotStart."""
    page = environment.create_web_ui(HOST, port, delayed_start=True)

    def swarm() -> dict[str, object]:
        return {"success": False, "message": LOAD_IS_FIXED, "host": environment.host}

    def stop() -> dict[str, object]:
        stopped.set()
        return {"success": True, "message": "The run is stopped early and kept."}

    if page.app is not None:
        page.app.view_functions |= {"locust.swarm": swarm, "locust.stop": stop}
    page.start()  # type: ignore[no-untyped-call]
    gevent.spawn(stats_history, runner)
    while page.server is None or not page.server.started:
        if page.greenlet is None or page.greenlet.ready():
            msg = f"Locust's web page cannot be served on port {port} of {HOST}."
            raise CannotStart(msg)
        gevent.sleep(0.01)
    return f"http://{HOST}:{port}"
