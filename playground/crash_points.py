"""Named points at which a process can be made to die, to show that it matters nowhere.

A point lies where work is half done: committed and not told, done and not committed, claimed and
not begun. `crash_here` costs one comparison unless the process was armed with a directory
(`PLAYGROUND_CRASH_DIR`, loopback only). Then whoever reaches a point for which a file of that name
lies there takes the file and ends as by kill -9: one file, one death, whichever process it is.
"""

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

POINTS: Final[Mapping[str, str]] = {
    # The store: one transaction for a batch of decisions.
    "store.written": "a batch of saves is written and not committed",
    "store.committed": "a batch is committed and none of those who wait for it is told",
    # The engine: between two commits, or between a commit and the telling of it.
    "advance.decided": "a decision is made and not saved",
    "advance.saved": "a decision is saved, no bell is rung and nobody is woken",
    "tasks.handed_out": "a poller's tasks are marked and the answer is not sent",
    "system.claimed": "system tasks or effects are claimed and not begun",
    "children.started": "a child is there and its parent does not know",
    "children.carried_out": "an effect is carried out and still in its table",
    "children.ended": "a child's end is read and its parent is not told",
    "limited_runs.entered": "a place under a rate limit is taken by a run that is not there yet",
    "limited_runs.left": "a place is left and not given to the next",
    "limited_runs.released": "a place is given to a run that has not begun",
    "events.kept": "a message is kept and neither its task nor an executor knows",
    "event_actions.begun": "the record of an action is there and nothing is done",
    "event_actions.done": "an action is carried out and its record is not settled",
    "deliveries.taken": "all actions are taken and the message is not marked as handled",
    "schedule_runs.recorded": "a run is recorded, its timer moved on, and nothing is started",
    "schedule_runs.started": "a run is started and its record does not say so",
    "standing_in.handed_out": "a stand-in has a task and has not worked on it",
    "standing_in.updated": "a stand-in's result is taken and its turn is not over",
    "workflow_messages.kept": "a message to an execution is kept and no bell is rung",
    "workflows.brought_back": "an execution is back from the archive, its verb not carried out",
    "workflows.removed": "a child is removed and its parent is not told",
    # Jobs: around the side effect.
    "drain.executed": "a system task has done what it does and nobody has its result",
    "drain.reported": "a system task's result is taken and its slot is not free",
    "schedules.claimed": "due timers of schedules are claimed and no run is recorded",
    # The clock.
    "clock.due": "executions with due timers are known and none is looked at",
    "clock.looked": "the due timers of one round are looked at",
}
"""Every point and what is half done there. A test kills a process at each."""

_armed: Path | None = None


def arm(directory: str) -> None:
    """Let points of this process kill it where `directory` says so; empty disarms."""
    global _armed
    _armed = Path(directory) if directory else None


def crash_here(point: str) -> None:
    """Die here if this point was chosen."""
    if _armed is not None:
        _die_if_chosen(_armed, point)


def _die_if_chosen(directory: Path, point: str) -> None:
    if point not in POINTS:
        raise KeyError(f"not a crash point: {point}")
    try:
        # Only one process succeeds in this.
        (directory / point).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
