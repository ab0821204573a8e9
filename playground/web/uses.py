"""Which definitions use a task definition, a secret, a variable, a schema or a form."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from playground.expressions.secret_references import secret_names
from playground.model.definitions import TaskDef, WorkflowDef
from playground.web.pages import quoted
from playground.web.resources import Link

_VARIABLE: Final = re.compile(r"\$\{\s*workflow\.env\.([A-Za-z0-9_-]+)")


def workflow_link(name: str) -> Link:
    return Link(label=name, link=f"/definitions/workflows/{quoted(name)}")


def workflows_with_task(definitions: Iterable[WorkflowDef], name: str) -> tuple[Link, ...]:
    """The workflows with a task of that name."""
    return tuple(
        workflow_link(one.name)
        for one in definitions
        if any(task.name == name for task in one.all_tasks())
    )


def users_of_secrets(
    workflows: Iterable[WorkflowDef], tasks: Iterable[TaskDef]
) -> Mapping[str, tuple[Link, ...]]:
    """Secret → the definitions that ask for it."""
    return _by_name(
        (name, link)
        for document, link in _documents(workflows, tasks)
        for name in secret_names(document)
    )


def users_of_variables(
    workflows: Iterable[WorkflowDef], tasks: Iterable[TaskDef]
) -> Mapping[str, tuple[Link, ...]]:
    """Environment variable → the definitions that read it."""
    return _by_name(
        (name, link)
        for document, link in _documents(workflows, tasks)
        for name in _VARIABLE.findall(msgspec.json.encode(document).decode())
    )


def _documents(
    workflows: Iterable[WorkflowDef], tasks: Iterable[TaskDef]
) -> Iterator[tuple[Any, Link]]:
    for workflow in workflows:
        yield msgspec.to_builtins(workflow), workflow_link(workflow.name)
    for task in tasks:
        link = Link(label=task.name, link=f"/definitions/tasks/{quoted(task.name)}")
        yield msgspec.to_builtins(task), link


def _by_name(found: Iterable[tuple[str, Link]]) -> Mapping[str, tuple[Link, ...]]:
    users: dict[str, dict[str, Link]] = {}
    for name, link in found:
        users.setdefault(name, {})[link.link] = link
    return {name: tuple(links.values()) for name, links in users.items()}
