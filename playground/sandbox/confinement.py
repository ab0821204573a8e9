"""The walls around a process that evaluates the code of strangers.

*The floor* needs no privilege, and without it nothing is evaluated: resource limits,
no_new_privs, and a seccomp allow-list under which there is no file, socket, fork or exec.
*Above it*, each used where the host allows: empty network, IPC and UTS namespaces (inside a
user namespace where we are not root), an empty root directory, the user nobody.

The server enters the namespaces and the empty root once (`prepare`) and its children inherit
them; `lock_in` is what each child does first.
"""

import contextlib
import ctypes
import errno
import os
import resource
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    import pyseccomp
except (
    ImportError,
    RuntimeError,
    OSError,
):  # the binding exists, the C library does not
    pyseccomp = None

MEMORY_BYTES = 256 * 1024 * 1024
CPU_SECONDS = 20
OPEN_FILES = 8
NOBODY = 65534
CHANNEL = 3
_HIGH = 1000

_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_EMPTY_WORLD = _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_PROT_EXEC = 4

_ALLOWED = [
    "read",
    "write",
    "close",
    "exit",
    "exit_group",
    "munmap",
    "mremap",
    "brk",
    "madvise",
    "futex",
    "clock_gettime",
    "clock_nanosleep",
    "gettimeofday",
    "getrandom",
    "rt_sigreturn",
    "rt_sigaction",
    "rt_sigprocmask",
    "sigaltstack",
    "getpid",
    "gettid",
    "sched_yield",
    "set_robust_list",
    "rseq",
    "lseek",
    "fstat",
    "newfstatat",
    "poll",
    "ppoll",
    "restart_syscall",
]
# Refused with an errno instead of death, so that jq's `import`, a look at the time zone and
# libc's abort() stay ordinary errors or signals.
_REFUSED = [
    "open",
    "openat",
    "access",
    "readlink",
    "readlinkat",
    "stat",
    "lstat",
    "ioctl",
    "getcwd",
    "prlimit64",
    "sysinfo",
    "tgkill",
    "kill",
    "uname",
    "fcntl",
]
_NOT_EXECUTABLE = ("mmap", "mprotect")

_libc = ctypes.CDLL(None, use_errno=True)


class CannotConfine(Exception):
    """A wall of the floor could not be raised; nothing may be evaluated here."""


@dataclass
class Walls:
    """Which walls above the floor this server has raised for its children."""

    user_namespace: bool = False
    network: bool = False
    ipc: bool = False
    uts: bool = False
    empty_root: bool = False
    nobody: bool = False
    notes: list[str] = field(default_factory=list)

    def standing(self) -> dict[str, bool]:
        return {
            "user namespace": self.user_namespace,
            "network namespace": self.network,
            "ipc namespace": self.ipc,
            "uts namespace": self.uts,
            "empty root": self.empty_root,
            "nobody": self.nobody,
        }


@dataclass(frozen=True)
class Cell:
    """Everything the server prepares once, so that a forked child can lock itself in."""

    walls: Walls
    system_calls: Any
    null: int
    server_pid: int


def prepare(*, floor_only: bool = False) -> Cell:
    """Raise what is raised once for all children; to be called before any thread starts.

    Args:
        floor_only: leave out every wall above the floor, as on a host that allows none.

    Raises:
        CannotConfine: the floor cannot be built here.
    """
    system_calls = system_call_filter()
    null = os.open(os.devnull, os.O_RDWR)
    walls = Walls()
    if not floor_only:
        enter_namespaces(walls)
        enter_empty_root(walls)
        walls.nobody = os.geteuid() == 0 and not walls.user_namespace and _can_become_nobody()
    return Cell(walls, system_calls, null, os.getpid())


def enter_namespaces(walls: Walls) -> None:
    """Unshare network, IPC and UTS; first directly, then inside a new user namespace.

    Each way is first tried in a child: a user namespace that is entered but cannot be used
    (some hosts allow the one and forbid the other) cannot be left again.
    """
    for with_user in (False, True) if os.geteuid() == 0 else (True,):
        problem = _try_in_child(with_user)
        if problem == 0:
            _unshare(with_user)
            walls.user_namespace = with_user
            walls.network = walls.ipc = walls.uts = True
            return
        walls.notes.append(
            f"namespaces{' with a user namespace' if with_user else ''}: {os.strerror(problem)}"
        )


