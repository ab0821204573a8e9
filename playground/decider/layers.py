"""A dictionary over another one that it never writes: what changes is kept on top."""

from collections.abc import Iterator, MutableMapping
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")

_GONE = object()
_NOTHING: dict[Any, Any] = {}
_NONE: frozenset[Any] = frozenset()


class Layer(MutableMapping[K, V]):
    """Reads fall through to `below`; writes and deletions stay here.

    Iteration gives the keys of `below` in their order and then the new ones.
    """

    __slots__ = ("_below", "_gone", "_own")

    def __init__(self, below: MutableMapping[K, V]) -> None:
        self._below = below
        # Most layers of a decision are never written: they share one that is empty.
        self._own: dict[K, V] = _NOTHING
        self._gone: set[K] | frozenset[K] = _NONE

    def __getitem__(self, key: K) -> V:
        if key in self._own:
            return self._own[key]
        if key in self._gone:
            raise KeyError(key)
        return self._below[key]

    def get(self, key: K, default: Any = None) -> Any:
        """As `dict.get`: the inherited one raises and catches for each key that is not there."""
        own = self._own
        if key in own:
            return own[key]
        return default if key in self._gone else self._below.get(key, default)

    def __setitem__(self, key: K, value: V) -> None:
        if self._own is _NOTHING:
            self._own = {}
        self._own[key] = value
        if isinstance(self._gone, set):
            self._gone.discard(key)

    def __delitem__(self, key: K) -> None:
        if key not in self:
            raise KeyError(key)
        self._own.pop(key, None)
        if key in self._below:
            if not isinstance(self._gone, set):
                self._gone = set()
            self._gone.add(key)

    def __contains__(self, key: object) -> bool:
        return key in self._own or (key not in self._gone and key in self._below)

    def __iter__(self) -> Iterator[K]:
        return self._keys() if self._own or self._gone else iter(self._below)

    def _keys(self) -> Iterator[K]:
        for key in self._below:
            if key not in self._gone:
                yield key
        for key in self._own:
            if key not in self._below:
                yield key

    def __len__(self) -> int:
        kept = len(self._below) - len(self._gone)
        return kept + sum(k not in self._below for k in self._own) if self._own else kept

    def __bool__(self) -> bool:
        # What is put here is never gone, and what is gone was below.
        return bool(self._own) or len(self._below) > len(self._gone)
