"""The timeline: which part of the time the address shows, and where its links lead."""

import pytest

from playground.model.execution import Execution, Task, TaskStatus, WorkflowStatus
from playground.web.execution import timeline
from playground.web.execution.timeline import LENGTH, SHORTEST, Piece, TimelineView, Window
from tests.web.examples import an_opened

START = 1_700_000_000_000
DAY = 86_400_000


def a_task(ref: str, scheduled: int, begun: int, ended: int) -> Task:
    return Task(
        task_id=ref,
        reference_task_name=ref,
        task_type="SIMPLE",
        status=TaskStatus.COMPLETED,
        scheduled_time=START + scheduled,
        start_time=START + begun,
        end_time=START + ended,
    )


LONG_RUN = Execution(
    workflow_id="run-1",
    status=WorkflowStatus.COMPLETED,
    start_time=START,
    end_time=START + 30 * DAY,
    tasks=[a_task("quick", 10, 20, 40), a_task("late", 30 * DAY - 50, 30 * DAY - 50, 30 * DAY)],
)


def view(**address: str) -> TimelineView:
    return timeline.view_of(an_opened(LONG_RUN, tab="timeline", **address))


def test_all_of_a_long_run_shows_its_shortest_task() -> None:
    quick = view().lanes[0].bars[0]

    assert quick.run == Piece(x=0, width=SHORTEST)
    assert view().ticks[0] == "0"


def test_a_window_shows_a_short_task_in_its_length() -> None:
    found = view(since="0", until="40")

    quick, late = found.lanes[0].bars[0], found.lanes[1].bars[0]
    assert (quick.wait, quick.run) == (Piece(x=250, width=250), Piece(x=500, width=500))
    assert late.run.width == 0


def test_ticks_of_a_part_count_from_its_beginning() -> None:
    ticks = view(since=str(DAY + 5), until=str(DAY + 45)).ticks

    assert ticks == ("1 d 0 h", "+10 ms", "+20 ms", "+30 ms", "+40 ms")


@pytest.mark.parametrize(
    ("since", "until"),
    [("x", "y"), ("50", "40"), ("10", "12"), ("9" * 20, ""), (str(31 * DAY), "")],
    ids=["words", "reversed", "too narrow", "too large", "after the end"],
)
def test_nonsense_shows_the_whole_run(since: str, until: str) -> None:
    assert view(since=since, until=until).window.is_whole


def test_links_scale_and_move_the_window() -> None:
    moves = view(since="1000", until="2000").moves

    assert moves.closer == "?tab=timeline&since=1250&until=1750"
    assert moves.farther == "?tab=timeline&since=500&until=2500"
    assert moves.later == "?tab=timeline&since=1500&until=2500"
    assert moves.whole == "?tab=timeline"


def test_at_the_ends_there_is_no_further_way() -> None:
    moves = view().moves

    assert (moves.farther, moves.whole, moves.earlier, moves.later) == ("", "", "", "")


def test_the_open_task_can_be_fitted() -> None:
    assert view(task="quick").moves.task == "?tab=timeline&task=quick&since=3&until=47"


@pytest.mark.parametrize("factor", [0.001, 0.5, 2, 1_000])
def test_a_scaled_window_stays_inside_the_run(factor: float) -> None:
    window = Window(since=900, until=1_000, length_ms=1_000).scaled(factor)

    assert 0 <= window.since < window.until <= 1_000


def test_a_piece_never_leaves_the_picture() -> None:
    piece = Window(since=0, until=100, length_ms=200).piece(99, 150, SHORTEST)

    assert piece.x + piece.width <= LENGTH
