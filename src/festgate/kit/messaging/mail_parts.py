"""The parts of an email: its text, and attached files or an invitation."""

import secrets
from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage

_METHOD = "; method="
"""The parameter by which a media type is that of an invitation."""


@dataclass(frozen=True)
class Attachment:
    """A text file attached to a message.

    `kind` is its media type, such as `text/calendar`, or `text/calendar; method=REQUEST` for an invitation.
    """

    name: str
    kind: str
    text: str


def set_content(mail: EmailMessage, body: str, files: Sequence[Attachment]) -> None:
    """Give the email its text and attached files.

    One invitation is also an alternative to the text, as in the emails of calendar services: Gmail and Outlook act upon
    the alternative, and Apple Mail on either. Of several alternatives they would act upon one, so several invitations
    are attached only, and each is opened by itself.
    """
    if not files:
        mail.set_content(body)
        return
    # Fixed boundaries and parts made by hand: the library looks for a boundary by a new regular expression, and parses
    # a part's headers once for each parameter. With its own ways an invitation took twice the time of a plain file.
    boundary = f"=_{secrets.token_hex(12)}"
    mail["MIME-Version"] = "1.0"
    mail["Content-Type"] = f'multipart/mixed; boundary="{boundary}"'
    text = EmailMessage(mail.policy)
    text.set_content(body)
    is_invitation = len(files) == 1 and _METHOD in files[0].kind
    if is_invitation:
        alternatives = EmailMessage(mail.policy)
        alternatives["Content-Type"] = f'multipart/alternative; boundary="{boundary}_text"'
        alternatives.attach(text)
        alternatives.attach(_part(mail, files[0].kind, files[0].text))
        mail.attach(alternatives)
    else:
        mail.attach(text)
    for file in files:
        # Under another type, so that no program reads the same invitation twice.
        part = _part(mail, "application/ics" if is_invitation else file.kind, file.text)
        part.add_header("Content-Disposition", "attachment", filename=file.name)
        mail.attach(part)


def _part(mail: EmailMessage, kind: str, text: str) -> EmailMessage:
    """Return the text as a part of the email."""
    part = EmailMessage(mail.policy)
    main, _, parameters = kind.partition("; ")
    part["Content-Type"] = "; ".join(filter(None, (main, "charset=utf-8", parameters)))
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload(encodebytes(text.encode()).decode())
    return part
