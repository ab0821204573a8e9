"""`playground migrate`: brings the database to the newest Alembic revision.

Works as the owner of the tables (`PLAYGROUND_MIGRATE_DATABASE_URL`); running it twice, or twice at
once, is harmless: the second waits for the first and finds nothing to do. `env.py` finds the URL
in `config.attributes["database_url"]`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config

from playground.settings import CHECKOUT, PREFIX, Settings, Unusable

SCRIPTS = CHECKOUT / "infra" / "alembic"


def main(settings: Settings) -> int:
    """Upgrade to the newest revision; raises `Unusable` when no database is named."""
    if not settings.owner_database_url:
        raise Unusable(
            f"`migrate` needs {PREFIX}MIGRATE_DATABASE_URL or {PREFIX}DATABASE_URL; the embedded "
            "database is migrated by `up`."
        )
    upgrade(str(settings.owner_database_url))
    return 0


def upgrade(database_url: str, revision: str = "head") -> None:
    """Upgrade the database at that URL (postgresql://, of the owner) to a revision."""
    command.upgrade(alembic_config(database_url), revision)


def alembic_config(database_url: str, scripts: Path = SCRIPTS) -> Config:
    """Alembic's configuration for that database, without an ini file."""
    if not (scripts / "env.py").exists():
        raise Unusable(f"The migrations are missing: there is no {scripts / 'env.py'}.")
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config
