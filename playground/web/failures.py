"""What failed lately, and why: counts by reason, workflow and task, each leading to the runs."""

from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.failures import FailureCount, Failures, FailureSlot
from playground.model.usage import Window
from playground.store import failures
from playground.web.forms import read_query
from playground.web.pages import plain_moment, quoted, render, runtime
from tenants.asgi import signed_in

WINDOWS = {Window.HOUR: "Last hour", Window.DAY: "Last 24 hours", Window.WEEK: "Last 7 days"}
_HIGHEST = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowLink:
    label: str
    path: str
    is_current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A part of the window in the picture; heights in hundredths of the highest one."""

    runs_height: int
    failed_height: int
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """`path` leads to the runs, `example` to the newest of them."""

    name: str
    runs: int
    last: int
    path: str
    example: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FailuresPage:
    windows: tuple[WindowLink, ...]
    words: str
    runs: int
    failed: int
    is_whole: bool
    most: int
    columns: tuple[Column, ...]
    reasons: tuple[Line, ...]
    workflows: tuple[Line, ...]
    tasks: tuple[Line, ...]


async def show_failures(request: Request) -> Response:
    caller, rt = signed_in(request).member.caller, runtime(request)
    asked = read_query(request).text("window")
    window = Window(asked) if asked in tuple(Window) else Window.DAY
    async with rt.reading(caller.namespace) as connection:
        found = await failures.failures(connection, window, rt.now_ms())
    return await render(request, "usage/failures.html", failures_page(found))


def failures_page(found: Failures) -> FailuresPage:
    return FailuresPage(
        windows=tuple(
            WindowLink(
                label=label,
                path=f"/failures?window={window}",
                is_current=window == found.window,
            )
            for window, label in WINDOWS.items()
        ),
        words=WINDOWS[found.window].lower().removeprefix("last "),
        runs=found.runs,
        failed=found.failed,
        is_whole=found.is_whole,
        most=failures.MOST_LOOKED_AT,
        columns=_columns(found.slots),
        reasons=tuple(_line(one, f"/executions/{quoted(one.example)}") for one in found.reasons),
        workflows=tuple(_line(one, _search(one.name)) for one in found.workflows),
        tasks=tuple(_line(one, _task_search(one.name)) for one in found.tasks),
    )


def _columns(slots: list[FailureSlot]) -> tuple[Column, ...]:
    highest = max([slot.runs for slot in slots] + [1])
    return tuple(
        Column(
            runs_height=slot.runs * _HIGHEST // highest,
            failed_height=-(-slot.failed * _HIGHEST // highest),
            title=f"From {plain_moment(slot.since)}: {slot.failed:,} of {slot.runs:,} failed",
        )
        for slot in slots
    )


def _line(one: FailureCount, path: str) -> Line:
    example = f"/executions/{quoted(one.example)}"
    return Line(name=one.name, runs=one.runs, last=one.last, path=path, example=example)


def _search(name: str) -> str:
    wanted = [("name", name), *(("status", one) for one in ("FAILED", "TIMED_OUT", "TERMINATED"))]
    return "/executions?" + urlencode(wanted)


def _task_search(name: str) -> str:
    return "/tasks?" + urlencode([("name", name), ("status", "FAILED")])


routes = [Route("/failures", show_failures)]
