"""The playground's own workers for the samples' SIMPLE tasks, and the registry that names them."""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from playground.executors.contract import MAX_REASON_CHARACTERS, Tools
from playground.executors.stand_ins import builds, documents, first, loans, orders, pictures, videos
from playground.executors.stand_ins.contract import Refused, StandInTask, Work, computed
from playground.model.errors import Unavailable
from playground.model.requests import ResultStatus, TaskResult

_LATER_SECONDS: Final = 2

__all__ = ["STAND_INS", "StandInTask", "execute"]

STAND_INS: Final[Mapping[str, Work]] = {
    "upload_toS3": pictures.upload,
    **{
        name: computed(compute)
        for module in (first, pictures, orders, loans, documents, videos, builds)
        for name, compute in module.STAND_INS.items()
    },
}


async def execute(task: StandInTask, tools: Tools) -> TaskResult | None:
    """The task's result; None when it is to stay without one."""
    try:
        output = await STAND_INS[task.task_type](task, tools)
    except Refused as refused:
        status = (
            ResultStatus.FAILED_WITH_TERMINAL_ERROR if refused.terminal else ResultStatus.FAILED
        )
        return _result(task, status, {}, str(refused))
    except Unavailable as away:
        # Back to the queue at no cost to its retries.
        later = _result(task, ResultStatus.IN_PROGRESS, {}, str(away))
        return replace(later, callback_after_seconds=_LATER_SECONDS)
    if output is None:
        return None
    return _result(task, ResultStatus.COMPLETED, output)


def _result(
    task: StandInTask, status: ResultStatus, output: dict[str, object], reason: str | None = None
) -> TaskResult:
    return TaskResult(
        workflow_instance_id=task.execution_id,
        task_id=task.task_id,
        status=status,
        output_data=output,
        reason_for_incompletion=UNSET if reason is None else reason[:MAX_REASON_CHARACTERS],
    )
