"""The public API as load and fault programs use it: one token, connections that are kept.

Loopback only. `retry` repeats a call that met a role on its way down or up: connection errors,
and answers 500 to 599 are not the server's last word while it is being killed on purpose.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from infra.load.installation import Key
from infra.load.wire import Wire

ENDED = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})
_CONNECTIONS = 256
_SECONDS = 30.0


class Refused(Exception):
    """The server's answer was an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:300]}")
        self.status = status


class Client:
    """Calls with a key's token; paths begin after `/api`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.retried = 0

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call; JSON as builtins, text as str, 204 as None. Raises `Refused`, `OSError`."""
        given = None if body is None else msgspec.json.encode(body)
        answer = await self._wire.ask(method, path, given, _SECONDS)
        if answer.status >= 400:
            raise Refused(answer.status, answer.body.decode(errors="replace"))
        if answer.status == 204:
            return None
        if answer.content_type == "application/json":
            return msgspec.json.decode(answer.body)
        return answer.body.decode()

    async def retry(self, method: str, path: str, body: Any = None, seconds: float = 90.0) -> Any:
        """The same, repeated until it is answered or the time is up."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return await self.call(method, path, body)
            except Refused as refused:
                if refused.status < 500 or time.monotonic() > deadline:
                    raise
            except (TimeoutError, OSError):
                if time.monotonic() > deadline:
                    raise
            self.retried += 1
            await asyncio.sleep(0.2)


@asynccontextmanager
async def client_of(key: Key) -> AsyncIterator[Client]:
    """A client for a key, for as long as the block lasts."""
    anybody = Wire(key.server_url, {}, most=1)
    found = await Client(anybody).call(
        "POST", "/token", {"keyId": key.key_id, "keySecret": key.key_secret}
    )
    anybody.close()
    wire = Wire(key.server_url, {"X-Authorization": found["token"]}, most=_CONNECTIONS)
    try:
        yield Client(wire)
    finally:
        wire.close()
