"""The learning path of somebody: goals they reached, first steps they took, what they answered."""

from dataclasses import dataclass, field
from enum import StrEnum


class FirstStep(StrEnum):
    """What a newcomer does, in this order."""

    RUN = "run"
    WRITE = "write"
    RUN_OWN = "run-own"
    KEY = "key"
    WORKER = "worker"


class Question(StrEnum):
    PURPOSE = "purpose"
    FIELD = "field"
    LANGUAGE = "language"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """`goals` are the samples whose goal is reached; `answers` what was asked at the beginning.

    `is_asked` says that the questions were answered or put away, `is_hidden` that the list of
    first steps was put away.
    """

    goals: frozenset[str] = frozenset()
    steps: frozenset[FirstStep] = frozenset()
    answers: dict[Question, str] = field(default_factory=dict)
    is_asked: bool = False
    is_hidden: bool = False
