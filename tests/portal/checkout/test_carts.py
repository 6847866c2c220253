"""An order is made for exactly what was shown, or not at all."""

from dataclasses import replace

import pytest

from festgate.kit.clock import HOUR, MINUTE
from festgate.kit.money import Money
from festgate.portal.checkout import queries
from festgate.portal.checkout.carts import Cart, hash_request, read_cart
from festgate.portal.checkout.errors import KeyReused, ListChanged
from festgate.portal.checkout.orders import mark_declined
from festgate.portal.checkout.placements import cart_key, place_order
from festgate.portal.checkout.records import Order
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.holds import cancel_seat, hold_seat
from tests.portal.checkout.factories import current_cart
from tests.rig.database import OpenDatabase
from tests.rig.scene import add_event, add_someone


def hold(database: OpenDatabase, person: int, fee: int = 45_000, title: str = "Robo Race") -> int:
    return database.write(hold_seat, person, add_event(database, fee=fee, title=title).slug, 15)


def place(database: OpenDatabase, cart: Cart, person: int | None = None, key: str = "key") -> Order:
    order, _ = database.write(
        place_order, person or cart.person_id, "sandbox", HOUR, key, asks=False, cart=cart
    )
    return order


def refused(database: OpenDatabase, cart: Cart, person: int | None = None) -> str:
    """Return why there is no order for the cart, after looking that there is none."""
    with pytest.raises(ListChanged) as caught:
        place(database, cart, person)
    assert database.read(queries.orders_of, person or cart.person_id) == []
    return caught.value.message


def test_a_seat_that_was_held_after_the_list_was_shown_stays_held_and_is_not_charged(
    database: OpenDatabase,
) -> None:
    person = add_someone(database)
    first = hold(database, person)
    shown = database.read(current_cart, person)
    second = hold(database, person, 70_000)
    order = place(database, shown)
    assert (order.total, [line.seat_id for line in order.lines]) == (Money(45_000, "INR"), [first])
    assert [seat.id for seat in database.read(registrations.payable_seats, person)] == [second]


def test_a_seat_that_was_given_back_after_the_list_was_shown_leaves_the_other_unpaid(
    database: OpenDatabase,
) -> None:
    person = add_someone(database)
    hold(database, person)
    gone = hold(database, person, 30_000, "Dance Battle")
    shown = database.read(current_cart, person)
    database.write(cancel_seat, person, gone)
    assert "Dance Battle is not held for you any more" in refused(database, shown)
    assert len(database.read(registrations.payable_seats, person)) == 1


def test_a_hold_that_ended_and_a_seat_held_anew_are_not_the_seat_that_was_shown(
    database: OpenDatabase,
) -> None:
    person = add_someone(database)
    seat = hold(database, person)
    shown = database.read(current_cart, person)
    database.clock.move(16 * MINUTE)
    slug = database.read(registrations.seat, seat).slug
    database.write(hold_seat, person, slug, 15)
    assert "Robo Race is not held for you any more" in refused(database, shown)


def test_another_amount_currency_total_or_person_than_was_shown_is_no_order(database: OpenDatabase) -> None:
    person, other = add_someone(database), add_someone(database)
    hold(database, person)
    hold(database, other)
    shown = database.read(current_cart, person)
    cheaper, euros = Money(100, "INR"), Money(45_000, "EUR")
    assert "Robo Race has another fee" in refused(database, replace(shown, total=cheaper, fees=(cheaper,)))
    assert "Robo Race has another fee" in refused(database, replace(shown, total=euros, fees=(euros,)))
    assert "another total" in refused(database, replace(shown, total=cheaper, fees=None))
    assert "another total" in refused(database, replace(shown, total=euros, fees=None))
    assert "another account is signed in now" in refused(database, shown, other)


def test_the_hidden_field_says_what_was_shown_and_nothing_else_is_one(database: OpenDatabase) -> None:
    person = add_someone(database)
    for _ in range(12):
        hold(database, person)
    shown = database.read(current_cart, person)
    assert read_cart(shown.shown) == shown
    for text in (
        "",
        "1;INR;",
        "1;INR;2",
        "1;inr;2=3",
        "1;INR;2=3,",
        "x;INR;2=3",
        "1;INR;2=-3",
        "1;INR;\u0662=3",
    ):
        assert read_cart(text) is None, text
    assert read_cart("1;INR;" + ",".join(f"{seat}=45000" for seat in range(10_000))) is None


def test_the_page_s_key_is_another_for_another_list_and_after_an_order(database: OpenDatabase) -> None:
    person = add_someone(database)
    hold(database, person)
    carts = [database.read(current_cart, person)]
    hold(database, person)
    carts.append(database.read(current_cart, person))
    keys = [database.read(cart_key, b"secret", cart) for cart in (*carts, *carts)]
    assert keys[:2] == keys[2:]
    order = place(database, carts[0], key=keys[0])
    assert place(database, carts[0], key=keys[0]).id == order.id
    database.write(mark_declined, order.id, "No.")
    assert database.read(cart_key, b"secret", carts[0]) not in keys


@pytest.mark.parametrize("kept", [True, False], ids=["with a hash", "from before hashes were kept"])
def test_a_program_s_key_stands_for_one_content(database: OpenDatabase, *, kept: bool) -> None:
    person = add_someone(database)
    hold(database, person)
    cart = replace(database.read(current_cart, person), fees=None)

    def ask(method: str, asked: Cart, card: str = "", *, hashed: bool = True) -> tuple[Order, bool]:
        fingerprint = hash_request(b"secret", method, asked, card) if hashed else None
        return database.write(
            place_order, person, method, HOUR, "mine", asks=False, cart=asked, request_hash=fingerprint
        )

    order, new = ask("sandbox", cart, hashed=kept)
    assert new
    assert ask("sandbox", cart) == (order, False)
    others = [("desk", cart, ""), ("sandbox", replace(cart, total=Money(1, "INR")), "")]
    others += [("sandbox", replace(cart, seats=(*cart.seats, 10**6)), "")]
    if kept:
        others.append(("sandbox", cart, "4000 0000 0000 0002"))
    for method, asked, card in others:
        with pytest.raises(KeyReused):
            ask(method, asked, card)
    assert len(database.read(queries.orders_of, person)) == 1
