"""`festgate user`: the commands of accounts, and the deletion of an account, which every module takes part in."""

import asyncio
from typing import Annotated

import typer

from festgate.kit import security_log
from festgate.kit.cli import current, run
from festgate.kit.messaging import mail_erasure
from festgate.kit.roles import ROLE_NAMES, Role
from festgate.kit.visitors import COMMAND
from festgate.portal.accounts.cli import Name, app, change_account, mount
from festgate.portal.accounts.deletion import Deletion, delete_account, plan_deletion
from festgate.portal.accounts.queries import person_by_name
from festgate.settings import Settings
from festgate.terminal import fail

__all__ = ["mount"]

Yes = Annotated[
    bool, typer.Option("--yes", help="Do it; without this the command only prints what it would do.")
]


@app.command(name="role")
def change_role(name: Name, role: Annotated[Role, typer.Argument(help="What the account may do.")]) -> None:
    """Give an account another role, and sign it out everywhere. Other roles than lead and door lose assigned events."""
    from festgate.portal.backoffice.crew import set_role  # noqa: PLC0415  (it loads several modules)

    person = change_account("role-changed", set_role, name, role)
    print(f"{person.username} has the role {ROLE_NAMES[person.role].title} now, and has to sign in again.")


@app.command()
def delete(name: Name, yes: Yes = False) -> None:
    """Delete an account: its name, username, email address and emails. The books keep its orders without a name.

    It is refused while the account has a paid ticket for an event that is not over, or a refund that is not done.
    """
    from festgate.portal.composition import personal_records  # noqa: PLC0415  (it loads every module)

    records = personal_records()

    async def plan_or_delete(settings: Settings) -> Deletion:
        async with current(settings) as database:
            person = await database.read(person_by_name, name)
            plan = await database.report(plan_deletion, person.id, records)
            if yes and not plan.obstacles:
                stored = await database.report(mail_erasure.find_emails_to, person.email)
                emails = await database.write(
                    delete_account, person.id, records, stored, shown=plan.shown, actor=COMMAND
                )
                await asyncio.to_thread(mail_erasure.delete_files, settings.data_dir / "mail", emails)
            return plan

    plan = run(plan_or_delete)
    person = plan.person
    if plan.obstacles:
        fail(f"The account {person.username} cannot be deleted yet. {' '.join(plan.obstacles)}")
    for title, sentences in (("Ended", plan.ended), ("Kept without the name", plan.kept)):
        for sentence in sentences:
            print(f"{title}: {sentence}")
    if not yes:
        fail(f"This would delete the account {person.username} ({person.email}). Add --yes to do it.")
    security_log.note_command("account-deleted", person.id)
    print(f"The account {person.username} is deleted.")
