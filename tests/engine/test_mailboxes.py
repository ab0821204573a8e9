"""Pins what a process remembers of executions: those it works on, and not for longer."""

from playground.engine.mailboxes import Known, Mailboxes
from tests.support.builders import a_workflow_def, simple
from tests.support.simulator import World


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def a_known() -> Known:
    world = World(workflows=[a_workflow_def([simple("a")], name="flow")])
    return Known(world.start(world.find("flow"), {}).view, 1, "none")


def test_execution_that_nobody_asks_for_is_forgotten() -> None:
    clock = Clock()
    mailboxes = Mailboxes(clock)
    for name in ("idle", "asked"):
        mailboxes.keep(name, a_known())

    clock.now += 40
    mailboxes.known("asked")
    clock.now += 40
    mailboxes.keep("new", a_known())

    assert [name for name in ("idle", "asked", "new") if mailboxes.known(name)] == ["asked", "new"]
    assert mailboxes.executions == 2


def test_execution_under_way_is_remembered_however_long_it_takes() -> None:
    clock = Clock()
    mailboxes = Mailboxes(clock)

    for _ in range(10):
        mailboxes.keep("only", a_known())
        clock.now += 600

    assert mailboxes.known("only") is not None
