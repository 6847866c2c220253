"""An order is placed for exactly the cart that was shown, or refused."""

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
from festgate.portal.registrations.cancellations import cancel_seat
from festgate.portal.registrations.holds import hold_seat
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


def refusal_of(database: OpenDatabase, cart: Cart, person: int | None = None) -> str:
    """Check that no order is placed for the cart; return the reason."""
    with pytest.raises(ListChanged) as caught:
        place(database, cart, person)
    assert database.read(queries.orders_of, person or cart.person_id) == []
    return caught.value.message


def test_a_seat_held_after_the_cart_was_shown_stays_held_and_is_not_charged(
    database: OpenDatabase,
) -> None:
    person = add_someone(database)
    first = hold(database, person)
    shown = database.read(current_cart, person)
    second = hold(database, person, 70_000)
    order = place(database, shown)
    assert (order.total, [line.seat_id for line in order.lines]) == (Money(45_000, "INR"), [first])
    assert [seat.id for seat in database.read(registrations.payable_seats, person)] == [second]


def test_cancelling_a_seat_after_the_cart_was_shown_refuses_the_order(
    database: OpenDatabase,
) -> None:
    person = add_someone(database)
    hold(database, person)
    cancelled_seat = hold(database, person, 30_000, "Dance Battle")
    shown = database.read(current_cart, person)
    database.write(cancel_seat, person, cancelled_seat)
    assert "Dance Battle is not held for you any more" in refusal_of(database, shown)
    assert len(database.read(registrations.payable_seats, person)) == 1


def test_an_expired_and_renewed_hold_does_not_match_the_shown_cart(
    database: OpenDatabase,
) -> None:
    person = add_someone(database)
    seat = hold(database, person)
    shown = database.read(current_cart, person)
    database.clock.move(16 * MINUTE)
    slug = database.read(registrations.seat, seat).slug
    database.write(hold_seat, person, slug, 15)
    assert "Robo Race is not held for you any more" in refusal_of(database, shown)


def test_an_order_with_another_amount_currency_total_or_person_is_refused(database: OpenDatabase) -> None:
    person, other = add_someone(database), add_someone(database)
    hold(database, person)
    hold(database, other)
    shown = database.read(current_cart, person)
    cheaper, euros = Money(100, "INR"), Money(45_000, "EUR")
    assert "Robo Race has another fee" in refusal_of(database, replace(shown, total=cheaper, fees=(cheaper,)))
    assert "Robo Race has another fee" in refusal_of(database, replace(shown, total=euros, fees=(euros,)))
    assert "another total" in refusal_of(database, replace(shown, total=cheaper, fees=None))
    assert "another total" in refusal_of(database, replace(shown, total=euros, fees=None))
    assert "another account is signed in now" in refusal_of(database, shown, other)


def test_the_hidden_field_contains_the_cart_and_other_text_is_refused(database: OpenDatabase) -> None:
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


def test_the_idempotency_key_of_a_page_changes_with_the_cart_and_after_an_order(
    database: OpenDatabase,
) -> None:
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


@pytest.mark.parametrize("has_hash", [True, False], ids=["with a hash", "without a stored hash"])
def test_an_idempotency_key_cannot_be_reused_for_another_request(
    database: OpenDatabase, *, has_hash: bool
) -> None:
    person = add_someone(database)
    hold(database, person)
    cart = replace(database.read(current_cart, person), fees=None)

    def place_with_hash(
        method: str, cart_sent: Cart, card: str = "", *, hashed: bool = True
    ) -> tuple[Order, bool]:
        fingerprint = hash_request(b"secret", method, cart_sent, card) if hashed else None
        return database.write(
            place_order, person, method, HOUR, "mine", asks=False, cart=cart_sent, request_hash=fingerprint
        )

    order, new = place_with_hash("sandbox", cart, hashed=has_hash)
    assert new
    assert place_with_hash("sandbox", cart) == (order, False)
    other_requests = [("desk", cart, ""), ("sandbox", replace(cart, total=Money(1, "INR")), "")]
    other_requests += [("sandbox", replace(cart, seats=(*cart.seats, 10**6)), "")]
    if has_hash:
        other_requests.append(("sandbox", cart, "4000 0000 0000 0002"))
    for method, cart_sent, card in other_requests:
        with pytest.raises(KeyReused):
            place_with_hash(method, cart_sent, card)
    assert len(database.read(queries.orders_of, person)) == 1
