"""What a page may cost: bytes that a browser loads for it, and trips to the database.

Sizes are those of the built front end, compressed with gzip as the build writes it; the end of the
run prints them. Trips are counted, not timed: they say the same on every machine.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from operator import gt

import pytest

from playground.engine import workflows
from playground.engine.runtime import Runtime
from playground.web import assets, live
from playground.web.pages import respond
from tenants import keys, sessions
from tenants.database import Role
from tests.support.browser import MEASURED
from tests.support.counting import Counted, CountingDatabase
from tests.web.examples import EXAMPLES, a_shell
from tests.web.visiting import Visitor, a_visitor

KB = 1_000
LIST_KB, EXECUTION_KB, EDITOR_KB, STYLES_KB = 25, 35, 190, 25

pytestmark = pytest.mark.anyio


def built() -> dict[str, int]:
    """Built file → its size compressed with gzip, in bytes."""
    return {path.name.removesuffix(".gz"): path.stat().st_size for path in assets.DIST.glob("*.gz")}


needs_build = pytest.mark.skipif(not built(), reason="the front end has not been built")


def loaded_by(html: str) -> set[str]:
    """The scripts that a page loads, with all that they import, at once or when they are needed."""
    waiting = re.findall(r'(?:src|href)="/static/([\w.-]+\.js)"', html)
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            text = (assets.DIST / name).read_text(encoding="utf-8")
            waiting += re.findall(r"""["']\./([\w.-]+\.js)["']""", text)
    return found


def html_of(name: str) -> str:
    template, context, _ = EXAMPLES[name]
    return bytes(respond(template, context, a_shell()).body).decode()


def kilobytes_of(name: str) -> float:
    sizes = built()
    return sum(sizes.get(script, 0) for script in loaded_by(html_of(name))) / KB


def budget_of(name: str) -> float:
    template = EXAMPLES[name][0]
    if template == "workflow_definitions/edit.html":
        return EDITOR_KB
    return EXECUTION_KB if template == "execution/show.html" else LIST_KB


@needs_build
def test_scripts_of_every_page_are_within_its_budget() -> None:
    sizes = {name: kilobytes_of(name) for name in EXAMPLES}

    assert {name: size for name, size in sizes.items() if size > budget_of(name)} == {}


@needs_build
def test_styles_are_within_their_budget(record_property: Callable[[str, object], None]) -> None:
    styles = sum(size for name, size in built().items() if name.endswith(".css")) / KB

    for name, example in (("list", "executions"), ("execution", "execution"), ("editor", EDITOR)):
        record_property(f"{MEASURED}gzip script, {name} page", f"{kilobytes_of(example):.1f} KB")
    record_property(f"{MEASURED}gzip styles", f"{styles:.1f} KB")

    assert styles <= STYLES_KB


EDITOR = "workflow_editor"


@needs_build
def test_a_script_is_preloaded_once() -> None:
    named = re.findall(r'(?:src|href)="/static/([\w.-]+\.js)"', html_of("execution"))

    assert len(named) == len(set(named))


# Trips


@pytest.fixture
async def counted_ada(rt: Runtime) -> tuple[Visitor, Counted]:
    """Someone whose pages' trips to the database are counted."""
    database = CountingDatabase(rt.database)
    visitor = await a_visitor(replace(rt, database=database), "Ada")
    return visitor, database.counted


MOST = {
    "/": (3, 10),
    "/executions": (2, 7),
    "/tasks": (2, 7),
    "/definitions/workflows": (2, 3),
    "/definitions/workflows/PopulationMaxMin": (2, 9),
    "/run?name=simple_wf": (2, 9),
    "/definitions/tasks": (2, 3),
    "/workers": (2, 4),
    "/queues": (2, 4),
    "/access-keys": (2, 3),
    "/settings/usage": (2, 5),
    "/search?q=population": (2, 8),
    "/api-docs": (1, 1),
}
"""Path → transactions and statements it may take at most; one of each finds the session."""


async def cost_of(visitor: Visitor, counted: Counted, path: str) -> tuple[int, int]:
    await visitor.get(path)
    counted.forget()
    answer = await visitor.get(path)
    assert answer.status_code == 200, path
    return counted.transactions, len(counted.statements)


async def test_pages_take_few_trips(counted_ada: tuple[Visitor, Counted]) -> None:
    ada, counted = counted_ada
    execution_id = await ada.start()
    budgets = MOST | {f"/executions/{execution_id}": (2, 3)}

    costs = {path: await cost_of(ada, counted, path) for path in budgets}

    over = [path for path, most in budgets.items() if any(map(gt, costs[path], most))]
    assert {path: costs[path] for path in over} == {}


async def test_trips_do_not_grow_with_what_there_is(counted_ada: tuple[Visitor, Counted]) -> None:
    ada, counted = counted_ada
    paths = ["/", "/executions", "/tasks", "/access-keys", "/workers", "/run?name=simple_wf"]
    await _grow(ada)
    before = {path: await cost_of(ada, counted, path) for path in paths}

    for _ in range(3):
        await _grow(ada)

    assert {path: await cost_of(ada, counted, path) for path in paths} == before


async def _grow(visitor: Visitor) -> None:
    await visitor.start()
    caller = visitor.caller
    async with visitor.rt.unit_of_work(caller.namespace) as connection:
        made = await keys.create_application(connection, caller, "one more")
        await keys.create(connection, caller, made.id)


async def test_an_event_costs_one_look(counted_ada: tuple[Visitor, Counted]) -> None:
    ada, counted = counted_ada
    execution_id = await ada.start()
    async with ada.rt.database.transaction(Role.IDENTITY) as connection:
        session_id = next(iter(ada.client.cookies.jar)).value or ""
        session = await sessions.find(connection, session_id)
    assert session is not None
    stream = live.events(ada.rt, session, [execution_id], "")
    assert [await anext(stream), (await anext(stream))[:3]] == ["retry: 1000\n\n", "id:"]
    await workflows.pause(ada.rt, ada.caller, execution_id)
    counted.forget()

    assert "PAUSED" in await anext(stream)

    # Whether the session still is, and one look.
    assert counted.transactions == 2
    assert len(counted.statements) == 4
