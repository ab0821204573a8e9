"""The server's children: forked ahead, kept per namespace, killed when their time is up.

A child that is free belongs to nobody until its first request; then it serves that namespace
until it is replaced. Everything here runs on one event loop in a process without threads.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from playground.sandbox import frames
from playground.sandbox.child import EXIT_NOT_CONFINED, serve
from playground.sandbox.confinement import Cell

WALL_SECONDS = 2.0
MAX_EVALUATIONS = 500
MAX_CPU_SECONDS = 10.0
MAX_IDLE_SECONDS = 60.0
MAX_RESIDENT_BYTES = 128 * 1024 * 1024
SPARE_CHILDREN = 2
MAX_KEPT_CHILDREN = 48
_SPARE_DELAY_SECONDS = 0.003
_MUCH_MEMORY_BYTES = 96 * 1024 * 1024

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_OUTCOMES = {"OK", "ERROR", "MEMORY", "OUTPUT_TOO_LARGE"}

Answer = tuple[str, str, bytes]
"""Outcome, message for the tenant, and the value as JSON text."""

TIMEOUT: Answer = (
    "TIMEOUT",
    f"the program did not finish within {WALL_SECONDS:g} seconds",
    b"null",
)
MEMORY: Answer = ("MEMORY", "the program needed more memory than it may use", b"null")
TOO_LARGE: Answer = ("OUTPUT_TOO_LARGE", "the result is larger than 1 MB", b"null")
CRASHED: Answer = ("CRASHED", "the program crashed its evaluator", b"null")
KILLED: Answer = ("MEMORY", "the evaluator was stopped, as when memory is short", b"null")
NOT_CONFINED: Answer = (
    "UNAVAILABLE",
    "programs cannot be evaluated: the evaluator could not be confined",
    b"null",
)


@dataclass(eq=False)
class Child:
    pid: int
    channel: socket.socket
    namespace: str = ""
    evaluations: int = 0
    last_used: float = 0.0

    def cpu_seconds(self) -> float:
        """Processor time so far; 0 when the child is gone."""
        # The kernel's name for another process's clock (see clock_getcpuclockid(3)).
        try:
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0


@dataclass(frozen=True)
class Death:
    signal: int
    exit_code: int
    peak_bytes: int


class Children:
    def __init__(self, cell: Cell, *, processes: int) -> None:
        """`processes` is an open descriptor of /proc (the root is empty by now), or -1."""
        self._cell = cell
        self._processes = processes
        self._spare: list[Child] = []
        self._kept: dict[str, list[Child]] = {}
        self._dying: set[int] = set()
        self.counts = dict.fromkeys(
            ("evaluations", "forks", "kills", "crashes", "forbidden_calls"), 0
        )

    @property
    def idle(self) -> int:
        return sum(len(children) for children in self._kept.values())

    async def evaluate(
        self, namespace: str, kind: str, program: str, document: bytes
    ) -> tuple[Answer, float]:
        """The answer, and the seconds to charge the namespace with.

        A child may die of what an earlier program left behind, or of a hand from outside, so such
        a death is tried once more in a fresh child.
        """
        self.counts["evaluations"] += 1
        child = self._child_of(namespace)
        used_before = child.evaluations > 0
        answer, seconds = await self._evaluate_in(child, kind, program, document)
        died = child.channel.fileno() == -1
        if died and (answer == KILLED or (used_before and answer in (CRASHED, MEMORY))):
            # Not a spare: what killed the one may have killed them all.
            fresh = self._fork()
            fresh.namespace = namespace
            answer, more = await self._evaluate_in(fresh, kind, program, document)
            seconds += more
        return answer, seconds

    def prepare_spares(self) -> None:
        while len(self._spare) < SPARE_CHILDREN:
            self._spare.append(self._fork())

    def retire_idle(self) -> None:
        """End the children that nobody has used for a while, and forget those that died."""
        self._reap()
        now = time.monotonic()
        for child in list(self._idle_children()):
            if now - child.last_used > MAX_IDLE_SECONDS or self._has_died(child):
                self._remove(child)
                self._end(child)
        for spare in [spare for spare in self._spare if self._has_died(spare)]:
            self._spare.remove(spare)
            self._end(spare)

    def end_all(self) -> None:
        for child in [*self._spare, *self._idle_children()]:
            self._end(child)
        self._spare.clear()
        self._kept.clear()
        while self._dying:
            time.sleep(0.001)
            self._reap()

    # ---- one evaluation

    async def _evaluate_in(
        self, child: Child, kind: str, program: str, document: bytes
    ) -> tuple[Answer, float]:
        started, cpu_before = time.monotonic(), child.cpu_seconds()
        child.evaluations += 1
        try:
            async with asyncio.timeout(WALL_SECONDS):
                answer = await self._exchange(child, kind, program, document)
        except TimeoutError:
            self.counts["kills"] += 1
            self._end(child)
            return TIMEOUT, time.monotonic() - started
        except frames.BadFrame as problem:
            self._end(child)
            return (TOO_LARGE if "bytes" in str(problem) else CRASHED), time.monotonic() - started
        except (OSError, EOFError):
            death = await self._bury(child)
            return self._explained(death, kind), time.monotonic() - started
        except BaseException:  # cancelled in the middle: nobody knows what the child is at
            self._end(child)
            raise
        seconds = max(0.0, child.cpu_seconds() - cpu_before)
        self._keep(child)
        return answer, seconds

    async def _exchange(self, child: Child, kind: str, program: str, document: bytes) -> Answer:
        loop = asyncio.get_running_loop()
        request = frames.pack({"kind": kind, "program": program}, document)
        await loop.sock_sendall(child.channel, request)
        header, payload = await frames.read_frame(_reader(loop, child.channel))
        outcome, message = header.get("outcome"), header.get("message")
        if outcome not in _OUTCOMES or not isinstance(message, str):
            raise frames.BadFrame("an answer of an unknown kind")
        return outcome, message, payload

    def _explained(self, death: Death, kind: str) -> Answer:
        if death.exit_code == EXIT_NOT_CONFINED:
            return NOT_CONFINED
        self.counts["crashes"] += 1
        if death.signal == signal.SIGXCPU:
            return TIMEOUT
        if death.signal == signal.SIGSYS:
            self.counts["forbidden_calls"] += 1
            return CRASHED
        if death.peak_bytes > _MUCH_MEMORY_BYTES:
            return MEMORY
        if death.signal == signal.SIGKILL:
            return KILLED
        # libjq calls abort() when an allocation fails; confined, that ends in one of these.
        refused = death.signal in (
            signal.SIGABRT,
            signal.SIGSEGV,
            signal.SIGTRAP,
            signal.SIGILL,
        )
        return MEMORY if kind == "jq" and refused else CRASHED

    # ---- keeping

    def _child_of(self, namespace: str) -> Child:
        kept = self._kept.get(namespace)
        while kept:
            child = kept.pop()
            if not kept:
                del self._kept[namespace]
            if not self._has_died(child):
                return child
            self._end(child)
        return self._fresh(namespace)

    def _fresh(self, namespace: str) -> Child:
        child = self._living_spare() or self._fork()
        child.namespace = namespace
        # After this evaluation's first steps: a fork takes longer than most evaluations.
        asyncio.get_running_loop().call_later(_SPARE_DELAY_SECONDS, self.prepare_spares)
        return child

    def _living_spare(self) -> Child | None:
        while self._spare:
            child = self._spare.pop(0)
            if not self._has_died(child):
                return child
            self._end(child)
        return None

    def _keep(self, child: Child) -> None:
        worn_out = (
            child.evaluations >= MAX_EVALUATIONS
            or child.cpu_seconds() >= MAX_CPU_SECONDS
            or self._resident_bytes(child) >= MAX_RESIDENT_BYTES
        )
        if worn_out:
            self._end(child)
            return
        child.last_used = time.monotonic()
        self._kept.setdefault(child.namespace, []).append(child)
        if self.idle > MAX_KEPT_CHILDREN:
            oldest = min(self._idle_children(), key=lambda one: one.last_used)
            self._remove(oldest)
            self._end(oldest)

    def _idle_children(self) -> Iterator[Child]:
        for children in self._kept.values():
            yield from children

    def _remove(self, child: Child) -> None:
        children = self._kept[child.namespace]
        children.remove(child)
        if not children:
            del self._kept[child.namespace]

    def _resident_bytes(self, child: Child) -> int:
        if self._processes < 0:
            return 0
        try:
            statm = os.open(f"{child.pid}/statm", os.O_RDONLY, dir_fd=self._processes)
        except OSError:
            return 0
        try:
            return int(os.read(statm, 256).split()[1]) * _PAGE_BYTES
        finally:
            os.close(statm)

    # ---- birth and death

    def _fork(self) -> Child:
        self.counts["forks"] += 1
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            gc.disable()
            serve(self._cell, theirs.fileno())
        theirs.close()
        ours.setblocking(False)
        return Child(pid, ours)

    def _has_died(self, child: Child) -> bool:
        # Nothing speaks unasked: a readable channel is the end of its other side.
        try:
            return child.channel.recv(1, socket.MSG_PEEK) is not None
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _end(self, child: Child) -> None:
        """Kill without waiting: taking down much memory takes the kernel a while."""
        child.channel.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        self._dying.add(child.pid)
        self._reap()

    def _reap(self) -> None:
        for pid in list(self._dying):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended = pid
            if ended:
                self._dying.discard(pid)

    async def _bury(self, child: Child) -> Death:
        """How a child ended whose channel closed; killed if it only closed its channel."""
        child.channel.close()
        for attempt in range(200):
            death = _death_of(child.pid)
            if death:
                return death
            await asyncio.sleep(0.001 if attempt < 100 else 0.01)
        self._end(child)
        return Death(0, 1, 0)


def _death_of(pid: int) -> Death | None:
    """None while it lives."""
    ended, status, usage = os.wait4(pid, os.WNOHANG)
    if not ended:
        return None
    signal_number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
    return Death(signal_number, exit_code, usage.ru_maxrss * 1024)


def _reader(loop: asyncio.AbstractEventLoop, channel: socket.socket) -> Any:
    async def read_exactly(size: int) -> bytes:
        parts = []
        while size > 0:
            part = await loop.sock_recv(channel, min(size, 1 << 18))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    return read_exactly
