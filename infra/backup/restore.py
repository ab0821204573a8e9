"""Restore a backup into an installation that is not there yet, or into an empty database.

    .venv/bin/python infra/backup/restore.py BACKUP --data-dir .data-restored
    .venv/bin/python infra/backup/restore.py BACKUP --database-url URL

The first makes an embedded cluster with the backup's keys, ready for `playground up` with that
`PLAYGROUND_DATA_DIR`. The second wants an empty database in which `infra/setup/roles.sql` has been
run, and an administrator's URL; set the keys that the backed-up installation had. A newer
playground than the one backed up migrates what was restored when it starts.
"""

import argparse
import asyncio
import json
import sys
from pathlib import Path

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import asyncpg

from infra.backup.backup import ABOUT_FORMAT, KEYS
from infra.backup.postgres_tools import Failed, run
from playground.children import LogSink
from playground.data_directory import DataDirectory
from playground.embedded import services
from playground.settings import Unusable


def restore(backup: Path, database_url: str) -> None:
    """Fill the empty database at that administrator's URL; all of it or nothing."""
    _check(backup)
    asyncio.run(_refuse_full(database_url))
    _load(backup, database_url)


def restore_embedded(backup: Path, data_dir: Path) -> None:
    """Make an embedded installation of a backup; `data_dir` must hold none."""
    about = _check(backup)
    data = DataDirectory(data_dir.absolute())
    if (data.path / "postgres").exists():
        raise Failed(f"{data_dir} holds an installation already; choose another directory.")
    if not about["keys"]:
        raise Failed("This backup has no keys: restore it into a database and set yours.")
    data.prepare()
    with data.lock():
        for name in KEYS:
            key = (backup / "keys" / name).read_text()
            data.secret(name, lambda key=key: key)  # type: ignore[misc]
        asyncio.run(_restore_embedded(backup, data))


async def _restore_embedded(backup: Path, data: DataDirectory) -> None:
    sink = LogSink(sys.stderr)
    try:
        async with services(data, sink) as urls:
            await asyncio.to_thread(_load, backup, urls.superuser_database_url)
    finally:
        sink.close()


def _load(backup: Path, database_url: str) -> None:
    run(
        "pg_restore",
        "--exit-on-error",
        "--single-transaction",
        f"--dbname={database_url}",
        str(backup / "database.dump"),
    )


def _check(backup: Path) -> dict[str, object]:
    try:
        about: dict[str, object] = json.loads((backup / "about.json").read_text())
    except (OSError, ValueError) as problem:
        raise Failed(f"{backup} is not a complete backup.") from problem
    if about.get("format") != ABOUT_FORMAT:
        raise Failed(f"{backup} was written by a newer playground.")
    return about


async def _refuse_full(database_url: str) -> None:
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        tables = await connection.fetchval(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        )
        if tables:
            raise Failed(f"The database holds {tables} tables; restore into an empty one.")
    finally:
        await connection.close()


def main() -> int:
    """Run as a program; exit status 0 when everything is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backup", type=Path)
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--data-dir", type=Path)
    target.add_argument("--database-url")
    options = parser.parse_args()
    try:
        if options.database_url:
            restore(options.backup, options.database_url)
        else:
            restore_embedded(options.backup, options.data_dir)
    except (Failed, Unusable, OSError) as problem:
        print(f"restore: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
