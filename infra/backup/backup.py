"""Back a playground up while it runs: one consistent picture of the database, and the keys.

    .venv/bin/python infra/backup/backup.py TARGET [--data-dir .data | --database-url URL]

TARGET becomes a directory of mode 0700: `database.dump` (pg_dump's own format), `about.json` and,
of an embedded installation, `keys/` with the two keys without which tokens and tenants' secrets
cannot be read. With a database of your own, keep the two keys you set; the URL must be of a role
that row-level security does not filter (a superuser, or BYPASSRLS). Redis holds nothing to keep.
"""

import argparse
import asyncio
import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

if __package__ is None or __package__ == "":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import asyncpg

from infra.backup.postgres_tools import Failed, run
from playground.data_directory import DataDirectory

KEYS = ("secret-key", "secrets-key")
ABOUT_FORMAT = 1


def back_up(target: Path, database_url: str, keys_from: Path | None) -> None:
    """Write a backup into `target`, which must not be there yet; raises `Failed`.

    A backup that was interrupted leaves only `TARGET.part`.
    """
    if target.exists():
        raise Failed(f"{target} is there already; a backup never overwrites another.")
    growing = target.with_name(target.name + ".part")
    shutil.rmtree(growing, ignore_errors=True)
    growing.mkdir(mode=0o700, parents=True)
    revision = asyncio.run(_revision(database_url))
    run("pg_dump", "--format=custom", f"--file={growing / 'database.dump'}", database_url)
    if keys_from is not None:
        _copy_keys(keys_from, growing / "keys")
    about = {
        "format": ABOUT_FORMAT,
        "revision": revision,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "keys": keys_from is not None,
    }
    (growing / "about.json").write_text(json.dumps(about, indent=2) + "\n")
    growing.rename(target)


async def _revision(database_url: str) -> str:
    connection = await asyncpg.connect(database_url, timeout=10)
    try:
        if not await connection.fetchval(
            "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        ):
            raise Failed(
                "This role sees only its own rows: back up as a superuser or with BYPASSRLS."
            )
        return str(await connection.fetchval("SELECT version_num FROM alembic_version"))
    finally:
        await connection.close()


def _copy_keys(secrets: Path, target: Path) -> None:
    target.mkdir(mode=0o700)
    for name in KEYS:
        file = target / name
        file.touch(mode=0o600)
        file.write_bytes((secrets / name).read_bytes())


def main() -> int:
    """Run as a program; exit status 0 when the backup is complete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=Path)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data-dir", type=Path, default=Path(".data"))
    source.add_argument("--database-url", default="")
    options = parser.parse_args()
    try:
        if options.database_url:
            back_up(options.target, options.database_url, None)
        else:
            state = DataDirectory(options.data_dir.absolute()).read_state()
            if state is None:
                raise Failed(f"No playground runs on {options.data_dir}; start it first.")
            back_up(options.target, state["superuserDatabaseUrl"], options.data_dir / "secrets")
    except (Failed, OSError) as problem:
        print(f"backup: {problem}", file=sys.stderr)
        return 1
    print(options.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
