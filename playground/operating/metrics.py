"""The numbers of one process as Prometheus text.

Everything is read when somebody asks, from plain numbers that their owners count
(`playground.measures` and attributes of the parts); the work itself knows nothing of Prometheus.
The clock also tells what no process counts: how much work waits, and the sandbox, which can open
no port.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from playground.egress import Egress
from playground.engine.runtime import Runtime
from playground.operating import queues
from playground.operating.queues import Waiting
from tenants.database import Role
from tenants.errors import TenantError
from tenants.rate_limits import RateLimiter

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SHARED_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a process has that counts; a role without a part has None.

    `for_all` is set for the role that also tells what belongs to no process.
    """

    role: str
    rt: Runtime
    limiter: RateLimiter | None = None
    egress: Egress | None = None
    for_all: bool = False


@dataclass
class _Shared:
    """What belongs to no process, as it was when somebody asked."""

    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    sandbox: Mapping[str, Any] = field(default_factory=dict)


async def exposition(parts: Parts) -> bytes:
    """The text Prometheus reads."""
    shared = await _shared(parts.rt) if parts.for_all else _Shared()
    registry = CollectorRegistry()
    registry.register(_Collector(parts, shared))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


async def _shared(rt: Runtime) -> _Shared:
    """An away database or sandbox costs these numbers, not the rest."""
    found = _Shared()
    try:
        async with asyncio.timeout(_SHARED_SECONDS):
            async with rt.database.transaction(Role.CLAIMS) as connection:
                found.waiting = await queues.waiting(connection)
    except (TimeoutError, OSError, TenantError):
        pass
    try:
        async with asyncio.timeout(_SHARED_SECONDS):
            found.sandbox = await rt.sandbox.status()
    except (TimeoutError, OSError, ValueError):
        pass
    return found


class _Collector(Collector):
    """Reads the numbers of one process once."""

    def __init__(self, parts: Parts, shared: _Shared) -> None:
        self._parts = parts
        self._shared = shared

    def describe(self) -> list[Metric]:
        """Nothing ahead of time: names are clear from `collect`."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family, those of other roles left out."""
        rt = self._parts.rt
        measures = rt.measures
        yield _info(self._parts.role)
        yield _counter("commits", "Transactions that saved decisions", rt.committer.batches)
        yield _counter("saves", "Saves in them; saves/commits is the batch", rt.committer.saves)
        yield _counter(
            "quota_refusals", "Starts over the quota of running ones", rt.committer.over_quota
        )
        decisions = HistogramMetricFamily(
            "playground_decide_seconds", "Time of one decision, without its load and save"
        )
        cumulative = list(measures.decisions.cumulative())
        decisions.add_metric([], cumulative, measures.decisions.total)
        yield decisions
        yield _by("responses", "Answers by class of status", "status", _classes(measures.responses))
        yield _by("refusals", "Requests refused, by reason", "code", measures.refusals)
        yield _gauge("waiting_polls", "Long polls that wait here", rt.waiting_polls.polls)
        yield _gauge("live_streams", "Live pages that are open here", measures.streams)
        yield _gauge(
            "known_executions", "Executions this process remembers", rt.mailboxes.executions
        )
        opened, idle = rt.database.connections
        yield _gauge("database_connections", "Connections to the database", opened)
        yield _gauge("database_connections_idle", "Those that nobody uses now", idle)
        yield _gauge("event_loop_lag_seconds", "How late the loop was", measures.lag_seconds)
        yield _gauge(
            "event_loop_lag_max_seconds",
            "The worst since somebody last looked",
            measures.longest_lag_seconds,
        )
        measures.longest_lag_seconds = measures.lag_seconds
        yield _gauge("redis_connected", "Whether wake-ups arrive", int(rt.wakeups.connected))
        yield from self._work()
        yield from self._outside()
        yield from self._of_all()

    def _work(self) -> Iterator[Metric]:
        measures = self._parts.rt.measures
        claims = {"task": measures.tasks_claimed, "effect": measures.effects_claimed}
        yield _by("claims", "Work taken by executors", "kind", claims)
        yield _counter(
            "claims_again",
            "Claims of a task claimed before: lost leases, hand-backs, repeated calls",
            measures.retaken,
        )
        yield _counter("leases_lost", "Work given up: its lease was lost", measures.leases_lost)
        yield _counter(
            "results_refused", "Results after somebody else had the task", measures.results_refused
        )
        yield _counter("hand_backs", "Tasks handed back unfinished", measures.handed_back)
        yield _counter("timers", "Executions looked at for a due timer", measures.timers)
        now = time.monotonic()
        ages = GaugeMetricFamily(
            "playground_loop_age_seconds", "Since a loop's last turn", labels=["loop"]
        )
        for name, at in measures.beats.items():
            ages.add_metric([name], now - at)
        yield ages

    def _outside(self) -> Iterator[Metric]:
        if limiter := self._parts.limiter:
            yield _counter("rate_limit_refusals", "Requests over a rate", limiter.refused)
            yield _counter("rate_limit_alone", "Rates counted without Redis", limiter.alone)
        if egress := self._parts.egress:
            yield _counter("egress_requests", "Requests that left for tenants", egress.requests)
            yield _counter("egress_refusals", "Destinations not allowed", egress.refused)
            yield _by("egress_failures", "Exchanges that did not succeed", "kind", egress.failed)

    def _of_all(self) -> Iterator[Metric]:
        if not self._parts.for_all:
            return
        sizes = GaugeMetricFamily(
            "playground_queue_size", f"Work that is due, up to {queues.MOST}", labels=["queue"]
        )
        ages = GaugeMetricFamily(
            "playground_queue_age_seconds", "How long the oldest of it is due", labels=["queue"]
        )
        for name, found in self._shared.waiting.items():
            sizes.add_metric([name], found.size)
            ages.add_metric([name], found.age_seconds)
        yield sizes
        yield ages
        status = self._shared.sandbox
        yield _gauge("sandbox_up", "Whether code is evaluated", int(bool(status.get("evaluates"))))
        yield _gauge("sandbox_running", "Evaluations under way", status.get("running", 0))
        yield _gauge("sandbox_waiting", "Evaluations that wait", status.get("waiting", 0))
        counts: Mapping[str, int] = status.get("counts", {})
        yield _by("sandbox_events", "What the sandbox did", "event", counts)
        walls = GaugeMetricFamily(
            "playground_sandbox_wall", "Whether a wall stands", labels=["wall"]
        )
        for name, stands in status.get("walls", {}).items():
            walls.add_metric([name], int(bool(stands)))
        yield walls


def _info(role: str) -> Metric:
    family = GaugeMetricFamily("playground_up", "This process", labels=["role"])
    family.add_metric([role], 1)
    return family


def _counter(name: str, about: str, value: float) -> Metric:
    return CounterMetricFamily(f"playground_{name}", about, value=value)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"playground_{name}", about, value=value)


def _by(name: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(f"playground_{name}", about, labels=[label])
    for value, count in sorted(values.items()):
        family.add_metric([value], count)
    return family


def _classes(responses: Mapping[int, int]) -> dict[str, int]:
    return {f"{first}xx": count for first, count in responses.items()}
