"""Cron expressions: six fields, `second minute hour day-of-month month day-of-week`, and zones.

Grammar and meaning follow Spring's `CronExpression`, which Conductor uses: `*`, `?`, lists,
ranges, steps, names, `L`, `W` and `#`, the macros, and a day must match day-of-month *and*
day-of-week. A run is an instant whose wall time in the zone matches every field: a wall time that
the zone leaves out in spring is no run that day, one that comes twice in autumn runs twice. The
next run is found from the fields, never by trying seconds. Pure: time is an argument.
"""

import calendar
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from playground.model.errors import Invalid

MAX_CHARACTERS: Final = 256
_MACROS: Final = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

# The same date falls on the same weekday within 40 years at the latest: 29 February around a
# century that is no leap year. What has not come by then never comes.
_YEARS_AHEAD: Final = 41
_LAST_YEAR: Final = 9_900
_LAST_MS: Final = int(datetime(_LAST_YEAR, 1, 1, tzinfo=UTC).timestamp()) * 1000
_DAY: Final = 86_400
# Zones differ by at most 26 hours, so wall times more than two days apart never change places.
_MARGIN: Final = 2 * _DAY
_STRIDE: Final = 6 * 3600
"""No zone changes its offset twice within six hours."""


@dataclass(frozen=True, slots=True)
class Field:
    """One of the six: `name` as errors call it, the numbers it takes and the words for them."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


SECOND: Final = Field("second", 0, 59)
MINUTE: Final = Field("minute", 0, 59)
HOUR: Final = Field("hour", 0, 23)
DAY_OF_MONTH: Final = Field("day-of-month", 1, 31)
MONTH: Final = Field("month", 1, 12, MONTHS)
DAY_OF_WEEK: Final = Field("day-of-week", 0, 7, WEEKDAYS)
FIELDS: Final = (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression as sets of numbers; the two day fields also hold what depends on the month."""

    text: str
    parts: tuple[str, str, str, str, str, str]
    """The six fields in upper case, macros written out and `?` as `*`."""
    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    days: tuple["DayOfMonth", ...]
    weekdays: tuple["DayOfWeek", ...]


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """Days of any month: numbers, or counted from its end, or the weekday nearest to one of them.

    `from_end` is 0 for the last day, 1 for the one before it.
    """

    numbers: frozenset[int] = frozenset()
    from_end: int | None = None
    nearest_weekday: bool = False

    def of(self, year: int, month: int) -> frozenset[int]:
        """The days of this month, from 1."""
        length = calendar.monthrange(year, month)[1]
        days = self.numbers if self.from_end is None else frozenset((length - self.from_end,))
        days = frozenset(day for day in days if 1 <= day <= length)
        if not self.nearest_weekday:
            return days
        if self.from_end is not None:
            return frozenset(_last_weekday(year, month, day) for day in days)
        return frozenset(_nearest_weekday(year, month, day, length) for day in days)


@dataclass(frozen=True, slots=True)
class DayOfWeek:
    """Weekdays (0 is Monday), each one of the month or its n-th: 1 to 5, or -1 for the last."""

    weekdays: frozenset[int]
    nth: int = 0

    def of(self, year: int, month: int) -> frozenset[int]:
        """The days of this month, from 1."""
        first_weekday, length = calendar.monthrange(year, month)
        days: set[int] = set()
        for weekday in self.weekdays:
            every = range(1 + (weekday - first_weekday) % 7, length + 1, 7)
            if not self.nth:
                days.update(every)
            elif self.nth <= len(every):
                days.add(every[self.nth - 1 if self.nth > 0 else -1])
        return frozenset(days)


