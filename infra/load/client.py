"""The public API as load and fault programs use it: one aiohttp session, one token.

Loopback only. `retry` repeats a call that met a role on its way down or up: connection errors,
and answers 500 to 599 are not the server's last word while it is being killed on purpose.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from infra.load.installation import Key

ENDED = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})
_CONNECTIONS = 256


class Refused(Exception):
    """The server's answer was an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:300]}")
        self.status = status


class Client:
    """Calls with a key's token; paths begin after `/api`."""

    def __init__(self, session: aiohttp.ClientSession, base: str, token: str) -> None:
        self.session = session
        self._base = base
        self._headers = {"X-Authorization": token}
        self.retried = 0

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call; JSON as builtins, text as str, 204 as None. Raises `Refused`."""
        async with self.session.request(
            method, self._base + path, json=body, headers=self._headers
        ) as answer:
            if answer.status >= 400:
                raise Refused(answer.status, await answer.text())
            if answer.status == 204:
                return None
            if answer.content_type == "application/json":
                return await answer.json()
            return await answer.text()

    async def retry(self, method: str, path: str, body: Any = None, seconds: float = 90.0) -> Any:
        """The same, repeated until it is answered or the time is up."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return await self.call(method, path, body)
            except Refused as refused:
                if refused.status < 500 or time.monotonic() > deadline:
                    raise
            except (aiohttp.ClientError, TimeoutError, OSError):
                if time.monotonic() > deadline:
                    raise
            self.retried += 1
            await asyncio.sleep(0.2)


@asynccontextmanager
async def client_of(key: Key) -> AsyncIterator[Client]:
    """A client for a key, for as long as the block lasts."""
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=60)
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        token = {"keyId": key.key_id, "keySecret": key.key_secret}
        async with session.post(f"{key.server_url}/token", json=token) as answer:
            answer.raise_for_status()
            yield Client(session, key.server_url, (await answer.json())["token"])
