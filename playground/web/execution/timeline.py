"""The tab that shows when each task waited and ran: one lane a task, a bar an attempt.

The address says which part of the time is shown: `since` and `until`, in milliseconds after the
start; without them all of it. Links move and scale that window, a script does the same with the
wheel, the mouse and the keyboard (`timeline.ts`). Positions are in thousandths of the window, as
attributes of an SVG that stretches: the page allows no inline style.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from playground.diagram.icons import word_of
from playground.diagram.state import place_of
from playground.model.execution import Task
from playground.web.execution.opened import Opened, Reader, duration_of
from playground.web.execution.task_list import waited_ms
from playground.web.forms import page_number
from playground.web.pages import duration
from playground.web.search_form import Pager

LANES_PER_PAGE = 100
LENGTH = 1_000
SHORTEST = 3
"""What is shorter is drawn that long, or nobody would see it."""

TICKS = 4
FEWEST_MS = 8
"""The narrowest window: less is not recorded more finely."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Where something is drawn; `width` 0 is outside the window."""

    x: float
    width: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """An attempt: it was in its queue from `scheduled` to `begun` and ran until `ended`, in
    milliseconds after the start; `ended` is None where there is nothing to draw. `title` says it.
    """

    status: str
    scheduled: int
    begun: int
    ended: int | None
    wait: Piece
    run: Piece
    title: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    ref: str
    type: str
    depth: int
    """How many loops are around it."""
    bars: tuple[Bar, ...]
    time: str
    link: str
    is_selected: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The part of the time that is shown, in milliseconds after the start."""

    since: int
    until: int
    length_ms: int
    """Of the whole run."""

    @property
    def span(self) -> int:
        return self.until - self.since

    @property
    def is_whole(self) -> bool:
        return self.since == 0 and self.until == self.length_ms

    def piece(self, begin: int, end: int, shortest: float = 0) -> Piece:
        if end < self.since or begin > self.until:
            return Piece(x=0, width=0)
        x = max(0.0, (begin - self.since) * LENGTH / self.span)
        width = max(shortest, min(LENGTH, (end - self.since) * LENGTH / self.span) - x)
        return Piece(x=round(min(x, LENGTH - width), 2), width=round(width, 2))

    def scaled(self, factor: float) -> "Window":
        """The window made wider or narrower around its middle."""
        span = min(max(round(self.span * factor), FEWEST_MS), self.length_ms)
        return self._at((self.since + self.until - span) // 2, span)

    def moved(self, share: float) -> "Window":
        return self._at(self.since + round(self.span * share), self.span)

    def _at(self, since: int, span: int) -> "Window":
        since = min(max(since, 0), self.length_ms - span)
        return Window(since=since, until=since + span, length_ms=self.length_ms)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moves:
    """Where the buttons lead; "" where there is no further way."""

    closer: str
    farther: str
    earlier: str
    later: str
    whole: str
    task: str
    """The window around the open task."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimelineView:
    lanes: tuple[Lane, ...]
    ticks: tuple[str, ...]
    """Labels of the time at equal distances."""
    window: Window
    shown: Piece
    """The window as a part of the whole."""
    moves: Moves
    pager: Pager


async def read(reader: Reader, opened: Opened) -> TimelineView:
    return view_of(opened)


def view_of(opened: Opened) -> TimelineView:
    lanes: dict[str, list[Task]] = {}
    for task in opened.execution.tasks:
        lanes.setdefault(task.reference_task_name, []).append(task)
    first_ms, length_ms = _extent(opened)
    window = _window(opened, length_ms)
    number = page_number(opened.address.text("page"))
    first = (number - 1) * LANES_PER_PAGE
    shown = list(lanes.items())[first : first + LANES_PER_PAGE]
    more = number * LANES_PER_PAGE < len(lanes)
    return TimelineView(
        lanes=tuple(_lane(opened, first_ms, window, ref, tasks) for ref, tasks in shown),
        ticks=_ticks(window),
        window=window,
        shown=Window(since=0, until=length_ms, length_ms=length_ms).piece(
            window.since, window.until, SHORTEST
        ),
        moves=_moves(opened, first_ms, window),
        pager=Pager(
            first=first + 1 if shown else 0,
            last=first + len(shown) if shown else 0,
            total=len(lanes),
            previous_link=opened.address.link(page=str(number - 1)) if number > 1 else "",
            next_link=opened.address.link(page=str(number + 1)) if more else "",
        ),
    )


def _extent(opened: Opened) -> tuple[int, int]:
    """When the first task began, as epoch milliseconds, and how long it all took."""
    execution = opened.execution
    times = [task.scheduled_time for task in execution.tasks if task.scheduled_time]
    first = min([execution.start_time, *times]) if execution.start_time else min(times, default=0)
    ends = [task.end_time for task in execution.tasks]
    last = opened.now_ms if opened.is_live else max([execution.end_time, *ends])
    return first, max(1, last - first)


