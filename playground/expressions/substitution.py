"""Replacing `${…}` in every string of a JSON value; map keys are never touched.

A string that is exactly one reference takes the value with its type; anything else becomes
text, with values written the Java way. One pass: what a value brings along is not expanded.

References to secrets stay in the text until the task is handed out (`secret_references`). So only
what the template itself refers to may look like one then: what comes out of parts that were put
together, or of an escaped `$${`, is kept escaped.
"""

from typing import Any, Protocol

from playground.expressions.java_text import java_text
from playground.expressions.paths import compile_path, json_member
from playground.expressions.secret_references import kept_apart
from playground.expressions.sizes import TooDeep, encoded_size
from playground.expressions.templates import Reference, Template, parse

LITERAL = object()
"""What a scope answers for a name that must stay in the text as it was written."""

_DEFAULT_MAX_BYTES = 1024 * 1024


class Scope(Protocol):
    """The roots an expression can start from."""

    def root(self, name: str) -> Any:
        """The whole value of the root `name`, None when unknown, or `LITERAL`."""

    def field(self, name: str, key: str) -> Any:
        """One member of the root `name`: the common case, which need not build the whole."""


class BudgetExceeded(Exception):
    """The substituted value grew past its limit; `spent` is how far it had come."""

    def __init__(self, spent: int) -> None:
        super().__init__(spent)
        self.spent = spent


class Budget:
    """Bytes that one substitution may produce, counted while it runs.

    Values are shared, not copied, so memory stays small while the stored text would not:
    each occurrence is charged with its encoded size.
    """

    def __init__(self, max_bytes: int = _DEFAULT_MAX_BYTES) -> None:
        self.max_bytes = max_bytes
        self.spent = 0
        self._sizes: dict[int, tuple[Any, int]] = {}

    def charge(self, amount: int) -> None:
        self.spent += amount
        if self.spent > self.max_bytes:
            raise BudgetExceeded(self.spent)

    def charge_value(self, value: Any) -> None:
        if isinstance(value, (dict, list)):
            self.charge(self._size(value))
        elif isinstance(value, str):
            self.charge(len(value) + 2)
        else:
            self.charge(5)

    def _size(self, value: Any) -> int:
        known = self._sizes.get(id(value))
        if known is not None:
            return known[1]
        try:
            size = encoded_size(value)
        except TooDeep as error:
            raise BudgetExceeded(self.max_bytes + 1) from error
        # The value is kept beside its size, so that its id cannot be taken by another one.
        self._sizes[id(value)] = (value, size)
        return size


def substitute(value: Any, scope: Scope, budget: Budget) -> Any:
    """`value` with its references replaced. Raises `BudgetExceeded`."""
    if isinstance(value, str):
        return _text(value, scope, budget)
    if isinstance(value, dict):
        budget.charge(2)
        result = {}
        for key, item in value.items():
            budget.charge(len(key) + 4)
            result[key] = substitute(item, scope, budget)
        return result
    if isinstance(value, list):
        budget.charge(2)
        return [substitute(item, scope, budget) for item in value]
    budget.charge(5)
    return value


def _text(text: str, scope: Scope, budget: Budget) -> Any:
    if "${" not in text:
        budget.charge(len(text) + 3)
        return text
    template = parse(text)
    if template.whole is None:
        return _interpolate(template, scope, budget)
    value = _resolve(template.whole, scope, budget)
    value = template.whole.source if value is LITERAL else value
    budget.charge_value(value)
    return value


def _interpolate(template: Template, scope: Scope, budget: Budget) -> str:
    pieces: list[str] = []
    stays: set[int] = set()
    for part in template.parts:
        if isinstance(part, str):
            piece = part
        else:
            value = _resolve(part, scope, budget)
            if isinstance(value, (dict, list)):
                # Rendering builds the text in full, so it is paid for before.
                budget.charge_value(value)
            if value is LITERAL:
                stays.add(len(pieces))
                piece = part.source
            else:
                piece = java_text(value)
        budget.charge(len(piece))
        pieces.append(piece)
    return kept_apart(pieces, stays)


def _resolve(reference: Reference, scope: Scope, budget: Budget) -> Any:
    path_text = reference.path
    if isinstance(path_text, Template):
        path_text = _interpolate(path_text, scope, budget).strip()
    if not path_text:
        return ""
    path = compile_path(path_text)
    if path is None:
        return None
    if path.root == "workflow" and path.keys[:1] == ("secrets",):
        return LITERAL
    if path.root == "workflow" and path.keys[:1] == ("env",):
        if len(path.keys) == 1:
            return None
        return json_member(scope.field("workflow", "env").get(str(path.keys[1])), path.keys[2:])
    if path.query is None and path.keys:
        return path.rest_of(scope.field(path.root, str(path.keys[0])))
    root = scope.root(path.root)
    return LITERAL if root is LITERAL else path.resolve(root)
