"""Length-prefixed frames: how the client, the server and its children talk.

A frame is two big-endian 32-bit lengths (header, payload), a JSON object as header, and raw
bytes as payload. The payload (an input or a result, already JSON text) is passed on unread, so
one megabyte is decoded once, at its end of the journey.
"""

import json
import struct
from collections.abc import Awaitable, Callable
from typing import Any

PREFIX = struct.Struct(">II")
MAX_HEADER_BYTES = 256 * 1024
MAX_PAYLOAD_BYTES = 1024 * 1024


class BadFrame(Exception):
    """What came over the socket is not a frame of ours; the connection is of no further use."""


def pack(header: dict[str, Any], payload: bytes = b"") -> bytes:
    head = json.dumps(header, separators=(",", ":")).encode()
    return PREFIX.pack(len(head), len(payload)) + head + payload


def lengths(prefix: bytes) -> tuple[int, int]:
    """Header and payload length in bytes.

    Raises:
        BadFrame: one of them is larger than allowed.
    """
    head, payload = PREFIX.unpack(prefix)
    if not 2 <= head <= MAX_HEADER_BYTES or payload > MAX_PAYLOAD_BYTES:
        raise BadFrame(f"a frame of {head} + {payload} bytes")
    return head, payload


def header_of(raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw)
    except (ValueError, RecursionError) as problem:
        raise BadFrame("a header that is not JSON") from problem
    if not isinstance(header, dict):
        raise BadFrame("a header that is not an object")
    return header


async def read_frame(
    read_exactly: Callable[[int], Awaitable[bytes]],
) -> tuple[dict[str, Any], bytes]:
    """Header and payload of the next frame, by a coroutine that reads exactly n bytes."""
    head_bytes, payload_bytes = lengths(await read_exactly(PREFIX.size))
    raw = await read_exactly(head_bytes)
    payload = await read_exactly(payload_bytes) if payload_bytes else b""
    return header_of(raw), payload
