"""What a sample's run ends with, where some of it differs from run to run.

`output.json` is compared as it is, but for words in angle brackets within its texts:

word          | stands for
--------------|------------------------------------------------------------------
`<id>`        | the id of an execution or a task
`<time>`      | a moment: epoch milliseconds, or a date with its time
`<date>`      | a day, as in 2026-11-21
`<number>`    | a number, written as a number or within a text
`<text>`      | some text, at least one character
`<samples>`   | the URL of the playground's own data service
"""

import re
from typing import Any, Final

_WORDS: Final = {
    "<id>": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d{13}",
    "<date>": r"\d{4}-\d\d-\d\d",
    "<number>": r"-?\d+(?:\.\d+)?",
    "<text>": r".+",
    "<samples>": r"https?://[^/]+(?:/[^?]*)?/samples",
}
_NUMERIC: Final = ("<number>", "<time>")


def differences(expected: Any, actual: Any, path: str = "output") -> list[str]:
    """Where `actual` is not what was expected, one sentence each; empty when it is."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _of_objects(expected, actual, path)
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [
            line
            for index, (one, other) in enumerate(zip(expected, actual, strict=True))
            for line in differences(one, other, f"{path}[{index}]")
        ]
    if _is_same(expected, actual):
        return []
    return [f"{path}: {expected!r} was expected, {actual!r} came"]


def _of_objects(expected: dict[str, Any], actual: dict[str, Any], path: str) -> list[str]:
    found = [f"{path}.{name}: is missing" for name in expected if name not in actual]
    found += [f"{path}.{name}: was not expected" for name in actual if name not in expected]
    for name in expected:
        if name in actual:
            found += differences(expected[name], actual[name], f"{path}.{name}")
    return found


def _is_same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, str) and "<" in expected:
        is_number = isinstance(actual, int | float) and not isinstance(actual, bool)
        if is_number and expected in _NUMERIC:
            return re.fullmatch(_WORDS[expected], str(actual)) is not None
        return isinstance(actual, str) and re.fullmatch(_pattern(expected), actual) is not None
    # True is not 1 here, whatever Python says.
    return isinstance(expected, bool) is isinstance(actual, bool) and bool(expected == actual)


def _pattern(text: str) -> str:
    parts = re.split(f"({'|'.join(map(re.escape, _WORDS))})", text)
    return "".join(f"(?:{_WORDS[part]})" if part in _WORDS else re.escape(part) for part in parts)
