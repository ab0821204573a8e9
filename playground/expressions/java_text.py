"""How a value looks inside a longer string: Java's `toString`, not JSON.

Users of Conductor see `{a=1, b=x}` and `2.0` in interpolated strings and build on it.
"""

import math
from typing import Any


def java_text(value: Any) -> str:
    """`None` is `null`, maps are `{a=1, b=x}`, lists `[1, 2]`, strings bare."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _double_text(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(java_text, value)) + "]"
    return str(value)


def _double_text(number: float) -> str:
    """`Double.toString`: plain between 1e-3 and 1e7, otherwise with an exponent `E`."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")
    if number == 0:
        return repr(number)
    if 1e-3 <= abs(number) < 1e7:
        return repr(number)
    mantissa, exponent = _shortest_digits(number)
    return f"{mantissa}E{exponent}"


def _shortest_digits(number: float) -> tuple[str, int]:
    sign = "-" if number < 0 else ""
    text = repr(abs(number))
    digits, _, exponent_text = text.partition("e")
    whole, _, fraction = digits.partition(".")
    exponent = int(exponent_text or 0) + len(whole) - 1
    all_digits = whole + fraction
    stripped = all_digits.lstrip("0")
    exponent -= len(all_digits) - len(stripped)
    stripped = stripped.rstrip("0") or "0"
    return f"{sign}{stripped[0]}.{stripped[1:] or '0'}", exponent
