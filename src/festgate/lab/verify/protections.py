"""The protections of this system against submitted code, and the command that runs a program under them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

CONFINEMENT: Final = Path(__file__).parent / "confinement.py"
PASSED_VARIABLES: Final = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "WINDIR",
    "SYSTEMDRIVE",
    "PATHEXT",
    "COMSPEC",
)
"""Environment variables that submitted code receives; any other may contain a secret."""
SYSTEM_PATHS: Final = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix/store",
    "/etc/alternatives",
    "/etc/group",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki/tls",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)
"""Files and folders that programs read and that hold no secret."""
REFUSES_TCP: Final = 4
"""The first version of Landlock that refuses TCP connections; it refuses no other traffic."""
REFUSES_SIGNALS: Final = 6
"""The first version of Landlock that refuses signals to other processes."""
TIMEOUT: Final = 30.0
_PATHS: Final = """
import json, sys, sysconfig
prefixes = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
print(json.dumps([sys.executable, [*prefixes, *sysconfig.get_paths().values(), *sys.path]]))
"""


class NoInterpreter(Exception):
    """An interpreter cannot be started; the message names it and the reason."""


@dataclass(frozen=True, slots=True)
class Protections:
    """The protections of a system."""

    namespaces: bool
    """Whether a program can get its own network, processes and mounts."""
    landlock: int
    """The version of Landlock, which limits the files that a program can reach; 0 for none."""
    missing_limits: tuple[str, ...] = ()
    """Names of resource limits that this system does not have."""

    @property
    def missing(self) -> tuple[str, ...]:
        """Return one sentence for each protection that this system does not have."""
        files = "read" if self.namespaces else "read and change"
        rest = ", but not by TCP" if self.landlock >= REFUSES_TCP else ""
        lacks = (
            (not self.landlock, f"Landlock: submitted code could {files} the files of this account"),
            (
                bool(self.landlock) and not self.namespaces,
                "mounts for one program: submitted code could change the modes of this account's files",
            ),
            (
                not self.namespaces,
                f"network for one program: submitted code could reach the network{rest}",
            ),
            (
                self.namespaces and self.landlock < REFUSES_TCP,
                f"Landlock {REFUSES_TCP}: submitted code could reach other services on loopback",
            ),
            (
                not self.namespaces and self.landlock < REFUSES_SIGNALS,
                "process namespace: submitted code could end other processes of this account",
            ),
        )
        return tuple(f"This system has no {lack}." for is_missing, lack in lacks if is_missing)


@lru_cache
def protections() -> Protections:
    """Find the protections of this system, by using them once."""
    if sys.platform == "win32":
        return Protections(
            namespaces=False, landlock=0, missing_limits=("AS", "CORE", "CPU", "FSIZE", "NOFILE")
        )
    support = json.loads(_run(_launcher()).stdout)
    landlock = int(support["landlock"])
    trial = Protections(namespaces=sys.platform == "linux", landlock=landlock)
    command = [sys.executable, "-I", "-S", "-c", ""]
    try:
        namespaces = trial.namespaces and not _run(confined(command, trial, {})).returncode
    except subprocess.TimeoutExpired:
        namespaces = False
    return Protections(namespaces, landlock, tuple(support["missing"]))


def confined(
    command: Sequence[str],
    using: Protections,
    limits: Mapping[str, int],
    *,
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    control_port: int = 0,
    token: str = "",
) -> list[str]:
    """Return the command that runs a command of an interpreter under the protections. Raises NoInterpreter.

    With a control port the program cannot open connections; without one it can, to loopback.
    """
    if sys.platform == "win32":
        return list(command)
    config = {
        "command": [_real_interpreter(command[0]), *command[1:]],
        "limits": limits,
        "control_port": control_port,
        "token": token,
        "namespaces": using.namespaces,
        "landlock": using.landlock,
        "readable": [*SYSTEM_PATHS, *interpreter_paths(command[0]), *map(str, readable)],
        "writable": list(map(str, writable)),
        "connects": not control_port,
    }
    return [*_launcher(), json.dumps(config)]


def passed_environment() -> dict[str, str]:
    """Return the part of our environment that submitted code receives."""
    return {name: value for name, value in os.environ.items() if name.upper() in PASSED_VARIABLES}


@lru_cache
def interpreter_paths(python: str) -> tuple[str, ...]:
    """Return the files and folders that an interpreter needs. Raises NoInterpreter."""
    executable, paths = _query(python)
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    hidden = {Path("/"), Path.home()}
    return tuple(
        dict.fromkeys(
            path
            for path in (python, executable, *paths, *libraries)
            if Path(path).is_absolute() and Path(path).resolve() not in hidden
        )
    )


@lru_cache
def _real_interpreter(python: str) -> str:
    """Return the interpreter behind a script that only starts it, such as pyenv's; any other interpreter unchanged.

    Such a script reads files that submitted code must not read.
    """
    executable, paths = _query(python)
    with Path(python).open("rb") as file:
        is_script = file.read(2) == b"#!"
    return executable if is_script and _query(executable)[1] == paths else python


@lru_cache
def _query(python: str) -> tuple[str, list[str]]:
    try:
        asked = _run([python, "-s", "-B", "-c", _PATHS])
        executable, paths = json.loads(asked.stdout)
    except OSError as error:
        msg = f"{python} cannot be started: {error.strerror}."
        raise NoInterpreter(msg) from None
    except (ValueError, subprocess.TimeoutExpired):
        msg = f"{python} is not a Python."
        raise NoInterpreter(msg) from None
    return executable, paths


def _launcher() -> list[str]:
    return [sys.executable, "-I", "-S", "-B", str(CONFINEMENT)]


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603  (our own programs, and an interpreter that the teacher names)
        command,
        check=False,
        cwd=CONFINEMENT.parent,
        env=passed_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT,
    )
