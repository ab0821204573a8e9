"""Definitions a user registers: workflows, their tasks, and task policies.

Fields, names and defaults follow Conductor's `WorkflowDef`, `WorkflowTask` and `TaskDef`. Only
shape is checked here, and unknown fields are ignored; meaning (required names, unique
references) is `playground.decider.validate`, which reports every finding at once.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import force_setattr

JSONObject = dict[str, Any]
"""A JSON document of a user: task input and output, variables."""

MAX_NAME_CHARACTERS = 255
Name = Annotated[str, Meta(max_length=MAX_NAME_CHARACTERS)]
"""Names and ids of users: as long as Conductor's columns, short enough for every index."""

Count = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""Conductor's `int`. What is too small for its meaning is a finding of `validate`."""

Seconds = Annotated[int, Meta(ge=-(10**11), le=10**11)]
"""Conductor's `long` seconds, bounded so that milliseconds after now still are a time."""


class Tag(Struct, frozen=True, kw_only=True, rename="camel"):
    key: str = ""
    value: Any = ""
    type: str | UnsetType = UNSET


class CacheConfig(Struct, frozen=True, kw_only=True, rename="camel"):
    key: str = ""
    ttl_in_second: Count = 0


class RateLimitConfig(Struct, frozen=True, kw_only=True, rename="camel"):
    """At most `concurrent_exec_limit` unfinished runs per evaluated `rate_limit_key`."""

    rate_limit_key: str = ""
    concurrent_exec_limit: Count = 0
    policy: str = "QUEUE"


class SchemaDef(Struct, frozen=True, kw_only=True, rename="camel"):
    """A schema, or a reference to a registered one: then without `data`, and where `version` is
    absent to the highest."""

    name: Name = ""
    version: Count | UnsetType = UNSET
    type: str = "JSON"
    data: JSONObject | UnsetType = UNSET
    external_ref: str | UnsetType = UNSET
    owner_app: str | UnsetType = UNSET
    create_time: int = 0
    update_time: int = 0
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET


class TaskDef(Struct, frozen=True, kw_only=True, rename="camel"):
    """Retry, time-out and limit policy by task name. Seconds unless the name says otherwise."""

    name: Name = ""
    description: str | UnsetType = UNSET
    retry_count: Count = 3
    timeout_seconds: Seconds = 0
    input_keys: list[str] = []
    output_keys: list[str] = []
    timeout_policy: str = "TIME_OUT_WF"
    retry_logic: str = "FIXED"
    retry_delay_seconds: Count = 60
    response_timeout_seconds: Seconds = 3600
    concurrent_exec_limit: Count | UnsetType = UNSET
    input_template: JSONObject = {}
    rate_limit_per_frequency: Count | UnsetType = UNSET
    rate_limit_frequency_in_seconds: Count | UnsetType = UNSET
    isolation_group_id: Name | UnsetType = UNSET
    execution_name_space: Name | UnsetType = UNSET
    owner_email: str | UnsetType = UNSET
    poll_timeout_seconds: Count | UnsetType = UNSET
    backoff_scale_factor: Count = 1
    max_retry_delay_seconds: Count = 0
    backoff_jitter_ms: Count = 0
    total_timeout_seconds: Seconds = 0
    base_type: str | UnsetType = UNSET
    task_status_listener_enabled: bool = True
    input_schema: SchemaDef | UnsetType = UNSET
    output_schema: SchemaDef | UnsetType = UNSET
    enforce_schema: bool = False
    runtime_metadata: list[str] = []
    tags: list[Tag] | UnsetType = UNSET
    overwrite_tags: bool | UnsetType = UNSET
    owner_app: str | UnsetType = UNSET
    create_time: int = 0
    update_time: int = 0
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET


