"""Rendering: the template environment, its filters, and the shell around every page.

A template gets `page` (the frozen context of that page) and `shell` (who is signed in, where we
are) and nothing else. Filters: `breakable`, `bytes`, `coded`, `duration`, `in_short`,
`json_text`, `json_view`, `moment`, `plain_moment`, `quoted`, `short_json`, `status_icon`,
`status_word`. Globals: `csrf_field`, `icon_svg`, `part`, `preloads`, `static_url`, `url`.

No page is ever blank: what is read with `or_broken`, or written by `part` or `drawn`, and fails is
a notice in its place, and the rest of the page is as always.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from playground.diagram.icons import STATUS_ICONS, word_of
from playground.engine.runtime import Runtime
from playground.model.errors import PlaygroundError
from playground.problems import problem_of
from playground.web.assets import preloads, static_url
from playground.web.icons import icon
from playground.web.json_view import json_view
from playground.web.site import Site
from tenants.asgi import CSRF_FIELD
from tenants.directory import is_operator
from tenants.errors import TenantError
from tenants.sessions import Session

THEMES = ("light", "dark")
THEME_COOKIE = "theme"
PREVIEW_COOKIE = "previews"
NAVIGATION_COOKIE = "nav"
NAVIGATION_GROUPS = ("executions", "definitions", "workers", "settings")
USUALLY_FOLDED = ("workers", "settings")


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who is signed in, as the account menu shows them."""

    name: str
    namespace: str
    provider: str
    is_operator: bool

    @property
    def initial(self) -> str:
        return self.name[:1].upper() or "?"


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What the meter shows. `requests_per_second` is None where the plan has no window."""

    running: int
    running_limit: int
    requests_per_second: float | None

    @property
    def is_nearly_full(self) -> bool:
        return self.running * 10 >= self.running_limit * 9


@dataclass(frozen=True, kw_only=True, slots=True)
class Shell:
    """What surrounds a page. `base` is the path under which the site is hosted, mostly ""."""

    site: Site
    base: str
    path: str
    theme: str
    csrf_token: str
    person: Person | None = None
    usage: Usage | None = None
    previews: frozenset[str] = frozenset()
    """What this browser has switched on, see `early_access`."""
    folded: tuple[str, ...] = USUALLY_FOLDED
    """Groups of the navigation that show their names alone, unless they have this page."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """In place of the context of a part of a page that could not be read; that is our bug."""

    message: str

    def __html__(self) -> str:
        """A notice."""
        return environment.get_template("errors/_part.html").render(message=self.message)


T = TypeVar("T")


async def or_broken(reading: Awaitable[T]) -> T | Broken:
    """What `reading` comes to. A refusal is the whole page's; any other error is this part's."""
    try:
        return await reading
    except (PlaygroundError, TenantError):
        raise
    except Exception as error:  # noqa: BLE001 - logged with its reference by `problem_of`
        return Broken(message=problem_of(error).message)


def attempted(make: Callable[[], T]) -> T | Broken:
    """What `make` makes: of a part whose failing is always our bug."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - logged with its reference by `problem_of`
        return Broken(message=problem_of(error).message)


def drawn(draw: Callable[[], Markup]) -> Markup:
    """A picture, or a notice in its place."""
    return escape(attempted(draw))


def runtime(request: Request) -> Runtime:
    found: Runtime = request.state.runtime
    return found


def site(request: Request) -> Site:
    found: Site = request.app.state.site
    return found


async def render(request: Request, template: str, page: Any, status_code: int = 200) -> Response:
    """`page` in `template`, inside the shell of whoever asks."""
    return respond(template, page, shell_of(request), status_code)


def respond(template: str, page: Any, shell: Shell, status_code: int = 200) -> Response:
    return HTMLResponse(fragment(template, page, shell), status_code)


def fragment(template: str, page: Any, shell: Shell) -> str:
    """`page` in a template that may be a part of a page only."""
    return environment.get_template(template).render(page=page, shell=shell)


def shell_of(request: Request) -> Shell:
    """Needs no database, so error pages can have it too."""
    here = site(request)
    session = _session(request)
    theme = request.cookies.get(THEME_COOKIE, "")
    return Shell(
        site=here,
        base=base_path(request),
        path=request.scope["path"].removeprefix(base_path(request)) or "/",
        theme=theme if theme in THEMES else "",
        csrf_token=getattr(request.state, "csrf_token", None) or "",
        person=_person(session, here) if session else None,
        usage=_usage(session) if session else None,
        previews=previews_of(request),
        folded=folded_groups(request.cookies.get(NAVIGATION_COOKIE)),
    )


def folded_groups(cookie: str | None) -> tuple[str, ...]:
    """The groups that were folded last; a script writes the cookie, with dots between them."""
    if cookie is None:
        return USUALLY_FOLDED
    named = cookie.split(".")
    return tuple(name for name in NAVIGATION_GROUPS if name in named)


def previews_of(request: Request) -> frozenset[str]:
    """The names in the cookie, as far as they are names."""
    names = request.cookies.get(PREVIEW_COOKIE, "")[:200].split(".")
    return frozenset(name for name in names if name.isascii() and name.isidentifier())


