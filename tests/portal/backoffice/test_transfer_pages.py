"""The treasurer's pages and the JSON API of transfers, on a real server."""

import html
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.journeys.stage import Guest, announce, before_opening, check_data, invite_one
from tests.portal.checkout.transfer_fest import statement
from tests.rig.forms import hidden_fields
from tests.rig.server import Server, serving
from tests.rig.waiting import until

SETTINGS = {
    "FESTGATE_PAYMENT_METHODS": "transfer,desk",
    "FESTGATE_LOCALE": "en_IN",
    "FESTGATE_TRANSFER_ACCOUNT_HOLDER": "Aurora Fest Committee",
    "FESTGATE_TRANSFER_ACCOUNT": "0001 2345 6789",
    "FESTGATE_TRANSFER_IFSC": "exmp0000123",
    "FESTGATE_TRANSFER_UPI_ID": "fest@examplebank",
}
UTR = "632109876541"
NAMES = ("asha", "ravi", "usha", "vikram", "zoya")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("transfers") / "data"


@pytest.fixture(scope="module")
def people(data: Path) -> dict[str, Guest]:
    with before_opening(data) as database:
        database.write(partial(announce, title="Robo Race", fee=45_000))
        people = {name: database.write(invite_one, name) for name in NAMES}
        people["meena"] = database.write(invite_one, "meena", "treasurer")
    return people


@pytest.fixture(scope="module")
def server(data: Path, people: dict[str, Guest]) -> Iterator[Server]:
    with serving(data, extra=SETTINGS) as new_server:
        yield new_server
        assert "unhandled exception" not in new_server.log()
        check_data(data, SETTINGS)


@pytest.fixture(scope="module")
def office(server: Server, people: dict[str, Guest]) -> Iterator[httpx.Client]:
    with people["meena"].browser(server) as browser:
        yield browser


def text_of(page: httpx.Response) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def order_of(server: Server, guest: Guest) -> str:
    """Register and choose to pay by transfer; return the order's reference."""
    with guest.browser(server) as browser:
        assert browser.post("/events/robo-race/register").status_code == 303
        checkout = browser.get("/checkout")
        assert "held for up to 3 days" in text_of(checkout)
        fields = hidden_fields(checkout.text, "/checkout") | {"payment_method": "transfer"}
        return browser.post("/checkout", data=fields).headers["location"].rpartition("/")[2]


def upload(office: httpx.Client, data: bytes) -> httpx.Response:
    return office.post("/organise/transfers/statement", files={"file": ("november.csv", data, "text/csv")})


def test_a_payer_sees_the_account_and_a_qr_code_and_the_treasurer_confirms(
    server: Server, people: dict[str, Guest], office: httpx.Client, data: Path
) -> None:
    ref = order_of(server, people["asha"])
    with people["asha"].browser(server) as browser:
        page = browser.get(f"/orders/{ref}")
        assert f"am=450.00&amp;cu=INR&amp;tn={ref}" in page.text
        assert "<svg" in page.text
        for part in ("Aurora Fest Committee", "000123456789", "EXMP0000123", "₹450.00", ref):
            assert part in text_of(page), part
        wrong = browser.post(f"/orders/{ref}/transfer", data={"utr": "T2611031234"})
        assert (wrong.status_code, "The app's own transaction id" in text_of(wrong)) == (422, True)
        assert 'value="T2611031234"' in wrong.text
        assert browser.post(f"/orders/{ref}/transfer", data={"utr": "6321 0987 6541"}).status_code == 303
        assert "as soon as the treasurer sees the payment" in text_of(browser.get(f"/orders/{ref}"))

        def email() -> bool:
            mails = [
                message_from_bytes(path.read_bytes(), policy=policy.default)
                for path in (data / "mail").glob("*.eml")
            ]
            return any(f"tn={ref}" in mail.get_content() for mail in mails)

        until(email, "the email with the account")
        listed = office.get(f"/organise/transfers?q={UTR}")
        assert ref in listed.text
        address = f"/organise/transfers/orders/{ref}"
        page = office.get(address)
        rejected = office.post(f"{address}/reject", data={"utr": UTR})
        assert rejected.headers["location"] == f"/organise/transfers?done={ref}"
        assert f"No payment arrived with the number {UTR}" in text_of(browser.get(f"/orders/{ref}"))
        stale = office.post(f"{address}/confirm", data=hidden_fields(page.text, f"{address}/confirm"))
        assert (stale.status_code, "has changed since" in text_of(stale)) == (409, True)
        fields = hidden_fields(stale.text, f"{address}/confirm")
        for _ in range(2):
            done = office.post(f"{address}/confirm", data=fields)
            assert done.headers["location"] == f"/organise/transfers?done={ref}"
        assert "is paid" in text_of(office.get(done.headers["location"]))
        until(lambda: "Your tickets are below" in text_of(browser.get(f"/orders/{ref}")), "the tickets")
        assert "Number of your payment" not in text_of(browser.get(f"/orders/{ref}"))


