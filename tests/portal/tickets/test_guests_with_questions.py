"""The questions to guests without an account, and the answers and places of what is claimed."""

from functools import partial

from festgate.portal.accounts import guest_claims
from festgate.portal.accounts.confirmation import confirm_address
from festgate.portal.catalogue import facade as catalogue
from festgate.portal.catalogue.facade import QuestionDetails
from festgate.portal.registrations import facade as registrations
from festgate.portal.registrations.answers import ORDER, answers_of_person, save_answers
from festgate.portal.registrations.choices import Choice
from festgate.portal.registrations.files import own_file, space_counts, upload_file
from festgate.portal.registrations.holds import confirm_seat, hold_seats
from tests.portal.registrations.pass_fest import add_pass
from tests.portal.tickets.fest import HOLD_MINUTES, Fest
from tests.portal.tickets.test_guests import RECORDS, check, codes_of, register, sign_up

ROLL = QuestionDetails("text", "Roll number", is_required=True)
COLLEGE = QuestionDetails("text", "College", per="order")
LETTER = QuestionDetails("file", "Letter", per="order")
PDF = b"%PDF-1.4"


def nobody_in(_connection: object, _seat_id: int) -> bool:
    return False


save = partial(save_answers, is_used=nobody_in, is_complete=False)
upload = partial(upload_file, is_used=nobody_in)


def test_a_seat_of_a_guest_waits_for_required_answers(fest: Fest) -> None:
    event = fest.event("Talk")
    rules = catalogue.HolderRules("required", 0, has_transfers=True, transfers_until=0)
    fest.database.write(catalogue.set_holder_rules, event.slug, rules)
    roll = fest.database.write(catalogue.add_question, event.slug, ROLL)
    bought = register(fest, event)
    (seat,) = bought.seats
    assert (seat.state, seat.attendee_name, seat.asks) == ("held", "Asha Rao", 1)
    guest = bought.session.person
    fest.database.write(save, guest, event.slug, {(roll, seat.id): "CS-7"})
    fest.database.write(confirm_seat, guest, seat.id)
    fest.deliver()
    assert len(codes_of(fest, guest)) == 1
    check(fest)


def test_the_answers_and_files_of_a_guest_are_claimed_with_the_seats(fest: Fest) -> None:
    event = fest.event("Talk")
    roll, college, letter = (
        fest.database.write(catalogue.add_question, event.slug, details)
        for details in (ROLL, COLLEGE, LETTER)
    )
    account = sign_up(fest)
    fest.database.write(confirm_address, account.id)
    fest.deliver()
    fest.database.write(hold_seats, account.id, event.slug, HOLD_MINUTES)
    fest.database.write(save, account.id, event.slug, {(college, ORDER): "IIT Madras"})
    bought = register(fest, event)
    guest, (seat,) = bought.session.person, bought.seats
    fest.database.write(save, guest, event.slug, {(roll, seat.id): "CS-7", (college, ORDER): "IIT Bombay"})
    fest.database.write(upload, guest, event.slug, (letter, ORDER), "letter.pdf", PDF)
    assert fest.database.write(guest_claims.claim_guests, account.id, RECORDS) == 1
    fest.deliver()
    moved = fest.database.read(answers_of_person, account.id)
    # The account's own answer about all its tickets stays.
    assert sorted(answer.value for answer in moved) == ["CS-7", "IIT Madras", "letter.pdf"]
    assert fest.database.read(answers_of_person, guest) == []
    (file_id,) = (answer.file_id for answer in moved if answer.file_id is not None)
    assert fest.database.read(own_file, account.id, file_id).content == PDF
    assert fest.database.report(space_counts) == ({account.id: len(PDF), 0: len(PDF)},) * 2
    check(fest)


def test_the_places_of_a_guests_pass_count_for_the_address_and_are_claimed_with_it(fest: Fest) -> None:
    home, other = fest.event("Talk"), fest.event("Gala")
    kind = add_pass(fest.database, home, [other])
    bought = register(fest, home, choice=Choice({kind.id: 1}))
    fest.deliver()
    check(fest)
    account = sign_up(fest)
    fest.database.write(confirm_address, account.id)
    fest.deliver()  # an address that is confirmed claims the seats of its guests
    owned = fest.database.read(registrations.live_seats, account.id)
    assert sorted(seat.title for seat in owned) == ["Gala", "Talk"]
    assert fest.database.read(registrations.live_seats, bought.session.person) == []
    check(fest)
