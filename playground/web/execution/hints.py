"""Known failures in plain words: what the reason of a task means, and what to try."""

import re
from dataclasses import dataclass
from typing import Final

from playground.model.execution import Task, TaskStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownFailure:
    """`pattern` finds it in a reason; the first that matches counts."""

    name: str
    title: str
    pattern: str
    words: str


KNOWN_FAILURES: Final = (
    KnownFailure(
        name="response-timeout",
        title="The worker went silent",
        pattern=r"(?i)response ?time ?out|did not (?:update|respond)|responseTimeout",
        words=(
            "The worker took the task and was silent for longer than responseTimeoutSeconds. "
            "Either it stopped, or it needs longer: raise that time, or report IN_PROGRESS in "
            "between."
        ),
    ),
    KnownFailure(
        name="poll-timeout",
        title="No worker took it",
        pattern=r"(?i)poll ?time ?out",
        words=(
            "No worker took the task within pollTimeoutSeconds. Start one that polls this task "
            "name."
        ),
    ),
    KnownFailure(
        name="not-allowed",
        title="401 or 403: who is asking",
        pattern=r"(?i)\b40[13]\b",
        words=(
            "The server did not accept who is asking. Look at the headers of the request, and "
            "at the secret they use."
        ),
    ),
    KnownFailure(
        name="not-found",
        title="404: nothing at this address",
        pattern=r"(?i)\b404\b",
        words=(
            "There is nothing at this address. Look at the uri in the task's input, with the "
            "values that were filled in."
        ),
    ),
    KnownFailure(
        name="too-often",
        title="429: asked too often",
        pattern=r"(?i)\b429\b",
        words=(
            "The server was asked too often. Retry later: give the task definition a "
            "retryDelaySeconds and an exponential backoff."
        ),
    ),
    KnownFailure(
        name="refused",
        title="4xx: the server refused",
        pattern=r"(?i)\b4\d\d\b",
        words=(
            "The server refused the request as it was. Compare the task's input with what the "
            "server expects."
        ),
    ),
    KnownFailure(
        name="server-failed",
        title="5xx: the server failed",
        pattern=r"(?i)\b5\d\d\b",
        words="The server failed. A retry may help; the task definition says how many there are.",
    ),
    KnownFailure(
        name="address",
        title="An address that is not called",
        pattern=r"(?i)(?:refused|not allowed|private|loopback).*address"
        r"|address.*(?:refused|not allowed)",
        words=(
            "The playground calls public addresses only, so that nobody's network can be "
            "reached through it."
        ),
    ),
    KnownFailure(
        name="jq",
        title="A jq program met another kind of value",
        pattern=r"(?i)\bjq\b|cannot iterate over|cannot index",
        words=(
            "The jq program met a value of another kind than it expected. Its input is on the "
            "tab Input: the program sees exactly that."
        ),
    ),
    KnownFailure(
        name="timeout",
        title="It took too long",
        pattern=r"(?i)timed? ?out",
        words=(
            "It took longer than the time-out allows. The task definition's timeoutSeconds and "
            "the HTTP task's readTimeOut are the times to look at."
        ),
    ),
)


def known_failure(task: Task) -> KnownFailure | None:
    """What is known about this failure."""
    reason = task.reason_for_incompletion or ""
    if not reason or task.status is TaskStatus.CANCELED or task.status.successful:
        return None
    return next((one for one in KNOWN_FAILURES if re.search(one.pattern, reason[:2_000])), None)
