"""Confine a program and run it. This module is started as a program; only `fork_server` loads it.

The only argument is a JSON object:

command       the program and its arguments
limits        resource limits by their names: `CPU`
control_port  the port of a connection to open before the network goes; 0 for none. The program gets the numbers of two
              open files as its last arguments: this connection, and a socket that listens on a free port of loopback.
token         sent over that connection together with the program's process id
namespaces    whether to give the program its own network, processes and mounts
landlock      the version of Landlock to use; 0 for none
readable      files and folders that the program may read
writable      folders that it may also change
connects      whether it may open TCP connections, to its own loopback

`namespaces` and `landlock` are what `protections` finds on this system; a step that fails here ends the program.
Without an argument the missing limits and the version of Landlock are printed as JSON.
"""

import ctypes
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import struct
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

assert sys.platform != "win32"  # noqa: S101  (protections.py does not start it there)

# Those of the kernel: where Locust is loaded, it replaces them in their modules by versions for its own event loop.
from os import fork, waitpid  # noqa: E402
from signal import signal as set_handler  # noqa: E402

LIBC = ctypes.CDLL(None, use_errno=True)
LIMITS = ("AS", "CPU", "NOFILE", "FSIZE", "CORE")
NEW_USER, NEW_OTHERS = 0x10000000, 0x00020000 | 0x08000000 | 0x20000000 | 0x40000000
"""The flags of `unshare` for a user namespace; for those of mounts, of IPC, of processes and of the network."""
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, READ_ONLY = 442, -100, 0x8000, 1
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
READ_FILE, READ_DIRECTORY, WRITE_FILE, EXECUTE, TRUNCATE = 1 << 2, 1 << 3, 1 << 1, 1, 1 << 14
BIND_TCP, CONNECT_TCP = 1, 2
SCOPED = 3
"""Landlock's flags for abstract Unix sockets and signals."""
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
CAPABILITY_VERSION = 0x20080522
KEPT_CAPABILITIES = frozenset({1})
"""Root reads the files of other users (CAP_DAC_OVERRIDE), as far as Landlock allows; it may do nothing else."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
if sys.platform == "linux":
    OPEN_PATH = os.O_PATH
else:
    OPEN_PATH = 0
SHARED_MEMORY = "/dev/shm"  # noqa: S108  (a mount of its own)
SET_INTERFACE_FLAGS, IS_UP = 0x8914, 1


def checked(result: int) -> int:
    """Return the result of a system call. Raises OSError for its error."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount. Raises OSError."""
    name = None if kind is None else kind.encode()
    checked(LIBC.mount(source.encode(), target.encode(), name, ctypes.c_ulong(flags), options.encode()))


def set_limits(limits: Mapping[str, int]) -> list[str]:
    """Set the limits; return those that this system does not have."""
    missing = []
    for name, value in limits.items():
        try:
            kind = getattr(resource, f"RLIMIT_{name}")
            _, hard = resource.getrlimit(kind)
            max_hard = sys.maxsize if hard == resource.RLIM_INFINITY else hard
            # At the soft limit of processor time comes SIGXCPU, which shows the reason; at the hard one SIGKILL.
            spare = 1 if name == "CPU" else 0
            resource.setrlimit(kind, (min(value, max_hard), min(value + spare, max_hard)))
        except (AttributeError, ValueError, OSError):
            missing.append(name)
    return sorted(missing)


def enter_namespaces(writable: Iterable[str]) -> None:
    """Leave the network and, for child processes, the other processes; make all mounts read-only but `writable`."""
    user, group = os.geteuid(), os.getegid()
    try:
        # Root needs no user namespace, in which it could not read the files of other users.
        checked(LIBC.unshare(NEW_OTHERS))
    except OSError:
        checked(LIBC.unshare(NEW_USER | NEW_OTHERS))
        for name, content in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
            os.write(descriptor, content.encode())
            os.close(descriptor)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_INTERFACE_FLAGS, struct.pack("16sh14x", b"lo", IS_UP))
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    for folder in writable:
        mount(folder, folder, None, MS_BIND)
    # Landlock does not cover modes, owners and times of files; a read-only mount does.
    set_read_only("/", on=True, flags=AT_RECURSIVE)
    for folder in writable:
        set_read_only(folder, on=False)
    # The working folder is still the one below the new mount.
    os.chdir(os.getcwd())  # noqa: PTH109  (pathlib is slow to import)
    with suppress(OSError):
        mount("tmpfs", SHARED_MEMORY, "tmpfs", MS_NOSUID | MS_NODEV, "size=64m")


def set_read_only(path: str, *, on: bool, flags: int = 0) -> None:
    """Make a mount read-only, or writable again. Raises OSError."""
    attributes = struct.pack("4Q", READ_ONLY if on else 0, 0 if on else READ_ONLY, 0, 0)
    checked(LIBC.syscall(MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, attributes, len(attributes)))


