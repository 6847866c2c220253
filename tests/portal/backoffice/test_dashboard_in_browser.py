"""The dashboard in a real browser: on a phone without JavaScript, and fresh numbers with it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.stage import Guest, announce, before_opening, change_file, check_data, invite_one
from tests.journeys.visitor_steps import follow_link, press_button
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving

SETTINGS = {"FESTGATE_LOCALE": "en_IN", "FESTGATE_TIMEZONE": "Asia/Kolkata"}
CSV = b"title,place,starts_at,ends_at,fee,capacity\nChess,Hall,2199-03-14T10:00,2199-03-14T12:00,0,20\n"


@dataclass
class Fest:
    """A served fest of forty events, and its organiser."""

    server: Server
    data: Path
    organiser: Guest


def prepare(data: Path) -> Guest:
    with before_opening(data) as database:
        for number in range(40):
            database.write(announce, f"Robo Race {number + 1}", category=("Technology", "Music")[number % 2])
        return database.write(invite_one, "meena", "owner")


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fest]:
    data = tmp_path_factory.mktemp("dashboard") / "data"
    # On a thread, since a test with a browser already has an event loop on its thread.
    with ThreadPoolExecutor(max_workers=1) as thread:
        organiser = thread.submit(prepare, data).result()
    with serving(data, extra=SETTINGS) as server:
        yield Fest(server, data, organiser)
        assert "unhandled exception" not in server.log()
        check_data(data, SETTINGS)


def sign_in(page: Page, fest: Fest) -> None:
    page.context.add_cookies(
        [{"name": SESSION_COOKIE, "value": fest.organiser.session, "url": fest.server.url}]
    )


def test_an_organiser_runs_an_event_and_imports_another_on_a_phone_without_javascript(
    fest: Fest, browser: Browser
) -> None:
    with visit(browser, base_url=fest.server.url, viewport=PHONE, java_script_enabled=False) as visitor:
        page = visitor.context.new_page()
        sign_in(page, fest)
        page.goto("/organise")
        expect(page.get_by_role("row")).to_have_count(41)
        page.get_by_role("searchbox", name="Event").fill("race 7")
        press_button(page, "Find")
        follow_link(page, "Robo Race 7")
        follow_link(page, "Close sales now")
        press_button(page, "Close sales")
        expect(page.get_by_text("Sales are closed.")).to_be_visible()
        follow_link(page, "Move by days")
        page.get_by_label("Days").fill("7")
        press_button(page, "Show the new times")
        press_button(page, "Move it")
        expect(page.get_by_text("The event is moved.")).to_be_visible()
        follow_link(page, "Check-in")
        expect(page.get_by_role("heading", name="Check-in", exact=True)).to_be_visible()
        page.goto("/organise/import")
        page.get_by_label("File", exact=True).set_input_files(
            {"name": "events.csv", "mimeType": "text/csv", "buffer": CSV}
        )
        press_button(page, "Show the preview")
        expect(page.get_by_text("New: 1")).to_be_visible()
        press_button(page, "Import 1 event")
        expect(page.get_by_text("1 event is imported.")).to_be_visible()
        assert not visitor.problems


def test_the_numbers_are_fresh_without_a_reload(fest: Fest, browser: Browser) -> None:
    with visit(browser, base_url=fest.server.url, viewport=PHONE) as visitor:
        page = visitor.context.new_page()
        sign_in(page, fest)
        page.clock.install()
        page.goto("/organise")
        page.evaluate("document.querySelector('h1').dataset.kept = 'yes'")
        change_file(fest.data, "UPDATE catalogue_events SET title = 'Fresh Race' WHERE title = 'Robo Race 9'")
        page.clock.run_for(16_000)
        expect(page.get_by_role("link", name="Fresh Race")).to_be_attached()
        assert page.evaluate("document.querySelector('h1').dataset.kept") == "yes"
        assert not visitor.problems
