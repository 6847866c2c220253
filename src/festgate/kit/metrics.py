"""Metrics for Prometheus: requests by route, and the state of queues, workers and connections."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""A variable of the client library: a folder for the counts of several workers."""


def share_counts(folder: str, dead: Iterable[int] = ()) -> None:
    """Keep this process's counts in `folder` with those of the other workers; `dead` are ids of ended workers.

    Call this before creating a `Metrics`.
    """
    os.environ[MULTIPROCESS_VARIABLE] = folder
    # The library chooses its storage on import, which may have happened before.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    for process in dead:
        mark_process_dead(process, folder)  # type: ignore[no-untyped-call]


class Metrics:
    """The metrics of one process; with several workers, `exposition` adds them up."""

    def __init__(self) -> None:
        """Use a separate registry, so that two portals in one process (as in tests) do not mix."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "festgate_http_requests",
            "Requests by route, method and status.",
            ["route", "method", "status"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "festgate_http_request_seconds",
            "Seconds from request to response, by route.",
            ["route"],
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._state = Gauge(
            "festgate_state",
            "Counts read from the data: facts that wait for a handler, emails that wait to be sent.",
            ["what"],
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self._restarts = Gauge(
            "festgate_worker_restarts",
            "Workers that were replaced since the start, by reason: hung or died.",
            ["reason"],
            registry=self._registry,
            multiprocess_mode="mostrecent",
        )
        self._ended = Counter(
            "festgate_connections_ended",
            "Connections that were closed because their client was idle, slow, sent too much, or had too many.",
            ["reason"],
            registry=self._registry,
        )
        # Looking up a labelled child takes longer than counting with it.
        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request. `route` is a pattern such as `/things/{name}`, never an address."""
        key = (route, method, status)
        counters = self._counters.get(key)
        if counters is None:
            counters = self._counters[key] = (
                self._requests.labels(route, method, str(status)),
                self._seconds.labels(route),
            )
        requests, durations = counters
        requests.inc()
        durations.observe(seconds)

    def count_ended(self, reason: str) -> None:
        """Count one connection that the portal closed."""
        self._ended.labels(reason).inc()

    def set_state(self, counts: Mapping[str, int]) -> None:
        """Set the counts that were read from the data."""
        for what, count in counts.items():
            self._state.labels(what).set(count)

    def set_restarts(self, counts: Mapping[str, int]) -> None:
        """Set how many workers were replaced, by reason. All workers have the same totals, which are not added up."""
        for reason in ("hung", "died"):
            self._restarts.labels(reason).set(counts.get(reason, 0))

    def exposition(self) -> bytes:
        """Return the metrics of all workers in Prometheus' text format."""
        if not os.environ.get(MULTIPROCESS_VARIABLE):
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        _CountsOfWorkers(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


class _CountsOfWorkers(MultiProcessCollector):
    """The counts of all workers, without the files that a starting worker has just created and not yet filled."""

    def collect(self) -> Iterable[Metric]:
        folder = Path(os.environ[MULTIPROCESS_VARIABLE])
        files = [str(file) for file in folder.glob("*.db") if file.stat().st_size]
        metrics: Iterable[Metric] = self.merge(files)  # type: ignore[no-untyped-call]
        return metrics
