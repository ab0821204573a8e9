"""The limits of a namespace, for work nobody is calling for: executors, timers, children."""

import time
from collections import OrderedDict
from typing import Final

from tenants.caller import Plan

_KEPT_SECONDS: Final = 10.0
_MOST_KEPT: Final = 10_000


class Plans:
    """Plans of namespaces as this process last saw them, at most ten seconds old."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Plan]] = OrderedDict()

    def known(self, namespace: str) -> Plan | None:
        """The plan, unless it has to be looked up again."""
        kept = self._kept.get(namespace)
        if kept is None or time.monotonic() - kept[0] > _KEPT_SECONDS:
            return None
        return kept[1]

    def keep(self, namespace: str, plan: Plan) -> None:
        """Remember what a caller brought along or a query found."""
        self._kept[namespace] = (time.monotonic(), plan)
        self._kept.move_to_end(namespace)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
