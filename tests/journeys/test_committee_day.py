"""A committee's day on phones without JavaScript: from an empty folder to tickets, money, a lead and an export."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from tests.journeys.stage import await_idle, check_data
from tests.portal.checkout.transfer_fest import statement
from tests.portal.fest.factories import FACTS, OWNER
from tests.rig.browser import PHONE, visit
from tests.rig.server import Serve, Server
from tests.rig.waiting import until

TITLES = (
    "Robo Race",
    "Hackathon",
    "Open Stage",
    "Chess Cup",
    "Dance Battle",
    "Film Night",
    "Quiz Finals",
    "Debate",
    "Food Court",
    "Street Play",
    "Photo Walk",
    "Closing Concert",
)
"""The events of the programme; each has a fee of ₹450, except Food Court."""
ACTIONS = (
    "Fest set up",
    "Settings changed",
    "Settings changed",
    *["Event published"] * len(TITLES),
    "Events imported",
    "Order refunded",
    "Complimentary ticket given",
    "Sold at the box office",
    "Order marked paid",
    "Bank statement imported",
    "Invited to the team",
    "Role or events changed",
    "Joined the team",
    "List of guests exported",
)
"""What the audit log lists of the day: first the settings of the first run, later the payment methods."""
PASSWORD = "green umbrellas whisper"
LINK = re.compile(r"https?://[^/\s]+(/\S+)")
CARD = "4242 4242 4242 4242"
UPI_ID = "monsoon@examplebank"
UTR = "632109876541"


def programme() -> FilePayload:
    """Return the programme as a spreadsheet of the committee."""
    lines = ["title,category,place,starts_at,ends_at,fee,capacity"]
    for number, title in enumerate(TITLES):
        fee = 0 if title == "Food Court" else 450
        day, hour = 14 + number // 4, 9 + 2 * (number % 4)
        lines.append(
            f"{title},Culture,Hall {number + 1},2031-03-{day}T{hour:02}:00,2031-03-{day}T{hour + 1:02}:30,{fee},48"
        )
    return {"name": "programme.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}


@dataclass
class Phone:
    """A phone of one person, and the pages that it has open."""

    page: Page

    @property
    def main(self) -> Locator:
        """The main part of the page."""
        return self.page.get_by_role("main")

    def open(self, path: str) -> None:
        """Open a page that exists, and check that it fits the phone."""
        answer = self.page.goto(path)
        assert answer is not None
        assert answer.status == 200, (path, answer.status)
        self.fits()

    def status(self, path: str) -> int:
        """Open a page; return the status of its answer."""
        answer = self.page.goto(path)
        assert answer is not None
        return answer.status

    def links(self) -> set[str]:
        """Return the paths of the links in the main part of the page, without files."""
        found = self.main.get_by_role("link").all()
        return {
            path
            for link in found
            if not (path := link.get_attribute("href") or "").endswith((".csv", ".ics"))
        }

    def fits(self) -> None:
        """Check that the page is not wider than the phone."""
        assert self.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], self.page.url

    def press(self, name: str | re.Pattern[str]) -> None:
        """Press the button of that name."""
        with self.page.expect_navigation():
            self.main.get_by_role("button", name=name).first.click()
        self.fits()

    def follow(self, name: str | re.Pattern[str]) -> None:
        """Follow the link of that name."""
        with self.page.expect_navigation():
            self.main.get_by_role("link", name=name).first.click()
        self.fits()

    def fill(self, **fields: str) -> None:
        """Fill in fields by their labels, with `_` for a space."""
        for label, text in fields.items():
            pattern = re.compile(rf"^{label.replace('_', ' ')}( \(optional\))?$")
            self.page.get_by_label(pattern).fill(text)

    def expect_heading(self, text: str | re.Pattern[str]) -> None:
        """Check the heading of the page."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def expect_notice(self, text: str | re.Pattern[str]) -> None:
        """Check the good news on the page."""
        expect(self.page.locator(".notice-good").first).to_contain_text(text)


Borrow = Callable[[], Phone]


@pytest.fixture
def borrow(browser: Browser, server: Server) -> Iterator[Borrow]:
    """Lend phones to people; at the end no page had an error or a request to another machine."""
    visits = []
    with ExitStack() as phones:

        def new_phone() -> Phone:
            opened = phones.enter_context(
                visit(browser, base_url=server.url, viewport=PHONE, java_script_enabled=False)
            )
            visits.append(opened)
            return Phone(opened.context.new_page())

        yield new_phone
        assert not [problem for opened in visits for problem in opened.problems]


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve(first_run=True)


