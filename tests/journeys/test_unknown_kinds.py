"""A fact of an unknown kind is reported by the log, `/readyz`, `check` and `status`, and the portal stays open."""

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import httpx

from festgate.kit.clock import NEVER
from tests.rig.server import Serve, festgate
from tests.rig.waiting import until

KIND = "billing.InvoiceIssued"


def test_a_fact_of_an_unknown_kind_is_reported_and_waits(serve: Serve, tmp_path: Path) -> None:
    data = tmp_path / "fest"
    assert festgate("db", "upgrade", data=data).returncode == 0
    assert festgate("check", data=data).returncode == 0
    now = time.time_ns() // 1_000_000
    with closing(sqlite3.connect(data / "festgate.sqlite3")) as database:
        database.execute(
            "INSERT INTO kit_facts (kind, payload, recorded_at, due_at, attempts) VALUES (?, ?, ?, ?, 0)",
            (KIND, json.dumps({"invoice_id": 1}), now, now),
        )
        database.commit()
        server = serve(data=data)

        def waiting() -> tuple[int, int, str | None]:
            row = database.execute("SELECT due_at, attempts, error FROM kit_facts").fetchone()
            return row[0], row[1], row[2]

        until(lambda: waiting()[1] > 0, "the relay has tried the fact")
        due_at, _, error = waiting()
        assert now < due_at < NEVER
        assert error is not None
        assert KIND in error

    response = httpx.get(f"{server.url}/readyz", trust_env=False, verify=False)
    assert response.status_code == 200
    assert response.json()["ready"] is True
    assert response.json()["facts"] == {"unknown": {KIND: 1}}
    assert server.log().count("facts of an unknown kind wait") == 1

    checked = festgate("check", data=data, extra={"COLUMNS": "200"})
    assert checked.returncode == 1
    assert f"facts of kind {KIND}" in checked.stdout
    status = festgate("status", "--url", server.url, data=data, extra={"COLUMNS": "200"})
    assert status.returncode == 1
    assert f"1 of kind {KIND}" in status.stdout
