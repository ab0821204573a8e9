"""Decision tables: rows of conditions over named values, and what they decide. Pure.

The first line of the CSV names the columns. A cell of an input column is a condition:

    gold            equal to gold (numbers by value, true and false in any case)
    =gold  !=gold   equal, not equal
    > 10  <= 5      compared as numbers, else as dates, else as texts; also < and >=
    between 1 and 5 both ends included
    in (a, b)       one of a list; not in (a, b)
    contains x      the value, a list or a text, has x in it; not contains x
    empty, - or *   anything

Dates are `2024-12-31` or `12/31/2024`, the former with a time if wanted.
"""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from playground.expressions.java_text import java_text

MOST_ROWS = 10_000
MOST_COLUMNS = 200

_COMPARISON = re.compile(r"(<=|>=|!=|<>|==|=|<|>)\s*(.*)", re.DOTALL)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?")
_ANYTHING = ("", "-", "*")


class NotATable(Exception):
    """The text cannot be used as a decision table; the message is for the tenant."""


@dataclass(frozen=True)
class DecisionTable:
    """Column names, and the cells of each row, all of the same length."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def decide(
        self, given: Mapping[str, Any], wanted: Sequence[str], *, first_only: bool
    ) -> dict[str, Any]:
        """The `wanted` columns of the first row whose conditions all hold, or of all such rows,
        later ones over earlier ones. Empty when no row matches.

        Raises:
            NotATable: a column is missing.
        """
        for name in (*given, *wanted):
            if name not in self.columns:
                raise NotATable(f"The rule file has no column {name}")
        tests = [(self.columns.index(name), value) for name, value in given.items()]
        results = [(name, self.columns.index(name)) for name in wanted]
        decided: dict[str, Any] = {}
        for row in self.rows:
            if all(holds(row[at], value) for at, value in tests):
                decided |= {name: _typed(row[at]) for name, at in results}
                if first_only:
                    break
        return decided


def read_table(text: str) -> DecisionTable:
    """The table in a CSV text; a row that is too short ends with empty cells.

    Raises:
        NotATable: it is no CSV, has no columns, or is too large.
    """
    try:
        lines = [
            tuple(cell.strip() for cell in line)
            for line in csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
            if any(cell.strip() for cell in line)
        ]
    except csv.Error as problem:
        raise NotATable(f"The rule file is not a CSV: {problem}") from problem
    if not lines:
        raise NotATable("The rule file is empty")
    columns, *rows = lines
    if len(columns) > MOST_COLUMNS or len(rows) > MOST_ROWS:
        raise NotATable(f"A rule file may have {MOST_ROWS} rows and {MOST_COLUMNS} columns")
    width = len(columns)
    return DecisionTable(columns, [(row + ("",) * width)[:width] for row in rows])


def holds(condition: str, value: Any) -> bool:
    """Whether a cell's condition is true of a value."""
    if condition in _ANYTHING:
        return True
    words = condition.lower()
    if words.startswith("between ") and (at := words.find(" and ")) > 0:
        low, high = condition[len("between ") : at].strip(), condition[at + len(" and ") :].strip()
        return _compared(value, low, ">=") and _compared(value, high, "<=")
    negated = words.startswith(("not in", "not contains "))
    rest = condition[4:].lstrip() if negated else condition
    among = _among(rest)
    if among is not None:
        return any(_equal(value, one.strip()) for one in among.split(",")) != negated
    if rest.lower().startswith("contains "):
        return _has(value, rest[len("contains ") :].strip()) != negated
    if match := _COMPARISON.fullmatch(condition):
        return _compared(value, match[2].strip(), match[1])
    return _equal(value, condition)


def _among(condition: str) -> str | None:
    """What stands in the brackets of `in (a, b)`, None for another condition."""
    inside = condition[2:].strip()
    if condition[:2].lower() != "in" or not inside.startswith(("(", "[")):
        return None
    return inside[1:-1] if inside.endswith((")", "]")) else None


def _has(value: Any, wanted: str) -> bool:
    if isinstance(value, list):
        return any(_equal(one, wanted) for one in value)
    return value is not None and wanted.strip("\"'") in java_text(value)


def _equal(value: Any, cell: str) -> bool:
    if isinstance(value, list | dict):
        return java_text(value) == cell
    text = cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'" else cell
    if isinstance(value, bool) or value is None:
        return java_text(value) == text.lower()
    mine, other = _number(value), _number(text)
    if mine is not None and other is not None:
        return mine == other
    return java_text(value) == text


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _compared(value: Any, cell: str, sign: str) -> bool:
    if sign in ("=", "=="):
        return _equal(value, cell)
    if sign in ("!=", "<>"):
        return not _equal(value, cell)
    if value is None or isinstance(value, bool | list | dict):
        return False
    for read in (_number, _date):
        mine, other = read(value), read(cell)
        if mine is not None and other is not None:
            return _ORDERS[sign](mine, other)
    return _ORDERS[sign](java_text(value), cell)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number == number else None


def _date(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return _american(value)
    return moment.replace(tzinfo=None)


def _american(text: str) -> datetime | None:
    match = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text.strip())
    if match is None:
        return None
    try:
        day = date(int(match[3]), int(match[1]), int(match[2]))
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 - compared among themselves


def _typed(cell: str) -> Any:
    """A result as a spreadsheet would hold it: plain numbers and booleans are not texts."""
    if cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    if match := _NUMBER.fullmatch(cell):
        return float(cell) if match[2] else int(cell)
    return cell
