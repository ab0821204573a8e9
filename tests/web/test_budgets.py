"""What a page may cost: bytes that a browser loads for it, and trips to the database.

Sizes are those of the built front end, compressed with gzip as the build writes it; the end of the
run prints them. Trips are counted, not timed: they say the same on every machine.
"""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from playground.engine.runtime import Runtime
from playground.web import assets
from playground.web.pages import respond
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


def kilobytes_of(name: str) -> float:
    template, context, _ = EXAMPLES[name]
    html = bytes(respond(template, context, a_shell()).body).decode()
    sizes = built()
    return sum(sizes.get(script, 0) for script in loaded_by(html)) / KB


def budget_of(name: str) -> float:
    template = EXAMPLES[name][0]
    if template == "workflow_definitions/edit.html":
        return EDITOR_KB
    return EXECUTION_KB if template == "execution/show.html" else LIST_KB


@needs_build
@pytest.mark.parametrize("name", EXAMPLES)
def test_scripts_of_a_page_are_within_its_budget(name: str) -> None:
    assert kilobytes_of(name) <= budget_of(name)


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
    template, context, _ = EXAMPLES["execution"]
    html = bytes(respond(template, context, a_shell()).body).decode()

    named = re.findall(r'(?:src|href)="/static/([\w.-]+\.js)"', html)

    assert len(named) == len(set(named))


# Trips


@pytest.fixture
async def counted_ada(rt: Runtime) -> tuple[Visitor, Counted]:
    """Someone whose pages' trips to the database are counted."""
    database = CountingDatabase(rt.database)
    visitor = await a_visitor(replace(rt, database=database), "Ada")
    return visitor, database.counted


MOST_STATEMENTS = {
    "/": 5,
}


@pytest.mark.parametrize("path", MOST_STATEMENTS)
async def test_a_page_takes_few_trips(path: str, counted_ada: tuple[Visitor, Counted]) -> None:
    ada, counted = counted_ada
    await ada.get(path)
    counted.forget()

    answer = await ada.get(path)

    assert answer.status_code == 200
    assert counted.transactions <= 2
    assert len(counted.statements) <= MOST_STATEMENTS[path], "\n".join(counted.statements)
