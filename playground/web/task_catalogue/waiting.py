"""Tasks that wait: for a worker, for a time, for a person, for a delivery."""

from typing import Final

from playground.web.task_catalogue.kinds import WAITING, WORKERS, Field, TaskType, task

WORKER_TASKS: Final = (
    TaskType(
        "SIMPLE",
        WORKERS,
        "Worker task",
        "Waits until a worker of yours takes it and answers",
        (Field("name", "Task name", "What workers poll for", "worker"),),
        (),
        (task("SIMPLE", "my_task_ref", inputParameters={}),),
    ),
)

WAITING_TASKS: Final = (
    TaskType(
        "WAIT",
        WAITING,
        "Wait",
        "Waits for a time, or until somebody goes on",
        (
            Field("inputParameters.duration", "For", "Such as 2 hours 30 minutes, 10s or 1d"),
            Field("inputParameters.until", "Until", "Such as 2030-01-31 08:00 GMT+01:00"),
        ),
        (),
        (task("WAIT", "wait_ref", inputParameters={"duration": "10 seconds"}),),
    ),
    TaskType(
        "HUMAN",
        WAITING,
        "Human task",
        "Waits for a person's answer",
        (
            Field(
                "inputParameters.__humanTaskDefinition.displayName",
                "Title",
                "What the person reads in the inbox",
            ),
            Field(
                "inputParameters.__humanTaskDefinition.userFormTemplate.name",
                "Form",
                "Name of a form template",
            ),
            Field(
                "inputParameters.__humanTaskDefinition.assignments",
                "Assignments",
                "Who, and for how long",
                "json",
            ),
            Field(
                "inputParameters.__humanTaskDefinition.assignmentCompletionStrategy",
                "When nobody is left",
                "Leave it open, or end the execution",
                "choice",
                ("LEAVE_OPEN", "TERMINATE"),
            ),
        ),
        (),
        (
            task(
                "HUMAN",
                "human_ref",
                inputParameters={"__humanTaskDefinition": {"displayName": "Please have a look"}},
            ),
        ),
    ),
    TaskType(
        "WAIT_FOR_WEBHOOK",
        WAITING,
        "Wait for webhook",
        "Waits for a webhook's delivery that matches",
        (
            Field(
                "inputParameters.matches",
                "Matches",
                "JSONPath and the value it must have, such as $['id']",
                "rows",
            ),
        ),
        (),
        (
            task(
                "WAIT_FOR_WEBHOOK",
                "webhook_ref",
                inputParameters={"matches": {"$['id']": "${workflow.input.id}"}},
            ),
        ),
    ),
    TaskType(
        "YIELD",
        WAITING,
        "Yield",
        "Hands the execution back to whoever called, until a signal comes",
        starter=(task("YIELD", "yield_ref", inputParameters={}),),
    ),
)
