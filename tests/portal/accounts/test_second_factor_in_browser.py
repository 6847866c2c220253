"""The second factor in a real browser, on a phone without JavaScript: set up, sign in with it, and switch it off."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.clock import system_clock
from festgate.portal.accounts.passwords import hash_password
from festgate.portal.accounts.people import Newcomer, add_person
from tests.journeys.stage import announce, before_opening, change_file, check_data
from tests.journeys.visitor_steps import follow_link, press_button
from tests.portal.accounts.test_second_factors import app_code
from tests.portal.accounts.visiting import PASSWORD
from tests.rig.axe import violations
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving


def prepare(data: Path) -> None:
    with before_opening(data) as database:
        database.write(announce, "Gala")
        newcomer = Newcomer("meena", "meena@example.org", "owner", "Meena Rao")
        database.write(add_person, newcomer, hash_password(PASSWORD), confirmed=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(prepare, tmp_path / "data").result()
    with serving(tmp_path / "data") as running:
        yield running
        assert "unhandled exception" not in running.log()
        check_data(running.data)


def enter(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)


def test_an_owner_sets_up_a_second_factor_and_signs_in_with_it_on_a_phone(
    server: Server, browser: Browser
) -> None:
    with visit(browser, base_url=server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        page = visitor.context.new_page()
        page.goto("/login")
        page.get_by_label("Username or email").fill("meena")
        enter(page, Password=PASSWORD)
        press_button(page, "Sign in")
        page.goto("/account")
        follow_link(page, "Set up the second factor")
        press_button(page, "Set up")
        expect(page.get_by_role("img", name="QR code with the key for your app")).to_be_visible()
        key = page.locator("strong.code").inner_text().replace(" ", "")
        page.get_by_label("Six digits").fill(app_code(key, system_clock()))
        press_button(page, "Switch on")
        expect(page.get_by_text("they are shown only now")).to_be_visible()
        codes = page.locator("li.code").all_inner_texts()
        assert all(re.fullmatch(r"([0-9A-Z]{4}-){3}[0-9A-Z]{4}", code) for code in codes)
        follow_link(page, "I have stored them")
        visitor.context.clear_cookies()

        page.goto("/login?next=/organise/audit")
        page.get_by_label("Username or email").fill("meena")
        enter(page, Password=PASSWORD)
        press_button(page, "Sign in")
        enter(page, Code=codes[0])
        press_button(page, "Sign in")
        expect(page.get_by_role("heading", name="Audit log")).to_be_visible()
        expect(page.get_by_role("rowheader", name="Second factor switched on")).to_be_visible()

        change_file(server.data, "UPDATE accounts_sessions SET proved_at = 0")
        page.goto("/organise/second-factor")
        expect(page.get_by_role("heading", name="Enter your password")).to_be_visible()
        page.get_by_label("Your password").fill(PASSWORD)
        enter(page, Code=codes[1])
        press_button(page, "Continue")
        press_button(page, "Require it of the team")
        expect(page.get_by_text("A second factor is required.")).to_be_visible()
        session = visitor.context.cookies()
        assert not visitor.problems
    # axe needs JavaScript.
    with visit(browser, base_url=server.url, viewport=PHONE) as visitor:
        visitor.context.add_cookies(session)  # type: ignore[arg-type]
        page = visitor.context.new_page()
        page.goto("/account/second-factor")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert not visitor.problems
