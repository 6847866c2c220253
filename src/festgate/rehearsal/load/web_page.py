"""Locust's own web page of a run. It shows; what is sent is the plan's, as the run's folder says it was."""

from typing import Final

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.runners import Runner
from locust.stats import stats_history

from festgate.rehearsal.load.locustfile import Unplayable

HOST: Final = "127.0.0.1"
NO_OTHER_LOAD: Final = "The load is that of the plan, and cannot be changed while it is played."


def open_page(environment: Environment, runner: Runner, port: int, stopped: Event) -> str:
    """Serve it until this process ends; its address. Its button Stop cuts the run off. Raises Unplayable."""
    page = environment.create_web_ui(HOST, port, delayed_start=True)

    def swarm() -> dict[str, object]:
        return {"success": False, "message": NO_OTHER_LOAD, "host": environment.host}

    def stop() -> dict[str, object]:
        stopped.set()
        return {"success": True, "message": "The run is cut off, and kept."}

    if page.app is not None:
        page.app.view_functions |= {"locust.swarm": swarm, "locust.stop": stop}
    page.start()  # type: ignore[no-untyped-call]
    gevent.spawn(stats_history, runner)
    while page.server is None or not page.server.started:
        if page.greenlet is None or page.greenlet.ready():
            msg = f"Locust's page cannot be served on port {port} of {HOST}."
            raise Unplayable(msg)
        gevent.sleep(0.01)
    return f"http://{HOST}:{port}"
