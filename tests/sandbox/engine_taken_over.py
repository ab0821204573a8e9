"""What a child can still do when an engine has been exploited: run as a program by the tests.

Prepares the walls as the server does, runs each attack as Python inside a confined child, and
prints which got through. Its one argument is `all` or `floor`.
"""

import ctypes
import json
import os
import resource
import socket
import sys
import time
from collections.abc import Callable

from playground.sandbox import engines, selftest
from playground.sandbox.confinement import CHANNEL, prepare

_libc = ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: int) -> None:
    """A system call by its x86-64 number, without libc's wrapper."""
    if _libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def thread() -> None:
    import threading

    worker = threading.Thread(target=lambda: None)
    worker.start()
    worker.join()


def connect_out() -> None:
    socket.create_connection(("127.0.0.1", 80), timeout=1)


def socket_pair() -> None:
    socket.socketpair()


def read_proc_environ() -> None:
    os.read(os.open("/proc/self/environ", os.O_RDONLY), 10)


def read_parents_memory() -> None:
    os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY))


def read_process_memory() -> None:
    _call(310, os.getppid(), 0, 0, 0, 0, 0)


def list_directory() -> None:
    os.listdir("/")


def make_directory() -> None:
    os.mkdir("/tmp/escaped")


def remove_file() -> None:
    os.unlink("/tmp/nothing")


def kill_everybody() -> None:
    os.kill(-1, 0)


def kill_parent_for_good() -> None:
    os.kill(os.getppid(), 9)


def new_namespace() -> None:
    _call(272, 0x10000000)


def chroot_again() -> None:
    os.chroot("/")


def mount() -> None:
    _call(165, 0, 0, 0, 0, 0)


def io_uring() -> None:
    _call(425, 8, 0)


def bpf() -> None:
    _call(321, 0, 0, 0)


def keyring() -> None:
    _call(250, 0, 0)


def memfd() -> None:
    os.memfd_create("x")


def open_by_handle() -> None:
    _call(304, 0, 0, 0)


def user_fault() -> None:
    _call(323, 0)


def load_seccomp_again() -> None:
    _call(317, 0, 0, 0)


def lower_niceness() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, -10)


def pipe() -> None:
    os.pipe()


def use_other_descriptors() -> None:
    for descriptor in range(CHANNEL + 1, 256):
        try:
            os.write(descriptor, b"x")
        except OSError:
            continue
        return
    raise selftest.Held


def many_descriptors() -> None:
    for _ in range(20):
        os.dup(CHANNEL)


def make_executable() -> None:
    import mmap

    page = mmap.mmap(-1, 4096)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if _libc.mprotect(ctypes.c_void_p(address), 4096, 7) != 0:
        raise OSError(ctypes.get_errno(), "refused")


def take_a_lot_in_pieces() -> None:
    try:
        [bytearray(1 << 20) for _ in range(600)]
    except MemoryError as problem:
        raise selftest.Held from problem


def raise_cpu_limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))


def set_the_clock() -> None:
    time.clock_settime(time.CLOCK_REALTIME, 0)


def int80() -> None:
    """A call by the 32-bit door, whose numbers mean other things."""
    _call(1073741824 + 2, 0, 0, 0)


MORE: tuple[Callable[[], None], ...] = (
    thread,
    connect_out,
    socket_pair,
    read_proc_environ,
    read_parents_memory,
    read_process_memory,
    list_directory,
    make_directory,
    remove_file,
    kill_everybody,
    kill_parent_for_good,
    new_namespace,
    chroot_again,
    mount,
    io_uring,
    bpf,
    keyring,
    memfd,
    open_by_handle,
    user_fault,
    load_seccomp_again,
    lower_niceness,
    pipe,
    use_other_descriptors,
    many_descriptors,
    make_executable,
    take_a_lot_in_pieces,
    raise_cpu_limit,
    set_the_clock,
    int80,
)


def spin() -> None:
    while True:
        pass


def main() -> None:
    os.environ.clear()
    user = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        _libc.prctl(4, 1, 0, 0, 0)  # dumpable again, as after the exec of an ordinary user
    engines.warm_up()
    cell = prepare(floor_only=sys.argv[1] == "floor")
    through = {name: not held for name, held in selftest.run_attacks(cell).items()}
    # The last one is honest work, which must get through.
    honest = not through.pop("evaluate")
    through |= {attack.__name__: selftest.gets_through(cell, attack) for attack in MORE}
    report = {
        "through": sorted(name for name, got in through.items() if got),
        "tried": len(through),
        "honest": honest,
        "walls": cell.walls.standing(),
        "control": selftest.gets_through(cell, lambda: None),
    }
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