@lru_cache(maxsize=4096)
def parse(text: str) -> Cron:
    """The expression in `text`; raises `Invalid` naming the field that can not be read."""
    if len(text) > MAX_CHARACTERS:
        raise _invalid(text[:50] + "…", f"is longer than {MAX_CHARACTERS} characters")
    written = text.strip()
    if written.startswith("@") and written.lower() not in _MACROS:
        raise _invalid(text, f"there is no {written}; there are {', '.join(_MACROS)}")
    fields = _MACROS.get(written.lower(), written).upper().split()
    if len(fields) != len(FIELDS):
        raise _invalid(
            text,
            f"it has {len(fields)} fields and not six: "
            "second minute hour day-of-month month day-of-week",
        )
    second, minute, hour, day, month, weekday = fields
    day, weekday = ("*" if part == "?" else part for part in (day, weekday))
    return Cron(
        text=text,
        parts=(second, minute, hour, day, month, weekday),
        seconds=tuple(sorted(_numbers(text, SECOND, second))),
        minutes=tuple(sorted(_numbers(text, MINUTE, minute))),
        hours=tuple(sorted(_numbers(text, HOUR, hour))),
        months=_numbers(text, MONTH, month),
        days=tuple(_day_of_month(text, element) for element in _elements(day)),
        weekdays=tuple(_day_of_week(text, element) for element in _elements(weekday)),
    )


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """The zone of that name of the IANA database; raises `Invalid` for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"Unknown time zone: {name[:100]}") from None


def next_after(cron: Cron, zone: ZoneInfo, after_ms: int) -> int | None:
    """The first run strictly after an instant, in epoch milliseconds; None when none comes."""
    if after_ms >= _LAST_MS:
        return None
    at = max(after_ms, 0) // 1000 + 1
    while True:
        offset = _offset(zone, at)
        local = _next_local(cron, at + offset)
        if local is None:
            return None
        found = local - offset
        # Up to there the zone may change its offset, and with it which instant that wall time is.
        if found - at > 2 * _MARGIN:
            change = _first_change(zone, at, at + _MARGIN)
            at = found - _MARGIN if change is None else change
            continue
        change = _first_change(zone, at, found)
        if change is None:
            return found * 1000
        at = change


def runs_after(cron: Cron, zone: ZoneInfo, after_ms: int) -> Iterator[int]:
    """Every run after an instant, in order."""
    at: int | None = after_ms
    while at is not None and (at := next_after(cron, zone, at)) is not None:
        yield at


def next_few(
    cron: Cron,
    zone: ZoneInfo,
    after_ms: int,
    *,
    most: int,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> list[int]:
    """At most `most` runs after an instant, none before `start_ms` nor after `end_ms`."""
    if start_ms is not None:
        after_ms = max(after_ms, start_ms - 1)
    runs = islice(runs_after(cron, zone, after_ms), most)
    return [run for run in runs if end_ms is None or run <= end_ms]


def _offset(zone: ZoneInfo, at: int) -> int:
    """Seconds that wall time is ahead of UTC at an instant."""
    there = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return 0 if there is None else int(there.total_seconds())


def _first_change(zone: ZoneInfo, start: int, end: int) -> int | None:
    """The first instant in (start, end] with another offset than `start` has."""
    before, offset = start, _offset(zone, start)
    while before < end:
        after = min(before + _STRIDE, end)
        if _offset(zone, after) != offset:
            while after - before > 1:
                middle = (before + after) // 2
                if _offset(zone, middle) == offset:
                    before = middle
                else:
                    after = middle
            return after
        before = after
    return None


_EPOCH: Final = date(1970, 1, 1)


def _next_local(cron: Cron, local: int) -> int | None:
    """The first matching wall time at or after one; both as seconds since 1970 without a zone."""
    days, second_of_day = divmod(local, _DAY)
    today = _EPOCH + timedelta(days=days)
    if today.day in _days_of(cron, today.year, today.month):
        of_day = _time_from(cron, second_of_day)
        if of_day is not None:
            return days * _DAY + of_day
    following = _next_date(cron, today)
    if following is None:
        return None
    first = (cron.hours[0] * 60 + cron.minutes[0]) * 60 + cron.seconds[0]
    return (following - _EPOCH).days * _DAY + first


def _time_from(cron: Cron, second_of_day: int) -> int | None:
    """The first matching time of day at or after one, in seconds; None when that day has none."""
    hour, rest = divmod(second_of_day, 3600)
    minute, second = divmod(rest, 60)
    if hour in cron.hours:
        if minute in cron.minutes and (found := _at_least(cron.seconds, second)) is not None:
            return (hour * 60 + minute) * 60 + found
        if (later := _at_least(cron.minutes, minute + 1)) is not None:
            return (hour * 60 + later) * 60 + cron.seconds[0]
    if (later := _at_least(cron.hours, hour + 1)) is not None:
        return (later * 60 + cron.minutes[0]) * 60 + cron.seconds[0]
    return None


def _at_least(numbers: tuple[int, ...], number: int) -> int | None:
    place = bisect_left(numbers, number)
    return numbers[place] if place < len(numbers) else None


def _next_date(cron: Cron, today: date) -> date | None:
    """The first matching day after `today`."""
    year, month = today.year, today.month
    after = today.day
    while year <= min(today.year + _YEARS_AHEAD, _LAST_YEAR):
        later = [day for day in _days_of(cron, year, month) if day > after]
        if later:
            return date(year, month, min(later))
        year, month, after = (year + 1, 1, 0) if month == 12 else (year, month + 1, 0)
    return None


@lru_cache(maxsize=4096)
def _days_of(cron: Cron, year: int, month: int) -> frozenset[int]:
    """The days of a month on which it runs."""
    if month not in cron.months:
        return frozenset()
    by_number = frozenset[int]().union(*(element.of(year, month) for element in cron.days))
    by_weekday = frozenset[int]().union(*(element.of(year, month) for element in cron.weekdays))
    return by_number & by_weekday


def _nearest_weekday(year: int, month: int, day: int, length: int) -> int:
    """Monday to Friday nearest to a day, in the same month."""
    match calendar.weekday(year, month, day):
        case 5:
            return day - 1 if day > 1 else day + 2
        case 6:
            return day + 1 if day < length else day - 2
        case _:
            return day


def _last_weekday(year: int, month: int, day: int) -> int:
    """The last day from Monday to Friday at or before a day."""
    return day - max(0, calendar.weekday(year, month, day) - 4)


# Reading.


def _invalid(text: str, why: str) -> Invalid:
    return Invalid(f"Invalid cron expression '{text}': {why}")


def _elements(part: str) -> list[str]:
    return part.split(",")


def _numbers(text: str, field: Field, part: str) -> frozenset[int]:
    return frozenset[int]().union(*(_range(text, field, element) for element in _elements(part)))


_RANGE: Final = re.compile(r"(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/([0-9]{1,3}))?")


def _range(text: str, field: Field, element: str) -> frozenset[int]:
    """`*`, `5`, `5-9`, each also `/3`; `5/3` is from 5 to the end of the field."""
    found = _RANGE.fullmatch(element)
    if found is None or (found[1] == "*" and found[2]):
        raise _invalid(text, f"the {field.name} field can not be '{element}'")
    first, last, step = found.groups()
    if first == "*":
        # 7 is Sunday again.
        low, high = (1 if field is DAY_OF_WEEK else field.low), field.high
    else:
        low = _number(text, field, first)
        high = _number(text, field, last) if last else (field.high if step else low)
        if last and field is DAY_OF_WEEK and low == 7:
            low = 0
    if low > high:
        raise _invalid(text, f"the {field.name} range '{element}' must go from low to high")
    if step is not None and int(step) == 0:
        raise _invalid(text, f"the {field.name} step '{element}' must be 1 or more")
    return frozenset(range(low, high + 1, int(step or 1)))


def _number(text: str, field: Field, word: str) -> int:
    if word in field.words:
        return field.words.index(word) + 1
    if not word.isdigit():
        raise _invalid(text, f"the {field.name} field can not be '{word}'")
    if len(word) > 3 or not field.low <= int(word) <= field.high:
        raise _invalid(
            text, f"the {field.name} field takes {field.low} to {field.high}, not {word}"
        )
    return int(word)


_FROM_END: Final = re.compile(r"L(?:-([0-9]{1,2}))?(W)?")
_NEAREST: Final = re.compile(r"([0-9]{1,2})W")


def _day_of_month(text: str, element: str) -> DayOfMonth:
    if found := _FROM_END.fullmatch(element):
        from_end = int(found[1] or 0)
        if from_end > 30:
            raise _invalid(text, f"the day-of-month field takes L-0 to L-30, not {element}")
        return DayOfMonth(from_end=from_end, nearest_weekday=bool(found[2]))
    if found := _NEAREST.fullmatch(element):
        return DayOfMonth(frozenset((_number(text, DAY_OF_MONTH, found[1]),)), nearest_weekday=True)
    return DayOfMonth(_range(text, DAY_OF_MONTH, element))


_LAST_OF_KIND: Final = re.compile(r"([0-7]|[A-Z]{3})L")
_NTH_OF_KIND: Final = re.compile(r"([0-7]|[A-Z]{3})#([0-9]{1,2})")


def _day_of_week(text: str, element: str) -> DayOfWeek:
    if found := _LAST_OF_KIND.fullmatch(element):
        return DayOfWeek(frozenset((_weekday(text, found[1]),)), nth=-1)
    if found := _NTH_OF_KIND.fullmatch(element):
        if not 1 <= int(found[2]) <= 5:
            raise _invalid(text, f"the day-of-week field takes #1 to #5, not {element}")
        return DayOfWeek(frozenset((_weekday(text, found[1]),)), nth=int(found[2]))
    if element == "L":
        raise _invalid(text, "in the day-of-week field a day goes before L, for example 5L")
    return DayOfWeek(frozenset((day - 1) % 7 for day in _range(text, DAY_OF_WEEK, element)))


def _weekday(text: str, word: str) -> int:
    return (_number(text, DAY_OF_WEEK, word) - 1) % 7


# In words.

_DAY_NAMES: Final = tuple(calendar.day_name)
_MONTH_NAMES: Final = tuple(calendar.month_name)
_MOST_TIMES: Final = 6


def in_words(cron: Cron) -> str:
    """The expression as an English sentence: "At 09:00, Monday to Friday"."""
    said = [_time_in_words(cron)]
    _, _, _, day, month, weekday = cron.parts
    if day != "*":
        said.append(_listed([_day_in_words(element) for element in _elements(day)]))
    if weekday != "*":
        days = _listed([_weekday_in_words(element) for element in _elements(weekday)])
        said.append(days if day == "*" else f"but only if it is {days}")
    if month != "*":
        names = [_span_in_words(MONTH, element, _month_name) for element in _elements(month)]
        said.append("in " + _listed(names))
    return ", ".join(said)


def _time_in_words(cron: Cron) -> str:
    second, minute, hour = cron.parts[:3]
    times = len(cron.hours) * len(cron.minutes) * len(cron.seconds)
    if times <= _MOST_TIMES:
        every = [
            f"{time(h, m, s):%H:%M:%S}" if cron.seconds != (0,) else f"{time(h, m):%H:%M}"
            for h in cron.hours
            for m in cron.minutes
            for s in cron.seconds
        ]
        return "At " + _listed(every)
    said = []
    if cron.seconds != (0,) or minute == "*":
        said.append(_unit_in_words(second, cron.seconds, "second"))
    if minute != "*" and not (cron.minutes == (0,) and hour == "*"):
        said.append(_unit_in_words(minute, cron.minutes, "minute"))
    elif cron.seconds == (0,) and minute == "*":
        said = ["every minute"]
    if cron.minutes == (0,) and hour == "*":
        said.append("every hour" if cron.seconds == (0,) else "at minute 0 of every hour")
    elif hour != "*":
        said.append(_hours_in_words(hour, cron.hours))
    sentence = ", ".join(said)
    return sentence[0].upper() + sentence[1:]


_EVERY: Final = re.compile(r"(?:\*|0)/([0-9]+)")


def _unit_in_words(part: str, numbers: tuple[int, ...], unit: str) -> str:
    if part == "*":
        return f"every {unit}"
    if found := _EVERY.fullmatch(part):
        return f"every {found[1]} {unit}s" if int(found[1]) > 1 else f"every {unit}"
    if "-" in part and "," not in part and "/" not in part:
        return f"every {unit} from {numbers[0]} to {numbers[-1]}"
    return f"at {unit}{'s' if len(numbers) > 1 else ''} {_listed([str(n) for n in numbers])}"


def _hours_in_words(part: str, hours: tuple[int, ...]) -> str:
    if found := _EVERY.fullmatch(part):
        return f"every {found[1]} hours" if int(found[1]) > 1 else "every hour"
    if len(hours) > 1 and all(later - hour == 1 for hour, later in pairwise(hours)):
        return f"from {hours[0]:02}:00 to {hours[-1]:02}:59"
    return "in the hours " + _listed([f"{hour:02}" for hour in hours])


def _day_in_words(element: str) -> str:
    if found := _FROM_END.fullmatch(element):
        weekday = "weekday" if found[2] else "day"
        if not found[1]:
            return f"on the last {weekday} of the month"
        ahead = f"{found[1]} days before the last day of the month"
        return f"on the last weekday at or before {ahead}" if found[2] else ahead
    if found := _NEAREST.fullmatch(element):
        return f"on the weekday nearest to day {found[1]} of the month"
    return "on " + _span_in_words(DAY_OF_MONTH, element, lambda word: f"day {word}")


def _weekday_in_words(element: str) -> str:
    if found := _LAST_OF_KIND.fullmatch(element):
        return f"the last {_weekday_name(found[1])} of the month"
    if found := _NTH_OF_KIND.fullmatch(element):
        nth = ("first", "second", "third", "fourth", "fifth")[int(found[2]) - 1]
        return f"the {nth} {_weekday_name(found[1])} of the month"
    return _span_in_words(DAY_OF_WEEK, element, _weekday_name)


def _span_in_words(field: Field, element: str, say: Callable[[str], str]) -> str:
    found = _RANGE.fullmatch(element)
    if found is None:
        return element
    first, last, step = found.groups()
    if first == "*":
        unit = field.name.split("-")[0] if field is not DAY_OF_WEEK else "day of the week"
        return f"every {_ordinal(int(step))} {unit}" if step else f"every {unit}"
    said = f"{say(first)} to {say(last)}" if last else say(first) + (" on" if step else "")
    return said if not step else f"{said}, every {_ordinal(int(step))}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    if number == 1:
        return "single"
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"


def _listed(words: list[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _weekday_name(word: str) -> str:
    return _DAY_NAMES[_weekday(word, word)]


def _month_name(word: str) -> str:
    return _MONTH_NAMES[_number(word, MONTH, word)]
