"""Usage: what ran lately, how long it took, and how much of each limit is used."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.model.usage import Meter, TaskUsage, Usage, Window, WorkflowUsage
from playground.store import usage
from playground.web.pages import render, runtime
from tenants.asgi import signed_in

WINDOWS = {
    Window.HOUR: "Last hour",
    Window.DAY: "Last 24 hours",
    Window.WEEK: "Last 7 days",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class WindowLink:
    label: str
    path: str
    is_current: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class UsagePage:
    windows: tuple[WindowLink, ...]
    words: str
    runs: int
    failed: int
    is_whole: bool
    most: int
    workflows: tuple[WorkflowUsage, ...]
    tasks: tuple[TaskUsage, ...]
    plan: str
    requests_per_second: float | None
    meters: tuple[Meter, ...]


async def show_usage(request: Request) -> Response:
    caller = signed_in(request).member.caller
    window = _window(request.query_params.get("window", ""))
    rt = runtime(request)
    async with rt.reading(caller.namespace) as connection:
        found = await usage.usage(connection, caller.namespace, caller.plan, window, rt.now_ms())
    return await render(request, "usage/show.html", usage_page(found))


def usage_page(found: Usage) -> UsagePage:
    return UsagePage(
        windows=tuple(
            WindowLink(
                label=label,
                path=f"/settings/usage?window={window}",
                is_current=window == found.window,
            )
            for window, label in WINDOWS.items()
        ),
        words=WINDOWS[found.window].lower().removeprefix("last "),
        runs=found.runs,
        failed=found.failed,
        is_whole=found.is_whole,
        most=usage.MOST_RUNS,
        workflows=tuple(found.workflows),
        tasks=tuple(found.tasks),
        plan=found.plan,
        requests_per_second=found.requests_per_second,
        meters=tuple(found.meters),
    )


def _window(text: str) -> Window:
    """The window of that name, a day for any other text."""
    return Window(text) if text in tuple(Window) else Window.DAY


routes = [Route("/settings/usage", show_usage)]
