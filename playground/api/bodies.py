"""Request bodies: collected within the endpoint's limit, unpacked, and read strictly."""

import asyncio
import json
import zlib
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from playground.connections import EXCHANGE, Exchange
from playground.model import reading
from playground.model.errors import Finding, Invalid, InvalidFields, PayloadTooLarge

T = TypeVar("T")
D = TypeVar("D")

# A body that has not arrived by then is a client that holds the connection for nothing.
BODY_TIMEOUT_SECONDS = 20
LARGE_BYTES = 100_000
_GZIP_WINDOW = 31


async def read(request: Request, kind: type[T]) -> T:
    """The JSON body as `kind`."""
    return await _decoded(await _collect(request), kind)


async def _decoded(body: bytes, kind: type[T]) -> T:
    if len(body) <= LARGE_BYTES:
        return reading.read(body, kind, max_bytes=len(body))
    # Ten milliseconds and more: everyone else who is served by this process goes on meanwhile.
    return await asyncio.to_thread(reading.read, body, kind, max_bytes=len(body))


async def read_optional(request: Request, kind: type[T], default: D) -> T | D:
    """The JSON body as `kind`, or `default` when nothing or null was sent."""
    body = await _collect(request)
    if body.strip() in (b"", b"null"):
        return default
    return await _decoded(body, kind)


async def read_bytes(request: Request) -> bytes:
    """The body as it came: what a signature is of."""
    return await _collect(request)


async def read_text(request: Request) -> str:
    """A body that is text: some clients send a JSON string, others the bare text as JSON.

    A whole body that parses as a JSON string is that string; any other is taken as it is.
    """
    body = await _collect(request)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("The request body is not UTF-8.") from None
    if text[:1] == '"' and "json" in request.headers.get("content-type", "json"):
        text = _json_string(text)
    if "\x00" in text:
        raise Invalid("The text contains a NUL character.")
    return text


def _json_string(text: str) -> str:
    try:
        value: Any = json.loads(text)
        value.encode()
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) else text


async def _collect(request: Request) -> bytes:
    # Kept in `_body` by Starlette's own property too, so a second reading costs nothing.
    if hasattr(request.state, "body"):
        return bytes(request.state.body)
    limit = request.scope["endpoint"].max_body_bytes
    body = _at_hand(request, limit)
    if body is None:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                body = await _receive(request, limit)
        except TimeoutError:
            raise HTTPException(408, "The request body did not arrive in time.") from None
    request.state.body = _unpacked(body, request.headers.get("content-encoding", ""), limit)
    return bytes(request.state.body)


def _at_hand(request: Request, limit: int) -> bytes | None:
    """The body, if it has come with the head, as nearly all of them do."""
    exchange: Exchange | None = request.scope.get(EXCHANGE)
    body = None if exchange is None else exchange.whole_body()
    if body is not None and len(body) > limit:
        raise _too_large(limit)
    return body


async def _receive(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:19]) > limit:
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    match encoding.strip().lower():
        case "" | "identity":
            return body
        case "gzip" | "x-gzip":
            return _gunzip(body, limit)
        case other:
            raise HTTPException(415, f"Content-Encoding {other[:40]} is not supported; use gzip.")


def _gunzip(body: bytes, limit: int) -> bytes:
    decompressor = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = decompressor.decompress(body, limit + 1)
    except zlib.error:
        raise Invalid("The request body is not valid gzip.") from None
    if len(plain) > limit:
        raise _too_large(limit)
    if not decompressor.eof:
        raise Invalid("The gzip request body is cut short.")
    return plain


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The request body is too large: at most {limit} bytes are accepted.")


def refuse(path: str, message: str, value: object = None) -> InvalidFields:
    """A refusal of one field with Conductor's own message."""
    shown = None if value is None else str(value)[:200]
    return InvalidFields([Finding(path=path, message=message, invalid_value=shown)], message)
