"""Whether a webhook's payload is what a WAIT_FOR_WEBHOOK task waits for."""

from typing import Any

from playground.expressions.paths import compile_path, walk


def is_match(task_input: Any, payload: Any) -> bool:
    """Whether every path of `matches` leads to its value; without `matches` nothing fits."""
    matches = task_input.get("matches") if isinstance(task_input, dict) else None
    if not isinstance(matches, dict) or not matches:
        return False
    return all(_same(_at(path, payload), value) for path, value in matches.items())


def _at(text: str, payload: Any) -> Any:
    path = compile_path(text)
    if path is None:
        return None
    root = int(path.root) if path.root.lstrip("-").isdigit() else path.root
    return path.resolve(walk(payload, (root,)))


def _same(found: Any, wanted: Any) -> bool:
    # To Python, true is 1; to JSON it is not.
    return isinstance(found, bool) is isinstance(wanted, bool) and bool(found == wanted)
