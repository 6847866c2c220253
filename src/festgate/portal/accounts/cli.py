"""`festgate user`: the commands for people, their roles and their passwords."""

import sys
from collections.abc import Callable, Iterable
from typing import Annotated

import typer

from festgate.kit import security_log
from festgate.kit.cli import current, opened, run, show_rows
from festgate.kit.clock import moment
from festgate.kit.db.statements import Connection
from festgate.kit.ids import new_code
from festgate.kit.roles import ROLE_NAMES, Role
from festgate.kit.secret import load_secret
from festgate.kit.visitors import COMMAND
from festgate.portal.accounts.confirmation import confirm_by_name
from festgate.portal.accounts.corrections import correct_email
from festgate.portal.accounts.names import (
    MAX_PASSWORD_LENGTH,
    MIN_PASSWORD_LENGTH,
    read_email,
    read_password,
    read_person_name,
    read_username,
)
from festgate.portal.accounts.passwords import hash_password
from festgate.portal.accounts.people import Newcomer, add_by_command, set_password
from festgate.portal.accounts.queries import Member, Person, all_people, find_person, person_by_name
from festgate.portal.accounts.second_factors import has_second_factor, remove
from festgate.portal.accounts.strength import find_weakness
from festgate.settings import Settings
from festgate.terminal import fail

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="USERNAME", help="Username or email address.")]
FromStdin = Annotated[
    bool,
    typer.Option(
        "--password-stdin", help="Read the password from standard input; without it, one is made and printed."
    ),
]


def mount(program: typer.Typer) -> None:
    """Add the commands to the program."""
    program.add_typer(app, name="user", help="People and their roles.")


@app.command()
def add(
    username: Annotated[str, typer.Argument(help="The name to sign in with.")],
    email: Annotated[str, typer.Option(help="Where tickets are sent.")],
    role: Annotated[Role, typer.Option(help="What the account may do.")] = "attendee",
    name: Annotated[
        str, typer.Option(help="The person's name, which tickets show; without it, the username.")
    ] = "",
    password_stdin: FromStdin = False,
) -> None:
    """Make an account."""
    try:
        shown_name = read_person_name(name) if name else ""
        newcomer = Newcomer(read_username(username), read_email(email), role, shown_name)
    except ValueError as error:
        fail(f"{username} <{email}>: {error}")
    password = _password(from_stdin=password_stdin)

    async def add_to(settings: Settings) -> Person:
        _refuse_weak(password, (newcomer.username, newcomer.email, settings.fest_name))
        async with opened(settings) as database:
            return await database.write(add_by_command, newcomer, hash_password(password))

    person = run(add_to)
    security_log.note_command("account-made", person.id)
    print(f"{person.username} has the role {ROLE_NAMES[person.role].title} now.")
    _print_password(password, made=not password_stdin)


@app.command(name="password")
def change_password(name: Name, password_stdin: FromStdin = False) -> None:
    """Give an account another password, and sign it out everywhere."""
    password = _password(from_stdin=password_stdin)

    async def change(settings: Settings) -> Person:
        async with current(settings) as database:
            person = await database.read(find_person, name)
            known = (name,) if person is None else (person.username, person.email)
            _refuse_weak(password, (*known, settings.fest_name))
            return await database.write(set_password, name, hash_password(password))

    person = run(change)
    security_log.note_command("password-changed", person.id)
    print(f"{person.username} has a new password.")
    _print_password(password, made=not password_stdin)


@app.command(name="email")
def change_email(
    name: Name, email: Annotated[str, typer.Argument(help="Where tickets are sent from now on.")]
) -> None:
    """Give an account another email address, and sign it out everywhere.

    The new address gets the person's tickets, and a link that confirms it; `festgate user confirm` does so, too. A
    confirmed old address gets an email about the change.
    """
    try:
        address = read_email(email)
    except ValueError as error:
        fail(f"{email}: {error}")

    async def change(settings: Settings) -> Person:
        async with current(settings) as database:
            secret = load_secret(settings.data_dir)
            return await database.write(correct_email, name, address, secret, settings, COMMAND)

    person = run(change)
    security_log.note_command("email-changed", person.id)
    print(f"{person.username} has the email address {person.email} now, and has to sign in again.")


@app.command(name="confirm")
def confirm(name: Name) -> None:
    """Confirm the email address of an account by hand, if the email with the link does not arrive."""
    person = change_account("address-confirmed", confirm_by_name, name)
    print(f"The email address {person.email} of {person.username} is confirmed.")


@app.command(name="second-factor")
def switch_off_second_factor(
    name: Name,
    off: Annotated[
        bool, typer.Option("--off", help="Switch it off; without this the command only prints its state.")
    ] = False,
) -> None:
    """Show whether an account has a second factor, and switch it off for somebody that lost phone and recovery codes.

    Check first that it is the right person. They sign in with the password alone then, and set it up again.
    """

    def work_on(connection: Connection, fest: str) -> tuple[Person, bool]:
        person = person_by_name(connection, name)
        if off:
            return person, remove(connection, person.id, COMMAND, fest)
        return person, has_second_factor(connection, person.id)

    async def work(settings: Settings) -> tuple[Person, bool]:
        async with current(settings) as database:
            return await database.write(work_on, settings.fest_name)

    person, was_on = run(work)
    if not was_on:
        print(f"{person.username} has no second factor.")
    elif off:
        security_log.note_command("second-factor-changed", person.id)
        print(f"The second factor of {person.username} is off. The password alone signs in now.")
    else:
        print(f"{person.username} has a second factor. --off switches it off.")


@app.command(name="list")
def list_people() -> None:
    """List the accounts: a table in a terminal, else lines with tabs (username, email, role, sign-up time, name)."""

    async def read(settings: Settings) -> list[Member]:
        async with current(settings) as database:
            return await database.report(all_people)

    rows: list[tuple[str, ...]] = [
        (
            member.person.username,
            member.person.email,
            member.person.role,
            f"{moment(member.created_at):%Y-%m-%dT%H:%M:%SZ}",
            member.person.name,
        )
        for member in run(read)
    ]
    if sys.stdout.isatty():  # with the name, the table would not fit 80 characters
        rows = [row[:-1] for row in rows]
    show_rows(("Username", "Email", "Role", "Since"), rows)


def change_account(
    event: security_log.CommandEvent, operation: Callable[..., Person], *arguments: object
) -> Person:
    """Change an account, note the security event, and return the person."""

    async def change(settings: Settings) -> Person:
        async with current(settings) as database:
            return await database.write(operation, *arguments)

    person = run(change)
    security_log.note_command(event, person.id)
    return person


def _refuse_weak(password: str, known: Iterable[str]) -> None:
    """End the command if the password is one that guessers try first."""
    weakness = find_weakness(password, known)
    if weakness:
        fail(f"The password on standard input cannot be used: {weakness}")


def _password(*, from_stdin: bool) -> str:
    """Return the password on standard input without its line end; else a new one of 100 bits."""
    if not from_stdin:
        return "-".join(new_code(5).lower() for _ in range(4))
    try:
        password = read_password(sys.stdin.readline().rstrip("\r\n"))
    except (UnicodeDecodeError, ValueError) as error:
        fail(f"The password on standard input cannot be used: {error}")
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        fail(
            f"The password on standard input has {len(password)} characters; "
            f"write {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters."
        )
    return password


def _print_password(password: str, *, made: bool) -> None:
    if made:
        print(f"Password: {password}")
        print("It is shown only once.")
