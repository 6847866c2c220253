"""Orders, payments, shifts and backups in the API of the office."""

import csv
import io
from functools import partial

import pytest

from festgate.kit.clock import MINUTE, system_clock
from festgate.kit.errors import StartupError
from festgate.kit.money import Money
from festgate.kit.visitors import COMMAND
from festgate.portal.accounts.guests import GuestEntry
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.complimentary import give_ticket
from festgate.portal.checkout.orders import note_unanswered
from festgate.portal.checkout.placements import place_order
from festgate.portal.registrations.holds import hold_seat
from tests.portal.backoffice.office import Office
from tests.rig.scene import add_event, add_someone


def ref_of(office: Office, name: str) -> str:
    return office.database.read(checkout.refs_by_seat, office.fest.people[name])[office.fest.seats[name]]


def stick(office: Office, name: str) -> str:
    """Place an order whose provider does not answer, and return its reference."""
    person = add_someone(office.database, name)
    event = add_event(office.database, fee=45_000, title="Drone Race", capacity=50)
    office.database.write(hold_seat, person, event.slug, 15)
    order, _ = office.database.write(partial(place_order, asks=True), person, "sandbox", 60_000_000, name)
    office.database.write(note_unanswered, order.id, "no answer")
    return order.ref


def test_stuck_payments_are_listed_and_tried_again(office: Office) -> None:
    ref = stick(office, "stuck")
    with office.program(office.member("treasurer")) as api:
        listed = api.get("/payments").json()
        assert (listed["total"], listed["page"], listed["pages"]) == (1, 1, 1)
        (stuck,) = listed["payments"]
        assert (stuck["kind"], stuck["order"], stuck["error"]) == ("payment", ref, "no answer")
        assert stuck["amount"]["minor"] == 45_000
        assert [api.post(f"/payments/{ref}/try").status_code for _ in range(2)] == [202, 202]
        assert api.post("/payments/NO-SUCH/try").status_code == 404
        assert api.get("/payments", params={"page": 2}).status_code == 404
    with office.program(office.member("lead")) as api:
        assert api.get("/payments").status_code == 403
        assert api.post(f"/payments/{ref}/try").status_code == 403


def test_open_orders_are_listed(office: Office) -> None:
    ref = ref_of(office, "meena")
    with office.program(office.member("box-office")) as api:
        orders = {order["ref"]: order for order in api.get("/open-orders").json()["orders"]}
        assert (orders[ref]["state"], orders[ref]["payment_method"], orders[ref]["due"]) == (
            "pending",
            "desk",
            None,
        )
        assert api.get("/open-orders", params={"page": 1_000}).status_code == 404


def test_an_order_is_shown_with_its_buyer_and_what_cancelling_would_give_back(office: Office) -> None:
    ref, seat = ref_of(office, "ravi"), office.fest.seats["ravi"]
    with office.program(office.member("treasurer")) as api:
        order = api.get(f"/orders/{ref}/details").json()
        assert (order["state"], order["buyer"]["email"]) == ("paid", "ravi@example.org")
        assert (order["paid"]["minor"], order["left"]["minor"]) == (45_000, 45_000)
        (line,) = order["lines"]
        assert (line["registration"], line["event"], line["can_cancel"]) == (seat, "robo-race", True)
        plan = api.get(f"/orders/{ref}/refund").json()
        assert (plan["registrations"], plan["refund"]["minor"], plan["checked_in"]) == ([seat], 45_000, [])
        assert api.get(f"/orders/{ref}/refund", params={"registration": seat}).json() == plan
        assert api.get(f"/orders/{ref}/refund", params={"registration": 999_999}).status_code == 404
        assert api.get("/orders/NO-SUCH/details").status_code == 404
        assert api.get(f"/orders/{ref}/details").json() == order
    with office.program(office.member("attendee")) as api:
        assert api.get(f"/orders/{ref}/details").status_code == 403


def test_complimentary_tickets_of_an_event_are_listed(office: Office) -> None:
    event = add_event(office.database, fee=0, title="Jury Night", capacity=50)
    kind = office.database.read(catalogue.types_of, event.id)[0]
    entry = GuestEntry("Jury", "jury@example.net")
    seat = office.database.write(give_ticket, COMMAND, event.slug, kind.id, entry, "key-of-jury")
    with office.program(office.member("organiser")) as api:
        given = api.get("/events/jury-night/complimentary").json()
        assert given["total"] == 1
        assert given["tickets"][0] | {"person": 0} == {
            "registration": seat.id,
            "ticket": "",
            "person": 0,
            "name": "Jury",
            "email": "jury@example.net",
        }
    with office.program(office.member("lead")) as api:
        assert api.get("/events/jury-night/complimentary").status_code == 403