def enter_empty_root(walls: Walls) -> None:
    """Make an empty, already removed directory the root: nothing can be found or made in it."""
    directory = tempfile.mkdtemp(prefix="playground-sandbox-")
    try:
        Path(directory).chmod(0o500)
        here = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    finally:
        Path(directory).rmdir()
    try:
        os.fchdir(here)
        os.chroot(".")
        walls.empty_root = True
    except OSError as problem:
        os.chdir("/")
        walls.notes.append(f"empty root: {problem.strerror}")
    finally:
        os.close(here)


def lock_in(cell: Cell, channel: int) -> None:
    """Give up, for ever, everything that an evaluation does not need.

    Afterwards descriptor `CHANNEL` is the one to the parent and 0-2 lead nowhere.

    Raises:
        CannotConfine: a wall of the floor did not rise.
    """
    _keep_only(cell.null, channel)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _limit_resources()
    if cell.walls.nobody:
        _become_nobody()
    _drop_capabilities()
    _limit(resource.RLIMIT_NPROC, 0)
    _prctl(_PR_SET_DUMPABLE, 0)
    # A change of user clears the death signal, so it is asked for again; a parent that died
    # before that sends none.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != cell.server_pid:
        raise CannotConfine("the server is gone")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    try:
        cell.system_calls.load()
    except (OSError, RuntimeError) as problem:
        raise CannotConfine(f"the system call filter was refused: {problem}") from problem


def _keep_only(null: int, channel: int) -> None:
    os.dup2(channel, _HIGH)
    for standard in range(CHANNEL):
        os.dup2(null, standard)
    os.dup2(_HIGH, CHANNEL)
    os.closerange(CHANNEL + 1, _HIGH + 1)
    os.closerange(_HIGH + 1, 1 << 20)


def system_call_filter() -> Any:
    """The seccomp allow-list, built once and loaded by every child.

    Raises:
        CannotConfine: libseccomp is missing.
    """
    if pyseccomp is None:
        raise CannotConfine("libseccomp is not installed (on Debian: apt install libseccomp2)")
    rules = pyseccomp.SyscallFilter(defaction=pyseccomp.KILL_PROCESS)
    for name in _ALLOWED:
        _add_rule(rules, pyseccomp.ALLOW, name)
    for name in _NOT_EXECUTABLE:
        _add_rule(
            rules,
            pyseccomp.ALLOW,
            name,
            pyseccomp.Arg(2, pyseccomp.MASKED_EQ, _PROT_EXEC, 0),
        )
    for name in _REFUSED:
        _add_rule(rules, pyseccomp.ERRNO(errno.EACCES), name)
    return rules


def _add_rule(rules: Any, action: int, name: str, *arguments: Any) -> None:
    # Not every architecture has every call; the older ones are missing on newer machines.
    with contextlib.suppress(ValueError, OSError, RuntimeError):
        rules.add_rule(action, name, *arguments)


def _limit_resources() -> None:
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))


def _limit(what: int, most: int) -> None:
    resource.setrlimit(what, (most, most))


def _drop_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if _libc.capset(header, nothing) != 0:
        raise CannotConfine(f"capabilities stay: {os.strerror(ctypes.get_errno())}")


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise CannotConfine(f"prctl {option}: {os.strerror(ctypes.get_errno())}")


def _can_become_nobody() -> bool:
    return _errno_in_child(_become_nobody) == 0


def _become_nobody() -> None:
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def _try_in_child(with_user: bool) -> int:
    return _errno_in_child(lambda: _unshare(with_user))


def _errno_in_child(action: Callable[[], None]) -> int:
    """The errno with which `action` fails in a forked child, 0 when it succeeds."""
    pid = os.fork()
    if pid == 0:
        code = errno.EIO
        try:
            action()
            code = 0
        except OSError as problem:
            code = problem.errno or errno.EIO
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else errno.EIO


def _unshare(with_user: bool) -> None:
    uid, gid = os.geteuid(), os.getegid()
    flags = _EMPTY_WORLD | (_CLONE_NEWUSER if with_user else 0)
    if _libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if with_user:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{NOBODY} {uid} 1")
        _write("/proc/self/gid_map", f"{NOBODY} {gid} 1")


def _write(path: str, text: str) -> None:
    target = os.open(path, os.O_WRONLY)
    try:
        os.write(target, text.encode())
    finally:
        os.close(target)
