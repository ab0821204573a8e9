"""What a load program measures, and how it prints: figures, cost per role, ratio to a limit."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import psutil

_LOAD = "load"


@dataclass(frozen=True)
class RoleCost:
    """CPU in cores over the window, and memory at its end (PSS: shared pages counted once)."""

    cores: float
    megabytes: float


@dataclass(frozen=True)
class Result:
    """One measured window. Latencies are milliseconds, `limits` what bounded it in this run."""

    program: str
    setting: str
    unit: str
    per_second: float
    count: int
    seconds: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    roles: dict[str, RoleCost] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    @property
    def ratios(self) -> dict[str, float]:
        """Throughput divided by each limit."""
        return {name: self.per_second / limit for name, limit in self.limits.items() if limit}

    @property
    def cpu_ms(self) -> dict[str, float]:
        """Milliseconds of CPU that each role spent for one of what is counted.

        On a machine that others use as well this says more than the throughput.
        """
        share = 1000 * self.seconds / max(1, self.count)
        return {name: round(cost.cores * share, 3) for name, cost in self.roles.items()}

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratios": self.ratios, "cpu_ms": self.cpu_ms}


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def medians(rounds: Sequence[Sequence[Result]]) -> list[Result]:
    """Of rounds that measured the same, in the same order: each figure's median."""
    return [_median_of(same) for same in zip(*rounds, strict=True)]


def _median_of(same: Sequence[Result]) -> Result:
    first = same[0]
    return Result(
        program=first.program,
        setting=first.setting,
        unit=first.unit,
        per_second=median(one.per_second for one in same),
        count=round(median(one.count for one in same)),
        seconds=median(one.seconds for one in same),
        p50_ms=_median(one.p50_ms for one in same),
        p99_ms=_median(one.p99_ms for one in same),
        roles={
            name: RoleCost(
                median(one.roles[name].cores for one in same if name in one.roles),
                median(one.roles[name].megabytes for one in same if name in one.roles),
            )
            for name in first.roles
        },
        limits={name: median(one.limits[name] for one in same) for name in first.limits},
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


class Meter:
    """CPU of each child of an installation, with its own children, and of this program."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._processes = {**processes, _LOAD: psutil.Process().pid}
        self._began = time.monotonic()
        self._before = {name: self._cpu(name) for name in self._processes}

    def costs(self) -> dict[str, RoleCost]:
        """Since the meter was made."""
        seconds = time.monotonic() - self._began
        found = {}
        for name in self._processes:
            now, before = self._cpu(name), self._before[name]
            # A child that came or went meanwhile counts with what of it was seen.
            used = sum(cpu - before.get(one, 0.0) for one, cpu in now.items())
            found[name] = RoleCost(round(used / seconds, 3), round(self._megabytes(name), 1))
        return found

    def _cpu(self, name: str) -> dict[int, float]:
        seconds = {}
        for process in self._family(name):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            seconds[process.pid] = times.user + times.system
        return seconds

    def _megabytes(self, name: str) -> float:
        total = 0
        for process in self._family(name):
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        return total / 2**20

    def _family(self, name: str) -> list[psutil.Process]:
        # The installation is a child of the load program: its roles are not the load.
        return _family(self._processes[name], alone=name == _LOAD)


class Peaks:
    """The most memory (MB, PSS) that any one process of each role was seen with."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._processes = processes
        self.megabytes: dict[str, float] = dict.fromkeys(processes, 0.0)

    def look(self) -> None:
        """Look once; what came and went between two looks is not seen."""
        for name, pid in self._processes.items():
            for process in _family(pid):
                try:
                    used = process.memory_full_info().pss / 2**20
                except psutil.Error:
                    continue
                self.megabytes[name] = max(self.megabytes[name], used)

    def text(self) -> str:
        """For people, the largest first."""
        largest = sorted(self.megabytes.items(), key=lambda entry: -entry[1])
        return ", ".join(f"{name} {used:.0f}" for name, used in largest)


@dataclass(frozen=True)
class Weight:
    """What a role's processes hold together: resident memory, that of no file, descriptors."""

    megabytes: float
    private_megabytes: float
    descriptors: int


def weigh(processes: dict[str, int]) -> dict[str, Weight]:
    """Each role with its children as it is now; one that is gone is left out."""
    found = {}
    for name, pid in processes.items():
        resident = private = descriptors = 0
        for process in _family(pid):
            try:
                memory = process.memory_info()
                descriptors += process.num_fds()
            except psutil.Error:
                continue
            resident += memory.rss
            private += memory.rss - memory.shared
        if resident:
            found[name] = Weight(resident / 2**20, private / 2**20, descriptors)
    return found


def _family(pid: int, *, alone: bool = False) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process] if alone else [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def table(results: Sequence[Result]) -> str:
    """The results for people."""
    rows = [("program", "setting", "per second", "p50 ms", "p99 ms", "of limit", "CPU ms each")]
    rows.extend(_row(result) for result in results)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(result: Result) -> tuple[str, ...]:
    ratios = [f"{name} {ratio:.0%}" for name, ratio in result.ratios.items()]
    spent = result.cpu_ms
    each = [f"{name} {ms:.2f}" for name, ms in spent.items() if ms >= 0.01]
    return (
        result.program,
        result.setting,
        f"{result.per_second:,.1f} {result.unit}",
        _ms(result.p50_ms),
        _ms(result.p99_ms),
        ", ".join(ratios) or "-",
        " ".join([f"{sum(spent.values()):.2f}:", *each]) if spent else "-",
    )


def memory(results: Sequence[Result]) -> str:
    """The most memory each role had at the end of a window."""
    most: dict[str, float] = {}
    for result in results:
        for name, cost in result.roles.items():
            most[name] = max(most.get(name, 0.0), cost.megabytes)
    return "memory (MB, PSS): " + ", ".join(f"{name} {value:.0f}" for name, value in most.items())


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
