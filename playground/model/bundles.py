"""A file with everything somebody wrote: what is exported, and what came of bringing it in."""

from enum import StrEnum

from msgspec import Struct

from playground.model.definitions import SchemaDef, TaskDef, WorkflowDef
from playground.model.events import EventHandler
from playground.model.human_tasks import HumanTaskTemplate
from playground.model.schedules import WorkflowSchedule


class Bundle(Struct, frozen=True, kw_only=True, rename="camel"):
    """Each list is one that Conductor's API gives and takes. Secrets are never part of it."""

    schemas: list[SchemaDef] = []
    task_defs: list[TaskDef] = []
    forms: list[HumanTaskTemplate] = []
    workflow_defs: list[WorkflowDef] = []
    event_handlers: list[EventHandler] = []
    schedules: list[WorkflowSchedule] = []
    environment: dict[str, str] = {}
    """Variable → value."""


class Existing(StrEnum):
    """What happens to a thing that is there: it stays, is replaced, or gets a next version.

    What has no versions stays where a next one is asked for.
    """

    KEEP = "keep"
    REPLACE = "replace"
    VERSION = "version"


class Outcome(StrEnum):
    CREATED = "created"
    REPLACED = "replaced"
    KEPT = "kept"
    REFUSED = "refused"


class Imported(Struct, frozen=True, kw_only=True):
    """What became of one thing of a file; `version` 0 where it has none, `kind` as in KINDS."""

    name: str
    kind: str
    outcome: Outcome
    version: int = 0
    reason: str = ""
