"""Certificates and proxies are left to the locustfile, as in Locust; the check before the run notes problems."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from festgate.ports import free_port
from festgate.rehearsal.runner.preflight import NotThere, check_target
from festgate.rehearsal.runner.run import rehearse
from festgate.rehearsal.runs.plan import Plan, Users
from festgate.rehearsal.runs.store import Run
from festgate.rehearsal.stats.summary import summarize
from festgate.rehearsal.verdict.outcome import outcome_of
from tests.rehearsal.forward_proxy import forwarding
from tests.rehearsal.target import Answer, answering, welcome

NEW_PROCESSES = True
"""OpenSSL reads SSL_CERT_FILE when Locust is imported."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
HEAD = """
from locust import FastHttpUser, HttpUser, constant

def look(user):
    user.client.get("/page", name=type(user).__name__)
"""
USER = """
class {name}({kind}):
    wait_time = constant(0.05)
    tasks = [look]
    {attribute}

    def on_start(self):
        {start}
"""


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@contextmanager
def answering_over_tls(authority: trustme.CA, *, client_certificate: bool = False) -> Iterator[str]:
    with answering(welcome) as target:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        if client_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            authority.configure_trust(context)
        # Handshakes take place in the thread of each connection, so one that fails does not stop the server.
        target.socket = context.wrap_socket(target.socket, server_side=True, do_handshake_on_connect=False)
        yield target.url.replace("http://", "https://")


def user(name: str, kind: str, *, attribute: str = "pass", start: str = "pass") -> str:
    return USER.format(name=name, kind=kind, attribute=attribute, start=start)


def visited(folder: Path, host: str, *users: str) -> tuple[Run, dict[str, float]]:
    """Rehearse a locustfile with one user of each class; return the run and each class's share of failed requests."""
    file = folder / "visitor.py"
    file.write_text("".join([HEAD, *users]), encoding="utf-8")
    run = rehearse(Plan(str(file), host, Users(len(users), 100.0), duration=1.0), folder / "runs")
    samples = run.samples()
    return run, {
        name: float(samples.failed[samples.name == number].mean())
        for number, name in enumerate(samples.names)
    }


def test_a_certificate_of_an_unknown_authority_is_noted_and_left_to_the_locustfile(
    tmp_path: Path, authority: trustme.CA
) -> None:
    with answering_over_tls(authority) as url:
        run, failed = visited(
            tmp_path,
            url,
            user("Http", "HttpUser"),
            user("Trusting", "HttpUser", start="self.client.verify = False"),
            user("Fast", "FastHttpUser"),
            user("Careful", "FastHttpUser", attribute="insecure = False"),
        )
    assert failed == {"Http": 1, "Trusting": 0, "Fast": 0, "Careful": 1}
    assert run.notes[0].startswith("The certificate of 127.0.0.1 is not trusted here (")
    assert "BaseHTTP" in run.server["server"]


def test_the_variables_that_name_authorities_count_as_in_locust(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with answering_over_tls(authority) as url:
        run, failed = visited(
            tmp_path,
            url,
            user("Http", "HttpUser", start="self.client.trust_env = True"),
            user("Careful", "FastHttpUser", attribute="insecure = False"),
        )
    assert (list(run.notes), failed) == ([], {"Http": 0, "Careful": 0})


def test_a_client_certificate_is_the_locustfiles_to_send(tmp_path: Path, authority: trustme.CA) -> None:
    pem = tmp_path / "client.pem"
    authority.issue_cert("visitor@example.org").private_key_and_cert_chain_pem.write_to_path(str(pem))
    with answering_over_tls(authority, client_certificate=True) as url:
        certificate = f"self.client.verify, self.client.cert = False, {str(pem)!r}"
        run, failed = visited(tmp_path, url, user("Http", "HttpUser", start=certificate))
    assert failed == {"Http": 0}
    assert any(note.startswith("127.0.0.1 refused a client without a certificate (") for note in run.notes)


def test_a_target_that_only_a_proxy_reaches_is_rehearsed_with_the_proxy_of_the_locustfile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind, nowhere = (f"http://127.0.0.1:{free_port()}" for _ in range(2))

    def forward(path: str) -> Answer:
        # A proxy receives whole addresses.
        return welcome(path) if path.startswith(f"{behind}/") else (502, b"")

    with answering(forward) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("http://", "http://visitor:secret@"))
        run, failed = visited(
            tmp_path,
            behind,
            user("Http", "HttpUser"),
            user("Trusting", "HttpUser", start="self.client.trust_env = True"),
        )
        assert failed == {"Http": 1, "Trusting": 0}
        assert run.notes[0].startswith(f"Only the proxy {proxy.url} of the environment reaches 127.0.0.1.")
        with pytest.raises(NotThere, match=r"neither from here nor through the proxy .*: HTTP 502"):
            check_target(nowhere)
        for addresses in ("127.0.0.1", "192.0.2.0/24, 127.0.0.0/8"):
            monkeypatch.setenv("NO_PROXY", addresses)
            with pytest.raises(NotThere, match="Nothing answers at"):
                check_target(nowhere)
        monkeypatch.setenv("NO_PROXY", "192.0.2.0/24")
        assert check_target(behind).answered


def test_the_requests_show_whether_a_proxy_of_the_locustfile_reaches_the_target(tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    file = tmp_path / "visitor.py"
    notices: list[str] = []
    with forwarding({}) as proxy:
        file.write_text(
            HEAD + user("Http", "HttpUser", start=f"self.client.proxies = {{'http': {proxy!r}}}"),
            encoding="utf-8",
        )
        run = rehearse(
            Plan(str(file), f"http://{nowhere}", Users(1, 1.0), duration=1.0),
            tmp_path / "runs",
            on_notice=notices.append,
        )
    (notice,) = notices
    assert notice.startswith(f"Nothing answers at http://{nowhere} (")
    assert "The locustfile names a proxy (`proxies` in visitor.py, line 13), so the run goes ahead" in notice
    assert run.notes[0] == notice
    summary = summarize(run)
    assert {status for _, status, _ in summary.failures} == {502}
    assert outcome_of(summary).result == "failed"


def test_a_target_that_is_reached_directly_is_not_replaced_by_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"127.0.0.1:{free_port()}")
    with answering(welcome) as target:
        assert list(check_target(target.url).notes) == []
