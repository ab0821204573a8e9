"""How far one execution may multiply: levels of children, living descendants, starts in a row.

The bounds are the plan's. Whoever meets one gets a task that failed with the reason; nobody else
notices. The living are counted here without a lock, so that what is too much mostly costs one read,
and once more, exactly, in the transaction that inserts the child.
"""

from playground.decider import Origin
from playground.engine.runtime import Runtime
from playground.store import executions
from tenants.caller import Caller
from tenants.errors import QuotaExceeded


async def check_child(rt: Runtime, caller: Caller, origin: Origin) -> None:
    """Raises `QuotaExceeded` for a child that would be too deep, or one too many of its tree."""
    plan = caller.plan
    if origin.depth > plan.child_depth:
        raise QuotaExceeded(
            f"Sub-workflows nest at most {plan.child_depth} levels deep here. "
            "Does this workflow start itself?",
            quota="child_depth",
            limit=plan.child_depth,
        )
    async with rt.reading(caller.namespace) as connection:
        alive = await executions.alive_below(connection, origin.root_id, most=plan.descendants)
    if alive >= plan.descendants:
        raise QuotaExceeded(
            f"One execution may have {plan.descendants:,} unfinished sub-workflows below it.",
            quota="descendants",
            limit=plan.descendants,
        )


def check_start(caller: Caller, origin: Origin) -> None:
    """Raises `QuotaExceeded` when too many executions in a row have started the next one."""
    longest = caller.plan.start_chain
    if origin.start_chain > longest:
        raise QuotaExceeded(
            f"At most {longest} executions in a row may start the next one. "
            "Does this workflow start itself?",
            quota="start_chain",
            limit=longest,
        )
