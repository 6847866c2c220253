"""The ways that mail goes out: through a mail server, or into a folder."""

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
"""Seconds for each step of the talk with the mail server."""


class Transport(Protocol):
    """A way to send; called on a thread."""

    def send(self, message: EmailMessage) -> None:
        """Send it, or raise OSError or smtplib.SMTPException."""


class FolderTransport:
    """Writes each message as a file."""

    def __init__(self, folder: Path) -> None:
        """The folder is made when the first message comes, for this user alone: it holds people's emails."""
        self._folder = folder
        with suppress(OSError):  # not there yet, or another account's: then only the files are private
            folder.chmod(0o700)

    def send(self, message: EmailMessage) -> None:
        """The name is the message's own id, so a message sent twice is one file."""
        name = message["Message-ID"].strip("<>").split("@")[0]
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Private: an email may hold a link that opens somebody's account.
        write_atomically(self._folder / f"{name}.eml", message.as_bytes(), private=True)


class SmtpTransport:
    """Sends through the mail server of the settings, one connection a message."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is connected yet."""
        self._settings = settings

    def send(self, message: EmailMessage) -> None:
        """Connect, secure, sign in where that is set, and send."""
        settings = self._settings
        # The name to say hello with: without one, smtplib asks the resolver, which can take seconds.
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
    """What the portal calls itself to a mail server: its host, or its address as RFC 5321 (4.1.3) writes it."""
    host = urlsplit(base_url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return f"[{address}]" if address.version == 4 else f"[IPv6:{address}]"  # noqa: PLR2004


def transport_for(settings: Settings) -> Transport:
    """The mail server that is set, else a folder."""
    return SmtpTransport(settings) if settings.smtp_host else FolderTransport(settings.data_dir / "mail")
