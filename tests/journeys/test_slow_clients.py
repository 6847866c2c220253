"""Clients that send bodies slowly, in part or never: others are served, and every module stays available."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

import pytest

from festgate.kit.web.bodies import BodyLimits
from tests.journeys.served_fest import Fest, serve_fest
from tests.rig.database import migrated_file
from tests.rig.waiting import until
from tests.rig.wire import FORM, exchange, port_of, request

WRONG_TOKEN = {"authorization": "Bearer none"}


@contextmanager
def incomplete_requests(
    fest: Fest, path: str, count: int, headers: dict[str, str]
) -> Iterator[Sequence[socket.socket]]:
    """Open `count` connections, each with the head of a form and the first bytes of its body."""
    start = request("POST", path, headers | {"content-type": FORM, "content-length": "400"}) + b"a="
    with ExitStack() as stack:
        held = []
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port_of(fest.server.url)), timeout=30)
            stack.enter_context(closing(connection))
            connection.sendall(start)
            held.append(connection)
        yield held


def module_states(fest: Fest) -> set[str]:
    ready = json.loads(fest.send("GET", "/readyz").body)
    return {module["state"] for module in ready["modules"].values()}


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("slow") / "fest"
    with serve_fest(f"sqlite:///{migrated_file(data)}", data) as running:
        yield running


@pytest.mark.parametrize("path, count", [("/checkout", 400), ("/login", 1000)])
def test_incomplete_bodies_do_not_block_other_visitors(fest: Fest, path: str, count: int) -> None:
    with incomplete_requests(fest, path, count, fest.owner.cookie) as held:
        for _ in range(5):
            shown = fest.send("GET", path, guest=fest.other)
            sent = fest.post("/checkout", {}, fest.other)
            signed_in = fest.post("/login", {"username": "asha", "password": "wrong"})
            assert shown.status in (200, 303)
            assert sent.status < 500
            assert signed_in.status < 500
            assert module_states(fest) == {"well"}
        # The incomplete requests are still pending: none was refused.
        held[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            held[-1].recv(1)


def test_slow_clients_get_408_and_open_no_circuit(fest: Fest) -> None:
    with incomplete_requests(fest, "/checkout", 25, fest.owner.cookie) as held:
        for connection in held:
            response = connection.recv(65536)
            assert response.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in response.lower()
        assert module_states(fest) == {"well"}
        assert fest.send("GET", "/checkout", guest=fest.other).status == 200
    assert fest.rows("SELECT * FROM registrations_pauses") == []


def test_clients_that_disconnect_during_a_body_open_no_circuit(fest: Fest) -> None:
    with incomplete_requests(fest, "/checkout", 25, fest.owner.cookie):
        pass
    with incomplete_requests(fest, "/api/v1/orders", 25, fest.owner.bearer):
        pass
    until(lambda: fest.send("GET", "/checkout", guest=fest.other).status == 200, "checkout is served")
    assert module_states(fest) == {"well"}


def test_a_call_without_a_token_is_refused_before_its_body_arrives(fest: Fest) -> None:
    head = request("POST", "/api/v1/orders", WRONG_TOKEN | {"content-length": "400"})
    assert exchange(fest.server.url, head).status == 401


def test_100_continue_is_only_sent_if_the_call_has_a_valid_token(fest: Fest) -> None:
    expecting = {"expect": "100-continue", "content-length": "2", "content-type": "application/json"}
    assert exchange(fest.server.url, request("POST", "/api/v1/orders", WRONG_TOKEN | expecting)).status == 401
    assert (
        exchange(fest.server.url, request("POST", "/api/v1/orders", fest.owner.bearer | expecting)).status
        == 100
    )


def test_above_the_limit_of_a_client_its_oldest_pending_body_is_ended(fest: Fest) -> None:
    limit = BodyLimits().pending_per_client
    with incomplete_requests(fest, "/login", limit + 1, {"x-forwarded-for": "192.0.2.8"}) as held:
        assert held[0].recv(65536).startswith(b"HTTP/1.1 408 ")
        held[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            held[-1].recv(1)
