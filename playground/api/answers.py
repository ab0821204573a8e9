"""Answers with exactly the content types that Conductor's clients depend on.

`application/json` without a charset (Clojure parses nothing else), ids as bare `text/plain`, and
empty answers without a content type (JavaScript makes an object of an empty JSON answer).
"""

from typing import Any, Final

import msgspec
from starlette.responses import Response

_encode = msgspec.json.Encoder().encode


class _Whole(Response):
    """An answer whose headers are written as they are, instead of being worked out each time."""

    def __init__(self, body: bytes, *headers: tuple[bytes, bytes], status_code: int = 200) -> None:
        self.status_code = status_code
        self.background = None
        self.body = body
        self.raw_headers = list(headers)


def as_json(value: Any) -> Response:
    """A JSON document."""
    body = _encode(value)
    return _Whole(body, (b"content-length", b"%d" % len(body)), _JSON)


def as_text(text: str) -> Response:
    """Bare ASCII text without a charset: ids, counts, versions."""
    body = text.encode()
    return _Whole(body, _TEXT, (b"content-length", b"%d" % len(body)))


_JSON: Final = (b"content-type", b"application/json")
_TEXT: Final = (b"content-type", b"text/plain")


def as_value(text: str) -> Response:
    """Text of a user's own, which may hold any character; the charset is only said where it must
    be."""
    charset = "" if text.isascii() else ";charset=utf-8"
    return Response(text, headers={"Content-Type": f"text/plain{charset}"})


def empty() -> Response:
    """200 with nothing in it: what Conductor answers from void operations."""
    return Response()


def no_content() -> Response:
    """204: neither a body nor a content type."""
    return _Whole(b"", status_code=204)
