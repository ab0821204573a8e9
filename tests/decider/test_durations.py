"""The times a WAIT understands."""

import pytest

from playground.decider.durations import duration_seconds, instant_ms


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("2 hours 30m", 9000),
        ("1d", 86_400),
        ("1 DAY 1 hr 1 min 1 sec", 90_061),
        ("0 seconds", 0),
        ("5", None),
        ("", None),
        ("30m 2h", None),
        ("soon", None),
        ("-1s", None),
    ],
)
def test_duration(text: str, seconds: int | None) -> None:
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("1970-01-02", 86_400_000),
        ("1970-01-01 01:00", 3_600_000),
        ("1970-01-01 01:00 GMT+01:00", 0),
        ("1970-01-01 01:00 Europe/Berlin", 0),
        ("1970-01-01 00:00 UTC", 0),
        ("1970-13-01", None),
        ("1970-01-01 00:00 Nowhere/Land", None),
        ("1970-01-01 00:00 ../../etc/passwd", None),
        ("tomorrow", None),
    ],
)
def test_instant(text: str, milliseconds: int | None) -> None:
    assert instant_ms(text) == milliseconds
