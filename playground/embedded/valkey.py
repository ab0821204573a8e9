"""The embedded Redis; it keeps nothing on disk."""

import asyncio
import re
import signal
import time

from playground.children import Child, Program
from playground.data_directory import DataDirectory
from playground.embedded.binaries import copy_executable, valkey_binary
from playground.embedded.places import RuntimeDirectory, secret_name
from playground.embedded.starting import START_SECONDS, refuse_ended
from playground.settings import Unusable

USER = "playground"
ADMIN = "playground_admin"
# What valkey says at the levels below warning, and when it is asked to stop.
CHATTER = r"\d+:(signal-handler|\S+ .* (\*|-|\.) |.*bye bye|.*WARNING Memory overcommit)"


class Valkey:
    """The embedded Redis of a data directory."""

    name = "redis"

    def __init__(self, data: DataDirectory, runtime: RuntimeDirectory) -> None:
        self._data = data
        self._runtime = runtime
        self._binary = valkey_binary()
        self._socket = runtime.sockets / "redis.sock"

    def url(self, user: str) -> str:
        """The URL with which `user` logs in."""
        return f"unix://{user}:{self._data.secret(secret_name(user))}@{self._socket}"

    async def initialise(self) -> None:
        """Make the binary reachable."""
        if self._runtime.user.identity is not None:
            target = self._runtime.path / "valkey-server"
            await asyncio.to_thread(copy_executable, self._binary, target)
            self._binary = target

    async def prepare(self) -> Program:
        """The program for one start. Its configuration comes by stdin: argv is for all to see."""
        self._socket.unlink(missing_ok=True)
        return Program(
            name=self.name,
            argv=(str(self._binary), "-"),
            directory=str(self._runtime.sockets),
            user=self._runtime.user.identity,
            stdin=self._configuration().encode(),
            death_signal=signal.SIGTERM,
            is_noise=lambda line: re.match(CHATTER, line) is not None,
        )

    async def ready(self, child: Child) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while not await self._answers():
            refuse_ended(child)
            if time.monotonic() > deadline:
                raise Unusable(f"Redis did not answer within {START_SECONDS:.0f} s.")
            await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        """Whether the app's user may log in. By hand: importing the client takes half a second."""
        password = self._data.secret(secret_name(USER))
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket)
            try:
                writer.write(f"AUTH {USER} {password}\r\n".encode())
                return await reader.readline() == b"+OK\r\n"
            finally:
                writer.close()
        except OSError:
            return False

    def _configuration(self) -> str:
        app = self._data.secret(secret_name(USER))
        admin = self._data.secret(secret_name(ADMIN))
        allowed = "+@all -@admin -@dangerous +info +client|list +client|kill +config|get"
        return "\n".join(
            (
                "port 0",
                f"unixsocket {self._socket}",
                "unixsocketperm 700",
                'save ""',
                "appendonly no",
                "maxmemory 256mb",
                "maxmemory-policy noeviction",
                "loglevel warning",
                "user default off",
                f"user {USER} on >{app} ~* &* {allowed}",
                f"user {ADMIN} on >{admin} ~* &* +@all",
                "",
            )
        )