class SubWorkflowParams(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which child a SUB_WORKFLOW starts; a string `workflow_definition` is one `${…}`."""

    name: Name | UnsetType = UNSET
    version: Count | str | UnsetType = UNSET
    task_to_domain: dict[str, Name] | UnsetType = UNSET
    workflow_definition: "WorkflowDef | str | UnsetType" = UNSET
    idempotency_key: str | UnsetType = UNSET
    idempotency_strategy: str | UnsetType = UNSET
    priority: Any = UNSET


class StateChangeEvent(Struct, frozen=True, kw_only=True, rename="camel"):
    type: str = ""
    payload: JSONObject = {}


class WorkflowTask(Struct, frozen=True, kw_only=True, rename="camel"):
    """One node of a `WorkflowDef`, known by `task_reference_name`.

    `workflow_task_type` is what old clients call `type`; it is read and becomes that.
    """

    name: Name = ""
    task_reference_name: Name = ""
    description: str | UnsetType = UNSET
    input_parameters: JSONObject = {}
    type: Name = "SIMPLE"
    dynamic_task_name_param: str | UnsetType = UNSET
    case_value_param: str | UnsetType = UNSET
    case_expression: str | UnsetType = UNSET
    script_expression: str | UnsetType = UNSET
    decision_cases: "dict[str, list[WorkflowTask]]" = {}
    dynamic_fork_join_tasks_param: str | UnsetType = UNSET
    dynamic_fork_tasks_param: str | UnsetType = UNSET
    dynamic_fork_tasks_input_param_name: str | UnsetType = UNSET
    default_case: "list[WorkflowTask]" = []
    fork_tasks: "list[list[WorkflowTask]]" = []
    start_delay: Count = 0
    sub_workflow_param: SubWorkflowParams | UnsetType = UNSET
    join_on: list[str] = []
    sink: str | UnsetType = UNSET
    optional: bool = False
    task_definition: TaskDef | UnsetType = UNSET
    rate_limited: bool | UnsetType = UNSET
    default_exclusive_join_task: list[str] = []
    async_complete: bool = False
    loop_condition: str | UnsetType = UNSET
    loop_over: "list[WorkflowTask]" = []
    items: Any = UNSET
    retry_count: Count | UnsetType = UNSET
    evaluator_type: str | UnsetType = UNSET
    expression: str | UnsetType = UNSET
    on_state_change: dict[str, list[StateChangeEvent]] = {}
    join_status: str | UnsetType = UNSET
    cache_config: CacheConfig | UnsetType = UNSET
    permissive: bool = False
    join_mode: str | UnsetType = UNSET
    metadata: JSONObject = {}
    workflow_task_type: Name | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Known by one name from here on."""
        if self.workflow_task_type is not UNSET:
            if self.type == "SIMPLE":
                force_setattr(self, "type", self.workflow_task_type)
            force_setattr(self, "workflow_task_type", UNSET)

    def children(self) -> "Iterator[list[WorkflowTask]]":
        """The lists of tasks nested in this one: fork branches, cases, default case, loop body."""
        yield from self.fork_tasks
        yield from self.decision_cases.values()
        if self.default_case:
            yield self.default_case
        if self.loop_over:
            yield self.loop_over


class WorkflowDef(Struct, frozen=True, kw_only=True, rename="camel"):
    """A registered workflow definition, known by name and version."""

    name: Name = ""
    description: str | UnsetType = UNSET
    version: Count = 1
    tasks: list[WorkflowTask] = []
    input_parameters: list[str] = []
    output_parameters: JSONObject = {}
    failure_workflow: Name | UnsetType = UNSET
    failure_workflow_version: Count | UnsetType = UNSET
    schema_version: int = 2
    restartable: bool = True
    workflow_status_listener_enabled: bool = False
    workflow_status_listener_sink: str | UnsetType = UNSET
    owner_email: str | UnsetType = UNSET
    timeout_policy: str = "ALERT_ONLY"
    timeout_seconds: Seconds = 0
    variables: JSONObject = {}
    input_template: JSONObject = {}
    rate_limit_config: RateLimitConfig | UnsetType = UNSET
    input_schema: SchemaDef | UnsetType = UNSET
    output_schema: SchemaDef | UnsetType = UNSET
    enforce_schema: bool = True
    metadata: JSONObject = {}
    cache_config: CacheConfig | UnsetType = UNSET
    masked_fields: list[str] = []
    tags: list[Tag] | UnsetType = UNSET
    overwrite_tags: bool | UnsetType = UNSET
    owner_app: str | UnsetType = UNSET
    create_time: int = 0
    update_time: int = 0
    created_by: str | UnsetType = UNSET
    updated_by: str | UnsetType = UNSET

    def all_tasks(self) -> Iterator[WorkflowTask]:
        """Every task of the definition in document order, nested ones after their parent."""
        stack = [iter(self.tasks)]
        while stack:
            task = next(stack[-1], None)
            if task is None:
                stack.pop()
                continue
            yield task
            stack.extend(iter(branch) for branch in reversed(list(task.children())))


class WorkflowDefSummary(Struct, frozen=True, kw_only=True, rename="camel"):
    name: str
    version: int
    create_time: int = 0
    update_time: int = 0
