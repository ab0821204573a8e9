"""Keeping outputs of tasks with a `cacheConfig`, and finding them again.

An output is kept right after the decision that completed its task was committed, before whoever
reported it is answered. A process killed between the two has kept nothing, which costs the next
run a call and nobody a wrong answer.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from msgspec import UNSET

from playground.decider import ExecutionView
from playground.decider.caching import cache_key, worth_keeping
from playground.engine.runtime import Runtime
from playground.model.definitions import JSONObject
from playground.model.execution import Task
from playground.store import executions, output_cache
from playground.store.rows import encode_text

_LARGEST_CHARACTERS: Final = 256 * 1024
_LONGEST_SECONDS: Final = 30 * 24 * 3600


async def named(
    rt: Runtime, namespace: str, digests: Collection[str]
) -> Mapping[str, JSONObject | None]:
    """Each digest with its output, None where there is none."""
    async with rt.reading(namespace) as connection:
        found = await output_cache.named(connection, digests)
    return {digest: found.get(digest) for digest in digests}


async def keep(
    rt: Runtime,
    namespace: str,
    view: ExecutionView,
    written: Iterable[tuple[Task, Task | None]],
) -> None:
    """Keep the outputs of tasks that a committed decision completed; larger ones are not kept."""
    for task, base in written:
        config = worth_keeping(task, base)
        if config is None or not task.workflow_task or not isinstance(task.output_data, dict):
            continue
        text = encode_text(task.output_data)
        if len(text) > _LARGEST_CHARACTERS:
            continue
        async with rt.unit_of_work(namespace) as connection:
            if task.input_data is UNSET:
                view.with_payloads(await executions.load_payloads(connection, [task.task_id]))
            known = view.task(task.task_id)
            given = known.input_data if known is not None else UNSET
            key = cache_key(task.workflow_task, task.task_type, given or {})
            if key:
                ttl_seconds = min(config.ttl_in_second, _LONGEST_SECONDS)
                await output_cache.keep(connection, namespace, key, text, ttl_ms=ttl_seconds * 1000)
