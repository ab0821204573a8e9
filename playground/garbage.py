"""The garbage collector of a role: it looks less often, and not at what was there at the start.

Nearly everything here is freed by counting references. With Python's own settings the collector
walked all modules, routes and kept views several hundred times a second and took a fifth of an
executor's time.
"""

import gc
from typing import Final

_YOUNG: Final = 20_000
WITH_WAITERS: Final = 100_000
"""Young enough for a process in which thousands wait for seconds.

What a waiting poll holds is some fifty objects. With fewer than all of theirs the collector walked
every one of them once, to find nothing: they go by their count when the poll ends.
"""
_MIDDLE: Final = 20
_OLD: Final = 20


def spare(young: int = _YOUNG) -> None:
    """Call once, when a role is ready to serve; it looks after so many new objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(young, _MIDDLE, _OLD)
