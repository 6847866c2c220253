"""What Prometheus reads: requests by route, and how well the parts behind them keep up."""

import os
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The client library's own: a folder in which several workers keep their counts together."""


def share_counts(folder: str, dead: Iterable[int] = ()) -> None:
    """Keep this process's counts in `folder`, beside those of the other workers; `dead` are workers that are no more.

    Before the first `Metrics` is made.
    """
    os.environ[MULTIPROCESS_VARIABLE] = folder
    # The library chooses when it is imported, which may have been before.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    for process in dead:
        mark_process_dead(process, folder)  # type: ignore[no-untyped-call]


class Metrics:
    """The counts of one process; with several workers, `exposition` adds them up."""

    def __init__(self) -> None:
        """A registry of its own, so that two portals in one process (as in tests) do not mix."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "festgate_http_requests",
            "Requests by route, method and status.",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "festgate_http_request_seconds",
            "Seconds from request to answer, by route.",
            ["route"],
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._state = Gauge(
            "festgate_state",
            "Counts read from the data: facts that wait for a handler, mail that waits to be sent.",
            ["what"],
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self._restarts = Gauge(
            "festgate_worker_restarts",
            "Workers that were replaced since the start, by reason: one that hung, one that died.",
            ["reason"],
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self._ended = Counter(
            "festgate_connections_ended",
            "Connections that were ended because their client was silent, slow, too large or too many.",
            ["reason"],
            registry=self._registry,
        )
        # Looking a labelled child up costs more than counting with it.
        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request. `route` is a template such as `/events/{slug}`, never an address."""
        key = (route, method, status)
        found = self._counters.get(key)
        if found is None:
            found = self._counters[key] = (
                self._requests.labels(route, method, str(status)),
                self._seconds.labels(route),
            )
        found[0].inc()
        found[1].observe(seconds)

    def count_ended(self, reason: str) -> None:
        """Count one connection that was ended before its time."""
        self._ended.labels(reason).inc()

    def set_state(self, counts: Mapping[str, int]) -> None:
        """What the data says now."""
        for what, count in counts.items():
            self._state.labels(what).set(count)

    def set_restarts(self, counts: Mapping[str, int]) -> None:
        """How many workers were replaced, by reason. All workers are told the same, so it is set and not counted."""
        for reason in ("hung", "died"):
            self._restarts.labels(reason).set(counts.get(reason, 0))

    def exposition(self) -> bytes:
        """Prometheus' text format, over all workers."""
        if not os.environ.get(MULTIPROCESS_VARIABLE):
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)
