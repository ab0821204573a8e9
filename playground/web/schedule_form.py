"""The form of a schedule, and what a cron expression means: picture, words, next runs.

The engine's own parser decides what an expression means; nothing is guessed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

from playground.model import cron
from playground.model.definitions import JSONObject
from playground.model.errors import Invalid
from playground.model.schedules import MAX_RUNS_SHOWN, CronSchedule
from playground.web.fields import Field, Kind, Section
from playground.web.resources import one_word, suggestions

TEMPLATES: Final = (
    ("0 * * * * *", "Every minute"),
    ("0 */5 * * * *", "Every five minutes"),
    ("0 0 * * * *", "Every hour"),
    ("0 0 9 * * *", "Every day at 09:00"),
    ("0 0 9 * * MON-FRI", "From Monday to Friday at 09:00"),
    ("0 30 8 * * MON", "Every Monday at 08:30"),
    ("0 0 0 1 * *", "On the first day of the month"),
    ("0 0 18 LW * *", "On the last weekday of the month at 18:00"),
    ("0 0 10 * * MON#1", "On the first Monday of the month at 10:00"),
    ("0 0 0 1 JAN,APR,JUL,OCT *", "Every quarter"),
)
_PARTS: Final = ("Second", "Minute", "Hour", "Day of month", "Month", "Day of week")
_STRATEGIES: Final = (
    ("", "Always start a new execution"),
    ("RETURN_EXISTING", "Keep the existing execution"),
    ("FAIL", "Fail when the key was used"),
    ("FAIL_ON_RUNNING", "Fail while one with the key runs"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CronPart:
    """One of the six fields: what it is called, what is written there, the numbers it takes."""

    name: str
    text: str
    takes: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NextRun:
    """An instant as the wall clock of the schedule's zone shows it, and how far off it is."""

    wall: str
    zone: str
    at_ms: int
    in_ms: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What an expression means: the picture, the words, the next runs; or what is wrong."""

    parts: tuple[CronPart, ...]
    words: tuple[str, ...]
    runs: tuple[NextRun, ...]
    zone: str
    problem: str = ""


def _zone_of(texts: Mapping[str, str]) -> str:
    return one_word(texts.get("zoneId", "")) or "UTC"


def _wall_text(value: Any, document: JSONObject) -> str:
    """Epoch milliseconds as the wall time of the schedule's zone."""
    if not isinstance(value, int) or not value:
        return ""
    try:
        zone = cron.zone(str(document.get("zoneId") or "UTC"))
        return datetime.fromtimestamp(value / 1000, zone).strftime("%Y-%m-%dT%H:%M:%S")
    except (Invalid, ValueError, OverflowError, OSError):
        return ""


