"""JSON that came from outside, as a value that can be stored.

For results of tenants' programs and answers of other servers: not requests, so what is odd but
harmless is put right instead of refused.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

MAX_DEPTH = 100
_LARGEST_INTEGER = 2**63 - 1
_MAYBE_ODD = re.compile(rb"\\u0000|[0-9]{19}")


def decode(text: bytes) -> Any:
    """The JSON value in `text`; integers beyond 64 bits as floats, NUL characters replaced.

    Raises:
        ValueError: it is not strict JSON, or is nested more than `MAX_DEPTH` levels deep.
    """
    try:
        value = msgspec.json.decode(text)
    except RecursionError as problem:
        raise ValueError("nested too deeply") from problem
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return _put_right(value) if _MAYBE_ODD.search(text) else value


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        level = [member for one in level for member in _members(one)]


def _members(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _put_right(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        try:
            return float(value)
        except OverflowError as problem:
            raise ValueError("a number is too large") from problem
    if isinstance(value, list):
        return [_put_right(member) for member in value]
    if isinstance(value, dict):
        return {_put_right(key): _put_right(member) for key, member in value.items()}
    return value
