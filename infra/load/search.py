"""How long searches take in a namespace of many executions, as the web role asks them.

    .venv/bin/python infra/load/search.py [--executions 100000] [--times 3] [--every 1]

Starts a PostgreSQL of its own in an empty directory, fills one namespace (and a small second one),
takes all words into the index, and asks every supported shape of a query (`search_shapes.py`)
several times under row-level security, up to the encoded answer. Prints each median, then the
slowest ones and PASS or FAIL, and removes everything. `--every 7` asks each seventh shape alone;
`--cpu` judges by the time on a core, ours and PostgreSQL's, where others keep the machine busy.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

CHECKOUT = Path(__file__).resolve().parents[2]
# As a script only this folder is on the path.
sys.path.insert(0, str(CHECKOUT))

import asyncpg  # noqa: E402
import msgspec  # noqa: E402

from infra.load.search_shapes import FIRST_START, Shape, shapes  # noqa: E402
from playground import embedded, migrations  # noqa: E402
from playground.children import LogSink  # noqa: E402
from playground.data_directory import DataDirectory  # noqa: E402
from playground.model.search_query import (  # noqa: E402
    EXECUTION_FIELDS,
    TASK_FIELDS,
    SearchRequest,
    search_request,
)
from playground.store import queries, search  # noqa: E402
from playground.store.masking import Masks, Reading  # noqa: E402
from tenants.database import Database, Role  # noqa: E402
from tenants.sealing import Keyring  # noqa: E402

NAMESPACE: Final = "search-bench"
LIMIT_MS: Final = 100
_ID: Final = """lpad(to_hex(i * 2654435761 % 4294967296), 8, '0') || '-0000-4000-8000-'
  || lpad(i::text, 12, '0')"""
_EXECUTIONS: Final = f"""
INSERT INTO executions (id, namespace, name, version, status, correlation_id, parent_id,
  idempotency_key, priority, start_time, update_time, end_time, row_version, snapshot, header,
  input, output, variables)
SELECT {_ID}, CASE WHEN i % 20 = 0 THEN 'somebody-else' ELSE $2 END, 'flow_' || (i % 37), 1,
  CASE WHEN i % 50 = 1 THEN 'FAILED' WHEN i % 70 = 1 THEN 'RUNNING' ELSE 'COMPLETED' END,
  'order-' || i, CASE WHEN i % 10 = 3 THEN (
    SELECT {_ID.replace("i ", "(i - 10) ").replace("i::", "(i - 10)::")}) END,
  CASE WHEN i % 10 = 0 THEN 'key-' || i END, 0, {FIRST_START} + i * 1000::bigint,
  {FIRST_START} + i * 1000::bigint + 500, {FIRST_START} + i * 1000::bigint + 500 - i % 7, 3,
  'flow_' || (i % 37), '{{"workflowName":"flow","workflowVersion":1,"status":"COMPLETED"}}',
  '{{"orderId":"A-' || i || '","customer":{{"name":"name' || (i % 1000) || '","city":"Berlin"}},'
    || '"items":["apple","pear","plum' || (i % 13) || '"]}}',
  '{{"result":{{"total":' || i * 3 || ',"note":"all is good in case' || (i % 5000) || '"}}}}',
  '{{}}'
FROM generate_series(1, $1::bigint) i"""
_TASKS: Final = """
INSERT INTO tasks (id, namespace, execution_id, seq, ref, type, def_name, status, system, priority,
  scheduled_time, start_time, update_time, end_time, header, input, output)
SELECT overlay(overlay(e.id placing '9' from 20) placing s::text from 13), e.namespace, e.id, s,
  'task_' || s || '_ref', d.name, d.name,
  CASE WHEN e.status = 'FAILED' AND s = 3 THEN 'FAILED' ELSE 'COMPLETED' END, false, 0,
  e.start_time + s, e.start_time + s * 2, e.start_time + s * 3, e.start_time + s * 3,
  '{"status":"COMPLETED","referenceTaskName":"task_' || s || '_ref"}', e.input, e.output
FROM executions e CROSS JOIN generate_series(1, 3) s CROSS JOIN LATERAL (
  SELECT CASE s WHEN 1 THEN 'HTTP' WHEN 2 THEN 'INLINE' ELSE 'work_' || length(e.name) END AS name
) d"""
_SNAPSHOTS: Final = """
INSERT INTO snapshots (namespace, digest, body)
SELECT DISTINCT namespace, snapshot, jsonb_build_object('name', name, 'tasks', (
  SELECT jsonb_agg(jsonb_build_object('name', 'work_6', 'type', 'SIMPLE',
    'taskReferenceName', 'task_' || s || '_ref', 'inputParameters',
    jsonb_build_object('orderId', '${workflow.input.orderId}', 'number', s)))
  FROM generate_series(1, 12) s))::text