def _wall_value(text: str, texts: Mapping[str, str]) -> int | None:
    if not text.strip():
        return None
    try:
        wall = datetime.fromisoformat(text.strip())
        zone = cron.zone(_zone_of(texts))
        return int(wall.replace(tzinfo=zone).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Invalid("Give a date and a time.") from None


def _entries_text(value: Any, _: JSONObject) -> str:
    """Each entry as a line: six fields, then the zone."""
    entries = value if isinstance(value, list) else []
    return "\n".join(
        " ".join(str(entry.get(key) or "") for key in ("cronExpression", "zoneId")).strip()
        for entry in entries
        if isinstance(entry, dict)
    )


def _entries_value(text: str, texts: Mapping[str, str]) -> list[JSONObject] | None:
    entries = []
    for line in text.split("\n"):
        words = line.split()
        count = 1 if words[:1] and words[0].startswith("@") else len(cron.FIELDS)
        if words:
            zone = " ".join(words[count:]) or _zone_of(texts)
            entries.append({"cronExpression": " ".join(words[:count]), "zoneId": zone})
    return entries or None


def sections(*, is_new: bool, workflows: tuple[str, ...] = ()) -> tuple[Section, ...]:
    request = "startWorkflowRequest"
    return (
        Section(
            title="Schedule",
            fields=(
                Field(name="name", label="Name", required=True, is_fixed=not is_new),
                Field(name="description", label="Description"),
            ),
        ),
        Section(
            title="When",
            fields=(
                Field(
                    name="cronExpression",
                    label="Cron expression",
                    placeholder="0 0 9 * * MON-FRI",
                ),
                Field(name="zoneId", label="Time zone", default="UTC"),
                Field(
                    name="scheduleStartTime",
                    label="Not before",
                    control="datetime-local",
                    show=_wall_text,
                    read=_wall_value,
                ),
                Field(
                    name="scheduleEndTime",
                    label="Not after",
                    control="datetime-local",
                    show=_wall_text,
                    read=_wall_value,
                ),
                Field(
                    name="runCatchupScheduleInstances",
                    label="Catch up",
                    kind=Kind.CHECK,
                    hint="Start the runs that were missed, one after the other.",
                ),
                Field(
                    name="cronSchedules",
                    label="Several expressions",
                    kind=Kind.TEXT,
                    show=_entries_text,
                    read=_entries_value,
                    placeholder="0 0 9 * * MON-FRI Europe/Berlin\n0 0 11 * * SAT Europe/Berlin",
                    hint="One a line: six fields, then a zone. They replace the expression above.",
                ),
            ),
        ),
        Section(
            title="What it starts",
            fields=(
                Field(
                    name=f"{request}.name",
                    label="Workflow",
                    required=True,
                    choices=suggestions(workflows),
                    also=(request,),
                ),
                Field(
                    name=f"{request}.version",
                    label="Version",
                    kind=Kind.NUMBER,
                    placeholder="Latest",
                    is_short=True,
                ),
                Field(
                    name=f"{request}.input",
                    label="Input",
                    kind=Kind.JSON,
                    default="{}",
                    hint="Runs also get `_scheduledTime` and `_startedByScheduler`.",
                ),
            ),
        ),
        Section(
            title="More about the execution",
            is_open=False,
            fields=(
                Field(name=f"{request}.correlationId", label="Correlation id"),
                Field(
                    name=f"{request}.priority",
                    label="Priority",
                    kind=Kind.NUMBER,
                    placeholder="0",
                    hint="0 to 99; a higher one goes first.",
                    is_short=True,
                ),
                Field(name=f"{request}.idempotencyKey", label="Idempotency key"),
                Field(
                    name=f"{request}.idempotencyStrategy",
                    label="When the key was used before",
                    kind=Kind.CHOICE,
                    choices=_STRATEGIES,
                ),
                Field(
                    name=f"{request}.taskToDomain",
                    label="Tasks to domains",
                    kind=Kind.JSON,
                    placeholder='{"*": "my-laptop"}',
                    hint="Which workers take which tasks: task type to domain.",
                ),
            ),
        ),
    )


def next_run(at_ms: int, zone_name: str, now_ms: int) -> NextRun:
    zone = cron.zone(zone_name)
    return NextRun(
        wall=datetime.fromtimestamp(at_ms / 1000, zone).strftime("%a %-d %b %Y, %H:%M:%S"),
        zone=zone_name,
        at_ms=at_ms,
        in_ms=max(at_ms - now_ms, 0),
    )


def preview_of(texts: Mapping[str, str], now_ms: int) -> Preview:
    """What the fields mean; the engine's own parser decides."""
    text, zone = " ".join(texts.get("cronExpression", "").split()), _zone_of(texts)
    try:
        several = _entries_value(texts.get("cronSchedules", ""), texts) or []
        entries = [
            CronSchedule(cron_expression=one["cronExpression"], zone_id=one["zoneId"])
            for one in several
        ] or [CronSchedule(cron_expression=text, zone_id=zone)]
        words = tuple(cron.in_words(cron.parse(one.cron_expression)) for one in entries)
        limits = [_wall_value(texts.get(name, ""), texts) for name in _LIMITS]
        runs = _next_runs(entries, limits, now_ms)
    except Invalid as error:
        return Preview(parts=_parts(text), words=(), runs=(), zone=zone, problem=error.message)
    return Preview(parts=_parts(text), words=words, runs=runs, zone=zone)


_LIMITS: Final = ("scheduleStartTime", "scheduleEndTime")


def _next_runs(
    entries: Sequence[CronSchedule], limits: Sequence[int | None], now_ms: int
) -> tuple[NextRun, ...]:
    found = [
        (at_ms, entry.zone_id)
        for entry in entries
        for at_ms in cron.next_few(
            cron.parse(entry.cron_expression),
            cron.zone(entry.zone_id),
            now_ms,
            most=MAX_RUNS_SHOWN,
            start_ms=limits[0],
            end_ms=limits[1],
        )
    ]
    return tuple(next_run(at, zone, now_ms) for at, zone in sorted(found)[:MAX_RUNS_SHOWN])


def _parts(text: str) -> tuple[CronPart, ...]:
    """Six brackets, whatever is written: what is missing shows as an empty one."""
    try:
        words = cron.parse(text).parts
    except Invalid:
        words = tuple((*text.split(), *[""] * len(_PARTS))[: len(_PARTS)])  # type: ignore[assignment]
    return tuple(
        CronPart(name=name, text=word, takes=f"{field.low}-{field.high}")
        for name, word, field in zip(_PARTS, words, cron.FIELDS, strict=True)
    )


@cache
def zones() -> tuple[str, ...]:
    """The zones that people choose from; any other name of the IANA database is taken too."""
    return tuple(sorted(one for one in available_timezones() if "/" in one[1:] or one == "UTC"))
