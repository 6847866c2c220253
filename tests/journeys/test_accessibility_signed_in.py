"""Pages of attendees, staff and organisers in Chromium: WCAG 2.2 AA by axe, in light and dark, on phone and desk."""

import pytest
from playwright.sync_api import expect

from tests.journeys.viewer import PageState, Viewer
from tests.rig.axe import violations
from tests.rig.browser import PHONE

WRONG_EVENT = {
    "title": "",
    "starts_at": "yesterday",
    "fee": "many",
    "capacity": "-1",
    "sales_open_at": "then",
}
PAGES = {
    "my events, none": PageState("/my-events", "newcomer", heading="No events yet"),
    "my events, held": PageState("/my-events", "holder", heading="To pay"),
    "my events, long": PageState("/my-events", "long", heading="Donaudampf"),
    "my events, waiting for payment": PageState("/my-events", "desk", heading="Waiting for payment"),
    "my events, confirmed": PageState("/my-events", "attendee", heading="Your seats"),
    "my events, over": PageState("/my-events", "leaver", heading="Hold expired"),
    "event, held": PageState("/events/{open}?already=1", "holder", heading="already registered"),
    "event, waiting for payment": PageState("/events/{desk}", "desk", heading="Waiting for payment"),
    "event, confirmed": PageState("/events/{free}", "shopper", heading="You have a seat"),
    "event, at the time of another": PageState("/events/{few}", "attendee", heading="overlap"),
    "cancel a held seat": PageState("/registrations/{held_open}/cancel", "holder", heading="you pay nothing"),
    "cancel a free seat": PageState("/registrations/{taken_free}/cancel", "shopper", heading="your ticket"),
    "cancel an order": PageState("/orders/{order_desk}/cancel", "desk", heading="Cancel this order?"),
    "checkout": PageState("/checkout", "holder", heading="Pay with"),
    "checkout, nothing to pay": PageState("/checkout", "newcomer", heading="Nothing to pay"),
    "checkout, refused": PageState("/checkout", "holder", fields={"payment_method": "gold"}, status=422),
    "order, paid": PageState("/orders/{order_paid}", "attendee", heading="Paid. Your tickets"),
    **{
        f"order, {state}": PageState(f"/orders/{{order_{state}}}", state, heading=heading)
        for state, heading in {
            "desk": "Your order number is",
            "waiting": "is waiting for payment",
            "unanswered": "not been confirmed yet",
            "declined": "The card was declined",
            "cancelled": "This order is cancelled",
            "expired": "not paid in time",
            "refunding": "will be refunded",
            "refunded": "has been refunded",
        }.items()
    },
    "ticket": PageState("/tickets/{valid}", "attendee", heading="One person."),
    "ticket, void": PageState("/tickets/{void}", "leaver", heading="Not valid"),
    "ticket, checked in": PageState("/tickets/{in}", "attendee", heading="Checked in"),
    "account": PageState("/account", "attendee", heading="Where you are signed in"),
    "account, refused": PageState("/account/name", "long", 422, {"name": ""}, "Your name has not changed"),
    "account, delete": PageState("/account/delete", "holder", heading="The registration for Robo Race ends"),
    "account, delete, refused": PageState("/account/delete", "holder", 422, {}, "has not been deleted"),
    "account, kept": PageState("/account/delete", "attendee", heading="cannot be deleted yet"),
    "my events without an account": PageState("/my-events", "unknown", heading="Your seats"),
    "guest": PageState("/guest", "unknown", heading="End all links"),
    "guest, ended": PageState("/guest?ended", "unknown", heading="signed out"),
    "guest, delete": PageState("/guest/delete", "unknown", heading="cannot be undone"),
    "doors": PageState("/door", "staff", heading="Choose the event"),
    "door, checked in": PageState("/door/{free}?in={in}&q=tend", "staff", heading="checked in by staff"),
    "door, refused": PageState("/door/{open}", "organiser", 422, {"code": "?"}, "Not a ticket of this fest"),
    "organise": PageState("/organise", "organiser", heading="New event"),
    "organise, saved": PageState("/organise?saved={open}", "organiser", heading="Robo Race is saved."),
    "organise, orders": PageState("/organise/orders", "organiser", heading="To pay at the desk"),
    "organise, payments": PageState("/organise/payments", "organiser", heading="asked about"),
    "organise, payments, found": PageState(
        "/organise/payments?ref={order_expired}", "organiser", heading="Mark paid"
    ),
    "organise, somebody without an account": PageState(
        "/organise/people/{unknown_id}", "organiser", heading="bought without an account"
    ),
    "organise, delete data": PageState(
        "/organise/people/{unknown_id}/delete", "organiser", heading="cannot be undone"
    ),
    "organise, new": PageState("/organise/events/new", "organiser", heading="New event"),
    "organise, new, refused": PageState(
        "/organise/events/new", "organiser", fields=WRONG_EVENT, status=422, heading="Not saved yet"
    ),
    "organise, draft": PageState("/organise/events/{draft}/edit", "organiser", heading="Edit A rough idea"),
    "organise, published": PageState("/organise/events/{open}/edit", "organiser", heading="Edit Robo Race"),
    "organise, cancelled": PageState(
        "/organise/events/{cancelled}/edit", "organiser", heading="stays as it is"
    ),
    "organise, overview": PageState("/organise/events/{open}", "organiser", heading="Close sales now"),
    "organise, check-in": PageState("/organise/events/{open}/check-in", "organiser", heading="Open the door"),
    "organise, filtered": PageState("/organise?q=nothing", "organiser", heading="No event matches"),
    "organise, emails": PageState("/organise/emails", "organiser", heading="No failed emails"),
    "organise, close sales": PageState(
        "/organise/events/{open}/close-sales", "organiser", heading="Close the sales"
    ),
    "organise, move": PageState("/organise/events/{open}/move", "organiser", heading="Show the new times"),
    "organise, move, asked": PageState("/organise/events/{open}/move?days=7", "organiser", heading="Then"),
    "organise, duplicate": PageState("/organise/events/{open}/duplicate", "organiser", heading="Days later"),
    "organise, capacity": PageState(
        "/organise/events/{open}/capacity", "organiser", heading="number of seats"
    ),
    "organise, import": PageState("/organise/import", "organiser", heading="Show the preview"),
    "organise, cancel": PageState("/organise/events/{open}/cancel", "organiser", heading="Cancel Robo Race?"),
}


@pytest.mark.parametrize("shown", PAGES.values(), ids=PAGES)
def test_a_page_is_accessible_and_fits_every_width_in_light_and_dark(
    viewer: Viewer, shown: PageState
) -> None:
    assert viewer.problems(shown) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_menu_of_the_header_is_accessible_by_keyboard_on_a_phone(viewer: Viewer, dark: bool) -> None:
    page = viewer.page
    viewer.sign_in("organiser")
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark" if dark else "light")
    viewer.open(PageState("/events", "organiser"))
    menu = page.get_by_role("button", name="Menu")
    menu.focus()
    page.keyboard.press("Enter")
    assert violations(page) == []
    page.keyboard.press("Tab")
    expect(page.get_by_role("banner").get_by_role("link", name="My events")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(menu).to_be_focused()