def restrict(config: Mapping[str, Any], readable: Iterable[str], writable: Iterable[str]) -> None:
    """Deny all other files, TCP connections, and signals to other processes, as far as this Landlock can."""
    version = config["landlock"]
    all_rights = (1 << {1: 13, 2: 14}.get(version, 15)) - 1
    read = READ_FILE | READ_DIRECTORY | EXECUTE
    net = 0 if config["connects"] else CONNECT_TCP if config["namespaces"] else CONNECT_TCP | BIND_TCP
    fields = (all_rights, net if version >= 4 else 0, SCOPED if version >= 6 else 0)  # noqa: PLR2004
    size = 24 if version >= 6 else 16 if version >= 4 else 8  # noqa: PLR2004
    ruleset = checked(LIBC.syscall(CREATE_RULESET, struct.pack("3Q", *fields), ctypes.c_size_t(size), 0))
    rules = [(path, read) for path in readable]
    rules += [(path, all_rights) for path in writable]
    rules += [(path, READ_FILE | WRITE_FILE | TRUNCATE) for path in DEVICES]
    of_files = READ_FILE | WRITE_FILE | EXECUTE | TRUNCATE
    for path, rights in rules:
        try:
            descriptor = os.open(path, OPEN_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # a path that does not exist here
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        allowed = rights & all_rights & (~0 if is_folder else of_files)
        checked(LIBC.syscall(ADD_RULE, ruleset, 1, struct.pack("=Qi", allowed, descriptor), 0))
        os.close(descriptor)
    checked(LIBC.syscall(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def landlock_version() -> int:
    """Return the version of Landlock; 0 if the system has none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(LIBC.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def drop_capabilities() -> None:
    """Drop all capabilities but those of root that are kept: a process that starts no program would have the others."""
    header, size = struct.pack("=Ii", CAPABILITY_VERSION, 0), 6 * 4
    current = ctypes.create_string_buffer(size)
    checked(LIBC.capget(header, current))
    _, permitted, *_ = struct.unpack("=6I", current.raw)
    kept = permitted & sum(1 << number for number in KEPT_CAPABILITIES) if os.geteuid() == 0 else 0
    checked(LIBC.capset(header, struct.pack("=6I", kept, kept, 0, 0, 0, 0)))


def drop_rights(config: Mapping[str, Any]) -> None:
    """Give up all rights of this process that the program must not have."""
    readable, writable = list(config["readable"]), list(config["writable"])
    if config["namespaces"]:
        writable.append(SHARED_MEMORY)
        # Other processes are not listed there. A container may refuse this mount.
        with suppress(OSError):
            mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV)
            readable.append("/proc")
    if sys.platform == "linux":
        for capability in set(range(64)) - KEPT_CAPABILITIES:
            LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        checked(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    if config["landlock"]:
        restrict(config, readable, writable)
    if sys.platform == "linux":
        drop_capabilities()


def execute(command: Iterable[str], descriptors: Iterable[int]) -> None:
    """Replace this process by the program."""
    words = [*command, *map(str, descriptors)]
    try:
        os.execv(words[0], words)  # noqa: S606  (no shell is wanted)
    except OSError as error:
        fail(error)


def fail(error: BaseException) -> None:
    """End this process, which must not go on without its confinement."""
    os.write(1, f"It cannot be confined: {error}.\n".encode())
    os._exit(1)


def start_first_process() -> int:
    """Start the first process of the namespace: all others in it end when it ends. Return its id."""
    first = fork()
    if first == 0:
        # This process ends with its parent, and keeps none of the parent's connections open.
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        set_handler(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then removes ended processes
        os.closerange(0, 65_536)
        while True:
            signal.pause()
    return first


def exit_as(status: int) -> None:
    """End this process as the program has ended."""
    if os.WIFSIGNALED(status):
        with suppress(OSError):
            set_handler(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def main() -> None:
    """Confine the program and run it; end with its exit code or signal."""
    if len(sys.argv) == 1:
        limits = {name: 4 << 30 if name == "AS" else 4096 for name in LIMITS}
        sys.stdout.write(json.dumps({"landlock": landlock_version(), "missing": set_limits(limits)}))
        return
    config = json.loads(sys.argv[1])
    execute(config["command"], confine(config))


def confine(config: Mapping[str, Any]) -> list[int]:
    """Confine this process, or a child process; return there the numbers of its connections.

    If a child process is confined, this process ends as the child has ended.
    """
    sockets: list[socket.socket] = []
    if config["control_port"]:
        # Bound to loopback, so that the program cannot connect them to another network.
        control = socket.create_connection(
            ("127.0.0.1", config["control_port"]), source_address=("127.0.0.1", 0)
        )
        # For a socket of protocol 0, as `socket.create_server` makes it, asyncio does not set TCP_NODELAY: each
        # response then waits 40 ms for an acknowledgement.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        sockets = [control, listening]
        for inherited in sockets:
            inherited.set_inheritable(True)
    set_limits(config["limits"])
    if not config["namespaces"]:
        report(config, sockets, os.getpid())
        drop_rights(config)
        return [inherited.detach() for inherited in sockets]
    enter_namespaces(config["writable"])
    first = start_first_process()
    program = fork()
    if program == 0:
        try:
            os.setsid()  # a signal of the program to its group does not reach this process
            drop_rights(config)
        except BaseException as error:  # noqa: BLE001  (this copy of the process must not go on)
            fail(error)
        return [inherited.detach() for inherited in sockets]
    report(config, sockets, program)
    for inherited in sockets:
        inherited.close()
    _, status = waitpid(program, 0)
    os.kill(first, signal.SIGKILL)
    waitpid(first, 0)
    exit_as(status)
    raise AssertionError


def report(config: Mapping[str, Any], sockets: Iterable[socket.socket], program: int) -> None:
    """Send the process id of the program, which it cannot find out itself in a namespace."""
    for control in list(sockets)[:1]:
        control.sendall(json.dumps({"token": config["token"], "pid": program}).encode() + b"\n")


if __name__ == "__main__":
    main()
