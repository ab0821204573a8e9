"""The tab that replays a recorded run: a slider over its time, and the picture at that instant.

`at` in the address is the instant, in milliseconds after the start; without it, the end. The
picture keeps the places of the whole run, so nothing jumps while the slider moves. A script reads
the list of changes once (`/executions/{id}/history`) and moves without asking again.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace

import msgspec
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from playground import diagram
from playground.diagram.icons import word_of
from playground.model.definitions import JSONObject, WorkflowDef
from playground.model.errors import NotFound
from playground.model.execution import Execution
from playground.store import queries
from playground.understand.history import History, Moment, execution_at, history_of
from playground.understand.replayed import replayed
from playground.web.execution.diagram import PageLinks
from playground.web.execution.opened import Opened, Reader
from playground.web.forms import path_text
from playground.web.pages import duration, picture, runtime
from tenants.asgi import signed_in

MOST_TICKS = 240


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A mark below the slider: `place` in thousandths of its length."""

    place: int
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayView:
    """`at` is the instant shown, `says` what happened at it; links are "" at the ends."""

    svg: Markup
    at: int
    length: int
    is_end: bool
    says: str
    previous_link: str
    next_link: str
    variables: JSONObject
    status: str
    ticks: tuple[Tick, ...]
    moments: int


async def read(reader: Reader, opened: Opened) -> ReplayView:
    run = await queries.recorded(reader.connection, opened.execution.workflow_id)
    return view_of(opened, run or opened.execution)


def view_of(opened: Opened, run: Execution) -> ReplayView:
    history = history_of(run, opened.now_ms)
    asked = _instant(opened.address.text("at"))
    at = history.length if asked is None else min(asked, history.length)
    then = execution_at(run, at, opened.now_ms)
    instants = sorted({moment.at for moment in history.moments})
    before, after = bisect_left(instants, at), bisect_right(instants, at)
    return ReplayView(
        svg=_drawn(opened, run, then),
        at=at,
        length=history.length,
        is_end=at >= history.length,
        says=sentence_at(history, at),
        previous_link=opened.address.link(at=str(instants[before - 1])) if before else "",
        next_link=(
            opened.address.link(at=str(instants[after]))
            if after < len(instants) and at < history.length
            else ""
        ),
        variables=then.variables,
        status=str(then.status),
        ticks=_ticks(history),
        moments=len(history.moments),
    )


def _instant(text: str) -> int | None:
    """Milliseconds; also `3.2s`, as people write it. None for anything else."""
    number = text.removesuffix("s")
    try:
        ms = float(number) * (1_000 if number != text else 1)
    except ValueError:
        return None
    return int(ms) if 0 <= ms < 10**14 else None


def _drawn(opened: Opened, run: Execution, then: Execution) -> Markup:
    definition = run.workflow_definition or WorkflowDef(name=run.workflow_name)
    layout = diagram.lay_out(definition, run)
    if then is not run:
        layout = replayed(layout, then.tasks)
    return picture(diagram.draw(layout, links=PageLinks(_in_diagram(opened))))


def _in_diagram(opened: Opened) -> Opened:
    """Tasks open in the tab with the diagram, where there is room for them."""
    return replace(opened, address=opened.address.moved(tab="", at=""))


def sentence_at(history: History, at: int) -> str:
    """What the last changes up to `at` were: `` `t` in progress ``."""
    known = [moment for moment in history.moments if moment.at <= at]
    if not known:
        return "The execution has just begun."
    last = [moment for moment in known if moment.at == known[-1].at]
    said = ", ".join(f"`{moment.ref}` {word_of(moment.status).lower()}" for moment in last[-3:])
    more = f" and {len(last) - 3} more" if len(last) > 3 else ""
    ago = at - known[-1].at
    return f"{said}{more}, {duration(ago)} before." if ago else f"{said}{more}."


def _ticks(history: History) -> tuple[Tick, ...]:
    """The instants of changes; of those at one place the most telling one."""
    if not history.length:
        return ()
    places: dict[int, Moment] = {}
    for moment in history.moments:
        places[moment.at * MOST_TICKS // history.length] = moment
    return tuple(
        Tick(place=place * 1000 // MOST_TICKS, status=moment.status)
        for place, moment in sorted(places.items())
    )


async def show_history(request: Request) -> Response:
    """The changes of a run, for the slider."""
    caller = signed_in(request).member.caller
    rt = runtime(request)
    async with rt.reading(caller.namespace) as connection:
        run = await queries.recorded(connection, path_text(request, "id"))
    if run is None:
        raise NotFound
    history = msgspec.structs.replace(history_of(run, rt.now_ms()), variables=[])
    return Response(msgspec.json.encode(history), media_type="application/json")
