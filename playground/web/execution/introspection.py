"""The tab that lists what the engine did: each step with its time, and what was decided on it."""

from dataclasses import dataclass

from playground.store import queries
from playground.understand.introspection import Step, steps_of
from playground.web.execution.opened import Opened, Reader
from playground.web.forms import page_number
from playground.web.search_form import Pager

STEPS_PER_PAGE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class StepLine:
    step: Step
    link: str
    """Opens the first of its tasks; "" where it has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepsView:
    lines: tuple[StepLine, ...]
    pager: Pager


async def read(reader: Reader, opened: Opened) -> StepsView:
    run = await queries.recorded(reader.connection, opened.execution.workflow_id)
    return view_of(opened, steps_of(run or opened.execution, opened.now_ms))


def view_of(opened: Opened, steps: list[Step]) -> StepsView:
    number = page_number(opened.address.text("page"))
    first = (number - 1) * STEPS_PER_PAGE
    shown = steps[first : first + STEPS_PER_PAGE]
    more = first + STEPS_PER_PAGE < len(steps)
    return StepsView(
        lines=tuple(
            StepLine(
                step=step,
                link=opened.address.link(task=step.refs[0], attempt="") if step.refs else "",
            )
            for step in shown
        ),
        pager=Pager(
            first=first + 1 if shown else 0,
            last=first + len(shown) if shown else 0,
            total=len(steps),
            previous_link=opened.address.link(page=str(number - 1)) if number > 1 else "",
            next_link=opened.address.link(page=str(number + 1)) if more else "",
        ),
    )
