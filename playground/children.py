"""Child processes that die with us, speak through us, and are started again when they end.

Knows nothing of roles or databases: `embedded` and `supervisor` say what runs. Children get their
own session, so a Ctrl-C at the terminal reaches the supervisor alone, which stops them in order.
"""

import asyncio
import contextlib
import ctypes
import json
import os
import platform
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from playground.settings import EXIT_UNUSABLE, Unusable

LAST_LINES = 20
LONGEST_LINE_BYTES = 16_384
SINK_LINES = 10_000
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 10.0
STEADY_SECONDS = 5.0
REPLACE_SECONDS = 120.0
READY_FD = "{ready_fd}"

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if platform.system() == "Linux" else None


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run and how to end it.

    `user` is (uid, gid) to drop to, None to stay who we are. `stop_signal` asks it to end;
    `death_signal` is what the kernel sends it when our own process dies, even by SIGKILL.
    `is_noise` says which of its lines not to show. Where it `tells_ready`, `{ready_fd}` in its
    arguments and its environment becomes the descriptor it writes to once it works.
    """

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: tuple[int, int] | None = None
    pass_fds: tuple[int, ...] = ()
    stdin: bytes = b""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    death_signal: signal.Signals = signal.SIGKILL
    is_noise: Callable[[str], bool] = lambda _line: False
    tells_ready: bool = False

    def telling(self, ready_fd: int) -> "Program":
        """The same with its descriptor put in."""
        return replace(
            self,
            argv=tuple(part.replace(READY_FD, str(ready_fd)) for part in self.argv),
            environment={
                name: value.replace(READY_FD, str(ready_fd)) if value == READY_FD else value
                for name, value in self.environment.items()
            },
            pass_fds=(*self.pass_fds, ready_fd),
        )


class LogSink:
    """Writes lines to a stream from its own thread, so a blocked terminal stops nobody.

    Lines that do not fit into its queue are dropped and counted; the count is written when the
    stream moves again.
    """

    def __init__(self, stream: TextIO, *, as_json: bool = False) -> None:
        """`as_json`: each line is one JSON object; what is none already is put into one."""
        self._stream = stream
        self._as_json = as_json
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=SINK_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write_lines, daemon=True)
        self._thread.start()

    def write(self, name: str, line: str) -> None:
        """Show `line` as said by `name`."""
        try:
            self._lines.put_nowait(self._shown(name, line))
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what is waiting, for at most a second."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
        self._thread.join(timeout=1.0)

    def _shown(self, name: str, line: str) -> str:
        if not self._as_json:
            return f"{name:<10}| {line}\n"
        if line.startswith("{"):
            return f"{line}\n"
        return json.dumps({"level": "info", "role": name, "message": line}) + "\n"

    def _write_lines(self) -> None:
        while (text := self._lines.get()) is not None:
            # A reader that went away (a closed terminal, `| head`) must not end the installation.
            with contextlib.suppress(OSError, ValueError):
                if self._dropped:
                    self._stream.write(f"({self._dropped} log lines dropped)\n")
                    self._dropped = 0
                self._stream.write(text)
                if self._lines.empty():
                    self._stream.flush()


class Child:
    """One run of a program; its output goes to the sink line by line under its name."""

    def __init__(self, program: Program, process: asyncio.subprocess.Process) -> None:
        self.program = program
        self.process = process
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._ready_fd = -1
        self._speaking: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, program: Program, sink: LogSink) -> "Child":
        """Run the program; raises `Unusable` when it cannot be executed."""
        if not program.tells_ready:
            return await cls._start(program, sink)
        ready_end, told_end = os.pipe()
        try:
            child = await cls._start(program.telling(told_end), sink)
        except BaseException:
            os.close(ready_end)
            raise
        finally:
            os.close(told_end)
        child._ready_fd = ready_end
        return child

    @classmethod
    async def _start(cls, program: Program, sink: LogSink) -> "Child":
        uid_gid = {}
        if program.user is not None:
            uid_gid = {
                "user": program.user[0],
                "group": program.user[1],
                "extra_groups": [],
            }
        # A pipe of our own instead of asyncio's: `process.wait()` would wait until nobody holds
        # that one any more, and a grandchild may hold it long after the child has ended.
        read_end, write_end = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *program.argv,
                stdin=asyncio.subprocess.PIPE if program.stdin else asyncio.subprocess.DEVNULL,
                stdout=write_end,
                stderr=write_end,
                env=dict(program.environment),
                cwd=program.directory,
                pass_fds=program.pass_fds,
                start_new_session=True,
                preexec_fn=die_with(os.getpid(), program.death_signal),
                **uid_gid,  # type: ignore[arg-type]  # the stub wants each keyword by itself
            )
        except (OSError, subprocess.SubprocessError) as error:
            os.close(read_end)
            raise Unusable(f"{program.name} cannot be started ({error}).") from error
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        child = cls(program, process)
        child._speaking = asyncio.create_task(child._speak(read_end, sink))
        if process.stdin is not None:
            process.stdin.write(program.stdin)
            process.stdin.close()
        return child

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self.process.returncode is None

    async def told_ready(self, seconds: float) -> bool:
        """Whether it said within so many seconds that it works; ask once."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        # Ours alone from here on, so that nobody else closes it while we listen.
        descriptor, self._ready_fd = self._ready_fd, -1
        # Readable also when its end is closed without a word: the process is gone.
        loop.add_reader(descriptor, readable.set)
        try:
            await asyncio.wait_for(readable.wait(), seconds)
            return os.read(descriptor, 1) == b"1"
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    async def wait(self) -> int:
        """Its exit status, once it has ended and said all; minus the signal that killed it."""
        status = await self.process.wait()
        if self._speaking is not None:
            # Grandchildren may hold the pipe open; what they say later is not worth waiting for.
            await asyncio.wait({self._speaking}, timeout=0.5)
        self._forget_ready()
        return status

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program alone; nothing when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    async def stop(self, *, hand_over: bool = False) -> None:
        """Ask it to end, wait `stop_seconds`, then kill it and whatever it left in its session.

        `hand_over`: another run goes on in its place, so it is asked by SIGTERM to take leave.
        """
        if self.running:
            self.signal(signal.SIGTERM if hand_over else self.program.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), self.program.stop_seconds)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.wait()
        if self._speaking is not None:
            self._speaking.cancel()

    def _forget_ready(self) -> None:
        """Nobody waits any more for it to say that it works."""
        if self._ready_fd >= 0:
            os.close(self._ready_fd)
            self._ready_fd = -1

    async def _speak(self, read_end: int, sink: LogSink) -> None:
        stream = asyncio.StreamReader()
        transport, _protocol = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(read_end, "rb", buffering=0)
        )
        try:
            await self._say_lines(stream, sink)
        finally:
            transport.close()

    async def _say_lines(self, stream: asyncio.StreamReader, sink: LogSink) -> None:
        rest = b""
        while chunk := await stream.read(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE_BYTES:
                lines.append(rest)
                rest = b""
            for line in lines:
                self._say(line, sink)
        if rest:
            self._say(rest, sink)

    def _say(self, line: bytes, sink: LogSink) -> None:
        text = line.decode(errors="replace").rstrip()
        if not text:
            return
        self.last_lines.append(text)
        if not self.program.is_noise(text):
            sink.write(self.program.name, text)


class Keeper:
    """Keeps one program running: when it ends unasked it is started again, with back-off.

    `prepare` is awaited before every start and gives the program; `ready`, if any, is awaited
    after it and raises `Unusable` when the program did not come up. `on_start` is called after
    each start that went well.
    """

    def __init__(
        self,
        name: str,
        prepare: Callable[[], Awaitable[Program]],
        sink: LogSink,
        ready: Callable[[Child], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.restarts = 0
        self.on_start: Callable[[], None] = lambda: None
        self._prepare = prepare
        self._ready = ready
        self._sink = sink
        self._child: Child | None = None
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start it for the first time and wait until it is ready."""
        self._child = await Child.start(await self._prepare(), self._sink)
        if self._ready is not None:
            await self._ready(self._child)
        self.on_start()

    @property
    def pid(self) -> int | None:
        """The process id of the present run, for the state file."""
        return self._child.process.pid if self._child is not None else None

    async def keep(self) -> None:
        """Watch it until `stop`; raises `Unusable` when starting it again would not help."""
        backoff_seconds = FIRST_BACKOFF_SECONDS
        while self._child is not None and not self._stopping.is_set():
            started, child = time.monotonic(), self._child
            status = await child.wait()
            if self._stopping.is_set():
                return
            if child is not self._child:
                # It was replaced, and ended because it was asked to.
                continue
            if status == EXIT_UNUSABLE:
                raise Unusable(f"The {self.name} role cannot work; its last line says why.")
            if time.monotonic() - started > STEADY_SECONDS:
                backoff_seconds = FIRST_BACKOFF_SECONDS
            self._sink.write(
                "supervisor",
                f"{self.name} ended ({_how(status)}); starting it again in {backoff_seconds:.1f} s",
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff_seconds)
            backoff_seconds = min(backoff_seconds * 2, LONGEST_BACKOFF_SECONDS)
            await self._start_again()

    async def replace(self) -> None:
        """Start another run beside the present one; end that one when the other works.

        Raises `Unusable`, and leaves the present one as it is, when the other does not come up.
        """
        before = self._child
        child = await Child.start(await self._prepare(), self._sink)
        try:
            if self._ready is not None:
                await self._ready(child)
            if child.program.tells_ready and not await child.told_ready(REPLACE_SECONDS):
                raise Unusable(f"The new {self.name} did not begin to work; the old one goes on.")
        except BaseException:
            await child.stop()
            raise
        self._child = child
        self.on_start()
        if before is not None:
            await before.stop(hand_over=True)

    async def stop(self) -> None:
        """End it for good; nothing when it never started."""
        self._stopping.set()
        if self._child is not None:
            await self._child.stop()

    def kill(self) -> None:
        """End it at once, without asking."""
        self._stopping.set()
        if self._child is not None:
            self._child.signal(signal.SIGKILL)

    async def _start_again(self) -> None:
        if self._stopping.is_set():
            return
        self.restarts += 1
        try:
            await self.start()
        except Exception as error:  # noqa: BLE001 - one that cannot start must not end the others
            # Its end is seen by the next turn of `keep`, which tries again later.
            reason = str(error) if isinstance(error, Unusable) else repr(error)
            self._sink.write("supervisor", f"{self.name} was not started: {reason}")
        if self._stopping.is_set() and self._child is not None:
            # Asked to stop while it was being started: `stop` met only the run before.
            await self._child.stop()


def _how(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    return f"killed by {signal.Signals(-status).name}"


def die_with(parent: int, number: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec: ask the kernel to end it when `parent` dies.

    Runs after the change of user, which would clear the request. The parent may have died before
    the request was made; then the child ends itself.
    """
    if _LIBC is None:
        return None
    prctl, getppid, leave = _LIBC.prctl, os.getppid, os._exit

    def die_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if getppid() != parent:
            leave(1)

    return die_with_parent


def is_dying_child(pid: int) -> bool:
    """Whether this is a process of ours, as far as /proc tells, that has not yet let go of all.

    Who dies loses the words of its command first and its descriptors after that. Ids are given
    again: a process with words of its own is somebody else.
    """
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return state not in {"Z", "X"} and (not words or b"playground" in words)
