"""From method and path to an endpoint, by an index over path segments.

As in Spring, the most literal pattern that has the method wins, so `/workflow/search` is found
before `/workflow/{workflowId}`, whatever their order in the table. `//` counts as `/` and a slash
at the end is ignored; nothing is ever redirected.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

from starlette.exceptions import HTTPException

from playground.api.endpoint import Endpoint
from playground.model.errors import Invalid, NotFound


@dataclass(frozen=True)
class Match:
    endpoint: Endpoint
    path_params: dict[str, str]


@dataclass
class _Node:
    literals: dict[str, "_Node"] = field(default_factory=dict)
    parameter: "_Node | None" = None
    endpoints: dict[str, Endpoint] = field(default_factory=dict)


# Calls of Conductor that are not offered, on paths where a pattern of another call fits: they are
# unknown here, not known with another verb.
_LEFT_OUT = (
    ("GET", ("api", "tasks", "queue", "*", "*")),
    ("GET", ("api", "workflow", "*", "correlated")),
    ("DELETE", ("api", "human", "tasks", "delete")),
)


class Router:
    """The index over a table of endpoints."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._root = _Node()
        for endpoint in endpoints:
            self._add(endpoint)

    def find(self, method: str, raw_path: bytes) -> Match:
        """The endpoint for a request; raises `NotFound`, or a 405 with the verbs there are."""
        segments = split_path(raw_path)
        wanted = "GET" if method == "HEAD" else method
        verbs: set[str] = set()
        endpoint = _search(self._root, segments, 0, wanted, verbs)
        if endpoint:
            return Match(endpoint, _path_params(endpoint, segments))
        path = "/" + "/".join(segments)
        if verbs and not _is_left_out(method, segments):
            raise HTTPException(
                405,
                f"Request method '{method}' is not supported for {path}.",
                {"Allow": ", ".join(sorted(verbs))},
            )
        raise NotFound(f"No resource at {path}.")

    def _add(self, endpoint: Endpoint) -> None:
        node = self._root
        for segment in endpoint.segments:
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        if endpoint.method in node.endpoints:
            raise ValueError(f"{endpoint.method} {endpoint.path} is in the table twice")
        node.endpoints[endpoint.method] = endpoint


def split_path(raw_path: bytes) -> list[str]:
    """The decoded segments of a path; `%2F` stays inside its segment."""
    return list(_segments(raw_path))


@lru_cache(maxsize=2_048)
def _segments(raw_path: bytes) -> tuple[str, ...]:
    # Workers ask for the same few paths all day.
    segments = tuple(unquote(part) for part in raw_path.decode("latin-1").split("/") if part)
    if any("\x00" in segment for segment in segments):
        raise Invalid("The path contains a NUL character.")
    return segments


def _is_left_out(method: str, segments: list[str]) -> bool:
    return any(
        method == verb
        and len(segments) == len(pattern)
        and all(part in ("*", segment) for part, segment in zip(pattern, segments, strict=True))
        for verb, pattern in _LEFT_OUT
    )


def _search(
    node: _Node, segments: list[str], position: int, method: str, verbs: set[str]
) -> Endpoint | None:
    if position == len(segments):
        verbs.update(node.endpoints)
        return node.endpoints.get(method)
    literal = node.literals.get(segments[position])
    found = _search(literal, segments, position + 1, method, verbs) if literal else None
    if found is None and node.parameter:
        found = _search(node.parameter, segments, position + 1, method, verbs)
    return found


def _path_params(endpoint: Endpoint, segments: list[str]) -> dict[str, str]:
    values = (segments[position] for position in endpoint.path_positions)
    return dict(zip(endpoint.path_names, values, strict=True))
