"""What an editor knows of task types and fields: one line each, and how a form asks for it.

Data only. `TASK_TYPES` is the palette's order. A field's path leads from the task into its JSON
(`inputParameters.http_request.uri`). Outputs are paths below `<ref>.output`. Starters are tasks to
insert; the editor makes their reference names unique.
"""

from typing import Final

from playground.web.task_catalogue.fields import (
    FLAGS,
    OTHER_FIELDS,
    TASK_FIELDS,
    VALUES,
    WORKFLOW_FIELDS,
    WORKFLOW_PATHS,
)
from playground.web.task_catalogue.kinds import GROUPS, OLDER, Field, TaskType
from playground.web.task_catalogue.older import OLDER_TASKS
from playground.web.task_catalogue.operators import OPERATOR_TASKS
from playground.web.task_catalogue.system import SYSTEM_TASKS
from playground.web.task_catalogue.waiting import WAITING_TASKS, WORKER_TASKS

TASK_TYPES: Final[tuple[TaskType, ...]] = (
    *WORKER_TASKS,
    *SYSTEM_TASKS,
    *OPERATOR_TASKS,
    *WAITING_TASKS,
    *OLDER_TASKS,
)

__all__ = [
    "FLAGS",
    "GROUPS",
    "OLDER",
    "OTHER_FIELDS",
    "TASK_FIELDS",
    "TASK_TYPES",
    "VALUES",
    "WORKFLOW_FIELDS",
    "WORKFLOW_PATHS",
    "Field",
    "TaskType",
]
