"""Crowds: attempts are limited, and other pages stay fast while many people sign in."""

import asyncio
import http.client
import threading
from collections import Counter
from contextlib import closing
from urllib.parse import urlsplit

import httpx

from tests.portal.accounts.visiting import COOKIE, PASSWORD, join, log_in, new_name, sign_up_fields, visitor
from tests.rig.server import Serve, Server


def test_of_a_hundred_simultaneous_wrong_passwords_ten_are_checked_and_the_others_refused(
    client: httpx.Client, server: Server
) -> None:
    name = join(client)
    other_account = join(client)

    async def guess() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            base_url=server.url,
            trust_env=False,
            verify=False,
            timeout=60,
            limits=httpx.Limits(max_connections=100),
        ) as guessing_client:
            return await asyncio.gather(
                *(
                    guessing_client.post(
                        "/login", data={"username": name, "password": f"guess number {number}"}
                    )
                    for number in range(100)
                )
            )

    responses = asyncio.run(guess())
    assert Counter(response.status_code for response in responses) == {401: 10, 429: 90}
    refusal = next(response for response in responses if response.status_code == 429)
    assert 0 < int(refusal.headers["retry-after"]) <= 15 * 60
    text = " ".join(refusal.text.split())
    assert "Too many failed sign-ins for this account from your network. Try again in 15 minutes." in text
    assert "get a link by email" in text
    with visitor(server) as unknown_browser:
        # The right password is refused too, or guessing could continue; another account's is accepted.
        assert log_in(unknown_browser, name).status_code == 429
        assert log_in(unknown_browser, other_account).status_code == 303
    # The browser in which the owner signed in before is not locked out.
    assert log_in(client, name).status_code == 303


def test_one_address_can_sign_up_a_limited_number_of_accounts(serve: Serve) -> None:
    server = serve(extra={"FESTGATE_ADDRESS_LIMIT": "3"})
    with visitor(server) as client:
        for _ in range(3):
            join(client)
        response = client.post("/register", data=sign_up_fields(new_name()))
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) > 0


def test_two_hundred_simultaneous_sign_ins_succeed_while_the_events_page_stays_fast(serve: Serve) -> None:
    server = serve(extra={"FESTGATE_SIGN_IN_LIMIT": "1000"})
    with visitor(server) as client:
        name = join(client)
    some_signed_in = threading.Event()
    signed_in: list[httpx.Response] = []
    pages: Counter[int] = Counter()
    still_waiting: list[int] = []

    def read_events() -> None:
        address = urlsplit(server.url)
        with closing(
            http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        ) as connection:
            some_signed_in.wait(60)
            for _ in range(200):
                connection.request("GET", "/events")
                response = connection.getresponse()
                response.read()
                pages[response.status] += 1
            still_waiting.append(200 - len(signed_in))

    async def sign_in(crowd_client: httpx.AsyncClient) -> None:
        signed_in.append(await crowd_client.post("/login", data={"username": name, "password": PASSWORD}))
        if len(signed_in) == 20:
            some_signed_in.set()

    async def sign_in_together() -> None:
        async with httpx.AsyncClient(
            base_url=server.url,
            trust_env=False,
            verify=False,
            timeout=120,
            limits=httpx.Limits(max_connections=200),
        ) as crowd_client:
            await asyncio.gather(*(sign_in(crowd_client) for _ in range(200)))

    reader = threading.Thread(target=read_events)
    reader.start()
    asyncio.run(sign_in_together())
    reader.join()
    assert Counter(response.status_code for response in signed_in) == {303: 200}
    assert len({response.cookies[COOKIE] for response in signed_in}) == 200
    # Two hundred pages were answered in sequence while passwords were still waiting to be checked.
    assert pages == {200: 200}
    assert still_waiting[0] > 0
