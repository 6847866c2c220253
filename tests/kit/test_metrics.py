"""Metrics of several workers are served together, even while one of them starts."""

from pathlib import Path

import pytest
from prometheus_client import values

from festgate.kit.metrics import MULTIPROCESS_VARIABLE, Metrics, share_counts


def test_metrics_are_served_while_a_worker_creates_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MULTIPROCESS_VARIABLE, "")
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    share_counts(str(tmp_path))
    metrics = Metrics()
    metrics.observe("/events", "GET", 200, 0.01)
    (tmp_path / "counter_4711.db").touch()
    counted = b'festgate_http_requests_total{method="GET",route="/events",status="200"} 1.0'
    assert counted in metrics.exposition()
