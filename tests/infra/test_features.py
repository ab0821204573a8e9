"""The list of features: every page and test that it names is there, and its counts are true."""

import ast
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from playground.api import ENDPOINTS
from playground.settings import CHECKOUT
from playground.web.app import ROUTES

FILE = CHECKOUT / "infra" / "FEATURES.md"
STATES = ("in", "partly", "not")


class Row(NamedTuple):
    number: int
    feature: str
    state: str
    places: list[str]
    tests: list[str]


def rows() -> list[Row]:
    lines = [line for line in FILE.read_text().splitlines() if re.match(r"\| \d", line)]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [
        Row(int(one[0]), one[1], one[2], re.findall(r"`(/[^`]*)`", one[3]), _quoted(one[4]))
        for one in cells
    ]


def _quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def functions_of(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


def test_rows_are_numbered_each_once_in_order() -> None:
    numbers = [row.number for row in rows()]

    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(range(1, 142))
    assert all(row.state in STATES for row in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row.number))
def test_row_names_tests_that_exist(row: Row) -> None:
    missing = [one for one in row.tests if not _exists(one)]

    assert missing == []
    assert row.tests or row.state == "not"


def _exists(test: str) -> bool:
    path, _, name = test.partition("::")
    file = CHECKOUT / "tests" / path
    return file.is_file() and (not name or name in functions_of(file))


def test_rows_name_pages_and_endpoints_that_exist() -> None:
    known = {getattr(route, "path", "") for route in ROUTES} | {one.path for one in ENDPOINTS}

    assert {place for row in rows() for place in row.places} <= known


def test_what_is_not_in_is_explained() -> None:
    explained = FILE.read_text().partition("## What is missing, and why")[2]
    told = {(int(number), state) for number, state in re.findall(r"\*\*(\d+), (\w+)\.", explained)}

    assert told == {(row.number, row.state) for row in rows() if row.state != "in"}


def test_enough_rows_are_in(record_property: Callable[[str, object], None]) -> None:
    """The goal is 115 of 141; of what the file lists so far, the same share."""
    found = rows()
    count = sum(row.state == "in" for row in found)
    record_property("measured: features that are in", f"{count} of {len(found)}")

    assert count * 141 >= len(found) * 115
