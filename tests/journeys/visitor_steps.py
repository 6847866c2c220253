"""Steps of a visitor in a browser, and queries of the resulting data."""

import re
from itertools import count

from playwright.sync_api import Page, expect

from tests.journeys.stage import query_file
from tests.rig.server import Server
from tests.rig.waiting import until

PASSWORD = "correct horse"
NUMBERS = count(1)


def new_name() -> str:
    return f"stranger{next(NUMBERS)}"


def full_name(username: str) -> str:
    """Return the name with which a person of these tests signs up."""
    return f"Zoë O\u2019Brien-{username.title()}"


def fill_in(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.get_by_label(label.replace("_", "-")).fill(text)


def sign_up(page: Page, name: str | None = None) -> str:
    """Fill in and send the form for a new account, which is on the page; return the username."""
    name = name or new_name()
    page.get_by_label("Name", exact=True).fill(full_name(name))
    fill_in(page, Username=name, Email=f"{name}@example.org", Password=PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    return name


def open_as_new_visitor(page: Page, server: Server) -> str:
    """Sign up a new visitor by a request, without the form, and open the list of events; return the username."""
    name = new_name()
    account: dict[str, str | float | bool] = {
        "name": full_name(name),
        "username": name,
        "email": f"{name}@example.org",
        "password": PASSWORD,
    }
    answer = page.request.post(f"{server.url}/register", form=account, max_redirects=0)
    assert answer.status == 303, answer.text()
    page.goto(f"{server.url}/events")
    return name


def press_button(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("main").get_by_role("button", name=name).first.click()


def follow_link(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("main").get_by_role("link", name=name).first.click()


def open_menu(page: Page) -> None:
    """Open the menu of the header, which only a narrow screen has."""
    menu = page.get_by_role("button", name="Menu")
    if menu.is_visible():
        menu.click()


def show_ticket(page: Page) -> None:
    """Reload the page when the server has a ticket for it, within a second after the seat was taken."""
    until(lambda: 'href="/tickets/' in page.request.get(page.url).text(), f"a ticket on {page.url}")
    page.reload()


def open_ticket(page: Page, title: str) -> None:
    show_ticket(page)
    follow_link(page, f"Ticket for {title}")


def expect_ticket(page: Page, name: str, title: str) -> None:
    """Assert that the page is that person's ticket for the event, with its QR code."""
    expect(page).to_have_url(re.compile(r"/tickets/[0-9A-HJKMNP-TV-Z]{16}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_text(full_name(name), exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    saved = page.get_by_role("link", name="Save the QR code")
    answer = page.request.get(str(saved.evaluate("link => link.href")))
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")


def orders_of(server: Server, name: str) -> list[str]:
    """Return the states of a person's orders, oldest first."""
    rows = query_file(
        server.data,
        "SELECT o.state FROM checkout_orders o JOIN accounts_people p ON p.id = o.person_id "
        "WHERE p.username = ? ORDER BY o.id",
        name,
    )
    return [state for (state,) in rows]


def charges_of(server: Server, name: str) -> list[int]:
    """Return the amounts that the sandbox has charged the person and not refunded, in paise."""
    rows = query_file(
        server.data,
        "SELECT c.amount_minor FROM checkout_sandbox_charges c "
        "JOIN checkout_orders o ON o.ref = c.order_ref JOIN accounts_people p ON p.id = o.person_id "
        "WHERE p.username = ? AND c.approved = 1 "
        "AND NOT EXISTS (SELECT 1 FROM checkout_refunds r WHERE r.order_id = o.id)",
        name,
    )
    return [amount for (amount,) in rows]


def hold_seat(page: Page, server: Server, slug: str = "dance-battle") -> str:
    """Sign up a new visitor and hold a seat by requests, and open the checkout; return the username."""
    name = open_as_new_visitor(page, server)
    answer = page.request.post(f"{server.url}/events/{slug}/register", max_redirects=0)
    assert answer.status == 303, answer.text()
    page.goto(f"{server.url}/checkout")
    return name