@dataclass
class Mailbox:
    """The emails of the fest, which are files in its data without a mail server."""

    folder: Path

    def wait(self, to: str, subject: str) -> EmailMessage:
        """Wait for the email to that address with these words in its subject."""

        def find() -> EmailMessage | None:
            for file in self.folder.glob("*.eml"):
                message = message_from_bytes(file.read_bytes(), policy=policy.default)
                if message["to"] == to and subject in message["subject"]:
                    return message
            return None

        return until(find, f"an email to {to} about {subject}")

    def link(self, to: str, subject: str) -> str:
        """Return the path of the first link in that email."""
        body = self.wait(to, subject).get_body(("plain",))
        assert body is not None
        link = LINK.search(body.get_content())
        assert link is not None
        return link[1]


def set_up(owner: Phone, server: Server) -> None:
    """Make the owner's account and the fest with the link of the log; the link works once."""
    link = re.search(r"/setup\?token=\S+", server.log())
    assert link is not None
    owner.open(link[0])
    owner.fill(
        Your_name=OWNER["name"],
        Username=OWNER["username"],
        Email=OWNER["email"],
        Password=OWNER["password"],
        Name=FACTS["fest_name"],
        Time_zone=FACTS["timezone"],
        Currency=FACTS["currency"],
    )
    owner.press("Open the fest")
    owner.expect_heading("Next steps")
    assert owner.status(link[0]) != 200


def switch_on_payments(owner: Phone) -> None:
    """Take play money by card, and transfers by UPI."""
    owner.open("/organise/settings/payments")
    owner.page.get_by_label("Sandbox: play money, for trying things out").check()
    owner.page.get_by_label("Transfer: to a bank account, or by UPI").check()
    owner.page.get_by_label("Transfer: holder of the account").fill("Monsoon Fest Committee")
    owner.page.get_by_label("Transfer: UPI id").fill(UPI_ID)
    owner.press("Save")
    owner.expect_notice("Saved.")


def import_programme(owner: Phone) -> None:
    """Import and publish twelve events, after a preview of each."""
    owner.open("/organise/import")
    owner.page.get_by_label("File", exact=True).set_input_files(programme())
    owner.page.get_by_label("Publish the events too").check()
    owner.press("Show the preview")
    expect(owner.page.get_by_text("New: 12")).to_be_visible()
    expect(owner.page.get_by_text("Nothing is saved yet.")).to_be_visible()
    expect(owner.page.get_by_role("row")).to_have_count(13)
    owner.press("Import 12 events")
    owner.expect_notice("12 events are imported.")
    owner.open("/organise")
    for title in TITLES:
        expect(owner.main.get_by_role("link", name=title).first).to_be_visible()


def register(guest: Phone, name: str, email: str) -> None:
    """Take a seat at the Robo Race without an account."""
    guest.open("/events")
    guest.follow("Robo Race")
    guest.fill(Name=name, Email=email)
    guest.press("Register")
    guest.expect_heading("Checkout")


def buy_by_card(guest: Phone, name: str, email: str) -> str:
    """Buy a ticket, and open it; return the address of the order."""
    register(guest, name, email)
    guest.fill(Card_number=CARD)
    guest.press(re.compile(r"^Pay ₹450"))
    order = guest.page.url
    show_ticket(guest, order, name)
    return order


def reference(order: str) -> str:
    """Return the reference of an order from its address."""
    return order.rpartition("/")[2]


def show_ticket(guest: Phone, order: str, name: str) -> None:
    """Open the ticket of a paid order, which has a QR code."""

    def is_issued() -> bool:
        guest.page.goto(order)
        return guest.main.get_by_role("link", name="Show ticket").count() == 1

    until(is_issued, f"the ticket of {name}")
    guest.follow("Show ticket")
    guest.expect_heading("Robo Race")
    expect(guest.main.get_by_text(name, exact=True)).to_be_visible()
    expect(guest.page.get_by_role("img", name="QR code")).to_be_visible()


def order_by_transfer(guest: Phone, name: str, email: str) -> str:
    """Order a ticket, and report the transfer; return the address of the order."""
    register(guest, name, email)
    guest.press("Reserve, pay by transfer")
    expect(guest.page.get_by_role("img", name="QR code for UPI apps")).to_be_visible()
    order = guest.page.url
    link = guest.page.get_by_role("link", name="Open my UPI app").get_attribute("href") or ""
    assert link.startswith(f"upi://pay?pa={UPI_ID}&")
    assert link.endswith(f"am=450.00&cu=INR&tn={reference(order)}")
    guest.page.get_by_label("Number of your payment (UTR)").fill(UTR)
    guest.press("I have paid")
    expect(guest.page.get_by_role("button", name="Change the number")).to_be_visible()
    return order


