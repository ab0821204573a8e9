"""The editor explains every field and type there is, and what its palette inserts may be saved."""

from typing import Any

import msgspec
import pytest

from playground.decider import Known, Severity, workflow_findings, workflow_hints
from playground.diagram.icons import ICON_BY_TYPE
from playground.model.definitions import WorkflowDef, WorkflowTask
from playground.model.task_types import RUNNER_BY_TYPE
from playground.web.task_catalogue import (
    GROUPS,
    OLDER,
    TASK_FIELDS,
    TASK_TYPES,
    WORKFLOW_FIELDS,
    TaskType,
)

OLD_NAMES = {"workflowTaskType"}
OFFERED = [one for one in TASK_TYPES if one.group in GROUPS]


def test_every_type_is_explained() -> None:
    assert {one.type for one in TASK_TYPES} == {*RUNNER_BY_TYPE, "SIMPLE", "DYNAMIC"}


@pytest.mark.parametrize(
    ("kind", "explained"), [(WorkflowTask, TASK_FIELDS), (WorkflowDef, WORKFLOW_FIELDS)]
)
def test_every_field_is_explained(kind: type[msgspec.Struct], explained: dict[str, str]) -> None:
    fields = {one.encode_name for one in msgspec.structs.fields(kind)}

    assert set(explained) == fields - OLD_NAMES


@pytest.mark.parametrize("task_type", OFFERED, ids=lambda one: one.type)
def test_what_the_palette_inserts_may_be_saved(task_type: TaskType) -> None:
    definition = msgspec.convert({"name": "new", "tasks": list(task_type.starter)}, WorkflowDef)
    known = Known(
        workflows=["hello_workflow"], environment=["SAMPLES_URL"], secrets=["private_key"]
    )

    warned = [
        hint for hint in workflow_hints(definition, known) if hint.severity is Severity.WARNING
    ]

    assert workflow_findings(definition) == []
    assert [hint for hint in warned if "dynamic" not in str(task_type.starter)] == []


@pytest.mark.parametrize("task_type", TASK_TYPES, ids=lambda one: one.type)
def test_fields_lead_into_tasks(task_type: TaskType) -> None:
    roots = {field.path.partition(".")[0] for field in task_type.fields}

    assert roots <= set(TASK_FIELDS)


def test_groups_hold_all_but_the_older_forms() -> None:
    assert {one.group for one in TASK_TYPES} == {*GROUPS, OLDER}


def test_offered_operators_have_a_picture() -> None:
    plain: set[Any] = {"SIMPLE", "SWITCH", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN"}

    assert {one.type for one in OFFERED} - plain <= set(ICON_BY_TYPE)