def test_a_statement_pays_its_orders_after_a_preview_and_once(
    server: Server, people: dict[str, Guest], office: httpx.Client
) -> None:
    ref = order_of(server, people["ravi"])
    data = statement("indian_bank.csv", ref)
    preview = upload(office, data)
    assert preview.status_code == 200
    shown = text_of(preview)
    assert "Nothing is stored yet" in shown
    assert f"Marks order {ref} paid." in shown
    assert "3 payments go to the unmatched ones" in shown
    assert "1 outgoing payment is left out" in shown
    fields = hidden_fields(preview.text, "/organise/transfers/statement/import")
    done = office.post("/organise/transfers/statement/import", data=fields)
    assert done.headers["location"].endswith("paid=1&filed=0&listed=3&known=0")
    again = office.post("/organise/transfers/statement/import", data=fields)
    assert again.headers["location"].endswith("paid=0&filed=0&listed=0&known=4")
    assert "All payments of this statement were imported before" in text_of(upload(office, data))
    forged = {"payments": fields["payments"][:-4] + "AAAA"}
    assert office.post("/organise/transfers/statement/import", data=forged).status_code == 400


def test_unmatched_payments_are_assigned_with_their_difference_or_ignored(
    server: Server, people: dict[str, Guest], office: httpx.Client
) -> None:
    ref = order_of(server, people["usha"])
    csv = f"Date,Narration,Credit\n07/11/2026,usha {ref},500.00\n08/11/2026,unknown person,1.00\n"
    fields = hidden_fields(upload(office, csv.encode()).text, "/organise/transfers/statement/import")
    office.post("/organise/transfers/statement/import", data=fields)
    page = office.get("/organise/transfers/unmatched")
    assert f"More than order {ref} costs" in text_of(page)
    nothing = office.post("/organise/transfers/unmatched", data={"step": "assign"})
    assert (nothing.status_code, "Tick the payments first" in text_of(nothing)) == (422, True)
    rows = dict(re.findall(r'name="(line-\d+)".*?data-label="Text">(\w+)', page.text, re.DOTALL))
    over = next(name for name, first in rows.items() if first == "usha")
    chosen = office.post("/organise/transfers/unmatched", data={over: "yes", "step": "assign"})
    choice = office.get(chosen.headers["location"])
    assert f'value="{ref}"' in choice.text
    assert "no order with this number" in text_of(office.get(f"{chosen.headers['location']}&ref=ZZZZ"))
    plan = office.get(f"{chosen.headers['location']}&ref={ref.lower()}")
    assert "₹50.00 is more than it costs, and is to be returned" in text_of(plan)
    # The form below the search for another order.
    fields = hidden_fields(plan.text.partition('id="effect"')[2], "/organise/transfers/assign")
    for _ in range(2):
        assert (
            office.post("/organise/transfers/assign", data=fields).headers["location"].endswith(f"done={ref}")
        )
    orders = office.get("/organise/orders")
    if orders.status_code == 200:
        assert "To give back by transfer" in text_of(orders)
    unknown = next(name for name, first in rows.items() if first == "unknown")
    chosen = office.post("/organise/transfers/unmatched", data={unknown: "yes", "step": "ignore"})
    question = office.get(chosen.headers["location"])
    assert "No order is paid with them" in text_of(question)
    office.post("/organise/transfers/ignore", data=hidden_fields(question.text, "/organise/transfers/ignore"))
    assert "unknown person" not in office.get("/organise/transfers/unmatched").text


def test_the_columns_of_an_unknown_bank_are_chosen(server: Server, office: httpx.Client) -> None:
    choice = upload(office, statement("unknown_bank.csv"))
    assert "The headings of this bank are not known" in text_of(choice)
    fields = hidden_fields(choice.text, "/organise/transfers/statement/columns")
    address = "/organise/transfers/statement/columns"
    wrong = office.post(address, data=fields | {"column-0": "date"})
    assert (wrong.status_code, "Choose a column for the date" in text_of(wrong)) == (422, True)
    columns = {"column-0": "date", "column-1": "text", "column-2": "amount"}
    assert "from Zoe" in text_of(office.post(address, data=fields | columns))
    assert "Export the statement as CSV" in text_of(upload(office, b"%PDF-1.7"))
    assert "Choose a file" in text_of(upload(office, b""))


