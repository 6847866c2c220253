"""Emails over TLS: by STARTTLS and from the first byte, with valid and invalid certificates."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from festgate.kit.clock import MINUTE
from festgate.ports import free_port
from tests.kit.mailing import over_smtp, post, postman, send, state
from tests.rig.database import OpenDatabase

Security = Literal["starttls", "tls"]


class RecordingHandler:
    """A mail server's handler that records whether each email came over TLS."""

    def __init__(self) -> None:
        """Start with no email."""
        self.secured: list[bool] = []

    async def handle_DATA(self, server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        self.secured.append(
            server.transport is not None and server.transport.get_extra_info("ssl_object") is not None
        )
        return "250 OK"


@contextmanager
def run_mail_server(
    security: Security, certificate: trustme.LeafCert
) -> Iterator[tuple[RecordingHandler, int]]:
    """Run a mail server that requires TLS; return its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    handler, port = RecordingHandler(), free_port()
    options = (
        {"ssl_context": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    )
    controller = Controller(handler, "127.0.0.1", port, **options)
    controller.start()
    try:
        yield handler, port
    finally:
        controller.stop()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Create the only certificate authority that this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    return authority


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_an_email_is_sent_over_tls_to_a_server_with_a_valid_certificate(
    database: OpenDatabase, authority: trustme.CA, security: Security
) -> None:
    with run_mail_server(security, authority.issue_cert("127.0.0.1")) as (handler, port):
        post(database, "order:1")
        send(database, postman(database, over_smtp("127.0.0.1", port, smtp_security=security)))
        assert handler.secured == [True]
        assert state(database, "order:1").state == "sent"


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    "mismatch, error", [("name", "not valid for '127.0.0.1'"), ("authority", "certificate verify failed")]
)
def test_an_email_waits_until_the_mail_server_has_a_valid_certificate(
    database: OpenDatabase, authority: trustme.CA, security: Security, mismatch: str, error: str
) -> None:
    bad_certificate = (
        authority.issue_cert("mail.example.org")
        if mismatch == "name"
        else trustme.CA().issue_cert("127.0.0.1")
    )
    post(database, "order:1")
    with run_mail_server(security, bad_certificate) as (handler, port):
        send(database, postman(database, over_smtp("127.0.0.1", port, smtp_security=security)))
        assert handler.secured == []
        assert state(database, "order:1").state == "queued"
        assert error in (state(database, "order:1").error or "")
    database.clock.move(MINUTE)
    with run_mail_server(security, authority.issue_cert("127.0.0.1")) as (handler, port):
        send(database, postman(database, over_smtp("127.0.0.1", port, smtp_security=security)))
        assert handler.secured == [True]
        assert state(database, "order:1").state == "sent"
