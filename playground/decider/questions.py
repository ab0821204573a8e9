"""What `decide` may need before it can go on, and the signals that carry a need to its top.

`Evaluate` code that decides the path, to be run in the sandbox; `Load` payloads the view was
built without; `LookUp` registered definitions whose names only the running execution knows.
The caller saves what is settled, answers, and decides again.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from playground.model.definitions import JSONObject

_encoder = msgspec.json.Encoder(order="deterministic")


@dataclass(frozen=True)
class Evaluate:
    """Run `program` of `kind` (the sandbox's `javascript` or `javascript-body`) on `input`.

    `site` tells apart two runs of one script on equal input, as in two turns of a loop.
    """

    kind: str
    program: str
    input: JSONObject = field(hash=False)
    site: str = ""

    @cached_property
    def key(self) -> str:
        """Stable over processes: the same question in the same place has the same key."""
        text = _encoder.encode((self.kind, self.program, self.input, self.site))
        return hashlib.sha256(text).hexdigest()


@dataclass(frozen=True)
class Load:
    """Tasks whose `input_data` or `output_data` is UNSET and needed."""

    task_ids: frozenset[str]


@dataclass(frozen=True)
class LookUp:
    """Names to resolve for `task_defs`, `latest_versions` and `env`; None there means that there
    is none."""

    task_defs: frozenset[str] = frozenset()
    workflows: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    """Keys of `caching.cache_key`."""


@dataclass(frozen=True)
class LoadMessages:
    """The oldest `most` messages that were sent to the execution and are not taken yet."""

    most: int


@dataclass(frozen=True)
class Aside:
    """Time: a fork of so many `branches` is best decided where nobody else waits for it.

    Asked where `Limits.branches_at_once` is less; decide again with at least as many.
    """

    branches: int


Question = Evaluate | Load | LookUp | LoadMessages | Aside


@dataclass(frozen=True)
class Answer:
    """The outcome of an `Evaluate`: any `outcome` but OK is the program's failure."""

    outcome: str = "OK"
    value: Any = None
    message: str = ""


class Unanswered(Exception):
    """One path cannot go on before this question is answered, and its `others`; the rest can."""

    def __init__(self, question: Evaluate, *others: Evaluate) -> None:
        super().__init__(question)
        self.question = question
        self.others = others


class Incomplete(Exception):
    """Nothing can be decided before this is at hand: the decision starts over with it."""

    def __init__(self, question: Load | LookUp | LoadMessages | Aside) -> None:
        super().__init__(question)
        self.question = question