@pytest.mark.parametrize("columns", [{}, {"column-0": "date", "column-1": "text", "column-2": "amount"}])
def test_the_order_of_day_and_month_is_shown_and_chosen_where_the_dates_leave_it_open(
    office: httpx.Client, columns: dict[str, str]
) -> None:
    address = "/organise/transfers/statement/columns"
    headings = "When,Text,Sum" if columns else "Date,Narration,Credit"
    shown = upload(office, f"{headings}\n03/11/2026,from Zoe,12.00\n".encode())
    if columns:
        shown = office.post(address, data=hidden_fields(shown.text, address) | columns)
    assert "The dates fit two orders of day and month. What is 03/11/2026?" in text_of(shown)
    assert "2026\u201111\u201103" in shown.text
    again = office.post(address, data=hidden_fields(shown.text, address) | {"dates": "month_first"})
    assert "2026\u201103\u201111" in again.text
    assert re.search(r'value="month_first"[^>]* checked', again.text)
    plain = upload(office, b"Date,Narration,Credit\n03/25/2026,from Zoe,12.00\n")
    assert "The dates were read with the month first: 03/25/2026 is Wed, 25 Mar" in text_of(plain)


def test_others_do_not_reach_the_treasurers_pages(server: Server, people: dict[str, Guest]) -> None:
    with people["zoya"].browser(server) as browser, people["zoya"].program(server) as api:
        assert browser.get("/organise/transfers").status_code == 403
        assert browser.post("/organise/transfers/statement/import").status_code == 403
        assert api.get("/transfers").status_code == 403
        assert api.post("/bank-statements", json={"csv": "a"}).status_code == 403


def test_the_api_has_the_whole_way_of_a_transfer(server: Server, people: dict[str, Guest]) -> None:
    ref = order_of(server, people["vikram"])
    with people["vikram"].program(server) as api, people["meena"].program(server) as office:
        assert api.get(f"/orders/{ref}").json()["payment_method"] == "transfer"
        assert api.put(f"/orders/{ref}/transfer", json={"utr": "123"}).json()["fields"].keys() == {"utr"}
        shown = api.put(f"/orders/{ref}/transfer", json={"utr": "999988887777"}).json()
        assert (shown["utr"], shown["account"], f"tn={ref}" in shown["upi_link"]) == (
            "999988887777",
            "000123456789",
            True,
        )
        listed = office.get("/transfers", params={"q": "999988887777"}).json()
        assert ([row["ref"] for row in listed["transfers"]], listed["total"]) == ([ref], 1)
        # A statement is larger than other calls of the API may be.
        others = "".join(f"09/11/2026,Cash deposit {number},0.00\n" for number in range(700))
        csv = f"Date,Narration,Credit\n09/11/2026,{ref},440.00\n{others}"
        assert len(csv) > 20_000
        month = office.post("/bank-statements", json={"csv": csv, "date_order": "month_first"}).json()
        assert (month["payments"][0]["booked_on"], month["dates"]["is_open"]) == ("2026-09-11", True)
        dry = office.post("/bank-statements", json={"csv": csv}).json()
        assert (dry["payments"][0]["booked_on"], dry["dates"]["order"]) == ("2026-11-09", "day_first")
        assert ([row["result"] for row in dry["payments"]], dry["listed"]) == (["less"], 0)
        assert office.post("/bank-statements", json={"csv": "x"}).json()["fields"].keys() == {"csv"}
        assert office.post("/bank-statements", json={"csv": csv, "dry_run": False}).json()["listed"] == 1
        line = next(row for row in office.get("/bank-lines").json() if row["likely_ref"] == ref)
        body = {"ref": ref, "lines": [line["id"]]}
        assert office.post("/bank-lines/assign", json=body).json()["code"] == "order-changed"
        wrong = office.post(f"/transfers/{ref}/confirm", json={"amount": 44_000, "currency": "INR"})
        assert wrong.json()["code"] == "order-changed"
        for _ in range(2):
            done = office.post("/bank-lines/assign", json=body | {"accepts_less": True}).json()
            assert (done["state"], done["received"]["minor"]) == ("paid", 44_000)
        right = office.post(f"/transfers/{ref}/confirm", json={"amount": 44_000, "currency": "INR"})
        assert right.json()["state"] == "paid"
