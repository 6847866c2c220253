"""Crowds: attempts are limited, and other pages stay fast while many people sign in."""

import asyncio
import http.client
import threading
from collections import Counter
from contextlib import closing
from urllib.parse import urlsplit

import httpx

from tests.portal.accounts.visiting import COOKIE, PASSWORD, join, log_in, new_name, registration, visitor
from tests.rig.server import Serve, Server


def test_of_a_hundred_wrong_passwords_at_once_ten_are_looked_at_and_the_rest_asked_to_wait(
    client: httpx.Client, server: Server
) -> None:
    name = join(client)
    bystander = join(client)

    async def guess() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            base_url=server.url,
            trust_env=False,
            verify=False,
            timeout=60,
            limits=httpx.Limits(max_connections=100),
        ) as guesser:
            return await asyncio.gather(
                *(
                    guesser.post("/login", data={"username": name, "password": f"guess number {number}"})
                    for number in range(100)
                )
            )

    answers = asyncio.run(guess())
    assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 90}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60
    text = " ".join(refused.text.split())
    assert "Too many failed sign-ins for this account from your network. Try again in 15 minutes." in text
    assert "get a link by email" in text
    with visitor(server) as unknown:
        # The right password is refused too, or guessing could continue; another account's is accepted.
        assert log_in(unknown, name).status_code == 429
        assert log_in(unknown, bystander).status_code == 303
    # The browser in which the owner signed in before is not locked out.
    assert log_in(client, name).status_code == 303


def test_one_address_may_make_so_many_accounts_and_no_more(serve: Serve) -> None:
    server = serve(extra={"FESTGATE_ADDRESS_LIMIT": "3"})
    with visitor(server) as client:
        for _ in range(3):
            join(client)
        answer = client.post("/register", data=registration(new_name()))
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0


def test_two_hundred_sign_ins_at_once_all_get_in_while_the_events_keep_answering(serve: Serve) -> None:
    server = serve(extra={"FESTGATE_SIGN_IN_LIMIT": "1000"})
    with visitor(server) as client:
        name = join(client)
    some = threading.Event()
    signed_in: list[httpx.Response] = []
    pages: Counter[int] = Counter()
    still_waiting: list[int] = []

    def look_at_events() -> None:
        place = urlsplit(server.url)
        with closing(http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)) as connection:
            some.wait(60)
            for _ in range(200):
                connection.request("GET", "/events")
                answer = connection.getresponse()
                answer.read()
                pages[answer.status] += 1
            still_waiting.append(200 - len(signed_in))

    async def sign_in(crowd: httpx.AsyncClient) -> None:
        signed_in.append(await crowd.post("/login", data={"username": name, "password": PASSWORD}))
        if len(signed_in) == 20:
            some.set()

    async def sign_in_together() -> None:
        async with httpx.AsyncClient(
            base_url=server.url,
            trust_env=False,
            verify=False,
            timeout=120,
            limits=httpx.Limits(max_connections=200),
        ) as crowd:
            await asyncio.gather(*(sign_in(crowd) for _ in range(200)))

    reader = threading.Thread(target=look_at_events)
    reader.start()
    asyncio.run(sign_in_together())
    reader.join()
    assert Counter(answer.status_code for answer in signed_in) == {303: 200}
    assert len({answer.cookies[COOKIE] for answer in signed_in}) == 200
    # Two hundred pages were answered in sequence while passwords were still waiting to be checked.
    assert pages == {200: 200}
    assert still_waiting[0] > 0
