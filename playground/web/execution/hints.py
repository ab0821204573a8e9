"""Known failures in plain words: what the reason of a task means, and what to try."""

import re
from typing import Final

from playground.model.execution import Task, TaskStatus

_BY_REASON: Final = (
    (
        r"(?i)response ?time ?out|did not (?:update|respond)|responseTimeout",
        "The worker took the task and was silent for longer than responseTimeoutSeconds. Either it "
        "stopped, or it needs longer: raise that time, or report IN_PROGRESS in between.",
    ),
    (
        r"(?i)poll ?time ?out",
        "No worker took the task within pollTimeoutSeconds. Start one that polls this task name.",
    ),
    (
        r"(?i)\b40[13]\b",
        "The server did not accept who is asking. Look at the headers of the request, and at the "
        "secret they use.",
    ),
    (
        r"(?i)\b404\b",
        "There is nothing at this address. Look at the uri in the task's input, with the values "
        "that were filled in.",
    ),
    (
        r"(?i)\b429\b",
        "The server was asked too often. Retry later: give the task definition a retryDelaySeconds "
        "and an exponential backoff.",
    ),
    (
        r"(?i)\b4\d\d\b",
        "The server refused the request as it was. Compare the task's input with what the server "
        "expects.",
    ),
    (
        r"(?i)\b5\d\d\b",
        "The server failed. A retry may help; the task definition says how many there are.",
    ),
    (
        r"(?i)(?:refused|not allowed|private|loopback).*address|address.*(?:refused|not allowed)",
        "The playground calls public addresses only, so that nobody's network can be reached "
        "through it.",
    ),
    (
        r"(?i)\bjq\b|cannot iterate over|cannot index",
        "The jq program met a value of another kind than it expected. Its input is on the tab "
        "Input: the program sees exactly that.",
    ),
    (
        r"(?i)timed? ?out",
        "It took longer than the time-out allows. The task definition's timeoutSeconds and the "
        "HTTP task's readTimeOut are the times to look at.",
    ),
)


def hint_of(task: Task) -> str:
    """What is known about this failure, "" for nothing."""
    reason = task.reason_for_incompletion or ""
    if not reason or task.status is TaskStatus.CANCELED or task.status.successful:
        return ""
    return next((words for pattern, words in _BY_REASON if re.search(pattern, reason[:2_000])), "")
