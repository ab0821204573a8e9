"""The pictures of the diagram: one symbol per kind of task and one per status.

Drawn on a 24 × 24 grid in strokes of the current colour. A status never speaks by colour alone:
each has its own sign and its own word.
"""

TASK_ICONS = {
    "worker": "M14.7 6.3a4 4 0 0 0-5.4 5L4 16.6V20h3.4l5.3-5.3a4 4 0 0 0 5-5.4L15 12l-3-3z",
    "http": (
        "M3 12h18M12 3c5 5.4 5 12.6 0 18M12 3c-5 5.4-5 12.6 0 18M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18"
    ),
    "code": "M9 8l-4 4 4 4M15 8l4 4-4 4",
    "filter": "M4 5h16l-6 7.5V19l-4-2v-4.5z",
    "wait": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3.5 2",
    "human": "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.5 20c.8-4 3.8-6 7.5-6s6.7 2 7.5 6",
    "event": "M13 3L5 13.5h6L10 21l8-10.5h-6z",
    "variable": "M8 4c-3 0-1 6-4 8 3 2 1 8 4 8M16 4c3 0 1 6 4 8-3 2-1 8-4 8M10 9.5l4 5M14 9.5l-4 5",
    "sub-workflow": "M9 4h6v5H9zM4 16h6v4H4zM14 16h6v4h-6zM12 9v3.5M7 16v-3.5h10V16",
    "start-workflow": "M5 5v14M9 6l10 6-10 6z",
    "loop": "M18.5 8A7.5 7.5 0 1 0 19.5 13M19 3.500V8h-4.5",
    "terminate": "M8.2 3h7.600L21 8.200v7.600L15.8 21H8.200L3 15.800V8.200zM9 9l6 6M15 9l-6 6",
    "stack": "M4 8.500L12 4l8 4.5-8 4.500zM4 12.500l8 4.5 8-4.500M4 16.500l8 4.5 8-4.5",
    "dynamic": "M4 7h10l-3-3M20 17H10l3 3M14 7c4 0 6 2 6 5M10 17c-4 0-6-2-6-5",
    "noop": "M6 12h12",
}

ICON_BY_TYPE = {
    "SIMPLE": "worker",
    "DYNAMIC": "dynamic",
    "HTTP": "http",
    "HTTP_POLL": "http",
    "INLINE": "code",
    "LAMBDA": "code",
    "JSON_JQ_TRANSFORM": "filter",
    "JSON_JQ_TRANSFORM_STRING": "filter",
    "WAIT": "wait",
    "WAIT_FOR_WEBHOOK": "wait",
    "YIELD": "wait",
    "HUMAN": "human",
    "EVENT": "event",
    "KAFKA_PUBLISH": "event",
    "PULL_WORKFLOW_MESSAGES": "event",
    "SET_VARIABLE": "variable",
    "BUSINESS_RULE": "filter",
    "GET_SIGNED_JWT": "code",
    "GET_WORKFLOW": "start-workflow",
    "TERMINATE_WORKFLOW": "terminate",
    "UPDATE_TASK": "event",
    "QUERY_PROCESSOR": "filter",
    "UPDATE_SECRET": "variable",
    "SUB_WORKFLOW": "sub-workflow",
    "START_WORKFLOW": "start-workflow",
    "DO_WHILE": "loop",
    "TERMINATE": "terminate",
    "NOOP": "noop",
    "DYNAMIC CHILDREN": "stack",
}

STATUS_ICONS = {
    "SCHEDULED": "M12 7v5h4",
    "IN_PROGRESS": "M12 6.500a5.5 5.5 0 1 1-5.5 5.5",
    "RUNNING": "M12 6.500a5.5 5.5 0 1 1-5.5 5.5",
    "COMPLETED": "M7 12.500l3.5 3.500L17 8.5",
    "COMPLETED_WITH_ERRORS": "M12 6.500v7M12 17v.2",
    "SKIPPED": "M7 7.500l5 4.5-5 4.500M13 7.500l5 4.5-5 4.5",
    "FAILED": "M8 8l8 8M16 8l-8 8",
    "FAILED_WITH_TERMINAL_ERROR": "M8 8l8 8M16 8l-8 8",
    "TIMED_OUT": "M8 6.500h8L8 17.500h8z",
    "CANCELED": "M8 8h8v8H8z",
    "TERMINATED": "M8 8h8v8H8z",
    "PAUSED": "M9.5 7.500v9M14.5 7.500v9",
}

STATUS_WORDS = {
    "SCHEDULED": "Scheduled",
    "IN_PROGRESS": "In progress",
    "RUNNING": "Running",
    "COMPLETED": "Completed",
    "COMPLETED_WITH_ERRORS": "With errors",
    "SKIPPED": "Skipped",
    "FAILED": "Failed",
    "FAILED_WITH_TERMINAL_ERROR": "Failed for good",
    "TIMED_OUT": "Timed out",
    "CANCELED": "Canceled",
    "TERMINATED": "Terminated",
    "PAUSED": "Paused",
    "": "Not reached",
}


def icon_of(task_type: str) -> str:
    return ICON_BY_TYPE.get(task_type, "worker")


def word_of(status: str) -> str:
    """The status in sentence case; an unknown one is shown as it is."""
    return STATUS_WORDS.get(status) or status.replace("_", " ").capitalize()
