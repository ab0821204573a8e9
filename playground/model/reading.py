"""The one strict reader of JSON that clients send: bytes in, a typed value out, or `Invalid`.

Refused with the problem named: more than `max_bytes`, bytes that are not UTF-8, nesting deeper
than 100, a key twice in one object, NaN and infinities, integers beyond 64 bits, lone surrogates
and NUL characters (PostgreSQL stores neither). Whoever decodes a request uses this and nothing
else: msgspec alone takes the last duplicate key silently, and a document of 100,000 brackets
ends in RecursionError. Like Jackson, it ignores unknown properties and reads a null property as
that property's default.
"""

import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import UNSET, inspect

from playground.model.errors import Finding, Invalid, InvalidFields, PayloadTooLarge

MAX_DEPTH = 100
MAX_INTEGER = 2**63 - 1

T = TypeVar("T")


def read(body: bytes, kind: type[T], *, max_bytes: int) -> T:
    """The document in `body` as `kind`; `InvalidFields` names the path of the first wrong field."""
    document = read_any(body, max_bytes=max_bytes)
    if b"null" in body:
        drop = _null_dropper(cast(Hashable, kind))
        document = drop(document) if drop else document
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from None


def read_any(body: bytes, *, max_bytes: int) -> Any:
    """The document in `body` as plain dicts, lists and scalars."""
    if len(body) > max_bytes:
        raise PayloadTooLarge(
            f"The request body has {len(body)} bytes; at most {max_bytes} are accepted."
        )
    document = _read_plain(body)
    return _read_strictly(body) if document is UNSET else document


_PLAIN_DECODER = msgspec.json.Decoder()
_PLAIN_ENCODER = msgspec.json.Encoder()
_DIGITS_AS_ZERO = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_LONG_NUMBER = b"0" * 19
_KEY_WITH_SPACE = re.compile(rb'"[ \t\r\n]+:')


def _read_plain(body: bytes) -> Any:
    """The document when it is plainly fine, else UNSET; less than half the strict reading's cost.

    A repeated key shows by counting the keys before and after: each is written `":`. Inside a
    string `":` can only be written `\\":`, the same on both sides, because bodies with a
    unicode escape or with a space before a colon go the strict way.
    """
    if (
        b"\\u" in body
        or _LONG_NUMBER in body.translate(_DIGITS_AS_ZERO)
        or _KEY_WITH_SPACE.search(body)
    ):
        return UNSET
    try:
        document = _PLAIN_DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return UNSET
    if body.count(b'":') != _PLAIN_ENCODER.encode(document).count(b'":'):
        return UNSET
    return UNSET if _is_too_deep(body, document) else document


def _read_strictly(body: bytes) -> Any:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"The request body is not UTF-8: byte {error.start} is wrong.") from None
    if not text or text.isspace():
        raise Invalid("The request body is missing: a JSON document is expected.")
    try:
        document = _STRICT_DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Invalid(
            f"Malformed JSON at line {error.lineno}, column {error.colno}: {error.msg}."
        ) from None
    except RecursionError:
        raise Invalid(f"The JSON document is nested deeper than {MAX_DEPTH} levels.") from None
    if _is_too_deep(body, document):
        raise Invalid(f"The JSON document is nested deeper than {MAX_DEPTH} levels.")
    if b"\\u" in body and _SUSPICIOUS_ESCAPE.search(body):
        _refuse_unstorable_text(document)
    return document


def _is_too_deep(body: bytes, document: Any) -> bool:
    # Few brackets can not nest deeply, and that is nearly every request.
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _invalid_at(name, f"the key {_quoted(name)} appears twice in one object")
            seen.add(name)
    return document


def _integer(digits: str) -> int:
    if len(digits) < 19:
        return int(digits)
    if len(digits) <= 20 and -MAX_INTEGER <= (number := int(digits)) <= MAX_INTEGER:
        return number
    raise Invalid(f"The number {_quoted(digits)} does not fit into 64 bits.")


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0.0:
        raise Invalid(f"The number {_quoted(text)} is too large.")
    return number


def _refuse_constant(name: str) -> float:
    raise Invalid(f"{name} is not a JSON number.")


