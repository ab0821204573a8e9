"""Resolving a path such as `t1.output.list[0]['a.b']`: Jayway's JSONPath, errors suppressed.

A definite path that leads nowhere is None, an indefinite one (`..`, `*`, filters, slices,
unions) a list, possibly empty, and an invalid one None. Plain paths are walked here; the rest
goes to python-jsonpath, within bounds: paths are user input and run in the engine's process.
"""

import math
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import jsonpath
import msgspec

_MAX_PATH_LENGTH = 1000
_MAX_NODES = 100_000

_SEGMENT = re.compile(
    r"""
    (?:^|\.) (?P<name> [^.\[\]'"()*?@\s,:$=<>!&|]+ )
    | \[ \s* (?P<index> -?\d{1,9} ) \s* \]
    | \[ \s* ' (?P<single> (?: [^'\\] | \\. )* ) ' \s* \]
    | \[ \s* " (?P<double> (?: [^"\\] | \\. )* ) " \s* \]
    """,
    re.VERBOSE,
)
_FUNCTION = re.compile(r"\.(?P<name>[a-z]+)\((?P<arguments>[^()]*)\)$")
_ESCAPE = re.compile(r"\\(.)")

Key = str | int
Query = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path: `root` is its first name, `keys` the plain steps after it.

    `query` replaces `keys` for a path that is not plain and takes `{root: value}`;
    `function` is applied to what was found.
    """

    root: str
    keys: tuple[Key, ...] = ()
    query: Query | None = None
    function: Query | None = None

    def resolve(self, root_value: Any) -> Any:
        if self.query is not None:
            value = self.query({self.root: root_value})
        else:
            value = walk(root_value, self.keys)
        return self.function(value) if self.function is not None else value

    def rest_of(self, first_value: Any) -> Any:
        """The value of a plain path, given what its first key leads to."""
        value = walk(first_value, self.keys[1:])
        return self.function(value) if self.function is not None else value


@lru_cache(maxsize=8192)
def compile_path(text: str) -> Path | None:
    """None when the text is not a path."""
    if len(text) > _MAX_PATH_LENGTH:
        return None
    text = text.strip()
    function: Query | None = None
    if match := _FUNCTION.search(text):
        function = _FUNCTIONS.get(match["name"])
        if function is None:
            return None
        text = text[: match.start()]
    text = text.removeprefix("$").removeprefix(".") if text[:1] == "$" else text
    keys = _plain_keys(text)
    if keys is not None:
        return Path(str(keys[0]), keys[1:], None, function) if keys else None
    query = _compile_query(text)
    if query is None:
        return None
    return Path(_root_of(text), (), query, function)


def is_valid_path(text: str) -> bool:
    return compile_path(text) is not None


def walk(value: Any, keys: tuple[Key, ...]) -> Any:
    """Follow `keys`; a step that leads nowhere is None. A numeric name may index a list."""
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key if isinstance(key, str) else str(key))
        elif isinstance(value, list):
            value = _item(value, key)
        else:
            return None
    return value


def json_member(text: str | None, keys: tuple[Key, ...]) -> Any:
    """`text` itself, or with keys what they lead to when it is read as JSON."""
    if text is None or not keys:
        return text
    try:
        return walk(msgspec.json.decode(text), keys)
    except (msgspec.DecodeError, RecursionError):
        return None


def _item(items: list[Any], key: Key) -> Any:
    if not isinstance(key, int):
        return None
    return items[key] if -len(items) <= key < len(items) else None


def _plain_keys(text: str) -> tuple[Key, ...] | None:
    keys: list[Key] = []
    position = 0
    while position < len(text):
        match = _SEGMENT.match(text, position)
        if match is None or (match.start() == 0 and position > 0):
            return None
        if match["name"] is not None:
            keys.append(match["name"])
        elif match["index"] is not None:
            keys.append(int(match["index"]))
        else:
            quoted = match["single"] if match["single"] is not None else match["double"]
            keys.append(_ESCAPE.sub(r"\1", quoted))
        position = match.end()
    return tuple(keys)


def _root_of(text: str) -> str:
    match = _SEGMENT.match(text)
    if match is None:
        return ""
    return match["name"] or match["single"] or match["double"] or ""


# Nested descents multiply, a filter that starts again at `$` scans everything for every node,
# and regular expressions of users can take exponential time: each is bounded before it runs.
_MAX_DESCENTS = 2
_MAX_FILTERS = 3
_UNBOUNDED = re.compile(r"[*+]|\{\d*,\d*\}")
_GROUP_REPEATED = re.compile(r"\)[*+?{]")
_REGEX = re.compile(r"=~\s*/(?P<pattern>(?:[^/\\]|\\.)*)/")


def _compile_query(text: str) -> Query | None:
    if text.count("..") > _MAX_DESCENTS or text.count("?") > _MAX_FILTERS:
        return None
    if "?" in text and not _filters_are_bounded(text):
        return None
    separator = "" if text.startswith(("[", ".")) else "."
    try:
        compiled = jsonpath.compile(f"${separator}{text}")
    except (jsonpath.JSONPathError, ValueError, RecursionError, re.error):
        return None
    if not isinstance(compiled, jsonpath.JSONPath):
        return None
    return lambda document: _find(compiled, document)


def _filters_are_bounded(text: str) -> bool:
    if "$" in text or "match(" in text or "search(" in text:
        return False
    patterns = [match["pattern"] for match in _REGEX.finditer(text)]
    return text.count("=~") == len(patterns) and all(
        len(_UNBOUNDED.findall(pattern)) <= 1
        and not _GROUP_REPEATED.search(pattern)
        and not re.search(r"\\\d", pattern)
        for pattern in patterns
    )


def _find(compiled: jsonpath.JSONPath, document: Any) -> Any:
    try:
        found = [node.obj for node in islice(compiled.finditer(document), _MAX_NODES)]
    except (jsonpath.JSONPathError, TypeError, ValueError, RecursionError, re.error):
        return None
    if compiled.singular_query():
        return found[0] if found else None
    return found


def _length(value: Any) -> Any:
    return len(value) if isinstance(value, (list, dict, str)) else None


def _keys(value: Any) -> Any:
    return list(value) if isinstance(value, dict) else None


def _over_numbers(fold: Callable[[list[float]], Any]) -> Query:
    def apply(value: Any) -> Any:
        if not isinstance(value, list):
            return None
        numbers = [
            item for item in value if isinstance(item, (int, float)) and not isinstance(item, bool)
        ]
        return _storable(fold(numbers)) if numbers else None

    return apply


def _storable(number: Any) -> Any:
    """Numbers that JSON and 64-bit readers can hold; others have no value."""
    if isinstance(number, float):
        return number if math.isfinite(number) else None
    return number if -(2**63) <= number < 2**63 else float(number)


def _concat(value: Any) -> Any:
    if not isinstance(value, list):
        return None
    return "".join(item for item in value if isinstance(item, str))


_FUNCTIONS: dict[str, Query] = {
    "length": _length,
    "size": _length,
    "keys": _keys,
    "min": _over_numbers(lambda numbers: float(min(numbers))),
    "max": _over_numbers(lambda numbers: float(max(numbers))),
    "sum": _over_numbers(lambda numbers: float(sum(map(float, numbers)))),
    "avg": _over_numbers(lambda numbers: sum(map(float, numbers)) / len(numbers)),
    "stddev": _over_numbers(lambda numbers: statistics.pstdev(map(float, numbers))),
    "concat": _concat,
    "first": lambda value: value[0] if isinstance(value, list) and value else None,
    "last": lambda value: value[-1] if isinstance(value, list) and value else None,
}
