"""How much work waits and for how long, over all namespaces: counts and times, no payload.

Counting stops at `MOST`: beyond it the number is a floor. The age is exact, by hopping from one
namespace's oldest to the next in the index.
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from tenants.database import Connection

MOST: Final = 10_000


@dataclass(frozen=True)
class Waiting:
    """How many wait (`MOST` = at least so many), and since when the oldest does, in seconds."""

    size: int
    age_seconds: float


_NOW: Final = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"


def _oldest(table: str, due: str) -> str:
    """The least `available_at` of what is due, one index look a namespace."""
    first = f"SELECT namespace, available_at FROM {table} WHERE {due}"
    order = "ORDER BY namespace, available_at LIMIT 1"
    return (
        f"(WITH RECURSIVE hop AS (({first} {order}) UNION ALL SELECT beyond.* FROM hop, LATERAL "
        f"({first} AND namespace > hop.namespace {order}) beyond) "
        "SELECT min(available_at) FROM hop)"
    )


def _looks(table: str, due: str) -> str:
    return (
        f"(SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {due} LIMIT {MOST}) counted), "
        f"{_NOW} - {_oldest(table, due)}"
    )


_SYSTEM: Final = f"available_at IS NOT NULL AND system AND available_at <= {_NOW}"
_EFFECTS: Final = f"available_at <= {_NOW}"
_TIMERS: Final = (
    f"(SELECT count(*) FROM (SELECT 1 FROM tasks WHERE timer_at <= {_NOW} LIMIT {MOST}) counted), "
    f"{_NOW} - (SELECT min(timer_at) FROM tasks WHERE timer_at IS NOT NULL)"
)
_WORKERS: Final = (
    "(SELECT count(*) FROM (SELECT 1 FROM tasks WHERE available_at IS NOT NULL AND NOT system "
    f"LIMIT {MOST}) counted), 0"
)
_LOOKS: Final = {
    "tasks of the playground": text(f"SELECT {_looks('tasks', _SYSTEM)}"),
    "effects": text(f"SELECT {_looks('effects', _EFFECTS)}"),
    "timers": text(f"SELECT {_TIMERS}"),
    "tasks of workers": text(f"SELECT {_WORKERS}"),
}


async def waiting(connection: Connection) -> dict[str, Waiting]:
    """Kind of work → what of it is due and not taken yet. Role CLAIMS.

    For workers' tasks no age is told: who works them, and when, is their owner's business.
    """
    found = {}
    for kind, look in _LOOKS.items():
        row = await connection.first(look)
        assert row is not None
        size, age_ms = tuple(row.values())
        found[kind] = Waiting(int(size), max(0, int(age_ms or 0)) / 1000)
    return found
