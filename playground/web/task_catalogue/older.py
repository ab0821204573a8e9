"""Older forms, which Conductor still runs: explained, but not offered."""

from typing import Final

from playground.web.task_catalogue.kinds import OLDER, Field, TaskType

OLDER_TASKS: Final = (
    TaskType(
        "DECISION",
        OLDER,
        "Decision",
        "The older form of SWITCH",
        (
            Field("caseValueParam", "Input with the case", "Names an input"),
            Field("caseExpression", "Expression", "JavaScript over $", "code"),
            Field("decisionCases", "Cases", "One way for each value", "cases"),
        ),
        ("caseOutput",),
    ),
    TaskType(
        "LAMBDA",
        OLDER,
        "Lambda",
        "The older form of INLINE: the script has to return",
        (Field("inputParameters.scriptExpression", "Script", "With a return", "code"),),
        ("result",),
    ),
    TaskType("FORK", OLDER, "Fork", "Another word for FORK_JOIN"),
    TaskType(
        "EXCLUSIVE_JOIN",
        OLDER,
        "Exclusive join",
        "Takes the output of the first of its tasks that ran",
        (Field("joinOn", "Waits for", "Reference names", "refs"),),
    ),
)