def confirm_transfer(owner: Phone, ref: str) -> None:
    """Upload the bank's statement; it is stored only after its preview."""
    owner.open("/organise/transfers")
    expect(owner.page.get_by_role("rowheader", name=ref)).to_be_visible()
    owner.follow("Upload a statement")
    payload: FilePayload = {
        "name": "march.csv",
        "mimeType": "text/csv",
        "buffer": statement("indian_signed.csv", ref),
    }
    owner.page.get_by_label("Statement (CSV)").set_input_files(payload)
    owner.press("Show the payments")
    expect(owner.page.get_by_text("Nothing is stored yet")).to_be_visible()
    expect(owner.page.get_by_text(f"Marks order {ref} paid.")).to_be_visible()
    owner.press("Confirm 1 payment")
    owner.expect_notice("1 order is paid.")
    # A line never pays twice.
    owner.follow("Upload a statement")
    owner.page.get_by_label("Statement (CSV)").set_input_files(payload)
    owner.press("Show the payments")
    expect(owner.page.get_by_text("Nothing new")).to_be_visible()


def refund(owner: Phone, ref: str) -> None:
    """Cancel an order from the list of its event, and give all of the money back."""
    owner.open("/organise")
    owner.follow("Robo Race")
    owner.follow("Orders")
    owner.follow(ref)
    owner.follow(re.compile("^Cancel and refund"))
    expect(owner.page.get_by_label("Refund", exact=True)).to_have_value("450.00")
    expect(owner.page.get_by_text("This cannot be undone.")).to_be_visible()
    owner.press(re.compile("^Cancel and refund"))
    owner.expect_notice("Cancelled.")


def expect_refunded(guest: Phone, order: str) -> None:
    """Check on the guest's phone that the money is back, and the ticket void."""

    def is_refunded() -> bool:
        guest.page.goto(order)
        return guest.main.locator(".stamp-refunded").count() == 1

    until(is_refunded, "the refund")
    expect(guest.main.get_by_role("link", name="Show ticket")).to_have_count(0)


def give_ticket(owner: Phone, name: str, email: str) -> None:
    """Give a complimentary ticket, after a page that asks."""
    owner.open("/organise/events/robo-race/orders")
    owner.follow("Complimentary ticket")
    owner.fill(Name=name, Email=email)
    owner.press("Continue")
    owner.expect_heading("Give this ticket?")
    owner.press("Give ticket")
    owner.expect_notice("The ticket is given.")


def open_emailed_ticket(guest: Phone, link: str, name: str) -> None:
    """Open the tickets by the link of an email, without an account."""
    guest.open(link)
    guest.press("Open my tickets")
    expect(guest.main.get_by_text(name, exact=True)).to_be_visible()
    expect(guest.page.get_by_role("img", name="QR code")).to_be_visible()


def sell_for_cash(owner: Phone, name: str) -> str:
    """Sell a ticket at the box office for cash, with change; return the reference of the order."""
    owner.open("/organise/box-office")
    owner.follow("Robo Race")
    owner.fill(Name=name, Cash_received="500")
    owner.press("Sell")
    owner.expect_heading("Sold")
    expect(owner.page.get_by_text("Give ₹50.00 change.")).to_be_visible()
    expect(owner.page.get_by_role("img", name="QR code of ticket")).to_have_count(1)
    return reference(owner.page.url)


def invite_lead(owner: Phone, email: str) -> None:
    """Invite the lead of the Robo Race by email."""
    owner.open("/organise/team")
    owner.fill(Email=email)
    owner.page.get_by_label("Role").select_option("lead")
    owner.main.get_by_text("Choose events").click()
    owner.page.get_by_label("Robo Race").check()
    owner.press("Send invitation")
    expect(owner.page.get_by_role("rowheader", name=email)).to_be_visible()


def join(lead: Phone, link: str, name: str) -> None:
    """Make an account with the invitation, whose link works once."""
    lead.open(link)
    lead.fill(Name=name, Username="lena", Password=PASSWORD)
    lead.press("Join")
    assert lead.status(link) == 410


