"""Attacks that the server runs on itself at start, from inside a confined child.

Each attack is a plain function that returns when it got through and raises (or dies) when a
wall held. What the walls are worth is thereby known on this host, not assumed.
"""

import ctypes
import mmap
import os
import resource
import signal
import socket
import time
from collections.abc import Callable

from playground.sandbox import engines
from playground.sandbox.confinement import MEMORY_BYTES, Cell, lock_in

_THROUGH = 0
_HELD = 10
_TOO_LONG = 5.0


class Held(Exception):
    """A wall answered with a refusal that is no OSError."""


def read_a_file() -> None:
    os.close(os.open("/", os.O_RDONLY))


def write_a_file() -> None:
    os.close(os.open("/escaped", os.O_WRONLY | os.O_CREAT, 0o600))


def open_a_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()


def open_a_unix_socket() -> None:
    socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).close()


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def run_a_program() -> None:
    os.execve("/bin/true", ["/bin/true"], {})  # noqa: S606 -- this is the attack


def signal_the_server() -> None:
    os.kill(os.getppid(), 0)


def trace_the_server() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, os.getppid(), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def map_executable_memory() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def take_twice_the_memory() -> None:
    try:
        bytearray(2 * MEMORY_BYTES)
    except MemoryError as problem:
        raise Held from problem


def raise_the_limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def change_user() -> None:
    os.setuid(0)


def find_the_environment() -> None:
    if not os.environb.keys() - {b"LC_CTYPE"}:
        raise Held


ATTACKS: dict[str, Callable[[], None]] = {
    "read a file": read_a_file,
    "write a file": write_a_file,
    "open an internet socket": open_a_socket,
    "open a unix socket": open_a_unix_socket,
    "fork": fork,
    "run a program": run_a_program,
    "signal the server": signal_the_server,
    "trace the server": trace_the_server,
    "map executable memory": map_executable_memory,
    "take twice the memory": take_twice_the_memory,
    "raise the limits": raise_the_limits,
    "become another user": change_user,
    "find the environment": find_the_environment,
}


def run_attacks(cell: Cell) -> dict[str, bool]:
    """Attack → whether the walls held. Ends with "evaluate", true when honest work succeeds."""
    results = {name: not gets_through(cell, attack) for name, attack in ATTACKS.items()}
    results["evaluate"] = gets_through(cell, engines.warm_up)
    return results


def gets_through(cell: Cell, attack: Callable[[], None]) -> bool:
    """Whether `attack` returns when it runs in a confined child."""
    pid = os.fork()
    if pid == 0:
        os._exit(_attempt(cell, attack))
    deadline = time.monotonic() + _TOO_LONG
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.WIFEXITED(status) and os.WEXITSTATUS(status) == _THROUGH
        time.sleep(0.0005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def _attempt(cell: Cell, attack: Callable[[], None]) -> int:
    try:
        lock_in(cell, cell.null)
        attack()
        return _THROUGH
    except BaseException:  # noqa: BLE001 -- however it failed, it did not get through
        return _HELD
