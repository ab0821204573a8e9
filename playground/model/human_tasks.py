"""Tasks that people do: assignments, states, forms. Shapes of Orkes' HumanTaskResource."""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType, field

from playground.model.definitions import Count, JSONObject, Name, Tag
from playground.model.requests import StartWorkflowRequest

DEFINITION_KEY = "__humanTaskDefinition"
"""Where in a HUMAN task's input its `HumanTaskDefinition` is."""


class HumanState(StrEnum):
    """PENDING has no assignee; IN_PROGRESS is claimed; DELETED lost its task or execution."""

    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"
    DELETED = "DELETED"

    @property
    def terminal(self) -> bool:
        return self in (HumanState.COMPLETED, HumanState.TIMED_OUT, HumanState.DELETED)


class UserType(StrEnum):
    EXTERNAL_USER = "EXTERNAL_USER"
    EXTERNAL_GROUP = "EXTERNAL_GROUP"
    CONDUCTOR_USER = "CONDUCTOR_USER"
    CONDUCTOR_GROUP = "CONDUCTOR_GROUP"

    @property
    def is_group(self) -> bool:
        return self in (UserType.EXTERNAL_GROUP, UserType.CONDUCTOR_GROUP)


class Strategy(StrEnum):
    """What happens when the last assignment's time is up."""

    LEAVE_OPEN = "LEAVE_OPEN"
    TERMINATE = "TERMINATE"


class TriggerType(StrEnum):
    ASSIGNEE_CHANGED = "ASSIGNEE_CHANGED"
    CLAIMANT_CHANGED = "CLAIMANT_CHANGED"
    PENDING = "PENDING"
    ASSIGNED = "ASSIGNED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"


class HumanTaskUser(Struct, frozen=True, kw_only=True, rename="camel"):
    user: Name = ""
    user_type: UserType = UserType.CONDUCTOR_USER


class HumanTaskAssignment(Struct, frozen=True, kw_only=True, rename="camel"):
    """`sla_minutes` 0: no end."""

    assignee: HumanTaskUser = HumanTaskUser()
    sla_minutes: Annotated[int, Meta(ge=0, le=10**9)] = 0


class UserFormTemplate(Struct, frozen=True, kw_only=True, rename="camel"):
    """Version 0 or none: the highest."""

    name: Name = ""
    version: Count = 0


class HumanTaskTrigger(Struct, frozen=True, kw_only=True, rename="camel"):
    trigger_type: TriggerType
    start_workflow_request: StartWorkflowRequest


class HumanTaskTemplate(Struct, frozen=True, kw_only=True, rename="camel"):
    """A form: the schema of its values and how they are laid out."""

    name: Name = ""
    version: Count | UnsetType = UNSET
    json_schema: JSONObject = {}
    template_ui: JSONObject = field(default_factory=dict, name="templateUI")
    tags: list[Tag] | UnsetType = UNSET
    owner_app: str | UnsetType = UNSET
    create_time: int = 0
    update_time: int = 0
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET


class HumanTaskDefinition(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who is asked, in turn and for how long, and with which form."""

    assignment_completion_strategy: Strategy = Strategy.LEAVE_OPEN
    assignments: list[HumanTaskAssignment] = []
    display_name: str | UnsetType = UNSET
    user_form_template: UserFormTemplate | UnsetType = UNSET
    full_template: HumanTaskTemplate | UnsetType = UNSET
    task_triggers: list[HumanTaskTrigger] = []
    auto_claim: bool = False


class HumanTaskEntry(Struct, frozen=True, kw_only=True, rename="camel"):
    """A human task as the API shows it. Times in epoch milliseconds."""

    task_id: str
    task_ref_name: str
    workflow_id: str
    workflow_name: str
    definition_name: str
    display_name: str
    state: HumanState
    assignee: HumanTaskUser | UnsetType = UNSET
    claimant: HumanTaskUser | UnsetType = UNSET
    input: JSONObject = {}
    output: JSONObject = {}
    human_task_def: HumanTaskDefinition
    created_by: str = ""
    updated_by: str = ""
    owner_app: str = ""
    created_on: int = 0
    updated_on: int = 0


class SearchType(StrEnum):
    """INBOX: what the caller could do or has claimed. ADMIN: everything."""

    ADMIN = "ADMIN"
    INBOX = "INBOX"


class HumanTaskSearch(Struct, frozen=True, kw_only=True, rename="camel"):
    """Every list that is empty and every text that is missing matches all."""

    assignees: list[HumanTaskUser] = []
    claimants: list[HumanTaskUser] = []
    definition_names: list[Name] = []
    display_names: list[Name] = []
    task_ref_names: list[Name] = []
    workflow_ids: list[Name] = []
    workflow_names: list[Name] = []
    states: list[HumanState] = []
    full_text_query: Name = ""
    task_input_query: Name = ""
    task_output_query: Name = ""
    search_type: SearchType = SearchType.ADMIN
    update_start_time: int = 0
    update_end_time: int = 0
    start: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
    size: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 15


class HumanTaskSearchResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """`hits` are on this page, `total_hits` in all."""

    start: int
    page_size_limit: int
    hits: int
    total_hits: int
    results: list[HumanTaskEntry]
