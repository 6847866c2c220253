"""Steps of a browser without JavaScript on the pages of accounts."""

import re
from itertools import count

import httpx

from tests.rig.server import Server

PASSWORD = "correct horse"
COOKIE = "festgate_session"
PERSON_NUMBERS = count(1)


def visitor(server: Server) -> httpx.Client:
    """Return a new HTTP client that does not follow redirects, so that tests can check them."""
    return httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=60)


def new_name() -> str:
    return f"person{next(PERSON_NUMBERS)}"


def sign_up_fields(account: str, /, **changes: str) -> dict[str, str]:
    fields = {"username": account, "email": f"{account}@example.org", "password": PASSWORD}
    return {"name": "Asha Example"} | fields | changes


def join(client: httpx.Client, name: str | None = None) -> str:
    name = name or new_name()
    assert client.post("/register", data=sign_up_fields(name)).status_code == 303
    return name


def log_in(client: httpx.Client, name: str, password: str = PASSWORD, **other_fields: str) -> httpx.Response:
    return client.post("/login", data={"username": name, "password": password} | other_fields)


def signed_in_as(client: httpx.Client) -> str | None:
    """Return the name in the header of a page."""
    page = client.get("/events").text
    match = re.search(r'class="who-name" title="([^"]*)"', page)
    return match.group(1) if match else None


def error_at(page: httpx.Response, field: str) -> str:
    match = re.search(rf'id="f-{field}-error">([^<]*)<', page.text)
    assert match is not None, f"no error at {field}:\n{page.text}"
    return match.group(1)
