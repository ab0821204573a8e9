"""How large and how deep a JSON value is, measured before it is stored.

Values grow inside the engine without any request being large: a loop that doubles a variable,
an input that repeats an output a hundred times. What is stored must stay readable, so depth
counts as well as bytes.
"""

from typing import Any

import msgspec

MAX_DEPTH = 100

_encoder = msgspec.json.Encoder()
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{["))


class TooDeep(Exception):
    """A value is nested deeper than `MAX_DEPTH`."""


def encoded_size(value: Any) -> int:
    """Bytes of `value` as JSON. Raises `TooDeep` past `MAX_DEPTH` levels of nesting."""
    try:
        encoded = _encoder.encode(value)
    except RecursionError as error:
        raise TooDeep from error
    # Fewer opening brackets than the limit cannot be nested past it: the usual, cheap case.
    if len(encoded.translate(None, _NOT_BRACKETS)) > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise TooDeep
    return len(encoded)


def _depth(value: Any) -> int:
    depth = 0
    level = [value] if isinstance(value, (dict, list)) else []
    while level and depth <= MAX_DEPTH:
        depth += 1
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, (dict, list))
        ]
    return depth
