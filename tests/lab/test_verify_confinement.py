"""Submitted code reaches neither the grader's files and processes nor the network; a missing protection is reported."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from festgate.lab.verify import sandbox
from festgate.lab.verify.inputs import RequestStep
from festgate.lab.verify.protections import (
    CONFINEMENT,
    REFUSES_SIGNALS,
    REFUSES_TCP,
    Protections,
    protections,
)
from festgate.lab.verify.requests import send_request
from festgate.lab.verify.sandbox import sandboxed

ATTACKS = """
import ctypes, json, os, socket, stat, subprocess, sys

HERE = json.loads(open("targets.json").read())
GRADES, OTHER, PORT, PROCESS = HERE["grades"], HERE["other"], HERE["port"], HERE["process"]

def read_a_file(): return open(GRADES).read()
def write_a_file(): open(GRADES, "a").write("100 points")
def change_a_mode(): os.chmod(GRADES, 0o600)
def remove_a_file(): os.unlink(GRADES)
def list_another_submission(): return os.listdir(OTHER)
def read_another_submission_by_a_shell(): subprocess.run(["cat", OTHER + "/main.py"], check=True)
def read_through_a_link():
    os.symlink(GRADES, "link")
    return open("link").read()
def list_temporary_files(): return os.listdir("/tmp")
def connect_to_a_service_of_the_grader(): socket.create_connection(("127.0.0.1", PORT), 5)
def connect_with_an_inherited_socket():
    for number in range(3, 64):
        try:
            inherited = socket.socket(fileno=os.dup(number))
            if inherited.family != socket.AF_INET: continue
            if inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                break
        except OSError:
            pass
    inherited.shutdown(socket.SHUT_RD)
    inherited.setblocking(True)
    inherited.connect(("127.0.0.1", PORT))
def connect_to_a_named_socket():
    with socket.socket(socket.AF_UNIX) as client: client.connect("\\0" + HERE["name"])
def connect_outwards(): socket.create_connection((HERE["outside"], 80), 5)
def send_a_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client: client.sendto(b"x", (HERE["outside"], 53))
def listen_on_a_port_of_the_grader():
    # In its own network the port is free, and nobody outside reaches it.
    socket.create_server(("127.0.0.1", PORT))
    socket.create_connection(("127.0.0.1", PORT), 5)
def signal_a_process(): os.kill(PROCESS, 0)
def signal_the_parent(): os.kill(os.getppid() or PROCESS, 0)
def signal_the_first_process_in_sight(): os.kill(1, 0)
def read_the_environment_of_a_process(): return open(f"/proc/{PROCESS}/environ").read()
def mount_in_its_own_process():
    if ctypes.CDLL(None, use_errno=True).mount(b"none", os.getcwd().encode(), b"tmpfs", 0, None) != 0:
        raise OSError(ctypes.get_errno())
def use_a_capability_that_is_dropped():
    with open("/proc/self/status") as file:
        held = [int(line.split()[1], 16) for line in file if line.startswith(("CapEff", "CapPrm", "CapInh"))]
    if all(capabilities | 2 == 2 for capabilities in held): raise OSError(held)
def use_a_connection_between_processes():
    for number in range(3, 256):
        try:
            inherited = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        # The event loop has a pair of streams.
        if inherited.family == socket.AF_UNIX and inherited.type != socket.SOCK_STREAM: return number
    raise OSError("none")
def use_its_own_folder():
    open("mine", "w").write("well"); os.mkdir("folder"); os.replace("mine", "folder/mine")
    return subprocess.check_output(["cat", "folder/mine"], text=True)
def use_temporary_files():
    import tempfile
    with tempfile.TemporaryFile() as file: return str(file.write(b"well"))
def use_a_lock_between_processes():
    import multiprocessing
    return str(multiprocessing.Lock())

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    results = {}
    for name, attack in list(globals().items()):
        if getattr(attack, "__module__", "") == __name__ and name != "app":
            try:
                results[name] = f"done {attack()}"
            except (Exception, SystemExit) as error:
                results[name] = f"refused: {error}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(results).encode()})
"""
"""An app that answers each request with the results of all attacks."""
ALLOWED = {"use_its_own_folder", "use_temporary_files", "use_a_lock_between_processes"}
FILES = {
    "read_a_file",
    "list_another_submission",
    "read_another_submission_by_a_shell",
    "read_through_a_link",
    "list_temporary_files",
}
CHANGES = {"write_a_file", "change_a_mode", "remove_a_file"}
RIGHTS = {
    "mount_in_its_own_process",
    "use_a_capability_that_is_dropped",
    "use_a_connection_between_processes",
}
OUTSIDE = {"connect_outwards", "send_a_datagram"}
NETWORK = OUTSIDE | {
    "connect_to_a_service_of_the_grader",
    "connect_with_an_inherited_socket",
    "connect_to_a_named_socket",
    "listen_on_a_port_of_the_grader",
}
PROCESSES = {
    "signal_a_process",
    "signal_the_parent",
    "signal_the_first_process_in_sight",
    "read_the_environment_of_a_process",
}


@contextmanager
def grader(folder: Path, *, confined_network: bool) -> Iterator[dict[str, object]]:
    """A teacher's machine: grades, another submission, a service on loopback, and a process."""
    (folder / "other").mkdir(parents=True)
    (folder / "other" / "main.py").write_text("secret = 1", encoding="utf-8")
    (folder / "grades.csv").write_text("anu,3", encoding="utf-8")
    name = f"festgate {os.getpid()} {folder.name}"
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with socket.create_server(("127.0.0.1", 0)) as service, socket.socket(socket.AF_UNIX) as named:
        if sys.platform == "linux":
            named.bind(f"\0{name}")
            named.listen()
        accepting = threading.Thread(target=_accept_until_closed, args=(service,), daemon=True)
        accepting.start()
        try:
            yield {
                "grades": str(folder / "grades.csv"),
                "other": str(folder / "other"),
                "port": service.getsockname()[1],
                "name": name,
                # An address for documentation; an app without a network of its own stays on loopback.
                "outside": "192.0.2.1" if confined_network else "127.0.0.1",
                "process": sleeper.pid,
            }
        finally:
            sleeper.communicate(b"\n")
            service.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept_until_closed(service: socket.socket) -> None:
    with suppress(OSError):
        while True:
            service.accept()[0].close()


