"""What holds a task back although somebody would take it."""

from playground.model.execution import Task
from playground.understand.standstill.facts import Fix, Queued, Reason, Weight
from playground.understand.standstill.fixes import quoted
from playground.understand.words import code, span


def gate(task: Task, row: Queued) -> Reason | None:
    if row.gated_at is None:
        return None
    ref, name = code(task.reference_task_name), code(task.task_def_name)
    if row.places and row.inside >= row.places:
        text = (
            f"{ref} waits for its turn: at most {row.places} of {name} may be in progress at once "
            f"(`concurrentExecLimit`), and {row.inside} {'is' if row.inside == 1 else 'are'}."
        )
        kind = "concurrencyLimit"
    elif row.rate and row.recent >= row.rate:
        text = (
            f"{ref} waits for its turn: {name} is handed out at most {_times(row.rate)} in "
            f"{span(row.rate_seconds * 1000)} (`rateLimitPerFrequency`)."
        )
        kind = "rateLimit"
    else:
        return None
    path = f"/definitions/tasks/{quoted(task.task_def_name)}"
    fix = Fix(label="Change the limit", path=path)
    return Reason(kind=kind, weight=Weight.WAITING, text=text, fixes=[fix])


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
