"""Ask the sandbox role to evaluate jq and JavaScript.

One connection per client, many evaluations in flight on it. What a tenant's program does wrong
is an `Evaluation`, never an exception; so is a sandbox that is away for longer than a moment.
"""

import asyncio
import itertools
from dataclasses import dataclass
from typing import Any

import msgspec

from playground.sandbox import frames, json_values

MAX_PROGRAM_BYTES = 32 * 1024
MAX_INPUT_BYTES = 1024 * 1024
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 60.0
_TRIES = 2


@dataclass(frozen=True)
class Evaluation:
    """The outcome of one program.

    `outcome` is one of OK, ERROR, TIMEOUT, MEMORY, OUTPUT_TOO_LARGE, CRASHED and UNAVAILABLE.
    For OK, `value` is a JSON value: of jq `{"result": first or None, "resultList": [...]}`, of
    JavaScript the value of the script. For a JavaScript ERROR it is the 1-based line, if known.
    Otherwise it is None. `message` is for the tenant. `again` says of an UNAVAILABLE that the
    same question may well be answered in a moment: nothing is wrong with the program.
    """

    outcome: str
    value: Any = None
    message: str = ""
    again: bool = False


class _Away(Exception):
    """The connection ended before the answer came."""


class SandboxClient:
    def __init__(self, socket_path: str) -> None:
        self._path = socket_path
        self._ids = itertools.count(1)
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()
        self._waiting: dict[int, asyncio.Future[tuple[dict[str, Any], bytes]]] = {}

    async def evaluate(self, namespace: str, kind: str, program: str, input: Any) -> Evaluation:
        """Evaluate a program of the kind `jq`, `javascript` or `javascript-body`.

        Programs may have run before an UNAVAILABLE; they have no effects, so asking again is safe.
        """
        try:
            document = msgspec.json.encode(input)
            program_bytes = len(program.encode())
        except (TypeError, ValueError, RecursionError) as problem:
            return Evaluation("ERROR", message=f"the program or its input is not JSON: {problem}")
        if program_bytes > MAX_PROGRAM_BYTES:
            return Evaluation("ERROR", message="the program is larger than 32 KB")
        if len(document) > MAX_INPUT_BYTES:
            return Evaluation("ERROR", message="the input is larger than 1 MB")
        header = {
            "op": "evaluate",
            "namespace": namespace,
            "kind": kind,
            "program": program,
        }
        try:
            answer, payload = await self._ask(header, document)
        except _Away:
            return Evaluation("UNAVAILABLE", message="the evaluator is not available", again=True)
        return _evaluation(kind, answer, payload)

    async def status(self) -> dict[str, Any]:
        """Walls, self-test and counters of the server; `{"evaluates": False}` when it is away."""
        try:
            _, payload = await self._ask({"op": "status"}, b"")
        except _Away:
            return {"evaluates": False, "refusal": "the sandbox role is not running"}
        status: dict[str, Any] = msgspec.json.decode(payload)
        return status

    async def close(self) -> None:
        reading, self._reading = self._reading, None
        if reading:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        self._forget_connection()

    async def _ask(self, header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        for attempt in range(_TRIES):
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await self._ask_once(header, payload)
            except (_Away, OSError, TimeoutError) as problem:
                if attempt + 1 == _TRIES or isinstance(problem, TimeoutError):
                    raise _Away from problem
        raise _Away

    async def _ask_once(
        self, header: dict[str, Any], payload: bytes
    ) -> tuple[dict[str, Any], bytes]:
        writer = await self._connection()
        number = next(self._ids)
        answer: asyncio.Future[tuple[dict[str, Any], bytes]] = (
            asyncio.get_running_loop().create_future()
        )
        self._waiting[number] = answer
        try:
            writer.write(frames.pack({"id": number, **header}, payload))
            await writer.drain()
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def _connection(self) -> asyncio.StreamWriter:
        async with self._connecting:
            if self._writer is None:
                reader, self._writer = await self._connect()
                self._reading = asyncio.create_task(self._read_answers(reader))
            return self._writer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Wait a moment for a role that is just being started again."""
        deadline = asyncio.get_running_loop().time() + _CONNECT_SECONDS
        while True:
            try:
                return await asyncio.open_unix_connection(
                    self._path, limit=frames.MAX_PAYLOAD_BYTES
                )
            except OSError as problem:
                if asyncio.get_running_loop().time() >= deadline:
                    raise _Away from problem
            await asyncio.sleep(0.05)

    async def _read_answers(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                header, payload = await frames.read_frame(reader.readexactly)
                answer = self._waiting.get(header.get("id", 0))
                if answer and not answer.done():
                    answer.set_result((header, payload))
        except (frames.BadFrame, asyncio.IncompleteReadError, OSError):
            self._forget_connection()

    def _forget_connection(self) -> None:
        writer, self._writer = self._writer, None
        if writer:
            writer.close()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(_Away())


def _evaluation(kind: str, header: dict[str, Any], payload: bytes) -> Evaluation:
    outcome = str(header.get("outcome"))
    message = str(header.get("message")).replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        value = json_values.decode(payload)
    except ValueError:
        return Evaluation(
            "ERROR",
            message="the result is not JSON, or is nested more than 100 levels deep",
        )
    if outcome == "OK" and kind == "jq":
        if not isinstance(value, list):
            return Evaluation("ERROR", message="the result is not a list")
        return Evaluation("OK", {"result": value[0] if value else None, "resultList": value})
    return Evaluation(outcome, value, message, header.get("again") is True)
