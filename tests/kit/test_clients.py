"""Client addresses, the requests that each client may have in progress, and bodies in transfer."""

import asyncio

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Scope

from festgate.kit.web.bodies import Bodies, BodyLimits, TooSlow
from festgate.kit.web.clients import Counts, Trusted, client_key


@pytest.mark.parametrize(
    "address, trusted",
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.1.2.3", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("2001:db8::1", False),
        ("", True),
    ],
)
def test_loopback_and_configured_proxies_are_trusted(address: str, trusted: bool) -> None:
    assert (address in Trusted(["10.0.0.0/8", "192.0.2.7"])) is trusted


def test_an_ipv6_network_counts_as_one_client() -> None:
    assert client_key("2001:db8:1:2:aaaa::1") == client_key("2001:db8:1:2:bbbb::1")
    assert client_key("2001:db8:1:2::1") != client_key("2001:db8:1:3::1")
    assert client_key("::ffff:192.0.2.7") == client_key("192.0.2.7")


def test_each_client_has_a_limit_of_requests_and_a_proxy_has_none() -> None:
    counts = Counts(2, Trusted(["192.0.2.7"]))
    assert [counts.add("192.0.2.8") for _ in range(3)] == [True, True, False]
    assert all(counts.add("192.0.2.7") for _ in range(3))
    assert counts.add("192.0.2.9")
    counts.remove("192.0.2.8")
    assert counts.add("192.0.2.8")
    for address in ["192.0.2.8"] * 2 + ["192.0.2.7"] * 3 + ["192.0.2.9"]:
        counts.remove(address)
    assert counts.by_client == {}


class Client:
    """A client that sends its body on command."""

    def __init__(self, address: str = "192.0.2.8") -> None:
        """Start with nothing sent."""
        self.scope: Scope = {"type": "http", "client": (address, 1), "headers": []}
        self.messages: asyncio.Queue[Message] = asyncio.Queue()

    def send(self, body: bytes, *, more: bool = False) -> None:
        self.messages.put_nowait({"type": "http.request", "body": body, "more_body": more})

    async def read(self, bodies: Bodies) -> bytes:
        return await Request(self.scope, await bodies.read(self.scope, self.messages.get)).body()


def test_only_a_body_that_arrives_in_pieces_is_counted_as_pending() -> None:
    async def read_bodies() -> None:
        bodies, whole, pieces = Bodies(), Client(), Client()
        whole.send(b"all of it")
        pieces.send(b"one ", more=True)
        reading = asyncio.ensure_future(pieces.read(bodies))
        assert await whole.read(bodies) == b"all of it"
        await asyncio.sleep(0)
        assert bodies.pending == 1
        pieces.send(b"two")
        assert await reading == b"one two"
        assert bodies.pending == 0

    asyncio.run(read_bodies())


@pytest.mark.parametrize("limits", [BodyLimits(seconds=0.02), BodyLimits(grace=0.02)])
def test_a_body_that_arrives_too_slowly_is_refused(limits: BodyLimits) -> None:
    async def read_bodies() -> None:
        bodies, client = Bodies(limits), Client()
        client.send(b"half", more=True)
        with pytest.raises(TooSlow):
            await client.read(bodies)
        assert bodies.pending == 0

    asyncio.run(read_bodies())


def test_the_oldest_pending_body_is_refused_when_too_much_has_arrived() -> None:
    async def read_bodies() -> None:
        bodies, clients = Bodies(BodyLimits(pending_bytes=100)), [Client(f"192.0.2.{n}") for n in range(3)]
        reading = [asyncio.ensure_future(client.read(bodies)) for client in clients]
        for client in clients[:2]:
            client.send(b"x" * 50, more=True)
        clients[1].send(b"y", more=True)
        with pytest.raises(TooSlow):
            await reading[0]
        clients[2].send(b"z" * 40, more=True)
        for client in clients[1:]:
            client.send(b"")
        assert await asyncio.gather(*reading[1:]) == [b"x" * 50 + b"y", b"z" * 40]
        later = Client("192.0.2.9")
        later.send(b"x" * 90, more=True)
        later.send(b"")
        assert len(await later.read(bodies)) == 90

    asyncio.run(read_bodies())


def test_a_disconnect_is_not_reported_as_a_slow_body() -> None:
    async def read_bodies() -> None:
        bodies, client = Bodies(), Client()
        client.messages.put_nowait({"type": "http.disconnect"})
        with pytest.raises(ClientDisconnect):
            await client.read(bodies)

    asyncio.run(read_bodies())


@pytest.mark.parametrize(
    "limits, addresses",
    [
        (BodyLimits(pending=2), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
        (BodyLimits(pending_per_client=2), ["192.0.2.1"] * 3),
        (BodyLimits(pending=2, pending_per_client=1), ["127.0.0.1"] * 3),
    ],
)
def test_the_oldest_pending_body_is_refused_when_there_are_too_many(
    limits: BodyLimits, addresses: list[str]
) -> None:
    async def read_bodies() -> None:
        bodies, clients = Bodies(limits), [Client(address) for address in addresses]
        reading = [asyncio.ensure_future(client.read(bodies)) for client in clients]
        with pytest.raises(TooSlow):
            await reading[0]
        assert bodies.pending == 2
        for client in clients[1:]:
            client.send(b"here")
        assert await asyncio.gather(*reading[1:]) == [b"here", b"here"]

    asyncio.run(read_bodies())
