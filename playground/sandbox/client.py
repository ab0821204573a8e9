"""Ask the sandbox role to evaluate jq and JavaScript.

One connection per client, many evaluations in flight on it. What a tenant's program does wrong
is an `Evaluation`, never an exception; so is a sandbox that is away for longer than a moment.
"""

import asyncio
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from playground.sandbox import frames, json_values

MAX_PROGRAM_BYTES = 32 * 1024
MAX_INPUT_BYTES = 1024 * 1024
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 60.0
_CHECK_SECONDS = 3.0
_MOST_CHECKED = 500
_MOST_CHECKED_BYTES = 512 * 1024
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


@dataclass(frozen=True)
class SyntaxProblem:
    """What a program's compiler says; `line` counts from 1 where it is known."""

    message: str
    line: int | None = None


Program = tuple[str, str]
"""Kind (`jq`, `javascript` or `javascript-body`) and text."""


class _Away(Exception):
    """The connection ended before the answer came."""


Reply = tuple[dict[str, Any], bytes]


class _Connection:
    """One socket, the questions on their way over it, and the task that reads their answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._reading = asyncio.create_task(self._read_answers(reader))

    @property
    def ended(self) -> bool:
        return self._reading.done()

    async def ask(self, number: int, header: dict[str, Any], payload: bytes) -> Reply:
        """The answer to one question.

        Raises:
            _Away: the other side went away meanwhile.
        """
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(frames.pack({"id": number, **header}, payload))
            await self._writer.drain()
            return await answer
        except OSError as problem:
            await self.close()
            raise _Away from problem
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read_answers(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                header, payload = await frames.read_frame(reader.readexactly)
                answer = self._waiting.get(header.get("id", 0))
                if answer and not answer.done():
                    answer.set_result((header, payload))
        except (frames.BadFrame, asyncio.IncompleteReadError, OSError):
            pass  # the connection is of no further use; who waits is told below
        finally:
            self._writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(_Away())


class SandboxClient:
    def __init__(self, socket_path: str) -> None:
        self._path = socket_path
        self._numbers = itertools.count(1)
        self._connection: _Connection | None = None
        self._connecting = asyncio.Lock()

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

    async def check(
        self, namespace: str, programs: Iterable[Program]
    ) -> dict[Program, SyntaxProblem]:
        """Compile programs, running none: those with which something is wrong.

        At once, and never in doubt: a program that is not among the answers is fine, or nobody
        could look at it just now.
        """
        asked: list[Program] = []
        problems: dict[Program, SyntaxProblem] = {}
        size = 0
        for program in dict.fromkeys(programs):
            length = len(program[1].encode("utf-8", "replace"))
            if length > MAX_PROGRAM_BYTES:
                problems[program] = SyntaxProblem("the program is larger than 32 KB")
                continue
            size += length
            if len(asked) == _MOST_CHECKED or size > _MOST_CHECKED_BYTES:
                break
            asked.append(program)
        header = {"op": "evaluate", "namespace": namespace, "kind": "check", "program": ""}
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                connection = await self._connected(patience_seconds=0)
                number, document = next(self._numbers), msgspec.json.encode(asked)
                answer, payload = await connection.ask(number, header, document)
        except (_Away, TimeoutError, ValueError):
            return problems
        found = _evaluation("check", answer, payload)
        if found.outcome != "OK" or not isinstance(found.value, list):
            return problems
        for program, problem in zip(asked, found.value, strict=False):
            if isinstance(problem, list) and len(problem) == 2:
                line = problem[1] if isinstance(problem[1], int) else None
                problems[program] = SyntaxProblem(str(problem[0]), line)
        return problems

    async def status(self, *, patience_seconds: float = _CONNECT_SECONDS) -> dict[str, Any]:
        """Walls, self-test and counters of the server; `{"evaluates": False}` when it is away."""
        try:
            _, payload = await self._ask({"op": "status"}, b"", patience_seconds)
        except _Away:
            return {"evaluates": False, "refusal": "the sandbox role is not running"}
        status: dict[str, Any] = msgspec.json.decode(payload)
        return status

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    async def _ask(
        self, header: dict[str, Any], payload: bytes, patience_seconds: float = _CONNECT_SECONDS
    ) -> Reply:
        """Ask, and once more when the role went away with the question."""
        for attempt in range(_TRIES):
            connection = await self._connected(patience_seconds)
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await connection.ask(next(self._numbers), header, payload)
            except TimeoutError as problem:
                raise _Away from problem
            except _Away:
                if attempt + 1 == _TRIES:
                    raise
        raise _Away

    async def _connected(self, patience_seconds: float = _CONNECT_SECONDS) -> _Connection:
        """A living connection; waits a moment for a role that is just being started again."""
        async with self._connecting:
            if self._connection is None or self._connection.ended:
                self._connection = await self._connect(patience_seconds)
            return self._connection

    async def _connect(self, patience_seconds: float) -> _Connection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience_seconds
        while True:
            try:
                return _Connection(
                    *await asyncio.open_unix_connection(self._path, limit=frames.MAX_PAYLOAD_BYTES)
                )
            except OSError as problem:
                if loop.time() >= deadline:
                    raise _Away from problem
            await asyncio.sleep(0.05)


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
