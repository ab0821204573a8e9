"""What people send: form fields and query parameters as clean text.

Fields are `application/x-www-form-urlencoded`. NUL and lone surrogates, which PostgreSQL does not
store, are taken out here, once for every page; so are the carriage returns of text areas.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from starlette.requests import Request

from playground.model.errors import Invalid, NotFound, PayloadTooLarge

FORM_MAX_BYTES = 1_200_000
MOST_FIELDS = 200


class Form:
    """Fields by name; an absent one reads as ""."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        self._fields = [(clean(name), clean(value)) for name, value in fields]

    def text(self, name: str) -> str:
        return next((value for field, value in self._fields if field == name), "")

    def line(self, name: str) -> str:
        """A field of one line, without the blanks around it."""
        return " ".join(self.text(name).split())

    def texts(self, name: str) -> list[str]:
        return [value for field, value in self._fields if field == name]

    @property
    def pairs(self) -> Sequence[tuple[str, str]]:
        """All fields in order."""
        return self._fields


NOTHING_TYPED = Form(())


async def read_form(request: Request) -> Form:
    """The posted fields; raises `PayloadTooLarge` or `Invalid`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_MAX_BYTES:
            raise PayloadTooLarge(f"A form may have at most {FORM_MAX_BYTES:,} bytes.")
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if body and kind != "application/x-www-form-urlencoded":
        raise Invalid("Forms are sent as application/x-www-form-urlencoded.")
    return form_of(body.decode("latin-1"))


def form_of(text: str) -> Form:
    """The fields of an encoded form or a query string; raises `Invalid` for too many."""
    try:
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Invalid(f"A form may have at most {MOST_FIELDS} fields.") from None


async def read_text(request: Request, max_bytes: int) -> str:
    """The body as text, as scripts send it; raises `PayloadTooLarge` or `Invalid`."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise PayloadTooLarge(f"At most {max_bytes:,} bytes are accepted here.")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Invalid("The text is not UTF-8.") from None


def read_query(request: Request) -> Form:
    """The query parameters, read like a form."""
    return Form(request.query_params.multi_items())


def path_text(request: Request, name: str) -> str:
    """A part of the path that names something; what no name can hold is not found."""
    value: str = request.path_params[name]
    if clean(value) != value:
        raise NotFound
    return value


def whole_number(text: str) -> int | None:
    """A number of at most nine digits, which every column takes; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def page_number(text: str) -> int:
    """The page asked for, from 1 to 100,000; nonsense is the first page."""
    return min(max(whole_number(text) or 1, 1), 100_000)


def clean(text: str) -> str:
    plain = text.replace("\r\n", "\n").replace("\x00", "")
    return plain.encode("utf-8", "ignore").decode()
