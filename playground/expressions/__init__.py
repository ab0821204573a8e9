"""`${…}` substitution: Conductor's expressions over the state of one execution.

Pure and cheap: templates and paths are parsed once and cached; plain paths are resolved by a
walk of our own, and only filters, slices and `..` go through a JSONPath library.
"""

from playground.expressions.java_text import java_text
from playground.expressions.paths import is_valid_path
from playground.expressions.secret_references import (
    resolve_secrets,
    secret_names,
    without_references,
)
from playground.expressions.sizes import MAX_DEPTH, TooDeep, encoded_size
from playground.expressions.substitution import (
    LITERAL,
    Budget,
    BudgetExceeded,
    Scope,
    substitute,
)
from playground.expressions.templates import references

__all__ = [
    "LITERAL",
    "MAX_DEPTH",
    "Budget",
    "BudgetExceeded",
    "Scope",
    "TooDeep",
    "encoded_size",
    "is_valid_path",
    "java_text",
    "references",
    "resolve_secrets",
    "secret_names",
    "substitute",
    "without_references",
]
