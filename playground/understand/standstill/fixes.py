"""Where to go from a reason: the pages and forms that help."""

from urllib.parse import quote

from playground.diagram.state import base_reference
from playground.model.execution import Task
from playground.understand.standstill.facts import Facts, Fix


def quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


def page(facts: Facts, rest: str = "") -> str:
    return f"/executions/{quoted(facts.execution.workflow_id)}{rest}"


def open_task(task: Task, facts: Facts, label: str, *, panel: str = "") -> Fix:
    query = f"?task={quoted(base_reference(task))}&attempt={quoted(task.task_id)}"
    view = f"&panel={panel}" if panel else ""
    return Fix(label=label, path=page(facts, query + view))


def open_definition(facts: Facts, label: str, ref: str) -> Fix:
    execution = facts.execution
    path = f"/definitions/workflows/{quoted(execution.workflow_name)}"
    query = f"?version={execution.workflow_version}&task={quoted(ref)}"
    return Fix(label=label.replace("`", ""), path=path + query)


def start_worker(name: str) -> Fix:
    """The page that waits for the first poll of this task type, with a project to start from."""
    return Fix(label="Start a worker", path=f"/workers?task={quoted(name)}")


def see_workers() -> Fix:
    """Who polls, for what, in which domain."""
    return Fix(label="See who polls", path="/workers")


def tell_us() -> Fix:
    """Where only those who run the playground can help."""
    return Fix(label="Tell us", path="/feedback")


def skip_wait(task: Task, facts: Facts) -> Fix:
    path = page(facts, f"/fast-forward?ref={quoted(task.reference_task_name)}")
    return Fix(label="Skip the wait", path=path, posts=True)


def task_def(name: str, facts: Facts, label: str) -> Fix:
    if name in facts.task_defs:
        return Fix(label=label, path=f"/definitions/tasks/{quoted(name)}")
    return Fix(label="Define the task", path="/definitions/tasks")