_STRICT_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_without_duplicates,
    parse_int=_integer,
    parse_float=_finite,
    parse_constant=_refuse_constant,
)
_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def _refuse_unstorable_text(document: Any) -> None:
    for path, text in _texts(document, ""):
        found = _UNSTORABLE.search(text)
        if found:
            what = "a NUL character" if found[0] == "\x00" else "half of a surrogate pair"
            raise _invalid_at(_printable(path), f"the text contains {what}")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every text of a document with its path, keys included."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for position, element in enumerate(value):
            yield from _texts(element, f"{path}[{position}]")
    elif isinstance(value, dict):
        for name, element in value.items():
            inner = f"{path}.{name}" if path else name
            yield inner, name
            yield from _texts(element, inner)


def _printable(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode().replace("\x00", "\\u0000")


def _quoted(text: str) -> str:
    return f"`{_printable(text if len(text) <= 40 else text[:37] + '...')}`"


# What msgspec calls the types, in the words of JSON.
_JSON_WORDS = {
    "int": "integer",
    "str": "string",
    "bool": "boolean",
    "float": "number",
    "int | float": "number",
    "float | int": "number",
}
_TYPE_NAMES = re.compile(r"`([^`$]+)`")


def _wrong_field(message: str) -> InvalidFields:
    text, _, where = message.partition(" - at `")
    path = where.removesuffix("`").replace("key in ", "").removeprefix("$").removeprefix(".")
    words = _TYPE_NAMES.sub(lambda found: f"`{_JSON_WORDS.get(found[1], found[1])}`", text)
    return _invalid_at(path, words[:1].lower() + words[1:])


def _invalid_at(path: str, problem: str) -> InvalidFields:
    finding = Finding(path=path or "body", message=problem)
    return InvalidFields([finding], f"{finding.path}: {problem}")


Dropper = Callable[[Any], Any]


@cache
def _null_dropper(kind: Hashable) -> Dropper | None:
    """A function that takes null properties of structs out of a document of `kind`, in place.

    None when there is no struct in `kind`. Nulls in users' maps and lists stay, and so does the
    null of a property that says it may be null.
    """
    return _dropper_for(inspect.type_info(kind), {})


def _dropper_for(info: inspect.Type, known: dict[Any, Dropper]) -> Dropper | None:
    match info:
        case inspect.StructType():
            return _struct_dropper(info, known)
        case inspect.ListType(item_type=item):
            return _elements_dropper(_dropper_for(item, known), list)
        case inspect.DictType(value_type=value):
            return _elements_dropper(_dropper_for(value, known), dict)
        case inspect.UnionType(types=types):
            droppers = [found for one in types if (found := _dropper_for(one, known))]
            return droppers[0] if droppers else None
        case _:
            return None


def _struct_dropper(info: inspect.StructType, known: dict[Any, Dropper]) -> Dropper:
    if info.cls in known:
        return known[info.cls]
    droppable: set[str] = set()
    inner: dict[str, Dropper] = {}

    def drop(value: Any) -> Any:
        if isinstance(value, dict):
            _drop_nulls(value, droppable)
            for name in inner.keys() & value.keys():
                inner[name](value[name])
        return value

    # Known before its fields are looked at: definitions nest in themselves.
    known[info.cls] = drop
    for field in info.fields:
        if _reads_null_as_default(field):
            droppable.add(field.encode_name)
        if found := _dropper_for(field.type, known):
            inner[field.encode_name] = found
    return drop


def _drop_nulls(document: dict[str, Any], names: Set[str]) -> None:
    nulls = [name for name, element in document.items() if element is None and name in names]
    for name in nulls:
        del document[name]


def _reads_null_as_default(field: inspect.Field) -> bool:
    if isinstance(field.type, inspect.AnyType):
        return field.default is UNSET
    types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
    return not any(isinstance(one, inspect.NoneType) for one in types)


def _elements_dropper(
    drop: Dropper | None, container: type[dict[str, Any]] | type[list[Any]]
) -> Dropper | None:
    if drop is None:
        return None

    def drop_in_each(value: Any) -> Any:
        if isinstance(value, container):
            elements: Iterable[Any] = value.values() if isinstance(value, dict) else value
            for element in elements:
                drop(element)
        return value

    return drop_in_each
