"""Emails to a person whose second factor was switched on or off, or got new recovery codes."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from festgate.kit.db.statements import Connection
from festgate.kit.messaging import mail
from festgate.kit.translation import N_, gettext
from festgate.kit.visitors import Actor
from festgate.portal.accounts.queries import Person

Step: TypeAlias = Literal["on", "off", "codes-renewed"]

_SUBJECTS: Final[Mapping[Step, str]] = {
    "on": N_("Your second factor was switched on"),
    "off": N_("Your second factor was switched off"),
    "codes-renewed": N_("You have new recovery codes"),
}
_WHAT: Final[Mapping[Step, str]] = {
    "on": N_(
        "the second factor of your account {username} at {fest} has just been switched on. Signing in asks for a code "
        "of the app from now on."
    ),
    "off": N_(
        "the second factor of your account {username} at {fest} has just been switched off. The password alone signs "
        "in from now on."
    ),
    "codes-renewed": N_(
        "the recovery codes of your account {username} at {fest} have just been replaced. The old ones do not sign in "
        "any more."
    ),
}


def inform_of(connection: Connection, person: Person, step: Step, actor: Actor, fest: str) -> None:
    """Queue an email about the step to the person's confirmed address, with what to do if it was somebody else."""
    if not person.is_confirmed:
        return
    by_command = actor.origin == "command"
    rest = (
        gettext(
            "The administrator of {fest} did this on the fest's machine.\n\n"
            "If you did not ask for it, write to the organisers of {fest} at once, with your username."
        )
        if by_command
        else gettext(
            "If you did this, there is nothing to do.\n\n"
            "If it was not you, somebody knows your password, or uses a browser in which you are signed in. Choose a "
            "new password at once, which signs out everywhere else, and write to the organisers of {fest}, with your "
            "username. Change the password elsewhere too, if you use it there."
        )
    )
    text = "{hello}\n\n{what}\n\n{rest}\n\n{fest}\n".format(
        hello=gettext("Hello {name},").format(name=person.shown_name),
        what=gettext(_WHAT[step]).format(username=person.username, fest=fest),
        rest=rest.format(fest=fest),
        fest=fest,
    )
    topic = f"second-factor-{step}:{person.id}:{connection.now}"
    mail.post(connection, topic, person.email, gettext(_SUBJECTS[step]), text, priority="access")