def test_a_shift_is_shown_to_its_seller_and_the_treasurer_who_exports_all(office: Office) -> None:
    seller = office.member("box-office")
    shift = office.database.write(checkout.set_float, seller.id, Money(50_000, "INR"))
    path = f"/box-office/shifts/{shift.id}"
    with office.program(seller) as api:
        shown = api.get(path).json()
        assert (shown["shift"]["opening_float"]["minor"], shown["sales"]) == (50_000, [])
        assert api.post("/box-office/shifts/export").status_code == 403
    with office.program(office.member("box-office")) as api:
        assert api.get(path).status_code == 404
    with office.program(office.member("treasurer")) as api:
        assert api.get(path).json() == shown
        answer = api.post("/box-office/shifts/export")
        assert answer.headers["content-disposition"] == 'attachment; filename="box-office-shifts.csv"'
        rows = list(csv.reader(io.StringIO(answer.text)))
        assert str(shift.id) in [row[0] for row in rows]
        assert office.newest_entry()[::2] == ("shifts.exported", "token")
        office.database.clock.move(11 * MINUTE)
        assert api.post("/box-office/shifts/export").json()["code"] == "proof-needed"


def test_an_owner_makes_a_backup_and_reads_its_time(office: Office) -> None:
    with office.program(office.member("organiser")) as api:
        assert api.post("/backup").status_code == 403
        assert api.get("/backup").status_code == 403
    with office.program(office.member("owner")) as api:
        office.database.clock.now = system_clock()  # as the time of the file
        assert api.get("/backup").json() == {"is_possible": True, "last_made_at": None}
        made = api.post("/backup")
        assert made.status_code == 200
        assert office.newest_entry() == ("backup.made", "festgate.sqlite3", "token")
        assert api.post("/backup").json() == made.json() == api.get("/backup").json()
    assert len(list((office.data / "backups").glob("festgate-*.sqlite3"))) == 1


def test_a_backup_that_fails_is_a_problem(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        msg = "The disk is full."
        raise StartupError(msg)

    monkeypatch.setattr("festgate.portal.backoffice.backups.schema.backup", fail)
    monkeypatch.setattr("festgate.portal.backoffice.backups.last_backup", lambda _: None)
    with office.program(office.member("owner")) as api:
        refused = api.post("/backup")
        assert (refused.status_code, refused.json()["code"]) == (503, "backup-failed")
        assert "disk" not in refused.text


def test_an_exchange_is_planned_with_its_difference(office: Office) -> None:
    kind = office.database.read(catalogue.types_of, office.fest.free.id)[0]
    path = f"/registrations/{office.fest.seats['ravi']}/exchange"
    with office.program(office.member("organiser")) as api:
        plan = api.get(path, params={"event": "open-stage", "ticket": kind.id}).json()
        assert plan["registrations"] == [office.fest.seats["ravi"]]
        assert (plan["paid"]["minor"], plan["price"]["minor"], plan["refund"]["minor"]) == (45_000, 0, 45_000)
        assert plan["settlements"] == ["refunded", "kept"]
        assert (plan["is_used"], plan["is_blocked"]) == (False, False)
        assert api.get(path, params={"event": "open-stage", "ticket": 999_999}).status_code == 404
        assert api.get(path).status_code == 422
    with office.program(office.member("treasurer")) as api:
        assert api.get(path, params={"event": "open-stage", "ticket": kind.id}).status_code == 403


def test_promo_codes_are_exported_as_on_their_page(office: Office) -> None:
    terms = catalogue.CodeTerms("percentage", 1_000, "INR")
    for text in ("SPRING-1", "SPRING-2", "AUTUMN-1"):
        office.database.write(catalogue.create_code, text, terms)
    with office.program(office.member("organiser")) as api:
        answer = api.post("/promo-codes/export", json={"q": "spring"})
        assert answer.headers["content-disposition"] == 'attachment; filename="promo-codes.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert {row["code"] for row in rows} == {"SPRING-1", "SPRING-2"}
        assert office.newest_entry()[::2] == ("promo-codes.exported", "token")
        assert len(api.post("/promo-codes/export", json={}).text.splitlines()) == 1 + 3
    with office.program(office.member("treasurer")) as api:
        assert api.post("/promo-codes/export", json={}).status_code == 403
