"""A test email, sent at once and outside the queue, so that its sender reads the mail server's own answer."""

import smtplib
import time

from festgate.kit.db.statements import Connection
from festgate.kit.errors import Refused
from festgate.kit.ids import keyed_hash
from festgate.kit.messaging import mail
from festgate.kit.messaging.transports import transport_for
from festgate.kit.translation import N_, gettext
from festgate.portal.accounts import facade as accounts
from festgate.settings import Settings

MAX_TRIALS = 5
"""Test emails, and tests of payment methods, of one person in 15 minutes."""


class NotSent(Refused):
    """A test email that the mail server did not accept."""

    status = 502
    code = "not-sent"
    title = N_("The email was not sent")


def count_trial(connection: Connection, secret: bytes, kind: str, person: int) -> None:
    """Count a test of a kind that the person makes. Raises TooMany."""
    key = keyed_hash(secret, "trials of settings", f"{kind} {person}")
    accounts.count_attempt(connection, accounts.Limit(key, MAX_TRIALS, gettext("Too many tests.")))


def send_trial(settings: Settings, recipient: str) -> None:
    """Send a test email; called on a thread. Raise NotSent with the mail server's answer."""
    now = int(time.time() * 1000)
    text = gettext("Hello,\n\nthis is a test email of {fest}. The mail settings work.\n\n{address}\n").format(
        fest=settings.fest_name, address=settings.base_url
    )
    subject = gettext("Test email of {fest}").format(fest=settings.fest_name)
    message = mail.Message(0, "trial", recipient, subject, text, (), now, 1)
    try:
        transport_for(settings).send(mail.compose(message, settings))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise NotSent(mail.failure_reason(error)) from error
