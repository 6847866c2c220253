"""Links of emails are made when the email is sent and never stored, and no visitor can type a placeholder."""

import stat
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from festgate.kit.db.statements import Connection, Statement
from festgate.kit.messaging import mail
from festgate.kit.messaging.mail import Postman
from festgate.kit.messaging.mail_links import Link
from festgate.kit.messaging.transports import FolderTransport, transport_for
from festgate.settings import Settings
from tests.kit.mailing import emails, over_smtp, post, send, state, text_of, to_folder
from tests.rig.database import OpenDatabase
from tests.rig.smtp import Mailbox

SECRET = "https://fest.example/reset?token=17-secret"
_rows = Statement(select(mail.messages))


def make_link(_connection: Connection, person: int, word: str) -> str | None:
    return f"https://fest.example/reset?token={person}-{word}" if word == "secret" else None


def postman(
    database: OpenDatabase, fest: Settings, link_maker: Callable[..., str | None] | None = make_link
) -> Postman:
    return Postman(database.real, transport_for(fest), fest, {"test.link": link_maker} if link_maker else {})


def queue(database: OpenDatabase, link: Link, name: str = "Asha") -> None:
    database.write(
        mail.post,
        "password:17",
        "asha@example.org",
        "Reset your password",
        f"Hello {name},\n\n{link}\n",
        links=[link],
    )


def stored_rows(database: OpenDatabase) -> str:
    return repr(database.read(lambda connection: connection.all(_rows)))


def test_the_link_is_in_the_sent_email_and_never_in_the_queue(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    queue(database, Link("test.link", (17, "secret")))
    assert "17-secret" not in stored_rows(database)
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port)))
    (email,) = mailbox.wait_for(1)
    assert text_of(email.message) == f"Hello Asha,\n\n{SECRET}\n"
    assert list(email.message.iter_attachments()) == []
    assert state(database, "password:17").state == "sent"
    assert "17-secret" not in stored_rows(database)


def test_a_refused_email_keeps_its_placeholder_and_gets_its_link_when_it_is_retried(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    sender = postman(database, over_smtp(mailbox.host, mailbox.port))
    mailbox.refuse()
    queue(database, Link("test.link", (17, "secret")))
    send(database, sender)
    assert "17-secret" not in stored_rows(database)
    mailbox.accept()
    database.clock.move(60_000)
    send(database, sender)
    assert SECRET in text_of(mailbox.wait_for(1)[0].message)


def test_an_email_whose_link_has_expired_fails_with_the_reason(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    queue(database, Link("test.link", (17, "used")))
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port)))
    mail_state = state(database, "password:17")
    assert (mail_state.state, mail_state.error) == (
        "failed",
        "It was not sent, because its link had expired or been used.",
    )
    assert mailbox.attempts == 0


def test_an_email_waits_while_the_module_of_its_link_is_missing(
    database: OpenDatabase, mailbox: Mailbox
) -> None:
    queue(database, Link("test.link", (17, "secret")))
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port), link_maker=None))
    mail_state = state(database, "password:17")
    assert mail_state.state == "queued"
    assert "test.link cannot be made now" in str(mail_state.error)
    assert mailbox.attempts == 0


def test_a_placeholder_typed_by_a_visitor_is_not_replaced(database: OpenDatabase, mailbox: Mailbox) -> None:
    """A name may contain an old placeholder: the next placeholder is a different one."""
    earlier = Link("test.link", (1, "secret"))
    link = Link("test.link", (17, "secret"))
    assert str(earlier) != str(link)
    queue(database, link, name=str(earlier))
    post(database, "order:1")
    database.write(mail.post, "order:2", "asha@example.org", f"{earlier}", f"{earlier} {link}")
    send(database, postman(database, over_smtp(mailbox.host, mailbox.port)))
    texts = [text_of(email.message) for email in mailbox.wait_for(3)]
    assert sum("secret" in text for text in texts) == 1
    assert any(text.startswith(f"Hello {earlier},") and SECRET in text for text in texts)


def test_emails_in_the_folder_are_private_to_this_account(database: OpenDatabase, tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    queue(database, Link("test.link", (17, "secret")))
    send(database, postman(database, to_folder(tmp_path)))
    (file,) = folder.iterdir()
    (message,) = emails(tmp_path)
    assert SECRET in text_of(message)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    # A file left by an interrupted attempt does not pass its permissions on.
    unfinished = folder / f".{file.stem}"
    unfinished.write_bytes(b"half")
    unfinished.chmod(0o644)
    FolderTransport(folder).send(message)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
