"""Workers to begin with: a sum, a greeting, and some that fail when they are asked to."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from playground.executors.stand_ins.contract import (
    Compute,
    Output,
    Refused,
    StandInTask,
    count,
    number,
)


def add(task: StandInTask) -> Output:
    return {"result": number(task, "firstNumber") + number(task, "secondNumber")}


def greet(task: StandInTask) -> Output:
    now = datetime.fromtimestamp(task.now_ms / 1000, UTC)
    return {
        "message": "Hello World!",
        "currentTimeOnServer": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def fail_n_times(task: StandInTask) -> Output:
    """Fails `timesToFail` attempts, then completes."""
    wanted = count(task, "timesToFail", 0)
    if task.attempt < wanted:
        raise Refused(f"Attempt {task.attempt + 1} fails: {wanted} were asked to")
    return {"attempts": task.attempt + 1}


def hang_and_fail(task: StandInTask) -> Output | None:
    """Does not answer `timesToHang` attempts, fails the next `timesToFail`, then completes."""
    hanging = count(task, "timesToHang", 0)
    if task.attempt < hanging:
        return None
    wanted = hanging + count(task, "timesToFail", 0)
    if task.attempt < wanted:
        raise Refused(f"Attempt {task.attempt + 1} fails: it was asked to")
    return {"attempts": task.attempt + 1}


def leaf(task: StandInTask) -> Output:
    """One of many: gives back its number and its square."""
    value = count(task, "number", most=100_000)
    return {"number": value, "square": value * value}


def odd_or_even(task: StandInTask) -> Output:
    """Says whether `oddEven` is odd, and hands on `mod`."""
    value = count(task, "oddEven", 0)
    return {
        "oddEven": value % 2,
        "word": "odd" if value % 2 else "even",
        "mod": count(task, "mod", 0),
    }


STAND_INS: Final[Mapping[str, Compute]] = {
    "simplest_task": add,
    "hello_world": greet,
    "fail_n_times": fail_n_times,
    "sample_task_name_1": hang_and_fail,
    "wide_fork_leaf": leaf,
    "kitchensink_task_1": odd_or_even,
    "kitchensink_task_5": odd_or_even,
}
