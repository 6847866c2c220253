"""Work of a committee on the pages of a running fest, which fills every table of its office."""

import html
import re
from collections.abc import Mapping

import httpx

from festgate.kit.clock import HOUR, NEVER
from tests.journeys.stage import Guest, change_file, query_file
from tests.kit.mailing import emails, text_of
from tests.rig.forms import check_out, hidden_fields, press
from tests.rig.server import Server
from tests.rig.waiting import until

BANK_FILE = """Date,Narration,Credit
07/11/2026,UPI/632109876541/{ref}/vikram@examplebank,450.00
08/11/2026,NEFT from Annapurna Venkataraghavan for the robo race with greetings {over},500.00
09/11/2026,UPI/632109876777/unknown payer,1.00
10/11/2026,CASH DEPOSIT 4TH BLOCK JAYANAGAR BRANCH BENGALURU,1200.00
"""
CARD = {"payment_method": "sandbox", "card_number": "4242 4242 4242 4242"}
LIMITS = {"min_per_order": "1", "max_per_order": "4"}
UTR = "632109876541"


class OfficeWork:
    """Forms that the organiser sends, and those of guests that give the organiser something to do."""

    def __init__(self, server: Server, guests: Mapping[str, Guest], names: dict[str, str]) -> None:
        """Take the values of addresses; those of what is made are added to `names`."""
        self.server = server
        self.guests = guests
        self.names = names

    def do(self) -> None:
        """Do all the work."""
        self.plan_rooms()
        rule = {"days-1": "0", "percent-1": "80"}
        page = f"/organise/events/{self.names['open']}/tickets"
        self.send(f"{page}/refunds", page, **rule)
        self.price_tickets()
        self.ask_questions()
        self.wait_for_seats()
        self.register_a_team()
        self.take_transfers()
        self.sell_at_the_box_office()
        self.change_orders()
        self.sell_to_a_holder()
        self.invite_a_team()
        self.sign_in_long_ago()
        self.give_up_emails()

    def send(self, path: str, page: str = "", person: str = "organiser", **fields: str) -> httpx.Response:
        """Send the form of a page, which by default has the address of the form."""
        with self.guests[person].browser(self.server) as browser:
            answer = press(browser, page or path, path, **fields)
        assert answer.status_code == httpx.codes.SEE_OTHER, f"{path}: {answer.status_code} {answer.text}"
        return answer

    def confirm(self, path: str, page: str = "", **fields: str) -> httpx.Response:
        """Send the organiser's form of a page, and press the button of the question that follows."""
        with self.guests["organiser"].browser(self.server) as browser:
            question = press(browser, page or path, path, **fields)
            assert question.status_code == httpx.codes.OK, f"{path}: {question.text}"
            answer = browser.post(path, data=hidden_fields(question.text, path))
        assert answer.status_code == httpx.codes.SEE_OTHER, f"{path}: {answer.status_code} {answer.text}"
        return answer

    def read(self, path: str, pattern: str, person: str = "organiser") -> str:
        """Return the part of the page that the group of `pattern` matches."""
        with self.guests[person].browser(self.server) as browser:
            page = browser.get(path)
        match = re.search(pattern, page.text)
        assert match is not None, f"{path} has no {pattern}: {page.text}"
        return html.unescape(match[1])

    def pay(self, person: str, slug: str, fields: Mapping[str, str]) -> str:
        """Register, check out with these fields, and return the order's reference."""
        self.send(f"/events/{slug}/register", f"/events/{slug}", person)
        with self.guests[person].browser(self.server) as browser:
            answer = check_out(browser, None, **fields)
        assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
        return answer.headers["location"].rpartition("/")[2]

    def plan_rooms(self) -> None:
        """Add two rooms, one with a long name."""
        self.send("/organise/rooms/new", name="Seminar Room 2", capacity="80", address="Gate 2, Ground floor")
        name = "Sir Mokshagundam Visvesvaraya Memorial Auditorium, gallery"
        self.send("/organise/rooms/new", name=name, map_url="https://example.org/map")
        self.names["room"] = self.read("/organise/rooms", r'href="/organise/rooms/(\d+)"')

    def price_tickets(self) -> None:
        """Sell an event in several types, with a quota, taxes, a refund rule and promo codes."""
        base = f"/organise/events/{self.names['types']}/tickets"
        self.send("/organise/quotas", name="Seats on the bus", capacity="12")
        kind = self.names["type"] = self.read(base, rf"{base}/(\d+)")
        self.send(f"{base}/{kind}", name="Standard", fee="450", tax_rate="18", **LIMITS)
        long = "Student of any college, with an identity card"
        self.send(f"{base}/new", name=long, fee="200", own_quota="2", **LIMITS)
        self.send(f"{base}/new", name="Friends of the fest", fee="1000", chosen_price="yes", **LIMITS)
        self.send(f"{base}/new", name="Team of robots", fee="0", team_min="2", team_max="4", **LIMITS)
        self.send(base, max_per_person="4")
        self.send(f"/organise/events/{self.names['types']}/holders", names="required", transfers="yes")
        for code, value in (("CAMPUS20", "20"), ("ALUMNI50", "50")):
            self.send("/organise/promo-codes/new", code=code, kind="percentage", value=value, max_uses="40")
        with self.guests["organiser"].browser(self.server) as browser:
            made = browser.post(
                "/organise/promo-codes/many",
                data={"count": "12", "prefix": "COLLEGE", "kind": "amount", "value": "50"},
            )
            assert made.status_code in (httpx.codes.OK, httpx.codes.SEE_OTHER), made.text
        self.names["promo_code"] = self.read("/organise/promo-codes", r'href="/organise/promo-codes/(\d+)"')

    def ask_questions(self) -> None:
        """Ask questions of an event and of the fest; one guest answers."""
        base = f"/organise/events/{self.names['asks']}/questions"
        asked = {"at_door": "yes", "in_export": "yes"}
        self.send(
            f"{base}/new", label="T-shirt size", kind="choice", choices="S\nM\nL\nXL", required="yes", **asked
        )
        self.send(
            f"{base}/new",
            label="Workshops that you would like to attend",
            kind="choices",
            choices="Arduino\nROS\nSoldering for beginners",
            help="As many as you like.",
            **asked,
        )
        self.send(f"{base}/new", label="Letter of consent", kind="file", help="Signed by a parent.", **asked)
        self.send(f"{base}/new", label="I have read the safety rules", kind="consent", **asked)
        self.names["question"] = self.read(base, rf'href="{base}/(\d+)"')
        self.send("/organise/questions/new", label="Emergency contact", kind="phone", **asked)
        self.names["fest_question"] = self.read("/organise/questions", r'href="/organise/questions/(\d+)"')
        for person in ("asha", "ravi"):
            self.send(f"/events/{self.names['asks']}/register", f"/events/{self.names['asks']}", person)
        page = f"/my-events/{self.names['asks']}/questions"
        size = self.read(page, r'<select[^>]* name="(a-[^"]+)"', "asha")
        self.send(page, person="asha", **{size: "M"})

    def wait_for_seats(self) -> None:
        """Keep a waiting list, and take applications."""
        full, applied = self.names["soldout"], self.names["applied"]
        self.send(f"/organise/events/{full}/waiting", waiting_list="open", offer_hours="24")
        self.send(
            f"/organise/events/{applied}/waiting", waiting_list="off", offer_hours="24", needs_approval="yes"
        )
        for person in ("asha", "usha", "vikram"):
            self.send(f"/events/{full}/wait", f"/events/{full}", person, quantity="1")
            message = "I have built three robots, and I can bring a fourth one."
            self.send(f"/events/{applied}/wait", f"/events/{applied}", person, quantity="1", message=message)

    def register_a_team(self) -> None:
        """Register a team with free places."""
        types = self.names["types"]
        page = f"/events/{types}"
        kind = self.read(
            page, rf'action="{page}/teams".*?name="ticket" value="(\d+)"'.replace(".*?", r"[\s\S]*?"), "usha"
        )
        self.send(
            f"{page}/teams",
            page,
            "usha",
            ticket=kind,
            name="The Unreasonably Long Circuit Breakers",
            size="4",
        )
        ((team,),) = query_file(self.server.data, "SELECT max(id) FROM registrations_teams")
        self.names["team"] = str(team)
        ((place,),) = query_file(
            self.server.data,
            f"SELECT max(id) FROM registrations_seats WHERE team_id = {team}",  # noqa: S608
        )
        self.names["place"] = str(place)
        self.names["join"] = self.read(f"/teams/{self.names['team']}", r"/teams/join/([^\"]+)\"", "usha")
        self.send(f"/teams/join/{self.names['join']}", person="vikram")

    def take_transfers(self) -> None:
        """Leave transfers in every state: without a number, with one, and payments of a statement that fit no order."""
        race, transfer = self.names["open"], {"payment_method": "transfer"}
        for person in ("asha", "vikram", "zoya", "usha"):
            self.names[f"transfer_{person}"] = self.pay(person, race, transfer)
        for person, utr in (("vikram", UTR), ("zoya", "632109876123")):
            page = f"/orders/{self.names[f'transfer_{person}']}"
            self.send(f"{page}/transfer", page, person, utr=utr)
        statement = BANK_FILE.format(ref=self.names["transfer_usha"], over=self.names["transfer_zoya"])
        self.names["statement"] = statement
        address = "/organise/transfers/statement"
        with self.guests["organiser"].browser(self.server) as browser:
            preview = browser.post(address, files={"file": ("november.csv", statement.encode(), "text/csv")})
            fields = hidden_fields(preview.text, f"{address}/import")
            assert browser.post(f"{address}/import", data=fields).status_code == httpx.codes.SEE_OTHER
        lines = self.read("/organise/transfers/unmatched", r'name="line-(\d+)"')
        self.names["line"] = lines

    def sell_at_the_box_office(self) -> None:
        """Close a shift with a difference, and sell in an open one."""
        page = f"/organise/box-office/events/{self.names['types']}"
        shift = "/organise/box-office/shift"
        count = f"count-{self.names['type']}"
        self.send(shift, float="500")
        sale = {count: "1", "method": "cash", "names": "Kaveri Ramanathan", "received": "500"}
        self.send(page, **sale)
        self.send(f"{shift}/close", shift, counted="940", note="Ten rupees are missing since the tea break")
        self.send(shift, float="1000")
        sold = self.send(
            page,
            **{count: "2", "method": "upi", "names": "Lakshmi\nSaraswati", "email": "lakshmi@example.org"},
        )
        self.names["sale"] = sold.headers["location"].rpartition("/")[2].partition("?")[0]
        self.send(page, **sale)
        ((number,),) = query_file(self.server.data, "SELECT min(id) FROM checkout_shifts")
        self.names["shift"] = str(number)

    def change_orders(self) -> None:
        """Refund a part of an order, exchange its ticket, write a note, and give a ticket away."""
        ref = self.names["order_changed"] = self.pay("meera", self.names["open"], CARD)
        page = f"/organise/orders/{ref}"
        until(lambda: "/exchange" in self.read(page, r"(?s)(.*)"), "the ticket")
        self.confirm(f"{page}/refund", amount="100")
        self.send(
            f"{page}/notes", page, text="Called on Monday: cannot come before noon.\nAsked for an invoice."
        )
        seat = self.names["seat"] = self.read(page, r"registrations/(\d+)/exchange")
        self.names["person"] = str(self.guests["meera"].id)
        gift = f"/organise/events/{self.names['open']}/complimentary"
        self.confirm(gift, name="Sudha Murthy", email="sudha@example.org")
        with self.guests["organiser"].browser(self.server) as browser:
            address = f"/organise/registrations/{seat}/exchange"
            ((dear,),) = query_file(
                self.server.data,
                "SELECT t.id FROM catalogue_ticket_types t JOIN catalogue_events e ON e.id = event_id WHERE slug = ?",
                self.names["long"],
            )
            plan = browser.get(address, params={"event": self.names["long"], "type": str(dear)})
            fields = hidden_fields(plan.text, address)
            settlement = re.search(r'name="settlement" value="(\w+)"', plan.text)
            assert settlement is not None, plan.text
            done = browser.post(address, data=fields | {"settlement": settlement[1]})
            assert done.status_code == httpx.codes.SEE_OTHER, done.text
        self.names["difference"] = self.read(page, r"/organise/differences/(\d+)")

    def sell_to_a_holder(self) -> None:
        """Sell a ticket with a name, which can be transferred, and hold another one without a name."""
        slug, count = self.names["types"], f"count-{self.names['type']}"
        self.send(f"/events/{slug}/register", f"/events/{slug}", "zoya", **{count: "1"})
        seat = self.seat_of("zoya", slug)
        self.send(
            f"/registrations/{seat}/holder", person="zoya", name="Farhan Khan", email="farhan@example.org"
        )
        with self.guests["zoya"].browser(self.server) as browser:
            paid = check_out(browser, None, **CARD)
        assert paid.status_code == httpx.codes.SEE_OTHER, paid.text
        code = self.names["transferable"] = until(lambda: self.ticket_of(seat), "the ticket") or ""
        self.send(f"/tickets/{code}/send", f"/tickets/{code}", "zoya")
        self.send(f"/events/{slug}/register", f"/events/{slug}", "ravi", **{count: "1"})
        self.names["unnamed"] = self.seat_of("ravi", slug)
        self.names["paid_seat"] = self.seat_of("attendee", self.names["open"])
        self.names["order_kept"] = self.pay("shopper", self.names["open"], CARD)
        self.names["kept_seat"] = self.seat_of("shopper", self.names["open"])

    def seat_of(self, person: str, slug: str) -> str:
        """Return the id of a person's seat."""
        query = (
            "SELECT s.id FROM registrations_seats s JOIN catalogue_events e ON e.id = s.event_id"
            " WHERE person_id = ? AND slug = ? ORDER BY s.id DESC LIMIT 1"
        )
        ((number,),) = query_file(self.server.data, query, self.guests[person].id, slug)
        return str(number)

    def ticket_of(self, seat: str) -> str | None:
        """Return the code of a seat's ticket, once it is issued."""
        rows = query_file(self.server.data, "SELECT code FROM tickets_tickets WHERE seat_id = ?", int(seat))
        return rows[0][0] if rows else None

    def link_in_email(self, pattern: str) -> str:
        """Return the part of an email that the group of `pattern` matches, once it is written."""

        def link() -> str | None:
            matches = [re.search(pattern, text_of(email)) for email in emails(self.server.data)]
            return next((match[1] for match in matches if match), None)

        return until(link, f"the email with {pattern}") or ""

    def invite_a_team(self) -> None:
        """Invite people to the team; the treasurer begins to set up a second factor."""
        for role, email in (
            ("organiser", "bhuvaneshwari.krishnamoorthy@example.org"),
            ("treasurer", "money@example.org"),
        ):
            self.send("/organise/team/invitations", "/organise/team", email=email, role=role)
        self.names["member"] = str(self.guests["staff"].id)
        self.names["invitation"] = self.link_in_email(r"/invitation\?token=(\S+)")
        self.names["ticket_link"] = self.link_in_email(r"/tickets/open/([0-9]+-[0-9a-f]+)")
        self.send("/account/second-factor", person="treasurer")

    def sign_in_long_ago(self) -> None:
        """Let one of the team have entered the password long ago, and the others a moment ago until the tests end."""
        change_file(
            self.server.data,
            f"UPDATE accounts_sessions SET proved_at = proved_at + {HOUR}",  # noqa: S608  (a constant)
            f"UPDATE accounts_sessions SET proved_at = 0 WHERE person_id = {self.guests['unproven'].id}",  # noqa: S608
        )

    def give_up_emails(self) -> None:
        """Let emails be given up, as after a day and a half at a mail server that refuses them."""
        error = "550 5.1.1: Recipient address rejected: User unknown in virtual mailbox table"
        change_file(
            self.server.data,
            f"UPDATE kit_mail SET sent_at = NULL, due_at = {NEVER}, attempts = 20, error = '{error}'"  # noqa: S608
            " WHERE recipient IN ('meera@example.org', 'sudha@example.org')",
        )