def redirect(request: Request, path: str) -> Response:
    """Go and get `path` of this site: the answer to every form that worked."""
    return RedirectResponse(base_path(request) + path, status_code=303)


def base_path(request: Request) -> str:
    base: str = request.scope.get("root_path", "").rstrip("/")
    return base


def quoted(text: str) -> str:
    """`text` as one part of a path or query."""
    return quote(str(text), safe="", errors="replace")


def picture(svg: str) -> Markup:
    """What `playground.diagram` drew, as it is: the drawing escapes every text itself."""
    return Markup(svg)  # noqa: S704 - test_svg draws hostile names and random ones


def _session(request: Request) -> Session | None:
    found: Session | None = getattr(request.state, "session", None)
    return found


def _person(session: Session, here: Site) -> Person:
    member = session.member
    return Person(
        name=member.name,
        namespace=member.namespace,
        provider=session.provider,
        is_operator=is_operator(member, here.operators),
    )


def _usage(session: Session) -> Usage:
    plan = session.member.plan
    return Usage(
        running=session.running_executions,
        running_limit=plan.running_executions,
        requests_per_second=plan.requests_per_second,
    )


@pass_context
def _url(context: Context, path: str) -> str:
    base: str = context["shell"].base
    return base + path


@pass_context
def _static_url(context: Context, name: str) -> str:
    path = static_url(name)
    return context["shell"].base + path if path else ""


@pass_context
def _part(context: Context, template: str, read: object = None) -> Markup:
    """A template inside the page that asks for it, or a notice that it could not be shown.

    `read` is what the template shows, where that may be `Broken`.
    """
    if isinstance(read, Broken):
        return escape(read)
    inner = environment.get_template(template)
    return drawn(lambda: Markup(inner.render(context.get_all())))  # noqa: S704 - it escapes


@pass_context
def _csrf_field(context: Context) -> Markup:
    token = context["shell"].csrf_token
    return Markup('<input type="hidden" name="%s" value="%s">') % (CSRF_FIELD, token)


def moment(ms: int) -> Markup:
    """A time as `<time>`, in UTC; a script makes it the reader's own."""
    if not ms:
        return Markup('<span class="muted">–</span>')
    at = datetime.fromtimestamp(ms / 1000, UTC)
    # Not `format`, here and below: that goes through each template sign by sign.
    return Markup('<time datetime="%s">%s</time>') % (
        at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        at.strftime("%-d %b %Y, %H:%M:%S UTC"),
    )


def duration(ms: int) -> str:
    """A length of time in two units at most: 340 ms, 1.2 s, 3 min 5 s, 2 h 4 min, 3 d 1 h."""
    if ms < 1_000:
        return f"{max(ms, 0)} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    seconds = ms // 1000
    for size, big, part, small in ((3600, "min", 60, "s"), (86_400, "h", 3600, "min")):
        if seconds < size:
            return f"{seconds // part} {big} {seconds % part // (part // 60)} {small}"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def status_icon(status: str) -> Markup:
    return _status_icon(status if status in STATUS_ICONS else "SCHEDULED")


@cache
def _status_icon(status: str) -> Markup:
    moving = Markup(' class="spin"') if status in ("RUNNING", "IN_PROGRESS") else Markup("")
    return Markup(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path{} d="{}"/></svg>'
    ).format(moving, STATUS_ICONS[status])


def breakable(name: str) -> Markup:
    """A name with room to break after its underscores, which browsers would not do."""
    return Markup("_<wbr>").join(str(name).split("_"))


def in_short(document: Mapping[str, Any], most: int = 2) -> str:
    """The first plain values of an input, to tell runs of one workflow apart."""
    plain = [
        f"{name}: {value if len(str(value)) <= 24 else str(value)[:23] + '…'}"
        for name, value in document.items()
        if isinstance(value, str | int | float) and value != ""
    ]
    return ", ".join(plain[:most])


def coded(text: str) -> Markup:
    """Prose with what is between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part)
        for at, part in enumerate(parts)
    )


def json_text(value: Any) -> str:
    """Indented JSON for a text area or a snippet."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def short_json(value: Any) -> str:
    """A value as JSON on one line, at most 300 characters of it."""
    text = (
        value
        if isinstance(value, str) and len(value) > 300
        else json.dumps(value, ensure_ascii=False)
    )
    return text if len(text) <= 300 else f"{text[:299]}…"


def plain_moment(ms: int) -> str:
    """A time as text, in UTC, where no element can stand."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%-d %b, %H:%M:%S UTC")


def size_text(count: int) -> str:
    """A number of bytes in the unit that reads best."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.0f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.0f} MB"


environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    # To look at each file again cost a quarter of a page; who edits a template starts again.
    auto_reload=False,
)
environment.filters |= {
    "breakable": breakable,
    "bytes": size_text,
    "coded": coded,
    "duration": duration,
    "in_short": in_short,
    "json_text": json_text,
    "json_view": json_view,
    "moment": moment,
    "plain_moment": plain_moment,
    "quoted": quoted,
    "short_json": short_json,
    "status_icon": status_icon,
    "status_word": word_of,
}
environment.globals |= {
    "url": _url,
    "static_url": _static_url,
    "preloads": preloads,
    "csrf_field": _csrf_field,
    "icon_svg": icon,
    "part": _part,
}
