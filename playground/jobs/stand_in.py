"""A stand-in's turn in an executor: poll, compute, update."""

from playground.engine import standing_in
from playground.engine.runtime import Runtime
from playground.engine.system import ClaimedEffect
from playground.executors import Tools
from playground.executors.stand_ins import StandInTask, execute


async def take_turn(rt: Runtime, tools: Tools, effect: ClaimedEffect) -> None:
    """Work on one task of the turn's type, if one is left for the stand-in.

    When a part of us is away in the middle, the task stays with a worker that does not answer, and
    its response time-out brings it back.
    """
    task = await standing_in.hand_out(rt, effect)
    if task is None:
        return
    result = await execute(
        StandInTask(
            namespace=effect.claim.namespace,
            execution_id=task.workflow_instance_id,
            task_id=task.task_id,
            task_type=task.task_type,
            input=task.input_data or {},
            attempt=task.retry_count,
            now_ms=rt.now_ms(),
            samples_url=rt.samples_url,
        ),
        tools,
    )
    await standing_in.finish(rt, effect, result)
