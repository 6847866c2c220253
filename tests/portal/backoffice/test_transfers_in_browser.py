"""A transfer from the checkout to the treasurer's statement, on a phone without JavaScript."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect

from festgate.kit.web.parameters import SESSION_COOKIE
from tests.journeys.stage import Guest, announce, before_opening, invite_one
from tests.portal.backoffice.test_transfer_pages import SETTINGS
from tests.portal.checkout.transfer_fest import statement
from tests.rig.browser import PHONE, visit
from tests.rig.server import Server, serving
from tests.rig.waiting import until


@pytest.fixture(scope="module")
def fest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Guest, Guest]]:
    data: Path = tmp_path_factory.mktemp("transfers") / "data"
    with before_opening(data) as database:
        database.write(partial(announce, title="Robo Race", fee=45_000))
        payer = database.write(invite_one, "asha")
        treasurer = database.write(invite_one, "meena", "treasurer")
    with serving(data, extra=SETTINGS) as server:
        yield server, payer, treasurer


def sign_in(context: BrowserContext, server: Server, guest: Guest) -> Page:
    context.add_cookies([{"name": SESSION_COOKIE, "value": guest.session, "url": server.url}])
    return context.new_page()


def test_a_payer_and_a_treasurer_settle_a_transfer_on_phones_without_javascript(
    fest: tuple[Server, Guest, Guest], browser: Browser
) -> None:
    server, payer, treasurer = fest
    with visit(browser, base_url=server.url, java_script_enabled=False, viewport=PHONE) as visitor:
        page = sign_in(visitor.context, server, payer)
        page.goto("/events/robo-race")
        page.get_by_role("button", name="Register").click()
        page.goto("/checkout")
        page.get_by_role("button", name="Reserve, pay by transfer").click()
        expect(page.get_by_role("img", name="QR code for UPI apps")).to_be_visible()
        ref = page.url.rpartition("/")[2]
        link = page.get_by_role("link", name="Open my UPI app").get_attribute("href")
        assert link is not None
        assert link.endswith(f"am=450.00&cu=INR&tn={ref}")
        page.get_by_label("Number of your payment (UTR)").fill("6321 0987 6541")
        page.get_by_role("button", name="I have paid").click()
        expect(page.get_by_role("button", name="Change the number")).to_be_visible()
        order = page.url
        assert not visitor.problems
    with visit(browser, base_url=server.url, java_script_enabled=False, viewport=PHONE) as visitor:
        page = sign_in(visitor.context, server, treasurer)
        page.goto("/organise/transfers")
        expect(page.get_by_role("rowheader", name=ref)).to_be_visible()
        page.get_by_role("link", name="Upload a statement").click()
        file: FilePayload = {
            "name": "november.csv",
            "mimeType": "text/csv",
            "buffer": statement("indian_signed.csv", ref),
        }
        page.get_by_label("Statement (CSV)").set_input_files(file)
        page.get_by_role("button", name="Show the payments").click()
        expect(page.get_by_text(f"Marks order {ref} paid.")).to_be_visible()
        page.get_by_role("button", name="Confirm 1 payment").press("Enter")
        expect(page.locator(".notice-good")).to_have_text("1 order is paid.")
        assert not visitor.problems
    with visit(browser, base_url=server.url, java_script_enabled=False, viewport=PHONE) as visitor:
        page = sign_in(visitor.context, server, payer)

        def has_ticket() -> bool:
            page.goto(order)
            return page.get_by_role("link", name="Show ticket").count() == 1

        until(has_ticket, "the ticket")
