"""The sandbox role: evaluates jq and JavaScript for everybody, and can do nothing else.

Started with an empty environment, it prepares its walls, attacks itself once, and then answers
frames on a unix socket. Its clients are our own roles; what it evaluates is written by tenants.
"""

import argparse
import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playground.sandbox import engines, frames, selftest
from playground.sandbox.children import Children
from playground.sandbox.confinement import CannotConfine, Cell, prepare
from playground.sandbox.turns import TooManyWaiting, Turns

KINDS = ("jq", "javascript", "javascript-body", "check", "schema")
MAX_PROGRAM_BYTES = 32 * 1024
MAX_INPUT_BYTES = 1024 * 1024
_BUSY = "too many evaluations are waiting in this namespace; try again later"
_HOUSEKEEPING_SECONDS = 1.0
_LEAVE_SECONDS = 4.0
_AGAIN = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from playground.sandbox.server import main; sys.exit(main(sys.argv[1:]))"
)


def main(argv: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT; replaces itself first where the environment is not empty."""
    options = _options(argv)
    if set(os.environ) - {"LC_CTYPE"}:  # noqa: TID251 -- to have none is the point
        _start_again_without_environment(argv)
    os.environ.clear()  # noqa: TID251 -- the same
    listener = _listener(options)
    os.chdir("/")
    service = Service(*_build_cell(options.walls == "floor"))
    asyncio.run(service.serve(listener, options.ready_fd))
    return 0


class Service:
    """What the connections share: the children, the turns, and what the self-test found."""

    def __init__(
        self, cell: Cell | None, report: dict[str, Any], processes: int, refusal: str
    ) -> None:
        """`cell` None means that nothing may be evaluated here, and `refusal` says why."""
        self._report = report
        self._refusal = refusal
        self._children = Children(cell, processes=processes) if cell else None
        self._turns = Turns(places=max(4, 2 * (os.cpu_count() or 1)), clock=time.monotonic)
        self._started = time.monotonic()
        self._answers: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket, ready_fd: int = -1) -> None:
        """Answer until SIGTERM or SIGINT; what has been asked by then is still answered."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        # Not start_unix_server: newer Pythons remove the path at the end, and it is not ours.
        server = await asyncio.start_server(
            self._connection, sock=listener, limit=frames.MAX_PAYLOAD_BYTES
        )
        keeper = loop.create_task(self._keep_house())
        if ready_fd >= 0:
            os.write(ready_fd, b"1")
            os.close(ready_fd)
        await stopped.wait()
        server.close()
        await self._take_leave()
        keeper.cancel()
        if self._children:
            self._children.end_all()

    async def _take_leave(self) -> None:
        """Answer what has been asked by now; whoever asks later asks again elsewhere."""
        if self._answers:
            await asyncio.wait(set(self._answers), timeout=_LEAVE_SECONDS)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers: set[asyncio.Task[None]] = set()
        try:
            while True:
                header, payload = await frames.read_frame(reader.readexactly)
                task = asyncio.create_task(self._answer(header, payload, writer))
                answers.add(task)
                self._answers.add(task)
                task.add_done_callback(answers.discard)
                task.add_done_callback(self._answers.discard)
        except (
            frames.BadFrame,
            asyncio.IncompleteReadError,
            OSError,
            asyncio.CancelledError,
        ):
            pass  # the connection is of no further use; cancelled when the role stops
        finally:
            for task in list(answers):
                task.cancel()
            writer.close()

    async def _answer(
        self, header: dict[str, Any], payload: bytes, writer: asyncio.StreamWriter
    ) -> None:
        if header.get("op") == "status":
            answer = ("OK", "", json.dumps(self.status()).encode())
        else:
            answer = await self._evaluate(header, payload)
        outcome, message, value = answer
        frame = frames.pack(
            {
                "id": header.get("id"),
                "outcome": outcome,
                "message": message,
                "again": message == _BUSY,
            },
            value,
        )
        with contextlib.suppress(OSError):
            writer.write(frame)
            await writer.drain()

    async def _evaluate(self, header: dict[str, Any], payload: bytes) -> tuple[str, str, bytes]:
        if self._children is None:
            return "UNAVAILABLE", self._refusal, b"null"
        problem = _problem_of(header, payload)
        if problem:
            return "ERROR", problem, b"null"
        namespace = header["namespace"]
        try:
            await self._turns.take(namespace)
        except TooManyWaiting:
            return "UNAVAILABLE", _BUSY, b"null"
        seconds = 0.0
        try:
            answer, seconds = await self._children.evaluate(
                namespace, header["kind"], header["program"], payload
            )
        finally:
            self._turns.give_back(namespace, seconds)
        return answer

    def status(self) -> dict[str, Any]:
        """What operators see: whether code is evaluated, which walls stand, how much was done."""
        children = self._children
        return {
            **self._report,
            "evaluates": children is not None,
            "refusal": self._refusal,
            "uptimeSeconds": round(time.monotonic() - self._started, 3),
            "running": self._turns.running,
            "waiting": self._turns.waiting,
            "idleChildren": children.idle if children else 0,
            "counts": dict(children.counts) if children else {},
        }

    async def _keep_house(self) -> None:
        while True:
            if self._children:
                self._children.prepare_spares()
                self._children.retire_idle()
            self._turns.forget_idle()
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)


