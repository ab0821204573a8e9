"""The theme: light, dark, or as the system has it, kept in a cookie so that no page flashes."""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.web.forms import read_form
from playground.web.pages import THEME_COOKIE, THEMES, base_path, redirect

YEAR_SECONDS = 365 * 86_400


async def choose_theme(request: Request) -> Response:
    form = await read_form(request)
    response = redirect(request, local_path(form.text("back")))
    theme = form.text("theme")
    path = base_path(request) or "/"
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, YEAR_SECONDS, path=path, samesite="lax")
    else:
        response.delete_cookie(THEME_COOKIE, path=path)
    return response


def local_path(text: str) -> str:
    """`text` if it is a path of this site, else the start page; never another host."""
    parts = urlsplit(text)
    plain = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if plain and not parts.scheme and not parts.netloc else "/"


routes = [Route("/theme", choose_theme, methods=["POST"])]
