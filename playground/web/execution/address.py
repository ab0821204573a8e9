"""Where on the page one is: the query of its address, and links that change parts of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from playground.web.forms import Form

KEPT = (
    *("tab", "task", "attempt", "panel", "page", "status", "q", "open", "turn", "row"),
    *("at", "with", "language", "on", "program", "since", "until"),
)
"""What links on the page hand on; everything else in a query is dropped."""

MOST_VALUES = 40


@dataclass(frozen=True, slots=True)
class Address:
    """The query as pairs, in the order of `KEPT`; of `open`, `turn` and `status` there may be
    several."""

    pairs: tuple[tuple[str, str], ...] = ()

    def text(self, name: str) -> str:
        return next((value for key, value in self.pairs if key == name), "")

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.pairs if key == name)

    def link(self, **changes: "str | Iterable[str]") -> str:
        """A relative link to here with these parts changed; "" takes one out."""
        return self.moved(**changes).query

    def moved(self, **changes: "str | Iterable[str]") -> "Address":
        pairs = []
        for name in KEPT:
            if name in changes:
                value = changes[name]
                values = (value,) if isinstance(value, str) else tuple(value)
            else:
                values = self.texts(name)
            pairs += [(name, one) for one in values if one]
        return Address(tuple(pairs))

    @property
    def query(self) -> str:
        pairs = (f"{name}={quote(value, safe='', errors='replace')}" for name, value in self.pairs)
        return "?" + "&".join(pairs)


def address_of(query: Form) -> Address:
    return Address(
        tuple((name, value) for name in KEPT for value in query.texts(name)[:MOST_VALUES])
    )
