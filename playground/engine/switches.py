"""Which stand-ins a namespace has switched on or off, kept for a moment."""

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from playground.store.stand_ins import EVERY_TASK
from sample_workflows import stand_ins

KEPT_SECONDS: Final = 10.0
_MOST_KEPT: Final = 10_000


class Switches:
    """What namespaces have switched, as this process last saw it, at most ten seconds old."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, Mapping[str, bool]]] = OrderedDict()

    def known(self, namespace: str) -> Mapping[str, bool] | None:
        """The switches, unless they have to be looked up again."""
        kept = self._kept.get(namespace)
        if kept is None or time.monotonic() - kept[0] > KEPT_SECONDS:
            return None
        return kept[1]

    def keep(self, namespace: str, switches: Mapping[str, bool]) -> None:
        """Remember what a query found."""
        self._kept[namespace] = (time.monotonic(), switches)
        self._kept.move_to_end(namespace)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)

    def forget(self, namespace: str) -> None:
        """Look them up before they are used again."""
        self._kept.pop(namespace, None)


def is_on(switches: Mapping[str, bool], task_type: str) -> bool:
    """Whether the stand-in of a task type works, by its own switch and the namespace's."""
    if not switches.get(EVERY_TASK, True):
        return False
    return switches.get(task_type, stand_ins().get(task_type, False))
