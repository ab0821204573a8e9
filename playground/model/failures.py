"""What failed lately in a namespace, counted by reason, workflow, task and time."""

import re
from typing import Final

from msgspec import Struct

from playground.model.usage import Window

LONGEST_REASON: Final = 160
_ID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{16,}\b")
_NUMBER: Final = re.compile(r"(?<![\w.])\d{4,}(?![\w.])")


class FailureCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """So many runs; `example` is the newest of them, `last` when it began."""

    name: str
    runs: int
    last: int
    example: str


class FailureSlot(Struct, frozen=True, kw_only=True, rename="camel"):
    """What began within one part of the window."""

    since: int
    runs: int
    failed: int


class Failures(Struct, frozen=True, kw_only=True, rename="camel"):
    """`is_whole` is false where there were more failures than were looked at."""

    window: Window
    since: int
    runs: int
    failed: int
    is_whole: bool
    reasons: list[FailureCount]
    workflows: list[FailureCount]
    tasks: list[FailureCount]
    slots: list[FailureSlot]


def kind_of_reason(reason: str) -> str:
    """The reason without what differs from run to run: ids and long numbers."""
    line = " ".join(reason.split())
    plain = _NUMBER.sub("…", _ID.sub("…", line))
    return plain if len(plain) <= LONGEST_REASON else plain[: LONGEST_REASON - 1].rstrip() + "…"
