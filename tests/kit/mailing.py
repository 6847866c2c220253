"""Helpers for tests of emails: posting and sending."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from festgate.kit.messaging import mail
from festgate.kit.messaging.mail import MailState, Postman
from festgate.kit.messaging.mail_parts import Attachment
from festgate.kit.messaging.transports import transport_for
from festgate.settings import Settings, load_settings
from tests.rig.database import OpenDatabase

CALENDAR = Attachment(
    "robo-race.ics", "text/calendar", "BEGIN:VCALENDAR\r\nSUMMARY:Röbo\r\nEND:VCALENDAR\r\n"
)


def over_smtp(host: str, port: int, **more: object) -> Settings:
    defaults = {
        "smtp_host": host,
        "smtp_port": port,
        "smtp_security": "none",
        "mail_from": "fest@example.org",
    }
    return Settings.model_validate(defaults | more)


def to_folder(folder: Path) -> Settings:
    return load_settings({}, data_dir=folder, mail_from="fest@example.org")


def postman(database: OpenDatabase, fest: Settings) -> Postman:
    return Postman(database.real, transport_for(fest), fest)


def post(database: OpenDatabase, topic: str, recipient: str = "asha@example.org") -> None:
    database.write(mail.post, topic, recipient, f"Subject of {topic}", "Good day.\n", [CALENDAR])


def send(database: OpenDatabase, sender: Postman) -> None:
    """Send until no message is due."""
    while database.run(sender.send_due()):
        pass


def state(database: OpenDatabase, topic: str) -> MailState:
    mail_state = database.read(mail.find_state, topic)
    assert mail_state is not None
    return mail_state


def emails(folder: Path) -> list[EmailMessage]:
    """Return the emails that were written as files; none before the first, which makes their folder."""
    return [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in sorted((folder / "mail").glob("*.eml"))
    ]


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    content: str = body.get_content()
    return content
