"""`festgate orders`: show one order, and cancel its registrations, from the command line."""

from functools import partial
from typing import Annotated

import typer

from festgate.kit import security_log
from festgate.kit.cli import current, run, show_rows
from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.ids import read_code
from festgate.kit.roles import PERMISSIONS
from festgate.kit.visitors import COMMAND
from festgate.portal.accounts import facade as accounts
from festgate.portal.audit import facade as audit
from festgate.portal.backoffice.orders import OrderView, view_order
from festgate.portal.checkout import facade as checkout
from festgate.portal.checkout.facade import Cancellation
from festgate.portal.registrations import facade as registrations
from festgate.portal.tickets import facade as tickets
from festgate.settings import Settings
from festgate.terminal import fail

app = typer.Typer(no_args_is_help=True)

Ref = Annotated[str, typer.Argument(metavar="REF", help="The order's number.")]
By = Annotated[str | None, typer.Option(metavar="NAME", help="The organiser who decided it, for the record.")]
Yes = Annotated[
    bool, typer.Option("--yes", help="Do it; without this the command only prints what it would do.")
]
Force = Annotated[bool, typer.Option("--force", help="Also where the holder was checked in.")]


def mount(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app, name="orders", help="Orders: show one, cancel its registrations.")


@app.command()
def show(ref: Ref) -> None:
    """Show an order: its registrations with their ids, and its refunds."""

    async def work(settings: Settings) -> tuple[OrderView, Settings]:
        async with current(settings) as database:
            return await database.read(view_order, read_code(ref)), settings

    view, settings = run(work, missing=f"There is no order {ref}.")
    order = view.order
    total, username = order.total.shown(settings.locale), view.person.username
    print(f"Order {order.ref}: {order.state}, {total}, {order.method}, {username}")
    rows = [
        (str(row.line.seat_id), row.line.title, row.line.fee.shown(settings.locale), row.words)
        for row in view.lines
    ]
    show_rows(("Registration", "Event", "Fee", "State"), rows)
    for row in view.refunds:
        done = row.refund.done_at
        state = "due" if done is None else f"paid back {moment(done, settings.zone):%Y-%m-%d %H:%M}"
        asked = f" Asked for by {row.asked_by}." if row.asked_by else ""
        print(f"Refund of {row.refund.amount.shown(settings.locale)}: {state}. {row.refund.reason}{asked}")


@app.command()
def cancel(
    ref: Ref,
    seat: Annotated[
        int | None, typer.Option(metavar="ID", help="Only this registration; otherwise the whole order.")
    ] = None,
    by: By = None,
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Cancel an order, or one registration of it, and give back what was paid."""
    code = read_code(ref)

    def look(connection: Connection) -> tuple[Cancellation, int | None]:
        plan = checkout.plan_cancellation(
            connection, checkout.order_by_ref(connection, code), seat, tickets.is_used
        )
        return plan, None if by is None else _organiser(connection, by)

    async def work(settings: Settings) -> tuple[Cancellation, int | None, str]:
        async with current(settings) as database:
            plan, organiser = await database.read(look)
            if yes:
                terms = checkout.RefundTerms(actor=COMMAND)
                cancel_now = partial(checkout.cancel_registrations, force=force, seen=plan.seen, terms=terms)
                await database.write(cancel_now, code, seat, organiser, tickets.is_used)
        return plan, organiser, plan.back.shown(settings.locale)

    what = f"no order {ref}" if seat is None else f"no registration {seat} in an order {ref}"
    plan, organiser, back = run(work, missing=f"There is {what}. `festgate orders show REF` lists an order.")
    titles = ", ".join(line.title for line in plan.lines) or "nothing"
    if yes:
        security_log.note_command("registration-cancelled", organiser)
        print(f"Cancelled: {titles}. {back} goes back.")
    else:
        fail(f"This would cancel {titles}, and {back} would go back. Add --yes to do it.")


@app.command()
def cancel_registration(
    registration: Annotated[int, typer.Argument(metavar="ID", help="The registration's id.")],
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Cancel a registration that is free or not paid, which is in no order."""

    def take_back(connection: Connection) -> registrations.Seat:
        before = registrations.seat(connection, registration)
        seat = registrations.take_back_seat(connection, registration, tickets.is_used, force=force)
        if before.state != "cancelled":
            about = {audit.PERSON: seat.person_id}
            audit.record(
                connection, COMMAND, "registration.cancelled", seat.title, event_id=seat.event_id, **about
            )
        return seat

    async def work(settings: Settings) -> registrations.Seat:
        async with current(settings) as database:
            if not yes:
                return await database.read(registrations.seat, registration)
            return await database.write(take_back)

    seat = run(work, missing=f"There is no registration {registration}.")
    if not yes:
        fail(f"This would cancel registration {registration} for {seat.title}. Add --yes to do it.")
    security_log.note_command("registration-cancelled")
    print(f"Cancelled: registration {registration} for {seat.title}.")


def _organiser(connection: Connection, name: str) -> int:
    """Return the id of the organiser of that name; fail where there is none."""
    person = accounts.find_person(connection, name)
    if person is None or "orders.settle" not in PERMISSIONS[person.role]:
        fail(f"{name} is no organiser. Give an organiser's username with --by, or leave it out.")
    return person.id