def _problem_of(header: dict[str, Any], payload: bytes) -> str:
    """Why a request is not evaluated, empty when nothing is wrong with it."""
    namespace, program = header.get("namespace"), header.get("program")
    if header.get("kind") not in KINDS:
        return f"kind: one of {', '.join(KINDS)}"
    if not isinstance(namespace, str) or not namespace:
        return "namespace: a text that is not empty"
    if not isinstance(program, str):
        return "program: a text"
    if "\0" in program:
        return "the program contains a NUL character"
    if len(program.encode("utf-8", "replace")) > MAX_PROGRAM_BYTES:
        return f"the program is larger than {MAX_PROGRAM_BYTES // 1024} KB"
    if len(payload) > MAX_INPUT_BYTES:
        return "the input is larger than 1 MB"
    return ""


def _build_cell(floor_only: bool) -> tuple[Cell | None, dict[str, Any], int, str]:
    """The prepared cell (None: nothing may be evaluated), what is known of it, /proc, why not."""
    processes = -1
    with contextlib.suppress(OSError):
        processes = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    engines.warm_up()
    try:
        cell = prepare(floor_only=floor_only)
    except CannotConfine as problem:
        return (
            None,
            {"walls": {}, "selfTest": {}},
            processes,
            _log_refusal(str(problem)),
        )
    gc.collect()
    gc.freeze()
    attacks = selftest.run_attacks(cell)
    report = {
        "walls": {"floor": all(attacks.values()), **cell.walls.standing()},
        "selfTest": attacks,
        "notes": cell.walls.notes,
    }
    _log("sandbox walls", report)
    fallen = [name for name, held in attacks.items() if not held]
    if fallen:
        return (
            None,
            report,
            processes,
            _log_refusal(f"the self-test failed: {', '.join(fallen)}"),
        )
    return cell, report, processes, ""


def _log_refusal(reason: str) -> str:
    refusal = f"jq and JavaScript are switched off on this host: {reason}"
    _log(refusal, {})
    return refusal


def _log(event: str, fields: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(json.dumps({"event": event, **fields}) + "\n")
        sys.stderr.flush()


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", help="path of the unix socket to listen on")
    where.add_argument("--fd", type=int, help="an inherited, listening unix socket")
    parser.add_argument("--ready-fd", type=int, default=-1, help="written to once it answers")
    parser.add_argument("--walls", choices=("all", "floor"), default="all")
    return parser.parse_args(argv)


def _start_again_without_environment(argv: Sequence[str]) -> None:
    # Clearing it here would not clear what the kernel shows of this process.
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-I", "-c", _AGAIN, root, *argv]
    os.execve(sys.executable, command, {})  # noqa: S606 -- the point is to be without a shell


def _listener(options: argparse.Namespace) -> socket.socket:
    if options.fd is not None:
        os.set_inheritable(options.fd, False)
        return socket.socket(fileno=options.fd)
    if Path(options.socket).is_socket():
        Path(options.socket).unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(options.socket)
    finally:
        os.umask(before)
    listener.listen(128)
    return listener


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
