"""Steps of a browser without JavaScript on the pages of accounts."""

import re
from itertools import count

import httpx

from tests.rig.server import Server

PASSWORD = "correct horse"
COOKIE = "festgate_session"
NUMBERS = count(1)


def visitor(server: Server) -> httpx.Client:
    """Return a fresh browser. It does not follow redirects, so that tests can check them."""
    return httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60)


def new_name() -> str:
    return f"person{next(NUMBERS)}"


def registration(name: str, **changes: str) -> dict[str, str]:
    return {"username": name, "email": f"{name}@example.org", "password": PASSWORD} | changes


def join(client: httpx.Client, name: str | None = None) -> str:
    name = name or new_name()
    assert client.post("/register", data=registration(name)).status_code == 303
    return name


def log_in(client: httpx.Client, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return client.post("/login", data={"username": name, "password": password} | more)


def signed_in_as(client: httpx.Client) -> str | None:
    """Return the name in the header of a page."""
    page = client.get("/events").text
    found = re.search(r'class="who-name" title="([^"]*)"', page)
    return found.group(1) if found else None


def error_at(page: httpx.Response, field: str) -> str:
    found = re.search(rf'id="f-{field}-error">([^<]*)<', page.text)
    assert found is not None, f"no error at {field}:\n{page.text}"
    return found.group(1)
