"""Commands about payments that need attention."""

import typer

from festgate.kit.cli import FOUND, current, run, show_rows
from festgate.kit.clock import moment
from festgate.portal.checkout.queries import stuck_payments
from festgate.settings import Settings

COLUMNS = ("Kind", "Order", "Person", "Amount", "Method", "Since", "Tries", "Next attempt", "Last error")

app = typer.Typer(no_args_is_help=True)


def mount(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app, name="payments", help="Payments: those that hang.")


@app.callback()
def payments() -> None:
    """Show and retry payments that need attention."""


@app.command()
def stuck() -> None:
    """List payments that their provider has not answered, and refunds that have failed; exit 1 when there are any."""

    async def work(settings: Settings) -> bool:
        async with current(settings) as database:
            stuck = await database.read(stuck_payments)
        rows = [
            (
                payment.kind,
                payment.ref,
                payment.username,
                payment.amount.shown(settings.locale),
                payment.method,
                f"{moment(payment.since, settings.zone):%Y-%m-%d %H:%M}",
                str(payment.tries),
                f"{moment(payment.next_at, settings.zone):%Y-%m-%d %H:%M:%S}",
                " ".join((payment.error or "").split()),
            )
            for payment in stuck
        ]
        if rows:
            show_rows(COLUMNS, rows)
        return bool(rows)

    if run(work):
        raise typer.Exit(FOUND)
    typer.echo("No payments need attention.", err=True)
