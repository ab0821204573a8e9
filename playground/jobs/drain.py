"""Draining: claim what is due, run it, report it, until nothing is due.

One asyncio loop per executor process runs many system tasks at once. A doorbell sets the flag; the
loop's own timer sets it too, at least every five seconds, so that work is found without Redis. The
flag is cleared before the claim that finds nothing, never after it: a ring during that claim is
heard.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from msgspec import UNSET

from playground import logs
from playground.crash_points import crash_here
from playground.engine import standing_in, system
from playground.engine.runtime import Runtime
from playground.engine.system import Claim, ClaimedEffect, ClaimedTask
from playground.executors import EXECUTORS, SCRIPTS, ExecutorInput, Tools
from playground.jobs.company import Company, companies_of
from playground.jobs.looks import COMPANY_SECONDS, MOMENT_SECONDS, Looks
from playground.jobs.stand_in import take_turn
from playground.model.errors import PlaygroundError, Unavailable
from playground.model.execution import Task
from playground.model.requests import ResultStatus, TaskResult
from playground.model.task_types import Runner, runner_of
from tenants.database import DatabaseUnavailable
from tenants.errors import TenantError

log = logging.getLogger(__name__)

SLOTS: Final = 64
EACH: Final = 24
"""Slots one namespace may hold in this process while it has 64."""
_AHEAD: Final = 32
_AHEAD_EACH: Final = 16
"""Up to so many slots, of the process and of one namespace, are taken ahead of the fair claims."""
_LOOK_EVERY_SECONDS: Final = 2.0
_SHORTEST_SECONDS: Final = 0.01
_RENEW_EVERY_SECONDS: Final = 3.0
_ERROR_PAUSE_SECONDS: Final = 0.5
_REPORT_SECONDS: Final = 8.0
"""Less than a lease: later somebody else has the task."""
_UNAVAILABLE_RETRY_MS: Final = 1_000

_ring: Callable[[], None] | None = None
"""The ring of this process's drain: where an RQ job enters. Set once by the executor command."""


def drain() -> None:
    """The RQ job: something is due."""
    if _ring is not None:
        _ring()


def answer_with(ring: Callable[[], None]) -> None:
    """Let `drain` jobs of this process ring there."""
    global _ring
    _ring = ring


