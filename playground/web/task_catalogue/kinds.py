"""What the catalogue says of a field and of a type, and the groups of the palette."""

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Field:
    """`kind`: text, code, number, flag, choice, json, rows, workflow, worker, refs, cases or
    branches; `choices` are the values a choice takes and a text suggests."""

    path: str
    label: str
    doc: str
    kind: str = "text"
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskType:
    """`starter` are the tasks that the palette inserts; none for types it does not offer."""

    type: str
    group: str
    title: str
    doc: str
    fields: tuple[Field, ...] = ()
    outputs: tuple[str, ...] = ()
    starter: tuple[dict[str, Any], ...] = ()


SYSTEM: Final = "System"
OPERATORS: Final = "Operators"
WAITING: Final = "Waiting"
WORKERS: Final = "Workers"
OLDER: Final = "Older forms"
GROUPS: Final = (WORKERS, SYSTEM, OPERATORS, WAITING)
"""Those of the palette; types of the older forms are explained but not offered."""

EVALUATORS: Final = ("value-param", "javascript", "graaljs")
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def task(type: str, ref: str, **fields: Any) -> dict[str, Any]:
    return {"name": ref.removesuffix("_ref"), "taskReferenceName": ref, "type": type, **fields}
