"""The tab that says why nothing is happening, while an execution has not ended."""

from dataclasses import dataclass

from playground.engine.runtime import Runtime
from playground.engine.standstill import standstill
from playground.understand.standstill import Standstill
from playground.web.execution.opened import Opened
from tenants.caller import Caller


@dataclass(frozen=True, kw_only=True, slots=True)
class WhyView:
    standstill: Standstill
    query: str
    """What is open beside the answer, as the address has it."""


async def gather(rt: Runtime, caller: Caller, opened: Opened) -> WhyView:
    return view_of(opened, await standstill(rt, caller, opened.execution.workflow_id))


def view_of(opened: Opened, found: Standstill) -> WhyView:
    return WhyView(standstill=found, query=opened.address.query)
