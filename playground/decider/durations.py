"""The times a WAIT understands: `2 hours 30m`, `2026-12-24 18:00 Europe/Berlin`. No clock here."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_DURATION = re.compile(
    r"""\s*
    (?:(\d{1,9})\s*(?:days|day|d)\s*)?
    (?:(\d{1,9})\s*(?:hours|hour|hrs|hr|h)\s*)?
    (?:(\d{1,9})\s*(?:minutes|minute|mins|min|m)\s*)?
    (?:(\d{1,9})\s*(?:seconds|second|secs|sec|s)\s*)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SECONDS = (86_400, 3_600, 60, 1)

_UNTIL = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?: (\d{2}):(\d{2})(?: (\S+))?)?")
_OFFSET = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2}):?(\d{2})?")


def duration_seconds(text: str) -> int | None:
    """Seconds of a duration in Conductor's notation; None when it is not one."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return sum(int(part or 0) * unit for part, unit in zip(match.groups(), _SECONDS, strict=True))


def instant_ms(text: str) -> int | None:
    """Epoch milliseconds of `yyyy-MM-dd[ HH:mm[ zone]]`, UTC without a zone; None if unreadable."""
    match = _UNTIL.fullmatch(text.strip())
    if match is None:
        return None
    zone = _zone(match[6]) if match[6] else UTC
    if zone is None:
        return None
    year, month, day, hour, minute = (int(part or 0) for part in match.groups()[:5])
    try:
        moment = datetime(year, month, day, hour, minute, tzinfo=zone)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _zone(name: str) -> tzinfo | None:
    if match := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
        if offset >= timedelta(hours=24):
            return None
        return timezone(offset if match[1] == "+" else -offset)
    if name in _ABBREVIATIONS:
        return UTC
    if not re.fullmatch(r"[A-Za-z]+(?:[/_+-][A-Za-z0-9]+)*", name):
        return None
    try:
        return ZoneInfo(_ALIASES.get(name, name))
    except (KeyError, ValueError, OSError):
        return None


_ABBREVIATIONS = frozenset({"Z", "GMT", "UTC"})
_ALIASES = {
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "MST": "America/Denver",
    "CST": "America/Chicago",
    "EST": "America/New_York",
    "EDT": "America/New_York",
    "CET": "Europe/Paris",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
}
