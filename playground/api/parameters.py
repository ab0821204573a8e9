"""Query and header parameters: declared once, read by handlers and described in OpenAPI.

Clients differ: booleans come as `True`, absent values as `sort=` or as the word `None`, lists as
a repeated key or with commas. All of that is read here.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from starlette.datastructures import QueryParams
from starlette.requests import Request

from playground.model.definitions import MAX_NAME_CHARACTERS
from playground.model.errors import Finding, InvalidFields

MAX_INT = 2**31 - 1
MAX_LONG = 2**63 - 1
_ABSENT = ("", "None")
KEPT_QUERY_BYTES = 500
"""Queries up to this length are kept parsed: workers send the same few all day."""
_kept_query = lru_cache(maxsize=2_048)(QueryParams)


class ApiRequest(Request):
    """A request whose query is parsed once for all that are the same."""

    @property
    def query_params(self) -> QueryParams:
        """The query; parameters are read from it."""
        query: bytes = self.scope["query_string"]
        return _kept_query(query) if len(query) <= KEPT_QUERY_BYTES else super().query_params


@dataclass(frozen=True)
class Parameter:
    """A parameter of a request. `about` is its line in the OpenAPI document."""

    name: str
    about: str = ""
    in_header: bool = False
    required: bool = False

    schema: ClassVar[dict[str, Any]] = {"type": "string"}

    def of(self, request: Request) -> Any:
        """The value; raises `InvalidFields` naming the parameter when it can not be read."""
        return self._given(request)

    def document(self) -> dict[str, Any]:
        """This parameter as an OpenAPI parameter object."""
        place = "header" if self.in_header else "query"
        described = {"name": self.name, "in": place, "schema": self.described_schema()}
        if self.about:
            described["description"] = self.about
        return described | ({"required": True} if self.required else {})

    def described_schema(self) -> dict[str, Any]:
        """The JSON schema of its value, with the default."""
        default = getattr(self, "default", None)
        return self.schema | ({} if default in (None, "") else {"default": default})

    def _given(self, request: Request) -> str | None:
        values = request.headers if self.in_header else request.query_params
        text = values.get(self.name)
        if text is None or text.strip() in _ABSENT:
            if self.required:
                raise self._wrong("is required", None)
            return None
        return text.strip()

    def _wrong(self, problem: str, value: str | None) -> InvalidFields:
        finding = Finding(path=self.name, message=problem, invalid_value=value)
        return InvalidFields([finding], f"{self.name}: {problem}")


@dataclass(frozen=True)
class Text(Parameter):
    default: str = ""
    longest: int = MAX_NAME_CHARACTERS

    def of(self, request: Request) -> str:
        """The text, or the default when it is absent or empty."""
        given = self.optional(request)
        return self.default if given is None else given

    def optional(self, request: Request) -> str | None:
        """The text, or None when it is absent or empty."""
        given = self._given(request)
        if given is not None and len(given) > self.longest:
            raise self._wrong(f"is longer than {self.longest} characters", given[:50])
        return given

    def described_schema(self) -> dict[str, Any]:
        """A string of at most so many characters."""
        return super().described_schema() | {"maxLength": self.longest}


@dataclass(frozen=True)
class Choice(Text):
    """One of a few words, read without regard to case."""

    choices: tuple[str, ...] = ()

    def of(self, request: Request) -> str:
        """The word in the spelling of `choices`."""
        given = super().of(request)
        found = next((word for word in self.choices if word.lower() == given.lower()), None)
        if given and found is None:
            raise self._wrong(f"must be one of {', '.join(self.choices)}", given)
        return found or self.default

    def described_schema(self) -> dict[str, Any]:
        """A string of the choices."""
        return super().described_schema() | {"enum": list(self.choices)}


@dataclass(frozen=True)
class Integer(Parameter):
    default: int | None = None
    minimum: int = 0
    maximum: int = MAX_INT

    schema: ClassVar[dict[str, Any]] = {"type": "integer"}

    def optional(self, request: Request) -> int | None:
        """The number, the default when absent."""
        given = self._given(request)
        if given is None:
            return self.default
        try:
            number = int(given) if len(given) <= 20 and given.isascii() else None
        except ValueError:
            number = None
        if number is None:
            raise self._wrong("must be a whole number", given)
        if not self.minimum <= number <= self.maximum:
            raise self._wrong(f"must be between {self.minimum} and {self.maximum}", given)
        return number

    def of(self, request: Request) -> int:
        """The number; only for parameters that have a default or are required."""
        number = self.optional(request)
        return 0 if number is None else number

    def described_schema(self) -> dict[str, Any]:
        """An integer with its bounds."""
        bounds = {"minimum": self.minimum, "maximum": self.maximum}
        width = "int32" if self.maximum <= MAX_INT else "int64"
        return super().described_schema() | bounds | {"format": width}


@dataclass(frozen=True)
class Boolean(Parameter):
    default: bool = False

    schema: ClassVar[dict[str, Any]] = {"type": "boolean"}

    def of(self, request: Request) -> bool:
        """True or false in any spelling of case."""
        given = self.optional(request)
        return self.default if given is None else given

    def optional(self, request: Request) -> bool | None:
        """The same, None when it is absent or empty."""
        given = self._given(request)
        if given is None:
            return None
        if given.lower() not in ("true", "false"):
            raise self._wrong("must be true or false", given)
        return given.lower() == "true"


@dataclass(frozen=True)
class TextList(Parameter):
    schema: ClassVar[dict[str, Any]] = {"type": "array", "items": {"type": "string"}}

    def of(self, request: Request) -> list[str]:
        """All values of a repeated key, each also split at its commas."""
        values = request.query_params.getlist(self.name)
        parts = [part.strip() for value in values for part in value.split(",")]
        return [part for part in parts if part not in _ABSENT]
