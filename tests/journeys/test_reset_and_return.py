"""A visitor on a phone without JavaScript forgets the password on the way to a page, and still gets there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.visitor_steps import follow_link, open_as_new_visitor, press_button
from tests.rig.browser import PHONE
from tests.rig.server import Server, serving
from tests.rig.smtp import Mailbox
from tests.rig.waiting import until

LINK = re.compile(r"https?://\S+/reset\?\S+")


@pytest.fixture
def server(tmp_path: Path, mailbox: Mailbox) -> Iterator[Server]:
    settings = {
        "FESTGATE_SMTP_HOST": mailbox.host,
        "FESTGATE_SMTP_PORT": str(mailbox.port),
        "FESTGATE_SMTP_SECURITY": "none",
    }
    with serving(tmp_path / "fest", "--demo", extra=settings) as running:
        yield running


@pytest.fixture
def browser_options() -> dict[str, Any]:
    return {"viewport": PHONE, "java_script_enabled": False}


def test_a_forgotten_password_is_replaced_on_the_way_to_an_event(
    page: Page, server: Server, mailbox: Mailbox
) -> None:
    name = open_as_new_visitor(page, server)
    page.context.clear_cookies()
    page.goto(f"{server.url}/events/robo-race")
    follow_link(page, "Sign in")
    follow_link(page, "Forgot your password?")
    page.get_by_label("Username or email").fill(name)
    press_button(page, "Send link")
    expect(page.get_by_role("heading", level=1)).to_have_text("Check your email")

    def find_link() -> str | None:
        # The guests of the demo get their tickets at the same time.
        own = [email for email in mailbox.wait_for(1) if name in email.message["to"]]
        texts = [email.message.get_content() for email in own]
        return next((match[0] for text in texts if (match := LINK.search(text))), None)

    link = until(find_link, "the email with the link")
    assert link is not None
    # The link has the fest's address; the browser of the test knows it by its port.
    page.goto(server.url + link[link.index("/reset") :])
    page.get_by_label("New password").fill("staple battery")
    press_button(page, "Save password and sign in")
    expect(page).to_have_url(f"{server.url}/events/robo-race")
    expect(page.get_by_text(name)).to_be_attached()  # in the menu of the header
    press_button(page, "Register")
    expect(page.get_by_text("Robo Race").first).to_be_visible()
