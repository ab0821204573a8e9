"""The decision tables an executor process has fetched lately."""

from collections import OrderedDict

from playground.executors.decision_table import DecisionTable

MOST_KEPT_BYTES = 16 * 1024 * 1024


class RuleFiles:
    """Tables per namespace and URL, until their time-out; the oldest give way."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[int, int, DecisionTable]] = OrderedDict()
        self._bytes = 0

    def get(self, namespace: str, url: str, now_ms: int) -> DecisionTable | None:
        found = self._kept.get((namespace, url))
        if found is None:
            return None
        until, _, table = found
        if until <= now_ms:
            self._forget((namespace, url))
            return None
        return table

    def keep(
        self, namespace: str, url: str, table: DecisionTable, *, size: int, until_ms: int
    ) -> None:
        """The first task that loads a file decides for how long it is kept."""
        if (namespace, url) in self._kept:
            return
        self._kept[namespace, url] = (until_ms, size, table)
        self._bytes += size
        while self._bytes > MOST_KEPT_BYTES:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[str, str]) -> None:
        _, size, _ = self._kept.pop(key)
        self._bytes -= size