def _window(opened: Opened, length_ms: int) -> Window:
    """What the address asks for, as far as there is such a time."""
    since = min(_time(opened.address.text("since")) or 0, length_ms)
    until = min(_time(opened.address.text("until")) or length_ms, length_ms)
    whole = Window(since=0, until=length_ms, length_ms=length_ms)
    if until - since < min(FEWEST_MS, length_ms):
        return whole
    return Window(since=since, until=until, length_ms=length_ms)


def _time(text: str) -> int | None:
    """Milliseconds; a run may last for years."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else None


def _moves(opened: Opened, first_ms: int, window: Window) -> Moves:
    selected = opened.selected
    around = _around(opened, selected, first_ms, window.length_ms) if selected else window
    return Moves(
        closer=_link(opened, window, window.scaled(0.5)),
        farther=_link(opened, window, window.scaled(2)),
        earlier=_link(opened, window, window.moved(-0.5)),
        later=_link(opened, window, window.moved(0.5)),
        whole=_link(opened, window, window.scaled(window.length_ms / window.span)),
        task=_link(opened, window, around),
    )


def _around(opened: Opened, task: Task, first_ms: int, length_ms: int) -> Window:
    """A task with its wait, and a quarter of that on either side."""
    begin = (task.scheduled_time or task.start_time) - first_ms
    took = duration_of(task, opened.now_ms) or 0
    end = max((task.start_time or task.scheduled_time) - first_ms + took, begin)
    margin = max((end - begin) // 4, FEWEST_MS // 2)
    since, until = max(0, begin - margin), min(length_ms, end + margin)
    return Window(since=min(since, until), until=until, length_ms=length_ms).scaled(1)


def _link(opened: Opened, now: Window, then: Window) -> str:
    if then == now:
        return ""
    if then.is_whole:
        return opened.address.link(since="", until="")
    return opened.address.link(since=str(then.since), until=str(then.until))


def _ticks(window: Window) -> tuple[str, ...]:
    """The first as the time after the start; in a part of the run, the others from there on."""
    steps = [window.span * at // TICKS for at in range(TICKS + 1)]
    if window.since == 0:
        return ("0", *(duration(step) for step in steps[1:]))
    return (exact(window.since), *(f"+{duration(step)}" for step in steps[1:]))


def exact(ms: int) -> str:
    """A time after the start, as finely as a narrow window needs it."""
    seconds, rest = divmod(ms, 1_000)
    if seconds < 60:
        return f"{seconds}.{rest:03} s" if seconds else f"{ms} ms"
    return f"{duration(seconds * 1_000)}" + (f" {rest} ms" if seconds < 3_600 else "")


def _lane(opened: Opened, first_ms: int, window: Window, ref: str, tasks: Sequence[Task]) -> Lane:
    newest, selected = tasks[-1], opened.selected
    took = duration_of(newest, opened.now_ms)
    return Lane(
        ref=ref,
        type=newest.task_type,
        depth=min(len(place_of(newest)[1]), 3),
        bars=tuple(_bar(opened, first_ms, window, task) for task in tasks),
        time=duration(took)
        if took is not None
        else "waiting"
        if not newest.status.terminal
        else "",
        link=opened.address.link(task=ref, attempt=newest.task_id),
        is_selected=selected is not None and selected.reference_task_name == ref,
    )


def _bar(opened: Opened, first_ms: int, window: Window, task: Task) -> Bar:
    waited = waited_ms(task, opened.now_ms)
    took = duration_of(task, opened.now_ms)
    scheduled = max(0, (task.scheduled_time or task.start_time) - first_ms)
    begun = max(scheduled, task.start_time - first_ms if task.start_time else scheduled)
    if not task.start_time:
        begun += waited or 0
    ended = begun + took if took is not None else begun if task.status.terminal else None
    words = [f"{task.reference_task_name}: {word_of(str(task.status))}"]
    if task.retry_count:
        words.append(f"attempt {task.retry_count + 1}")
    if waited:
        words.append(f"waited {duration(waited)}")
    if took is not None:
        words.append(f"ran {duration(took)}")
    return Bar(
        status=str(task.status),
        scheduled=scheduled,
        begun=begun,
        ended=ended,
        wait=window.piece(scheduled, begun) if begun > scheduled else Piece(x=0, width=0),
        run=window.piece(begun, ended, SHORTEST) if ended is not None else Piece(x=0, width=0),
        title=", ".join(words),
        link=opened.address.link(task=task.reference_task_name, attempt=task.task_id),
    )
