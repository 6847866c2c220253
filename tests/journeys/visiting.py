"""What a visitor does in a browser, and what the data then says of them."""

import re
from collections.abc import Callable
from itertools import count

from playwright.sync_api import Page, expect

from tests.journeys.stage import ask_file
from tests.rig.server import Server
from tests.rig.waiting import until

PASSWORD = "correct horse"
NUMBERS = count(1)


def new_name() -> str:
    return f"stranger{next(NUMBERS)}"


def fill_in(page: Page, **fields: str) -> None:
    for label, text in fields.items():
        page.get_by_label(label.replace("_", "-")).fill(text)


def join(page: Page, name: str | None = None) -> str:
    """Fills in the form for a new account, which is on the page."""
    name = name or new_name()
    fill_in(page, Username=name, Email=f"{name}@example.org", Password=PASSWORD)
    page.get_by_role("button", name="Sign up").click()
    return name


def come(page: Page, server: Server) -> str:
    """A new visitor with an account, on the list of events; their name."""
    page.goto(f"{server.url}/register")
    name = join(page)
    page.wait_for_url("**/events")
    return name


def press(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("main").get_by_role("button", name=name).first.click()


def follow(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("main").get_by_role("link", name=name).first.click()


def wait_for(page: Page, what: Callable[[], int]) -> None:
    """Look at the page again until it is there: a ticket follows within a second of its seat."""

    def look() -> bool:
        if what():
            return True
        page.reload()
        return False

    until(look, f"what {page.url} is to show")


def ticket_link(page: Page, title: str) -> None:
    wait_for(page, page.get_by_role("link", name=f"Ticket for {title}").count)
    follow(page, f"Ticket for {title}")


def has_ticket(page: Page, name: str, title: str) -> None:
    """The page is that person's ticket for the event, with its QR code drawn."""
    expect(page).to_have_url(re.compile(r"/tickets/[0-9A-HJKMNP-TV-Z]{16}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_text(name, exact=True).last).to_be_visible()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    saved = page.get_by_role("link", name="Save the QR code")
    answer = page.request.get(str(saved.evaluate("link => link.href")))
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")


def orders_of(server: Server, name: str) -> list[str]:
    """The states of a person's orders, oldest first."""
    rows = ask_file(
        server.data,
        "SELECT o.state FROM checkout_orders o JOIN accounts_people p ON p.id = o.person_id "
        "WHERE p.username = ? ORDER BY o.id",
        name,
    )
    return [state for (state,) in rows]


def charges_of(server: Server, name: str) -> list[int]:
    """What the play-money provider has taken from that person for good, in paise."""
    rows = ask_file(
        server.data,
        "SELECT c.amount_minor FROM checkout_sandbox_charges c "
        "JOIN checkout_orders o ON o.ref = c.order_ref JOIN accounts_people p ON p.id = o.person_id "
        "WHERE p.username = ? AND c.approved = 1 "
        "AND NOT EXISTS (SELECT 1 FROM checkout_refunds r WHERE r.order_id = o.id)",
        name,
    )
    return [amount for (amount,) in rows]


def hold(page: Page, server: Server, slug: str = "dance-battle") -> str:
    """A new visitor who holds a seat and is at the checkout; their name."""
    name = come(page, server)
    page.goto(f"{server.url}/events/{slug}")
    press(page, "Register")
    follow(page, re.compile("^Pay"))
    page.wait_for_url("**/checkout")
    return name