FROM executions"""
_BACKLOG: Final = """INSERT INTO search_backlog (namespace, execution_id)
SELECT namespace, id FROM executions"""


async def main() -> int:
    """Fill, ask, print; 0 when every median is within the limit."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="playground-search-") as directory:
        data = DataDirectory(Path(directory) / "data")
        data.prepare()
        async with embedded.services(data, LogSink(sys.stderr)) as urls:
            await asyncio.to_thread(migrations.upgrade, urls.owner_database_url)
            await _fill(urls.superuser_database_url, arguments.executions)
            database = await Database.connect(urls.database_url)
            await _index(database)
            await _settle(urls.superuser_database_url)
            asked = list(shapes())[:: arguments.every]
            answers = await _ask_all(database, asked, arguments.times)
            await database.close()
    return _conclude(answers, by_cpu=arguments.cpu)


async def _fill(superuser_url: str, count: int) -> None:
    connection = await asyncpg.connect(superuser_url)
    # One in twenty is somebody else's.
    await connection.execute(_EXECUTIONS, count * 20 // 19, NAMESPACE, timeout=600)
    await connection.execute(_TASKS, timeout=600)
    await connection.execute(_SNAPSHOTS, timeout=600)
    await connection.execute(_BACKLOG, timeout=600)
    await connection.close()


async def _index(database: Database) -> None:
    began, taken = time.monotonic(), 0
    while True:
        async with database.transaction(Role.CLAIMS) as connection:
            some = await search.index_some(connection, most=1_000)
        if not some:
            break
        taken += some
    each = (time.monotonic() - began) / max(1, taken) * 1000
    print(f"indexed {taken:,} executions with three tasks each, {each:.2f} ms apiece", flush=True)


async def _settle(superuser_url: str) -> None:
    connection = await asyncpg.connect(superuser_url)
    await connection.execute("VACUUM ANALYZE", timeout=600)
    await connection.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one shape came to."""

    shape: Shape
    total: int
    median_ms: float
    longest_ms: float
    cpu_ms: float
    """The median of the time on a core."""

    def __str__(self) -> str:
        took = f"{self.median_ms:7.1f} ms  {self.longest_ms:7.1f} max  {self.cpu_ms:7.1f} cpu"
        return f"{took}  {self.total:7,} {self.shape.of}  {self.shape}"


_ASK: Final[dict[str, Callable[..., Awaitable[tuple[int, Sequence[Any]]]]]] = {
    "executions": queries.search_executions,
    "tasks": queries.search_tasks,
    "executions by tasks": queries.search_executions_by_tasks,
}


async def _ask_all(database: Database, asked: Sequence[Shape], times: int) -> list[Answer]:
    masks, keyring = Masks(), Keyring([bytes(32)])
    answers: list[Answer] = []
    for shape in asked:
        fields = EXECUTION_FIELDS if shape.of == "executions" else TASK_FIELDS
        wanted = search_request(
            fields, query=shape.query, sort=shape.sort, free_text=shape.free_text, start=0, size=100
        )
        took: list[float] = []
        on_core: list[float] = []
        total = 0
        # Once more, unmeasured: the question is what a warm database takes.
        for _ in range(times + 1):
            began, own = time.perf_counter(), time.process_time()
            async with database.transaction(Role.TENANT, (NAMESPACE,)) as connection:
                backend = connection.driver.get_server_pid()
                before = _on_core_ms(backend)
                reading = Reading(connection.driver, NAMESPACE, masks, keyring)
                total = await _ask(reading, shape.of, wanted)
            took.append((time.perf_counter() - began) * 1000)
            own_ms = (time.process_time() - own) * 1000
            on_core.append(own_ms + _on_core_ms(backend) - before)
        answers.append(Answer(shape, total, median(took[1:]), max(took[1:]), median(on_core[1:])))
        print(answers[-1], flush=True)
    return answers


def _on_core_ms(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


async def _ask(connection: Reading, of: str, wanted: SearchRequest) -> int:
    total, found = await _ASK[of](connection, wanted)
    # In full, definitions and all, as search-v2 answers.
    msgspec.json.encode(found)
    return total


def _conclude(answers: Sequence[Answer], *, by_cpu: bool) -> int:
    def judged(answer: Answer) -> float:
        return answer.cpu_ms if by_cpu else answer.median_ms

    too_long = [answer for answer in answers if judged(answer) >= LIMIT_MS]
    slowest = sorted(answers, key=judged, reverse=True)
    print("\nthe slowest:", *(str(answer) for answer in slowest[:10]), sep="\n")
    verdict = "FAIL" if too_long else "PASS"
    print(
        f"\n{verdict}: {len(answers) - len(too_long):,} of {len(answers):,} shapes of searches "
        f"have a median below {LIMIT_MS} ms" + (" on a core" if by_cpu else "")
    )
    return 1 if too_long else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--cpu", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
