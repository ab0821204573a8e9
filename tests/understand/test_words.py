import pytest

from playground.understand.words import code, listed, span

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "less than a second"),
        (SECOND, "1 s"),
        (70 * SECOND, "1 min 10 s"),
        (2 * HOUR, "2 h"),
        (26 * HOUR, "1 day 2 h"),
        (30 * DAY, "30 days"),
        (30 * DAY - SECOND, "30 days"),
        (10 * MINUTE - SECOND, "9 min 59 s"),
        (400 * DAY, "400 days"),
    ],
)
def test_spans_have_two_units_at_most(ms: int, words: str) -> None:
    assert span(ms) == words


def test_lists_count_what_they_leave_out() -> None:
    assert listed(list("abcdefgh"), 3) == "a, b, c and 5 more"
    assert listed(list("abcd"), 3) == "a, b, c and d"


def test_code_is_one_short_line() -> None:
    assert code("a `b`\n c") == "`a 'b' c`"
    assert len(code("x" * 500)) == 92
