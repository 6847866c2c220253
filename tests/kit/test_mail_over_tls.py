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


class Takes:
    """Records whether each email came over TLS."""

    def __init__(self) -> None:
        """Start with no email."""
        self.secured: list[bool] = []

    async def handle_DATA(self, server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802
        self.secured.append(
            server.transport is not None and server.transport.get_extra_info("ssl_object") is not None
        )
        return "250 OK"


@contextmanager
def serving(security: Security, certificate: trustme.LeafCert) -> Iterator[tuple[Takes, int]]:
    """Run a mail server that requires TLS; return its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    takes, port = Takes(), free_port()
    secured = (
        {"ssl_context": context} if security == "tls" else {"tls_context": context, "require_starttls": True}
    )
    controller = Controller(takes, "127.0.0.1", port, **secured)
    controller.start()
    try:
        yield takes, port
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
def test_an_email_goes_over_tls_to_a_server_whose_certificate_is_good(
    database: OpenDatabase, authority: trustme.CA, security: Security
) -> None:
    with serving(security, authority.issue_cert("127.0.0.1")) as (takes, port):
        post(database, "order:1")
        send(database, postman(database, over_smtp("127.0.0.1", port, smtp_security=security)))
        assert takes.secured == [True]
        assert state(database, "order:1").state == "sent"


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize(
    "stranger, says", [("name", "not valid for '127.0.0.1'"), ("authority", "certificate verify failed")]
)
def test_no_email_goes_to_a_server_that_cannot_prove_its_name_and_it_goes_once_it_can(
    database: OpenDatabase, authority: trustme.CA, security: Security, stranger: str, says: str
) -> None:
    bad = (
        authority.issue_cert("mail.example.org")
        if stranger == "name"
        else trustme.CA().issue_cert("127.0.0.1")
    )
    post(database, "order:1")
    with serving(security, bad) as (takes, port):
        send(database, postman(database, over_smtp("127.0.0.1", port, smtp_security=security)))
        assert takes.secured == []
        assert state(database, "order:1").state == "queued"
        assert says in (state(database, "order:1").error or "")
    database.clock.move(MINUTE)
    with serving(security, authority.issue_cert("127.0.0.1")) as (takes, port):
        send(database, postman(database, over_smtp("127.0.0.1", port, smtp_security=security)))
        assert takes.secured == [True]
        assert state(database, "order:1").state == "sent"
