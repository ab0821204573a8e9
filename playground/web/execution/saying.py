"""One sentence for the next page: what a form did, or why not. It travels in a cookie and is said
once."""

from dataclasses import dataclass
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

from playground.web.pages import base_path

COOKIE = "said"
MOST_CHARACTERS = 600
_TONES = ("good", "warn")


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """`tone` "good" for what was done, "warn" for what was not."""

    tone: str
    text: str


def say(request: Request, response: Response, text: str, *, tone: str = "good") -> Response:
    response.set_cookie(
        COOKIE,
        f"{tone}.{quote(text[:MOST_CHARACTERS], safe='')}",
        max_age=30,
        path=f"{base_path(request)}/executions",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def said(request: Request) -> Said | None:
    tone, _, text = request.cookies.get(COOKIE, "").partition(".")
    return Said(tone=tone, text=unquote(text)) if tone in _TONES and text else None


def forget(request: Request, response: Response) -> Response:
    """Once it is on the page."""
    if COOKIE in request.cookies:
        response.delete_cookie(COOKIE, path=f"{base_path(request)}/executions")
    return response
