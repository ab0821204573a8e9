"""What a confined child does: read a request, evaluate it, answer, until it is killed.

A child serves one namespace only (the parent sees to that) and knows nothing but the requests
it is sent. It is trusted with nothing: its parent keeps the deadline, watches memory and checks
what it answers.
"""

import os
from typing import Any, NoReturn

from playground.sandbox import engines, frames
from playground.sandbox.confinement import CHANNEL, CannotConfine, Cell, lock_in

EXIT_NOT_CONFINED = 77


def serve(cell: Cell, channel: int) -> NoReturn:
    """Lock this freshly forked process in, then answer requests from `channel` for ever."""
    try:
        lock_in(cell, channel)
        while True:
            header, payload = _receive()
            _send(*_answer(header, payload))
    except (CannotConfine, EOFError):
        os._exit(EXIT_NOT_CONFINED)
    except BaseException:  # noqa: BLE001 -- nothing may reach the server's code that forked us
        os._exit(1)


def _answer(header: dict[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        result = engines.evaluate(header["kind"], header["program"], payload.decode())
        text = result.text.encode()
        if len(text) > engines.MAX_OUTPUT_BYTES:
            result, text = engines.TOO_LARGE, b"null"
    except MemoryError:
        result, text = engines.NO_MEMORY, b"null"
    return {"outcome": result.outcome, "message": result.message}, text


def _receive() -> tuple[dict[str, Any], bytes]:
    head, payload = frames.lengths(_read(frames.PREFIX.size))
    return frames.header_of(_read(head)), _read(payload)


def _read(size: int) -> bytes:
    parts = []
    while size > 0:
        part = os.read(CHANNEL, min(size, 1 << 16))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _send(header: dict[str, Any], payload: bytes) -> None:
    rest = memoryview(frames.pack(header, payload))
    while rest:
        rest = rest[os.write(CHANNEL, rest) :]