def look_around(lead: Phone) -> None:
    """See the pages of the lead's own event, and no other event."""
    lead.open("/organise")
    expect(lead.main.get_by_role("link", name="Robo Race").first).to_be_visible()
    for title in TITLES[1:]:
        expect(lead.main.get_by_text(title)).to_have_count(0)
    lead.follow("Robo Race")
    lead.follow("Guests")
    expect(lead.main.get_by_text("Meera Nair").first).to_be_visible()
    links = set()
    for page in ("", "/guests", "/guests/export", "/tickets", "/check-in", "/edit"):
        assert lead.status(f"/organise/events/hackathon{page}") == 404, page
        lead.open(f"/organise/events/robo-race{page}")
        links |= lead.links()
    # Every link leads to a page that the lead may open.
    assert not {link for link in links if lead.status(link) != 200}
    for page in ("settings", "team", "audit", "orders", "transfers", "import"):
        assert lead.status(f"/organise/{page}") == 403, page


def export_guests(owner: Phone, folder: Path) -> Path:
    """Export all guests of the Robo Race, cancelled ones too, as a workbook."""
    owner.open("/organise/events/robo-race/guests")
    owner.page.get_by_label("State").select_option("all")
    owner.page.get_by_label("Sort by").select_option("Name")
    owner.press("Show")
    expect(owner.page.get_by_text("1\u20134 of 4")).to_be_visible()
    owner.follow(re.compile("^Export$"))
    owner.expect_heading("Export 4 guests")
    owner.page.get_by_label("Excel").check()
    with owner.page.expect_download() as download:
        owner.main.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == "robo-race-guests.xlsx"
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def read_guests(file: Path) -> list[tuple[object, ...]]:
    """Return name, email, state, amount, payment method and order of each row of an exported workbook."""
    sheet = load_workbook(file).active
    assert sheet is not None
    headings, *rows = sheet.iter_rows(values_only=True)
    guests = [dict(zip(headings, row, strict=True)) for row in rows]
    assert all(isinstance(guest["Registered"], datetime) for guest in guests)
    columns = ("Name", "Email", "State", "Amount", "Payment method", "Order")
    return [tuple(guest[column] for column in columns) for guest in guests]


def read_log(owner: Phone) -> list[tuple[str, ...]]:
    """Return the lines of the entries of the audit log, the oldest first."""
    owner.open("/organise/audit")
    rows = owner.main.get_by_role("row").all_inner_texts()[1:]
    return [tuple(line.strip() for line in row.splitlines() if line.strip()) for row in reversed(rows)]


def test_a_committee_goes_from_an_empty_folder_through_its_day_in_the_browser(
    server: Server, borrow: Borrow, tmp_path: Path
) -> None:
    mail = Mailbox(server.data / "mail")
    owner, boris, meera, sofia, lena = (borrow() for _ in range(5))

    set_up(owner, server)
    switch_on_payments(owner)
    import_programme(owner)

    paid = buy_by_card(boris, "Boris Ivanov", "boris@example.org")
    boris_ref = reference(paid)
    mail.wait("boris@example.org", "Robo Race")
    refund(owner, boris_ref)
    expect_refunded(boris, paid)

    give_ticket(owner, "Sofia Lind", "sofia@example.org")
    open_emailed_ticket(sofia, mail.link("sofia@example.org", "Robo Race"), "Sofia Lind")

    ravi_ref = sell_for_cash(owner, "Ravi Menon")

    order = order_by_transfer(meera, "Meera Nair", "meera@example.org")
    meera_ref = reference(order)
    confirm_transfer(owner, meera_ref)
    show_ticket(meera, order, "Meera Nair")

    invite_lead(owner, "lena@example.org")
    join(lena, mail.link("lena@example.org", "Join the team"), "Lena Braun")
    look_around(lena)

    assert read_guests(export_guests(owner, tmp_path)) == [
        ("Boris Ivanov", "boris@example.org", "Cancelled", 450, "sandbox", boris_ref),
        ("Meera Nair", "meera@example.org", "Confirmed", 450, "transfer", meera_ref),
        ("Ravi Menon", None, "Confirmed", 450, "cash", ravi_ref),
        ("Sofia Lind", "sofia@example.org", "Confirmed", 0, None, None),
    ]

    log = read_log(owner)
    assert [entry[0] for entry in log] == list(ACTIONS)
    assert {"Lena Braun"} == {entry[3] for entry in log if entry[0] == "Joined the team"}
    for ref, action in ((boris_ref, "Order refunded"), (ravi_ref, "Sold at the box office")):
        (entry,) = [entry for entry in log if ref in entry]
        assert entry[0] == action
        assert "450.00 INR" in " ".join(entry)

    await_idle(server)
    assert "unhandled exception" not in server.log()
    assert server.log().count('"event": "ticket-given"') == 1
    check_data(server.data)
