"""Transports for emails: a mail server or a folder."""

import ipaddress
import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from festgate.files import write_atomically
from festgate.settings import Settings

TIMEOUT = 20
"""Seconds for each step of the dialogue with the mail server."""


class Transport(Protocol):
    """A way to send emails; called on a thread."""

    def send(self, message: EmailMessage) -> None:
        """Send the email. Raise OSError or smtplib.SMTPException."""


class FolderTransport:
    """Writes each message as a file."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which is created with the first message, readable by this account only."""
        self._folder = folder
        with suppress(OSError):  # it is missing or another account's; its files are private in any case
            folder.chmod(0o700)

    def send(self, message: EmailMessage) -> None:
        """Write the email to a file named after its id, so that a message sent twice is one file."""
        name = message["Message-ID"].strip("<>").split("@")[0]
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Private: an email may contain a link that gives access to an account.
        write_atomically(self._folder / f"{name}.eml", message.as_bytes(), private=True)


class SmtpTransport:
    """Sends through the mail server of the settings, with a connection for each message."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings; do not connect yet."""
        self._settings = settings

    def send(self, message: EmailMessage) -> None:
        """Connect, encrypt, sign in if a user name is set, and send."""
        settings = self._settings
        # The name for EHLO: without one, smtplib looks it up by DNS, which can take seconds.
        where = (settings.smtp_host, settings.smtp_port, _own_name(settings.base_url))
        server: smtplib.SMTP
        if settings.smtp_security == "tls":
            server = smtplib.SMTP_SSL(*where, timeout=TIMEOUT, context=ssl.create_default_context())
        else:
            server = smtplib.SMTP(*where, timeout=TIMEOUT)
        with server:
            if settings.smtp_security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.smtp_username:
                server.login(settings.smtp_username, settings.smtp_password)
            server.send_message(message)


def _own_name(base_url: str) -> str:
    """Return the portal's name for EHLO: its host, or its address in the form of RFC 5321 (4.1.3)."""
    host = urlsplit(base_url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"  # noqa: PLR2004


def transport_for(settings: Settings) -> Transport:
    """Return the transport for the mail server of the settings, or for the folder if none is set."""
    return SmtpTransport(settings) if settings.smtp_host else FolderTransport(settings.data_dir / "mail")
