"""The engine's behaviour table has 190 rows; each is pinned by a test that is named after it.

`test_row_092_…` is one row, `test_rows_096_097_…` are two, `test_rows_026_to_028_…` a range. The
rows are spread over the test packages, each where its subject is.
"""

import re
from pathlib import Path

HERE = Path(__file__).parent
ROWS = 190
NAMED = re.compile(r"^(?:async )?def test_rows?_(\d{3}(?:_(?:to_)?\d{3})*)_", re.MULTILINE)

OTHERWISE = {
    92: "a script is interrupted after 2 seconds, not 4: executors serve many namespaces",
}
"""Rows that are followed in another way, and why; their tests say what happens here."""


def _numbers(written: str) -> list[int]:
    """`096_097` is two rows, `026_to_028` is three."""
    first, to, last = written.partition("_to_")
    if to:
        return list(range(int(first), int(last) + 1))
    return [int(number) for number in written.split("_")]


def _named_rows() -> set[int]:
    return {
        number
        for path in HERE.rglob("test_*.py")
        for written in NAMED.findall(path.read_text())
        for number in _numbers(written)
    }


def test_every_row_has_a_test() -> None:
    assert set(range(1, ROWS + 1)) - _named_rows() == set()


def test_no_test_names_a_row_that_is_not() -> None:
    assert max(_named_rows()) <= ROWS


def test_few_rows_are_followed_otherwise() -> None:
    assert len(OTHERWISE) <= 5
    assert set(OTHERWISE) <= _named_rows()
