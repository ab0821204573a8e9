"""One row of the API's route table: all that dispatch, scopes, limits and OpenAPI need to know.

The table is data. `Router` dispatches by it, authentication and scopes are read from it, the
OpenAPI document is written from it, and the tests walk it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from playground.api.parameters import Parameter

Handler = Callable[[Request], Awaitable[Response]]

# A payload of a plan's 1 MB and what is wrapped around it.
MAX_BODY_BYTES = 1_200_000


ANY_CALLER = ""
"""Instead of a scope: a token is needed, but no particular right."""


class Content(Enum):
    """What an answer or body holds when it is not a JSON document of some type."""

    EMPTY = "no body and no content type"
    TEXT = "bare text, no JSON quotes"
    SCRIPT = "JavaScript"
    PAGE = "HTML"


@dataclass(frozen=True, kw_only=True, eq=False)
class Endpoint:
    """One method and path, spelled as Conductor spells it.

    `scope` is the right a caller needs, None for an endpoint open without a token. `body` and the
    values of `answers` are types of JSON documents, or a `Content`.
    """

    method: str
    path: str
    handler: Handler
    scope: str | None
    summary: str
    answers: Mapping[int, Any]
    description: str = ""
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    body_required: bool = True
    max_body_bytes: int = MAX_BODY_BYTES
    segments: tuple[str, ...] = field(init=False)
    """The path's segments, parameters as `{name}`."""
    path_names: tuple[str, ...] = field(init=False)
    path_positions: tuple[int, ...] = field(init=False)
    """Where in `segments` the parameters `path_names` are."""
    reads_headers: bool = field(init=False)
    """Whether any of its parameters comes in a header."""

    def __post_init__(self) -> None:
        segments = tuple(segment for segment in self.path.split("/") if segment)
        positions = tuple(i for i, segment in enumerate(segments) if segment.startswith("{"))
        object.__setattr__(self, "segments", segments)
        object.__setattr__(self, "path_positions", positions)
        reads_headers = any(parameter.in_header for parameter in self.parameters)
        object.__setattr__(self, "reads_headers", reads_headers)
        object.__setattr__(self, "path_names", tuple(segments[i][1:-1] for i in positions))

    @property
    def operation_id(self) -> str:
        """The handler's name in Conductor's spelling; unique in the table."""
        first, *rest = self.handler.__name__.split("_")
        return first + "".join(word.title() for word in rest)
