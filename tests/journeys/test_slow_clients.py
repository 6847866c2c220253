"""Clients that send their bodies slowly, in halves or never: the others are served, every module stays available."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

import pytest

from festgate.kit.web.bodies import BodyLimits
from festgate.portal.registrations.queries import find_pause
from tests.journeys.siege import Fest, siege
from tests.rig.database import migrated_file, open_database
from tests.rig.waiting import until
from tests.rig.wire import FORM, exchange, port_of, request

SILENT = {"authorization": "Bearer none"}


@contextmanager
def half_sent(
    fest: Fest, path: str, count: int, headers: dict[str, str]
) -> Iterator[Sequence[socket.socket]]:
    """So many connections, each with the head of a form and the first bytes of its body."""
    start = request("POST", path, headers | {"content-type": FORM, "content-length": "400"}) + b"a="
    with ExitStack() as stack:
        held = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port_of(fest.server.url)), timeout=30)
            stack.enter_context(closing(connection))
            connection.sendall(start)
            held.append(connection)
        yield held


def states(fest: Fest) -> set[str]:
    ready = json.loads(fest.ask("GET", "/readyz").body)
    return {module["state"] for module in ready["modules"].values()}


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("slow") / "fest"
    with siege(f"sqlite:///{migrated_file(data)}", data) as running:
        yield running


@pytest.mark.parametrize("path, count", [("/checkout", 400), ("/login", 1000)])
def test_half_sent_bodies_take_nobody_elses_place(fest: Fest, path: str, count: int) -> None:
    with half_sent(fest, path, count, fest.owner.cookie) as held:
        for _ in range(5):
            shown = fest.ask("GET", path, who=fest.other)
            sent = fest.post("/checkout", {}, fest.other)
            signed_in = fest.post("/login", {"username": "asha", "password": "wrong"})
            assert shown.status in (200, 303)
            assert sent.status < 500
            assert signed_in.status < 500
            assert states(fest) == {"well"}
        # All are still on their way: it is not that they were turned away.
        held[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            held[-1].recv(1)


def test_twenty_five_clients_that_are_too_slow_are_told_so_and_open_no_breaker(fest: Fest) -> None:
    with half_sent(fest, "/checkout", 25, fest.owner.cookie) as held:
        for connection in held:
            told = connection.recv(65536)
            assert told.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in told.lower()
        assert states(fest) == {"well"}
        assert fest.ask("GET", "/checkout", who=fest.other).status == 200
    with open_database(fest.url) as database:
        assert database.read(find_pause) is None


def test_clients_that_vanish_in_the_middle_open_no_breaker(fest: Fest) -> None:
    with half_sent(fest, "/checkout", 25, fest.owner.cookie):
        pass
    with half_sent(fest, "/api/v1/orders", 25, fest.owner.bearer):
        pass
    until(lambda: fest.ask("GET", "/checkout", who=fest.other).status == 200, "checkout is served")
    assert states(fest) == {"well"}


def test_a_call_without_a_token_is_refused_before_its_body_is_there(fest: Fest) -> None:
    head = request("POST", "/api/v1/orders", SILENT | {"content-length": "400"})
    assert exchange(fest.server.url, head).status == 401


def test_a_client_that_waits_for_leave_is_given_it_only_where_its_body_is_wanted(fest: Fest) -> None:
    waits = {"expect": "100-continue", "content-length": "2", "content-type": "application/json"}
    assert exchange(fest.server.url, request("POST", "/api/v1/orders", SILENT | waits)).status == 401
    assert (
        exchange(fest.server.url, request("POST", "/api/v1/orders", fest.owner.bearer | waits)).status == 100
    )


def test_of_one_client_behind_a_proxy_the_longest_of_too_many_bodies_is_ended(fest: Fest) -> None:
    most = BodyLimits().pending_per_client
    with half_sent(fest, "/login", most + 1, {"x-forwarded-for": "192.0.2.8"}) as held:
        assert held[0].recv(65536).startswith(b"HTTP/1.1 408 ")
        held[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            held[-1].recv(1)