def attack(folder: Path, *, confined_network: bool = True, forks: bool = True) -> dict[str, str]:
    """Serve the attacking app, and return the result of each attack."""
    app = folder / "app"
    app.mkdir()
    if not forks:
        # For an app with a module of this name the runner is started.
        (app / "fastapi.py").touch()
    with grader(folder / "teacher", confined_network=confined_network) as targets:
        (app / "main.py").write_text(ATTACKS, encoding="utf-8")
        (app / "targets.json").write_text(json.dumps(targets), encoding="utf-8")
        with sandboxed(app, sys.executable, folder / "log") as running:
            response = send_request(running, RequestStep("/"))
        grades = Path(str(targets["grades"]))
        results: dict[str, str] = json.loads(response.body)
        if results["write_a_file"].startswith("refused"):
            assert grades.read_text(encoding="utf-8") == "anu,3"
    return results


def done(results: dict[str, str]) -> set[str]:
    return {name for name, result in results.items() if result.startswith("done")}


def refused_by(here: Protections) -> set[str]:
    """Return the attacks that these protections refuse."""
    refused = set(RIGHTS)
    if here.landlock:
        refused |= FILES | {"write_a_file", "remove_a_file"}
    if here.landlock >= REFUSES_TCP:
        refused |= {
            "connect_to_a_service_of_the_grader",
            "connect_with_an_inherited_socket",
            "connect_outwards",
        }
    if here.landlock >= REFUSES_SIGNALS:
        refused |= PROCESSES | {"connect_to_a_named_socket"}
    if here.namespaces:
        # The first process in sight is then one of the app's own namespace.
        refused |= CHANGES | (NETWORK - {"connect_with_an_inherited_socket"})
        refused |= PROCESSES - {"signal_the_first_process_in_sight"}
    return refused


@pytest.mark.parametrize("forks", [True, False], ids=["forked", "started"])
def test_submitted_code_reaches_only_its_own_folder_and_requests(tmp_path: Path, forks: bool) -> None:
    here = protections()
    results = attack(tmp_path, confined_network=here.namespaces, forks=forks)
    assert set(results) == ALLOWED | FILES | CHANGES | RIGHTS | NETWORK | PROCESSES
    assert refused_by(here) & done(results) == set(), results
    if not here.missing:
        assert done(results) <= ALLOWED | {"signal_the_first_process_in_sight"}, results
    assert done(results) >= {"use_its_own_folder", "use_temporary_files"}, results


@pytest.mark.parametrize(
    "namespaces, landlock, sentences",
    [
        (True, 7, []),
        (True, 3, ["other services on loopback"]),
        (True, 0, ["could read the files", "other services on loopback"]),
        (False, 7, ["change the modes", "the network, but not by TCP"]),
        (False, 3, ["change the modes", "reach the network.", "end other processes"]),
        (False, 0, ["read and change the files", "reach the network.", "end other processes"]),
    ],
)
def test_each_missing_protection_is_reported_with_what_submitted_code_could_do(
    namespaces: bool, landlock: int, sentences: list[str]
) -> None:
    missing = Protections(namespaces, landlock).missing
    assert all(part in sentence for part, sentence in zip(sentences, missing, strict=True))


@pytest.mark.parametrize("namespaces, landlock", [(True, 0), (True, 3), (False, 7), (False, 0)])
def test_a_system_with_fewer_protections_still_runs_submitted_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, namespaces: bool, landlock: int
) -> None:
    here = protections()
    fewer = Protections(namespaces and here.namespaces, min(landlock, here.landlock))
    monkeypatch.setattr(sandbox, "protections", lambda: fewer)
    results = attack(tmp_path, confined_network=fewer.namespaces)
    assert refused_by(fewer) & done(results) == set(), results
    assert done(results) >= {"use_its_own_folder", "use_temporary_files"}, results


def test_a_container_that_forbids_namespaces_is_noticed() -> None:
    asked = "from festgate.lab.verify.protections import protections as p; print(p().namespaces, p().missing)"
    forbid = "echo 0 > /proc/sys/user/max_net_namespaces; " if protections().namespaces else ""
    container = ["unshare", "--user", "--map-root-user"] if protections().namespaces else []
    output = subprocess.check_output(
        [*container, "sh", "-c", f'{forbid}exec "{sys.executable}" -c "{asked}"'], text=True
    )
    assert output.startswith("False ")
    assert "This system has no network for one program" in output


def test_a_program_that_cannot_be_confined_does_not_run(tmp_path: Path) -> None:
    config = {
        "command": [sys.executable, "-c", "print('it ran')"],
        "limits": {},
        "control_port": 0,
        "namespaces": False,
        "landlock": 1,
        "readable": [],
        "writable": [],
    }
    run = [sys.executable, "-I", "-S", "-B", str(CONFINEMENT)]
    # `connects` is missing, so the rules cannot be made.
    broken = subprocess.run(
        [*run, json.dumps(config)], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert broken.returncode != 0
    assert "it ran" not in broken.stdout
