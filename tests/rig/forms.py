"""Forms as a browser sends them, with the hidden fields of the page."""

import html
import re
from collections.abc import Mapping

import httpx

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the form on `page` that is sent to `action`; none without such a form."""
    _, _, after = page.partition(f'action="{action}"')
    return {name: html.unescape(value) for name, value in _HIDDEN.findall(after.partition("</form>")[0])}


def press(client: httpx.Client, page: str, action: str, **fields: str) -> httpx.Response:
    """Open `page` and press the button of its form that is sent to `action`."""
    return client.post(action, data=hidden_fields(client.get(page).text, action) | fields)


def check_out(
    client: httpx.Client, headers: Mapping[str, str] | None = None, **fields: str
) -> httpx.Response:
    """Open the checkout page and submit its form."""
    shown = hidden_fields(client.get("/checkout", headers=headers).text, "/checkout")
    return client.post("/checkout", data=shown | fields, headers=headers)
