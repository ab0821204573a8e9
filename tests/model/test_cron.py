"""Pins cron: the grammar, the next run against a slow oracle, zones, refusals and words."""

import calendar
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground.model import cron
from playground.model.errors import Invalid

QUARTER_MS = 900_000
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]

Numbers = tuple[str, Callable[[int], bool]]
Days = tuple[str, Callable[[date], bool]]


def ms(text: str) -> int:
    """Epoch milliseconds of an ISO time with an offset."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def runs(text: str, zone: str, after: str, count: int) -> list[str]:
    """The next runs as ISO times in the zone."""
    there = ZoneInfo(zone)
    found = islice(cron.runs_after(cron.parse(text), there, ms(after)), count)
    return [datetime.fromtimestamp(at / 1000, UTC).astimezone(there).isoformat() for at in found]


# What a field says, twice: as its text and as a naive test of one number or one date.


def numbers(values: list[int]) -> st.SearchStrategy[Numbers]:
    low, high = values[0], values[-1]
    one = st.sampled_from(values)

    def several(given: list[int]) -> Numbers:
        return ",".join(map(str, given)), lambda n: n in given

    def span(ends: tuple[int, int]) -> Numbers:
        first, last = sorted(ends)
        return f"{first}-{last}", lambda n: first <= n <= last

    def stepped(given: tuple[int, int]) -> Numbers:
        first, step = given
        return f"{first}/{step}", lambda n: n >= first and (n - first) % step == 0

    return st.one_of(
        st.just(("*", lambda n: low <= n <= high)),
        st.lists(one, min_size=1, max_size=3, unique=True).map(several),
        st.tuples(one, one).map(span),
        st.tuples(one, st.sampled_from([1, 2, 5, 7])).map(stepped),
    )


quarters_of_an_hour: st.SearchStrategy[Numbers] = st.one_of(
    st.lists(st.sampled_from([0, 15, 30, 45]), min_size=1, max_size=3, unique=True).map(
        lambda given: (",".join(map(str, given)), lambda n: n in given)
    ),
    st.sampled_from([15, 30, 45]).map(lambda n: (f"*/{n}", lambda minute: minute % n == 0)),
)


def of_date(field: str, given: Numbers) -> Days:
    text, matches = given
    return text, lambda day: matches(getattr(day, field))


def length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def nearest(wanted: int) -> Callable[[date], bool]:
    def matches(day: date) -> bool:
        if wanted > length(day):
            return False
        workdays = [d for d in range(1, length(day) + 1) if day.replace(day=d).weekday() < 5]
        # Of two equally near, Saturday's is before and Sunday's after: never more than two away.
        return day.day == min(workdays, key=lambda d: (abs(d - wanted), -d if d > wanted else d))

    return matches


def last_workday(day: date) -> bool:
    workdays = [d for d in range(1, length(day) + 1) if day.replace(day=d).weekday() < 5]
    return day.day == workdays[-1]


days_of_month: st.SearchStrategy[Days] = st.one_of(
    numbers(list(range(1, 32))).map(lambda given: of_date("day", given)),
    st.just(("?", lambda day: True)),
    st.just(("L", lambda day: day.day == length(day))),
    st.just(("LW", last_workday)),
    st.integers(1, 9).map(lambda n: (f"L-{n}", lambda day: day.day == length(day) - n)),
    st.integers(1, 31).map(lambda n: (f"{n}W", nearest(n))),
)
months: st.SearchStrategy[Days] = st.one_of(
    numbers(list(range(1, 13))).map(lambda given: of_date("month", given)),
    st.integers(0, 11).map(lambda n: (MONTHS[n], lambda day: day.month == n + 1)),
)


def on(*weekdays: int) -> Callable[[date], bool]:
    """Weekdays as cron counts them: 0 and 7 are Sunday."""
    return lambda day: day.isoweekday() % 7 in {weekday % 7 for weekday in weekdays}


weekdays: st.SearchStrategy[Days] = st.one_of(
    st.sampled_from(["*", "?"]).map(lambda text: (text, lambda day: True)),
    st.integers(0, 7).map(lambda n: (str(n), on(n))),
    st.integers(1, 7).map(lambda n: (DAYS[n].lower(), on(n))),
    st.tuples(st.integers(0, 6), st.integers(0, 6)).map(
        lambda ends: (f"{min(ends)}-{max(ends)}", on(*range(min(ends), max(ends) + 1)))
    ),
    st.tuples(st.integers(0, 7), st.integers(1, 5)).map(
        lambda g: (
            f"{g[0]}#{g[1]}",
            lambda day: on(g[0])(day) and (day.day - 1) // 7 + 1 == g[1],
        )
    ),
    st.integers(0, 7).map(lambda n: (f"{n}L", lambda d: on(n)(d) and d.day + 7 > length(d))),
)
ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Amsterdam",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Havana",
    "Africa/Casablanca",
    "Pacific/Apia",
]


@settings(max_examples=150, deadline=None)
@given(
    minute=quarters_of_an_hour,
    hour=numbers(list(range(24))),
    day=days_of_month,
    month=months,
    weekday=weekdays,
    zone=st.sampled_from(ZONES),
    # Around changes of the clock, a leap day, and the date that Samoa left out.
    start=st.sampled_from(
        ["2026-03-06", "2026-10-23", "2028-02-27", "2011-12-28", "2026-04-02", "2026-11-01"]
    ),
    quarters=st.integers(0, 400),
)
def test_next_run_is_the_one_found_by_trying_every_quarter(
    minute: Numbers,
    hour: Numbers,
    day: Days,
    month: Days,
    weekday: Days,
    zone: str,
    start: str,
    quarters: int,
) -> None:
    expression = f"0 {minute[0]} {hour[0]} {day[0]} {month[0]} {weekday[0]}"
    after = ms(f"{start}T00:00:00+00:00") + quarters * QUARTER_MS
    there = ZoneInfo(zone)

    def matches(at_ms: int) -> bool:
        at = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(there)
        of_day = minute[1](at.minute) and hour[1](at.hour)
        return of_day and day[1](at.date()) and month[1](at.date()) and weekday[1](at.date())

    window = range(after + QUARTER_MS, after + 20 * 96 * QUARTER_MS, QUARTER_MS)
    expected = next((at for at in window if matches(at)), None)

    found = cron.next_after(cron.parse(expression), there, after)

    assert (found if found in window else None) == expected, expression


@settings(max_examples=100, deadline=None)
@given(
    second=numbers(list(range(60))), minute=numbers(list(range(60))), offset=st.integers(0, 7_000)
)
def test_next_run_is_the_one_found_by_trying_every_second(
    second: Numbers, minute: Numbers, offset: int
) -> None:
    # From half past midnight in New York on the night when one o'clock comes twice.
    after = ms("2026-11-01T04:30:00+00:00") + offset * 1000
    window = range(after + 1000, after + 2 * 3_600_000, 1000)
    expected = next(
        at for at in window if second[1](at // 1000 % 60) and minute[1](at // 60_000 % 60)
    )

    expression = cron.parse(f"{second[0]} {minute[0]} * * * *")

    assert cron.next_after(expression, ZoneInfo("America/New_York"), after) == expected


@pytest.mark.parametrize(
    ("text", "zone", "after", "expected"),
    [
        pytest.param(
            "0 10 2 * * *",
            "Europe/Amsterdam",
            "2013-03-30T03:00:00+01:00",
            ["2013-04-01T02:10:00+02:00", "2013-04-02T02:10:00+02:00"],
            id="a time that spring leaves out is no run",
        ),
        pytest.param(
            "0 30 1 * * *",
            "America/New_York",
            "2026-10-31T02:00:00-04:00",
            ["2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00", "2026-11-02T01:30:00-05:00"],
            id="a time that comes twice runs twice",
        ),
        pytest.param(
            "0 0 9 * * *",
            "Europe/Amsterdam",
            "2021-03-27T09:00:00+01:00",
            ["2021-03-28T09:00:00+02:00", "2021-03-29T09:00:00+02:00"],
            id="nine o'clock stays nine o'clock",
        ),
        pytest.param(
            "0 0 */2 * * *",
            "Africa/Cairo",
            "2025-04-24T21:00:00+02:00",
            ["2025-04-24T22:00:00+02:00", "2025-04-25T02:00:00+03:00"],
            id="a missing midnight does not lose the day",
        ),
        pytest.param(
            "0 0 12 * * *",
            "Pacific/Apia",
            "2011-12-29T13:00:00-10:00",
            ["2011-12-31T12:00:00+14:00"],
            id="a date that was left out",
        ),
        pytest.param(
            "0 0 * * * *",
            "Australia/Lord_Howe",
            "2026-04-05T00:30:00+11:00",
            ["2026-04-05T01:00:00+11:00", "2026-04-05T02:00:00+10:30"],
            id="half an hour of daylight saving",
        ),
        pytest.param(
            "0 0 0 29 2 *",
            "UTC",
            "2096-03-01T00:00:00+00:00",
            ["2104-02-29T00:00:00+00:00"],
            id="eight years to the next leap day",
        ),
        pytest.param(
            "0 0 0 29 2 MON",
            "Europe/Paris",
            "2072-03-01T00:00:00+00:00",
            ["2112-02-29T00:00:00+01:00"],
            id="forty years to the next such day",
        ),
        pytest.param(
            "0 0 0 1W,15W,31W * ?",
            "UTC",
            "2026-08-01T00:00:00+00:00",
            [
                "2026-08-03T00:00:00+00:00",
                "2026-08-14T00:00:00+00:00",
                "2026-08-31T00:00:00+00:00",
                "2026-09-01T00:00:00+00:00",
                "2026-09-15T00:00:00+00:00",
                "2026-10-01T00:00:00+00:00",
            ],
            id="the nearest weekday stays in its month",
        ),
        pytest.param(
            "0 0 0 13 * FRI",
            "UTC",
            "2026-03-14T00:00:00+00:00",
            ["2026-11-13T00:00:00+00:00"],
            id="both day fields must match",
        ),
    ],
)
def test_runs(text: str, zone: str, after: str, expected: list[str]) -> None:
    assert runs(text, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    ("macro", "first"),
    [
        ("@yearly", "2027-01-01T00:00:00+00:00"),
        ("@annually", "2027-01-01T00:00:00+00:00"),
        ("@monthly", "2026-06-01T00:00:00+00:00"),
        ("@weekly", "2026-05-10T00:00:00+00:00"),
        ("@daily", "2026-05-07T00:00:00+00:00"),
        ("@midnight", "2026-05-07T00:00:00+00:00"),
        ("@Hourly", "2026-05-06T08:00:00+00:00"),
    ],
)
def test_macros(macro: str, first: str) -> None:
    assert runs(macro, "UTC", "2026-05-06T07:08:09+00:00", 1) == [first]


@pytest.mark.parametrize("text", ["0 0 0 30 2 *", "0 0 0 31 4,6,9 *", "0 0 0 15W * SUN"])
def test_a_date_that_never_comes_is_none(text: str) -> None:
    assert cron.next_after(cron.parse(text), cron.zone("UTC"), 0) is None


@pytest.mark.parametrize("after_ms", [-(2**63), 2**63, 253_402_300_799_000])
def test_no_instant_is_too_far(after_ms: int) -> None:
    found = cron.next_after(cron.parse("@hourly"), cron.zone("Asia/Tokyo"), after_ms)

    assert found is None or found == 3_600_000


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("* * * * *", "5 fields and not six"),
        ("", "0 fields"),
        ("60 * * * * *", "second field takes 0 to 59, not 60"),
        ("* x * * * *", "minute field can not be 'X'"),
        ("* * 24 * * *", "hour field takes 0 to 23, not 24"),
        ("* * * 0 * *", "day-of-month field takes 1 to 31, not 0"),
        ("* * * L-31 * *", "day-of-month field takes L-0 to L-30"),
        ("* * * * 13 *", "month field takes 1 to 12, not 13"),
        ("* * * * * 8", "day-of-week field takes 0 to 7, not 8"),
        ("* * * * * L", "a day goes before L"),
        ("* * * * * MON#6", "day-of-week field takes #1 to #5"),
        ("* * * * * FRI-MON", "day-of-week range 'FRI-MON' must go from low to high"),
        ("*/0 * * * * *", "second step '*/0' must be 1 or more"),
        ("5, * * * * *", "second field can not be ''"),
        ("? * * * * *", "second field can not be '?'"),
        ("@often", "there is no @often"),
        ("* " * 200, "longer than 256 characters"),
    ],
)
def test_a_refusal_names_the_field(text: str, names: str) -> None:
    with pytest.raises(Invalid, match="Invalid cron expression") as refused:
        cron.parse(text)

    assert names in refused.value.message


@given(st.text("0123456789*/-,?LW# @ADFIJMNORSTU", max_size=30))
def test_any_text_is_read_or_refused_with_reason(text: str) -> None:
    try:
        read = cron.parse(text)
    except Invalid:
        return

    assert cron.in_words(read)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime", "a\0b"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="Unknown time zone"):
        cron.zone(name)


def test_next_few_stay_between_start_and_end() -> None:
    start, end = ms("2026-01-01T06:00:00+00:00"), ms("2026-01-01T08:00:00+00:00")

    found = cron.next_few(
        cron.parse("@hourly"), cron.zone("UTC"), 0, most=5, start_ms=start, end_ms=end
    )

    assert found == [start, start + 3_600_000, end]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 0 9 ? * MON-FRI", "At 09:00, Monday to Friday"),
        ("*/10 * * * * *", "Every 10 seconds"),
        ("0 * * * * *", "Every minute"),
        ("* * * * * *", "Every second"),
        ("@hourly", "Every hour"),
        ("0 */15 9-17 * * 1-5", "Every 15 minutes, from 09:00 to 17:59, Monday to Friday"),
        ("0 0 0 L * ?", "At 00:00, on the last day of the month"),
        ("0 30 6 15W * *", "At 06:30, on the weekday nearest to day 15 of the month"),
        (
            "0 0 12 ? * MON#1,5L",
            "At 12:00, the first Monday of the month and the last Friday of the month",
        ),
        ("@yearly", "At 00:00, on day 1, in January"),
        ("0 0,30 8 */2 * *", "At 08:00 and 08:30, on every 2nd day"),
        ("30 0 * * * *", "At second 30, at minute 0 of every hour"),
        ("0 0 0 13 * FRI", "At 00:00, on day 13, but only if it is Friday"),
        ("0 0 */6 ? JAN-MAR *", "At 00:00, 06:00, 12:00 and 18:00, in January to March"),
    ],
)
def test_in_words(text: str, words: str) -> None:
    assert cron.in_words(cron.parse(text)) == words
