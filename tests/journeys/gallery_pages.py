"""Every page of the portal, with its visitor and the data that it shows in the gallery."""

from tests.journeys.viewer import PageState

WRONG_EVENT = {
    "title": "",
    "starts_at": "yesterday",
    "fee": "many",
    "capacity": "-1",
    "sales_open_at": "then",
}
BANK_FILE = """Date,Narration,Credit
07/11/2026,UPI/632109876541/{transfer_asha}/asha@examplebank,450.00
08/11/2026,NEFT from Annapurna with greetings {transfer_vikram},500.00
09/11/2026,UPI/632109876999/unknown payer,1.00
"""
UNKNOWN_BANK_FILE = "Wann,Wofür,Betrag\n07.11.2026,from Zoe,450.00\n"
EVENTS_FILE = """title,place,starts_at,ends_at,fee,capacity
Chess,Seminar Room 2,2199-03-14T10:00,2199-03-14T12:00,0,20
Robo Race,Main Hall,2199-03-14T10:00,2199-03-14T12:00,450,many
Go,Hall,2199-03-15T10:00,2199-03-15T12:00,100,20
"""
VISITOR_PAGES = {
    "home": PageState("/", heading="Aurora Fest"),
    "list": PageState("/events"),
    "list, last page": PageState("/events?page=2"),
    "list, nothing found": PageState("/events?q=nothing+fits+this&day=2031-01-01", heading="No events found"),
    **{
        f"event, {state}": PageState(f"/events/{{{state}}}", heading=heading)
        for state, heading in {
            "open": "of 100 left",
            "free": "Free",
            "few": "4 of 5 left",
            "soldout": "Sold out",
            "soldout_free": "Cancelled seats become available",
            "soon": "Sales open",
            "closed": "Sales closed",
            "running": "Over Soon",
            "over": "This event has ended",
            "cancelled": "This event has been cancelled",
            "long": "Donaudampf",
        }.items()
    },
    "sign in": PageState("/login?next=/my-events"),
    "sign in, refused": PageState("/login", fields={"username": "nobody", "password": "wrong"}, status=401),
    "forgot": PageState("/forgot", heading="Send link"),
    "forgot, sent": PageState("/forgot", fields={"username": "nobody"}, heading="Check your email"),
    "reset": PageState("/reset?token={link}", heading="For newcomer."),
    "reset, refused": PageState(
        "/reset?token={link}", fields={"password": "x"}, status=422, heading="has not changed"
    ),
    "reset, over": PageState("/reset?token=1-1-0", status=410, heading="This link has expired"),
    "register": PageState("/register"),
    "account, deleted": PageState("/account/deleted", heading="Your account is deleted"),
    "address, over": PageState("/account/email/confirm?token=1-1-0", status=410, heading="has expired"),
    "register, refused": PageState(
        "/register", fields={"username": "x", "email": "x", "password": "x"}, status=422
    ),
    "register without an account, refused": PageState(
        "/events/{open}/register", fields={"name": "", "email": "x"}, status=422, heading="marked fields"
    ),
    "find tickets": PageState("/find-tickets", heading="Find my tickets"),
    "find tickets, refused": PageState("/find-tickets", fields={"email": "x"}, status=422),
    "find tickets, sent": PageState(
        "/find-tickets", fields={"email": "a@example.org"}, heading="Check your email"
    ),
    "guest link": PageState("/guest/open?token={guest_link}", heading="Open my tickets"),
    "guest link, over": PageState("/guest/open?token=0", status=410, heading="does not work any more"),
    "guest, deleted": PageState("/guest/deleted", heading="Your data is deleted"),
    "set-up, over": PageState("/setup?token=0", status=410),
    "docs": PageState("/docs", heading="API"),
    "docs, a problem": PageState("/docs/problems/sold-out", heading="Sold out"),
    "400": PageState("/register", "", 400, {str(number): "" for number in range(60)}),
    "403": PageState("/organise", "attendee", 403, heading="Not allowed"),
    "404": PageState("/no-such-page", "attendee", 404, heading="Not found"),
    "405": PageState("/my-events", "attendee", 405, {}),
    "409, sold out": PageState("/events/{soldout}/register", "newcomer", 409, {}, "Sold out"),
    "409, not open": PageState("/events/{soon}/register", "newcomer", 409, {}, "Not open yet"),
    "409, nothing to pay": PageState(
        "/checkout", "newcomer", 409, {"payment_method": "desk"}, "Nothing to pay"
    ),
    "422": PageState("/events?day=someday", "", 422, heading="Please check"),
}
ATTENDEE_PAGES = {
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
    "order, method switched off": PageState("/orders/{order_waiting}", "waiting", heading="Stripe"),
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
    "event, several tickets": PageState("/events/{types}", "newcomer", heading="Team of robots"),
    "event, code refused": PageState("/events/{types}?code=NOSUCH", "newcomer", heading="Promo code"),
    "event, promo code": PageState("/events/{types}?code=CAMPUS20", "newcomer", heading="CAMPUS20"),
    "event, without an account": PageState("/events/{types}", heading="Team of robots"),
    "event, on the waiting list": PageState("/events/{soldout}", "asha", heading="You are number"),
    "event, join the waiting list": PageState("/events/{soldout}", "newcomer", heading="waiting list"),
    "event, apply": PageState("/events/{applied}", "newcomer", heading="Apply"),
    "event, applied": PageState("/events/{applied}", "asha", heading="Application sent"),
    "my events, many states": PageState("/my-events", "asha", heading="Your seats"),
    "team, captain": PageState("/teams/{team}", "usha", heading="Invite your team"),
    "team, member": PageState("/teams/{team}", "vikram", heading="Leave the team"),
    "team, join": PageState("/teams/join/{join}", "newcomer", heading="Join"),
    "team, cancel": PageState("/teams/{team}/cancel", "usha", heading="Cancel"),
    "team, invitation refused": PageState("/teams/{team}/invite", "usha", 422, {"email": "x"}),
    "questions": PageState("/my-events/{asks}/questions", "ravi", heading="T-shirt size"),
    "questions, refused": PageState("/my-events/{asks}/questions", "ravi", 422, {}, "required"),
    "holder": PageState("/registrations/{unnamed}/holder", "ravi"),
    "cancel a paid seat": PageState("/orders/{order_kept}/seats/{kept_seat}/cancel", "shopper"),
    "order, transfer": PageState("/orders/{transfer_asha}", "asha", heading="UPI"),
    "order, transfer, number refused": PageState(
        "/orders/{transfer_asha}/transfer", "asha", 422, {"utr": "12"}
    ),
    "order, transfer, number entered": PageState(
        "/orders/{transfer_vikram}", "vikram", heading="Change the number"
    ),
    "ticket, transfer": PageState("/tickets/{transferable}/transfer", "zoya", heading="Transfer"),
    "ticket, transfer refused": PageState(
        "/tickets/{transferable}/transfer", "zoya", 422, {"name": "", "email": "x"}
    ),
    "ticket, by link": PageState("/tickets/open/{ticket_link}", heading="One person."),
    "address confirmed, over": PageState("/confirm?token=1-1-0", status=410, heading="expired"),
    "invitation": PageState("/invitation?token={invitation}", heading="Join the team"),
    "invitation, refused": PageState(
        "/invitation?token={invitation}", "", 422, {"username": "x", "password": "x"}
    ),
    "invitation, over": PageState("/invitation?token=0", status=410),
    "password asked": PageState(
        "/account/prove?next=/organise/settings", "unproven", heading="Enter your password"
    ),
    "password asked, refused": PageState("/account/prove", "unproven", 401, {"password": "wrong"}),
}
TEAM_PAGES = {
    "doors": PageState("/door", "staff", heading="Choose the event"),
    "door, checked in": PageState("/door/{free}?in={in}&q=tend", "staff", heading="checked in by staff"),
    "door, refused": PageState("/door/{open}", "organiser", 422, {"code": "?"}, "Not a ticket of this fest"),
    "organise": PageState("/organise", "organiser", heading="New event"),
    "organise, saved": PageState("/organise?saved={open}", "organiser", heading="Robo Race is saved."),
    "organise, team": PageState("/organise/team", "organiser", heading="Invite somebody"),
    "organise, invitation refused": PageState(
        "/organise/team/invitations", "organiser", fields={"email": "x", "role": "lead"}, status=422
    ),
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
    "organise, audit log": PageState("/organise/audit", "organiser", heading="Audit log"),
    "second factor": PageState("/account/second-factor", "organiser", heading="Second factor"),
    "organise, cancel": PageState("/organise/events/{open}/cancel", "organiser", heading="Cancel Robo Race?"),
    "doors, none": PageState("/door", "lead"),
    "organise, no events": PageState("/organise", "lead", heading="No events yet"),
    "organise, settings": PageState("/organise/settings", "organiser", heading="Logo"),
    "organise, settings refused": PageState(
        "/organise/settings",
        "organiser",
        422,
        {"fest_name": "", "fest_starts": "x"},
        form="/organise/settings",
    ),
    "organise, settings of payments": PageState("/organise/settings/payments", "organiser"),
    "organise, settings of mail": PageState("/organise/settings/mail", "organiser"),
    "organise, settings of sign-up": PageState("/organise/settings/sign-up", "organiser"),
    "organise, next steps": PageState("/organise/settings/next", "organiser"),
    "organise, second factors": PageState("/organise/second-factor", "organiser"),
    "second factor, being set up": PageState("/account/second-factor", "treasurer", heading="Six digits"),
    "second factor, code refused": PageState(
        "/account/second-factor/confirm", "treasurer", 401, {"code": "1"}
    ),
    "organise, guests": PageState("/organise/guests", "organiser", heading="Guests"),
    "organise, guests, none match": PageState("/organise/guests?q=no+such+guest", "organiser"),
    "organise, guests, none chosen": PageState("/organise/guests?none=1", "organiser"),
    "organise, guests, export": PageState("/organise/guests/export", "organiser"),
    "organise, guests, print": PageState(
        "/organise/guests/export",
        "organiser",
        fields={
            "format": "print",
            "column_name": "1",
            "column_email": "1",
            "column_event": "1",
            "column_state": "1",
        },
        form="/organise/guests/export",
    ),
    "organise, guests, action": PageState("/organise/guests/action?which=all&action=resend", "organiser"),
    "organise, guests of an event": PageState(
        "/organise/events/{asks}/guests", "organiser", heading="T-shirt size"
    ),
    "organise, guests of an event, none": PageState("/organise/events/{soon}/guests", "organiser"),
    "organise, guests of an event, cancel": PageState(
        "/organise/events/{open}/guests/action?which=all&action=cancel&state=all", "organiser"
    ),
    "organise, guests of an event, export": PageState(
        "/organise/events/{asks}/guests/export?format=print", "organiser"
    ),
    "organise, guests of an event, print": PageState(
        "/organise/events/{asks}/guests/export",
        "organiser",
        fields={"format": "print", "column_name": "1", "column_state": "1"},
        form="/organise/events/{asks}/guests/export",
    ),
    "organise, orders of an event": PageState("/organise/events/{open}/orders", "organiser"),
    "organise, orders of an event, none": PageState("/organise/events/{soon}/orders", "organiser"),
    **{
        f"organise, order, {state}": PageState(f"/organise/orders/{{order_{state}}}", "organiser")
        for state in (
            "desk",
            "waiting",
            "unanswered",
            "declined",
            "expired",
            "refunding",
            "refunded",
            "changed",
        )
    },
    "organise, order by transfer": PageState("/organise/orders/{transfer_vikram}", "organiser"),
    "organise, order, note refused": PageState(
        "/organise/orders/{order_changed}/notes",
        "organiser",
        422,
        {"text": ""},
        form="/organise/orders/{order_changed}",
    ),
    "organise, cancel an order": PageState("/organise/orders/{order_paid}/cancel", "organiser"),
    "organise, cancel an order, refused": PageState(
        "/organise/orders/{order_paid}/cancel",
        "organiser",
        422,
        {"amount": "x"},
        form="/organise/orders/{order_paid}/cancel",
    ),
    "organise, refund a part": PageState("/organise/orders/{order_paid}/refund", "organiser"),
    "organise, refund a part, refused": PageState(
        "/organise/orders/{order_paid}/refund", "organiser", 422, {"amount": "9999"}
    ),
    "organise, refund a part, asked": PageState(
        "/organise/orders/{order_paid}/refund",
        "organiser",
        200,
        {"amount": "50"},
        form="/organise/orders/{order_paid}/refund",
    ),
    "organise, send an order": PageState("/organise/orders/{order_paid}/send", "organiser"),
    "organise, exchange": PageState(
        "/organise/registrations/{paid_seat}/exchange?event={types}", "organiser"
    ),
    "organise, exchange, asked": PageState(
        "/organise/registrations/{paid_seat}/exchange?event={types}&type={type}", "organiser"
    ),
    "organise, holder of a ticket": PageState("/organise/registrations/{paid_seat}/holder", "organiser"),
    "organise, holder of a ticket, asked": PageState(
        "/organise/registrations/{paid_seat}/holder",
        "organiser",
        200,
        {"name": "Somebody Else", "email": "else@example.org"},
        form="/organise/registrations/{paid_seat}/holder",
    ),
    "organise, transfer a ticket": PageState("/organise/registrations/{paid_seat}/transfer", "organiser"),
    "organise, transfer a ticket, refused": PageState(
        "/organise/registrations/{paid_seat}/transfer", "organiser", 422, {"name": "", "email": "x"}
    ),
    "organise, cancel a registration": PageState("/organise/registrations/{taken_free}/cancel", "organiser"),
    "organise, complimentary": PageState("/organise/events/{types}/complimentary", "organiser"),
    "organise, complimentary, refused": PageState(
        "/organise/events/{types}/complimentary", "organiser", 422, {"name": "", "email": "x"}
    ),
    "organise, complimentary, asked": PageState(
        "/organise/events/{open}/complimentary",
        "organiser",
        200,
        {"name": "Sudha", "email": "sudha@example.org"},
        form="/organise/events/{open}/complimentary",
    ),
    "organise, difference": PageState("/organise/differences/{difference}?step=waived", "organiser"),
    "organise, people": PageState("/organise/people?q=a", "organiser"),
    "organise, people, none": PageState("/organise/people?q=nobodyatall", "organiser"),
    "organise, person": PageState("/organise/people/{person}", "organiser", heading="Meera"),
    "organise, correct an address": PageState("/organise/people/{person}/email", "organiser"),
    "organise, correct an address, refused": PageState(
        "/organise/people/{person}/email", "organiser", 422, {"email": "x"}
    ),
    "organise, correct an address, asked": PageState(
        "/organise/people/{person}/email", "organiser", 200, {"email": "meera@new.example.org"}
    ),
    "organise, one of the team": PageState("/organise/team/{member}", "organiser"),
    "organise, one of the team, asked": PageState(
        "/organise/team/{member}", "organiser", 200, {"role": "treasurer"}
    ),
    "organise, failed emails": PageState(
        "/organise/emails", "organiser", heading="Recipient address rejected"
    ),
    "organise, tickets": PageState("/organise/events/{types}/tickets", "organiser"),
    "organise, tickets, refused": PageState(
        "/organise/events/{types}/tickets", "organiser", 422, {"max_per_person": "x"}
    ),
    "organise, ticket type": PageState("/organise/events/{types}/tickets/{type}", "organiser"),
    "organise, ticket type, refused": PageState(
        "/organise/events/{types}/tickets/new",
        "organiser",
        422,
        {"fee": "x", "own_quota": "x", "tax_rate": "x", "min_per_order": "4", "max_per_order": "2"},
    ),
    "organise, new ticket type": PageState("/organise/events/{types}/tickets/new", "organiser"),
    "organise, quotas": PageState("/organise/quotas", "organiser", heading="Seats on the bus"),
    "organise, quota refused": PageState("/organise/quotas", "organiser", 422, {"name": "", "capacity": "x"}),
    "organise, promo codes": PageState("/organise/promo-codes", "organiser", heading="CAMPUS20"),
    "organise, promo code": PageState("/organise/promo-codes/{promo_code}", "organiser"),
    "organise, new promo code": PageState("/organise/promo-codes/new", "organiser"),
    "organise, new promo code, refused": PageState(
        "/organise/promo-codes/new", "organiser", 422, {"code": "!", "kind": "percentage", "value": "x"}
    ),
    "organise, many promo codes": PageState("/organise/promo-codes/many", "organiser"),
    "organise, holder rules": PageState("/organise/events/{types}/holders", "organiser"),
    "organise, questions of an event": PageState("/organise/events/{asks}/questions", "organiser"),
    "organise, questions of an event, none": PageState("/organise/events/{open}/questions", "organiser"),
    "organise, question of an event": PageState("/organise/events/{asks}/questions/{question}", "organiser"),
    "organise, new question of an event": PageState("/organise/events/{asks}/questions/new", "organiser"),
    "organise, new question of an event, refused": PageState(
        "/organise/events/{asks}/questions/new",
        "organiser",
        422,
        {"label": "", "kind": "choice", "choices": ""},
    ),
    "organise, remove a question of an event": PageState(
        "/organise/events/{asks}/questions/{question}/remove", "organiser"
    ),
    "organise, questions": PageState("/organise/questions", "organiser"),
    "organise, question": PageState("/organise/questions/{fest_question}", "organiser"),
    "organise, new question": PageState("/organise/questions/new", "organiser"),
    "organise, remove a question": PageState("/organise/questions/{fest_question}/remove", "organiser"),
    "organise, waiting list": PageState("/organise/events/{soldout}/waiting", "organiser"),
    "organise, waiting list, none": PageState("/organise/events/{open}/waiting", "organiser"),
    "organise, applications": PageState("/organise/events/{applied}/waiting", "organiser"),
    "organise, teams": PageState("/organise/events/{types}/teams", "organiser", heading="Circuit Breakers"),
    "organise, team, place": PageState(
        "/organise/events/{types}/teams/{team}/places/{place}", "organiser", heading="Circuit Breakers"
    ),
    "organise, team, place refused": PageState(
        "/organise/events/{types}/teams/{team}/places/{place}", "organiser", 422, {"email": "x"}
    ),
    "organise, teams, none": PageState("/organise/events/{open}/teams", "organiser"),
    "organise, open sales": PageState("/organise/events/{soon}/open-sales", "organiser"),
    "organise, publish": PageState("/organise/events/{draft}/publish", "organiser"),
    "organise, unpublish": PageState("/organise/events/{soon}/unpublish", "organiser"),
    "organise, capacity refused": PageState(
        "/organise/events/{open}/capacity", "organiser", 422, {"capacity": "x"}
    ),
    "organise, overview of a draft": PageState("/organise/events/{draft}", "organiser"),
    "organise, overview of a full event": PageState("/organise/events/{soldout}", "organiser"),
    "organise, overview of a running event": PageState("/organise/events/{running}", "organiser"),
    "organise, check-in of an event": PageState("/organise/events/{free}/check-in", "organiser"),
    "organise, rooms": PageState("/organise/rooms", "organiser"),
    "organise, room": PageState("/organise/rooms/{room}", "organiser"),
    "organise, new room": PageState("/organise/rooms/new", "organiser"),
    "organise, new room, refused": PageState(
        "/organise/rooms/new", "organiser", 422, {"name": "", "capacity": "x", "map_url": "x"}
    ),
    "organise, transfers": PageState("/organise/transfers", "organiser"),
    "organise, transfers, none match": PageState("/organise/transfers?q=nothing", "organiser"),
    "organise, transfer": PageState("/organise/transfers/orders/{transfer_vikram}", "organiser"),
    "organise, unmatched": PageState("/organise/transfers/unmatched", "organiser"),
    "organise, unmatched, none chosen": PageState(
        "/organise/transfers/unmatched", "organiser", 422, {"step": "assign"}
    ),
    "organise, assign": PageState("/organise/transfers/assign?lines={line}", "organiser"),
    "organise, assign, asked": PageState(
        "/organise/transfers/assign?lines={line}&ref={transfer_zoya}", "organiser"
    ),
    "organise, ignore": PageState("/organise/transfers/ignore?lines={line}", "organiser"),
    "organise, statement": PageState("/organise/transfers/statement", "organiser"),
    "organise, statement, preview": PageState(
        "/organise/transfers/statement", "organiser", file=("november.csv", BANK_FILE)
    ),
    "organise, statement, columns": PageState(
        "/organise/transfers/statement", "organiser", file=("november.csv", UNKNOWN_BANK_FILE)
    ),
    "organise, statement, refused": PageState(
        "/organise/transfers/statement", "organiser", 422, file=("november.csv", "")
    ),
    "organise, import, preview": PageState("/organise/import", "organiser", file=("events.csv", EVENTS_FILE)),
    "organise, import, refused": PageState("/organise/import", "organiser", 422, file=("events.csv", "")),
    "organise, audit log, none match": PageState("/organise/audit?q=nothing", "organiser"),
    "box office": PageState("/organise/box-office", "organiser"),
    "box office, none match": PageState("/organise/box-office?q=nothing", "organiser"),
    "box office, sell": PageState("/organise/box-office/events/{types}", "organiser"),
    "box office, sell, refused": PageState(
        "/organise/box-office/events/{types}",
        "organiser",
        422,
        {"email": "x", "received": "x"},
        form="/organise/box-office/events/{types}",
    ),
    "box office, sold": PageState("/organise/box-office/sales/{sale}", "organiser"),
    "box office, answers": PageState("/organise/box-office/sales/{sale}/answers", "organiser"),
    "box office, shift": PageState("/organise/box-office/shift", "organiser"),
    "box office, count refused": PageState(
        "/organise/box-office/shift/close",
        "organiser",
        422,
        {"counted": "x"},
        form="/organise/box-office/shift",
    ),
    "box office, no shift": PageState("/organise/box-office/shift", "seller"),
    "box office, shifts": PageState("/organise/box-office/shifts", "organiser"),
    "box office, closed shift": PageState("/organise/box-office/shifts/{shift}", "organiser"),
}
PAGES = VISITOR_PAGES | ATTENDEE_PAGES | TEAM_PAGES
