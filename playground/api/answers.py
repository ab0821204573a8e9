"""Answers with exactly the content types that Conductor's clients depend on.

`application/json` without a charset (Clojure parses nothing else), ids as bare `text/plain`, and
empty answers without a content type (JavaScript makes an object of an empty JSON answer).
"""

from typing import Any

import msgspec
from starlette.responses import Response

_encode = msgspec.json.Encoder().encode


def as_json(value: Any) -> Response:
    """A JSON document."""
    return Response(_encode(value), media_type="application/json")


def as_text(text: str) -> Response:
    """Bare ASCII text without a charset: ids, counts, versions."""
    return Response(text, headers={"Content-Type": "text/plain"})


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
    return Response(status_code=204)
