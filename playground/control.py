"""How a running `up` is asked to start roles anew: lines over a unix socket of its owner.

A request is one line, `restart ROLE…`; the answer is a line for each process as it is replaced,
and `done` at the end. Processes are replaced one at a time, so that with two web processes one
always serves, and even a single one is only told to go when the next one works.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from playground.children import Keeper
from playground.settings import Unusable

DONE: Final = "done"
_LONGEST_SECONDS: Final = 5.0


class Control:
    """The socket, for as long as the installation runs."""

    def __init__(self, path: Path, processes: Callable[[str], list[Keeper]]) -> None:
        """`processes` are the keepers of a role; none for a name that is no role."""
        self.path = path
        self._processes = processes
        self._server: asyncio.Server | None = None
        self._one_at_a_time = asyncio.Lock()

    async def open(self) -> None:
        """Listen; only our own user, and root, may ask."""
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self.path)
        finally:
            os.umask(before)

    def close(self) -> None:
        """Hear nothing more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            line = await asyncio.wait_for(reader.readline(), _LONGEST_SECONDS)
            verb, *roles = line.decode("ascii", "replace").split()
            if verb == "restart":
                async with self._one_at_a_time:
                    async for sentence in self._restart(roles):
                        writer.write(f"{sentence}\n".encode())
                        await writer.drain()
        writer.close()

    async def _restart(self, roles: Sequence[str]) -> AsyncIterator[str]:
        for role in roles:
            keepers = self._processes(role)
            if not keepers:
                yield f"There is no {role} here."
                return
            for keeper in keepers:
                before = keeper.pid
                try:
                    await keeper.replace()
                except Unusable as problem:
                    yield str(problem)
                    return
                yield f"{keeper.name}: process {keeper.pid} in place of {before}"
        yield DONE


async def restart(path: Path, roles: Sequence[str]) -> AsyncIterator[str]:
    """Ask the installation behind that socket; its lines as they come.

    Raises `Unusable` when nobody listens there.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(path)
    except OSError as error:
        raise Unusable(f"The running playground does not answer ({error.strerror}).") from error
    try:
        writer.write(f"restart {' '.join(roles)}\n".encode())
        while line := await reader.readline():
            yield line.decode().rstrip()
    finally:
        writer.close()