class Drain:
    """The loop of one executor process."""

    def __init__(self, rt: Runtime, tools: Tools) -> None:
        # What this process schedules it may run itself.
        self._rt = replace(rt, claims_ahead=self)
        self._tools = tools
        self._due = asyncio.Event()
        self._slot_freed = asyncio.Event()
        self._held: dict[str, tuple[Claim, asyncio.Task[None]]] = {}
        self._effects: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._stopping = False
        # Something due was left behind for want of slots: look again when one is free.
        self._left_behind = False
        self._looking_again: asyncio.TimerHandle | None = None
        self._looks = Looks(time.monotonic)
        # Slots kept for tasks whose save is on its way, by namespace.
        self._reserved: Counter[str] = Counter()

    def ring(self) -> None:
        """Something is due. Safe on the loop's own thread only."""
        self._due.set()
        self._slot_freed.set()

    def ring_late(self) -> None:
        """Something was due a while ago, and has been heard of most likely."""
        if self._looks.heard_late():
            self.ring()

    async def run(self) -> None:
        """Drain until `stop`."""
        renewing = asyncio.create_task(self._renew_leases(), name="leases")
        try:
            while not self._stopping:
                self._rt.measures.beat("drain")
                try:
                    await self._turn()
                except (TenantError, PlaygroundError, OSError) as error:
                    log.warning("draining paused: %s", error)
                    await asyncio.sleep(_ERROR_PAUSE_SECONDS)
        finally:
            renewing.cancel()

    async def stop(self, patience_seconds: float = 8.0) -> None:
        """Take nothing more; finish what is held, or hand it back when patience ends."""
        self._stopping = True
        self.ring()
        running = [task for _, task in (*self._held.values(), *self._effects.values())]
        if running:
            await asyncio.wait(running, timeout=patience_seconds)
        left = [claim for claim, _ in self._held.values()]
        for _, task in list(self._held.values()):
            task.cancel()
        if left:
            self._rt.measures.handed_back += len(left)
            await system.hand_back(self._rt, left)

    def reserve(self, namespace: str, tasks: Sequence[Task]) -> Sequence[Task]:
        """Room for tasks that this process is about to schedule (`engine.claims_ahead`).

        None while others wait for slots: they have their turn first.
        """
        if not tasks or self._left_behind or self._stopping:
            return ()
        held = self._running()
        room = min(_AHEAD - held.total(), _AHEAD_EACH - held[namespace])
        kept = tasks[: max(0, room)]
        self._reserved[namespace] += len(kept)
        return kept

    def release(self, namespace: str, tasks: Sequence[Task]) -> None:
        """What was reserved is not needed."""
        self._reserved[namespace] -= len(tasks)
        if not self._reserved[namespace]:
            del self._reserved[namespace]
        self._slot_freed.set()

    def begin(self, claimed: Sequence[ClaimedTask]) -> None:
        """Run what was reserved and is committed."""
        for one in claimed:
            self.release(one.claim.namespace, [one.task])
        self._start_tasks(claimed)

    def _running(self) -> Counter[str]:
        """Slots taken by namespace."""
        running = Counter(claim.namespace for claim, _ in self._held.values())
        running.update(namespace for namespace, _ in self._effects.values())
        running.update(self._reserved)
        return running

    async def _turn(self) -> None:
        """Claim once; wait for a ring when nothing was due, for a slot when all are taken."""
        if early := self._looks.too_early():
            await asyncio.sleep(early)
        free = SLOTS - self._running().total()
        if free <= 0:
            self._slot_freed.clear()
            await self._slot_freed.wait()
            return
        # Cleared before the claim: what becomes due during it rings again.
        self._due.clear()
        self._looks.begin()
        idle = not await self._take(free)
        if self._stopping or self._due.is_set():
            return
        # Only who has nothing to do asks when there will be something.
        pause = await self._until_next_due() if idle else MOMENT_SECONDS
        try:
            await asyncio.wait_for(self._due.wait(), self._looks.pause(pause))
        except TimeoutError:
            return

    async def _until_next_due(self) -> float:
        """Seconds until a delayed task or effect is due, the regular look at most."""
        wait_ms = await system.milliseconds_to_next_claim(self._rt)
        if wait_ms is None:
            return _LOOK_EVERY_SECONDS
        return min(_LOOK_EVERY_SECONDS, max(_SHORTEST_SECONDS, wait_ms / 1000))

    async def _take(self, free: int) -> int:
        """Claim and start what is due; how many that was."""
        running = self._running()
        tasks, effects = await system.take(self._rt, most=free, each=EACH, running=running)
        measures = self._rt.measures
        measures.tasks_claimed += len(tasks)
        measures.effects_claimed += len(effects)
        measures.retaken += sum(task.claim.number > 1 for task in tasks)
        self._start_tasks(tasks)
        running.update(task.claim.namespace for task in tasks)
        for effect in effects:
            self._start_effect(effect)
            running[effect.claim.namespace] += 1
        self._left_behind = len(tasks) + len(effects) >= free or any(
            count >= EACH for count in running.values()
        )
        return len(tasks) + len(effects)

    def _start_tasks(self, claimed: Sequence[ClaimedTask]) -> None:
        companies = companies_of(claimed)
        for one in claimed:
            is_script = one.task.task_type in SCRIPTS
            self._start_task(one, companies.get(one.claim.execution_id) if is_script else None)

    def _start_task(self, claimed: ClaimedTask, company: Company | None) -> None:
        # With the claim's number: after a lost lease this process may take the same task again
        # while its first attempt is still ending.
        key = f"{claimed.claim.id}/{claimed.claim.number}"
        work = asyncio.create_task(self._execute(claimed, company))
        self._held[key] = (claimed.claim, work)
        work.add_done_callback(lambda _: self._finished(self._held, key))

    def _start_effect(self, effect: ClaimedEffect) -> None:
        work = asyncio.create_task(self._carry_out(effect))
        self._effects[effect.claim.id] = (effect.claim.namespace, work)
        work.add_done_callback(lambda _: self._finished(self._effects, effect.claim.id))

    def _finished(self, where: dict[str, Any], id_: str) -> None:
        where.pop(id_, None)
        self._slot_freed.set()
        if self._left_behind and self._looking_again is None:
            loop = asyncio.get_running_loop()
            self._looking_again = loop.call_later(COMPANY_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._looking_again = None
        self._due.set()

    async def _execute(self, claimed: ClaimedTask, company: Company | None) -> None:
        claim = claimed.claim
        logs.now_about(**_fields(claim))
        try:
            if runner_of(claimed.task.task_type) is Runner.ENGINE:
                await system.run_task(self._rt, claimed)
                return
            result = await self._result_in(company, claimed)
            crash_here("drain.executed")
            accepted = await self._report(claim, result)
            crash_here("drain.reported")
            if not accepted:
                self._rt.measures.results_refused += 1
                log.info("result refused: somebody else has the task")
        except (TenantError, PlaygroundError, OSError) as error:
            # A part of us is away: the task goes back and costs its author nothing.
            log.warning("task handed back: %s", error)
            self._rt.measures.handed_back += 1
            await self._hand_back(claim)
        except Exception:
            # Our own mistake; the lease ends and the task is tried again.
            log.exception("task failed inside the playground")

    async def _report(self, claim: Claim, result: TaskResult) -> bool:
        """Give a result, also to a database that is just coming back: the work is done.

        Whether an answer was lost does not matter, the first result of an attempt counts; nor does
        whether the lease was, then the result is refused.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + _REPORT_SECONDS
        while True:
            try:
                return await system.report(self._rt, claim, result)
            except (Unavailable, DatabaseUnavailable, OSError):
                if loop.time() > end or self._stopping:
                    raise
                await asyncio.sleep(_ERROR_PAUSE_SECONDS)

    async def _result_in(self, company: Company | None, claimed: ClaimedTask) -> TaskResult:
        """The result when it is time to report it: with those of its company, if it has one."""
        if company is None:
            return await self._result_of(claimed)
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            result = await self._result_of(claimed)
        finally:
            company.leave()
        await company.wait_for_others(clock() - began)
        return result

    async def _result_of(self, claimed: ClaimedTask) -> TaskResult:
        task = claimed.task
        execute = EXECUTORS.get(task.task_type)
        if execute is None:
            return TaskResult(
                workflow_instance_id=claimed.claim.execution_id,
                task_id=task.task_id,
                status=ResultStatus.FAILED_WITH_TERMINAL_ERROR,
                reason_for_incompletion=(
                    f"The playground does not run tasks of type {task.task_type} yet."
                ),
            )
        node = task.workflow_task
        return await execute(
            ExecutorInput(
                namespace=claimed.claim.namespace,
                execution_id=claimed.claim.execution_id,
                task_id=task.task_id,
                task_type=task.task_type,
                input=task.input_data or {},
                async_complete=node is not UNSET and node.async_complete,
                poll_count=task.poll_count,
                now_ms=self._rt.now_ms(),
            ),
            self._tools,
        )

    async def _hand_back(self, claim: Claim) -> None:
        try:
            await system.hand_back(self._rt, [claim], delay_ms=_UNAVAILABLE_RETRY_MS)
        except (TenantError, OSError):
            # Then the lease ends by itself.
            log.info("could not hand back; the lease will end")

    async def _carry_out(self, effect: ClaimedEffect) -> None:
        logs.now_about(namespace=effect.claim.namespace, execution=effect.claim.execution_id)
        try:
            if effect.kind in standing_in.KINDS:
                await take_turn(self._rt, self._tools, effect)
            else:
                await system.carry_out(self._rt, effect)
        except (TenantError, PlaygroundError, OSError) as error:
            log.warning("effect delayed: %s", error)
        except Exception:
            log.exception("effect failed inside the playground")

    async def _renew_leases(self) -> None:
        """Keep what is held; stop working on what was lost."""
        while True:
            await asyncio.sleep(_RENEW_EVERY_SECONDS)
            held = [claim for claim, _ in self._held.values()]
            if not held:
                continue
            try:
                kept = await system.renew(self._rt, held)
            except (TenantError, OSError) as error:
                log.warning("leases not renewed: %s", error)
                continue
            for claim in held:
                entry = self._held.get(f"{claim.id}/{claim.number}")
                if entry is not None and (claim.id not in kept or self._is_outdated(claim)):
                    self._rt.measures.leases_lost += 1
                    entry[1].cancel()

    def _is_outdated(self, claim: Claim) -> bool:
        """Whether this process took the same task again after losing this claim of it."""
        return any(
            other.id == claim.id and other.number > claim.number for other, _ in self._held.values()
        )


def _fields(claim: Claim) -> dict[str, str]:
    return {
        "namespace": claim.namespace,
        "execution": claim.execution_id,
        "task": claim.id,
        "attempt": str(claim.number),
    }
