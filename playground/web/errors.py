"""Errors as pages: what happened in one sentence, and one thing to do next."""

from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from playground.problems import Problem, log_refusal, problem_of
from playground.web.pages import base_path, redirect, respond, shell_of
from tenants.errors import SignInRequired, TenantError

_TITLES = {
    403: "That is not allowed",
    404: "There is nothing here",
    405: "That is not how this page works",
    409: "It is not in the right state for that",
    413: "That is too large",
    429: "A little slower, please",
    503: "Back in a moment",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorPage:
    status: int
    title: str
    message: str
    can_retry: bool


async def show_error(request: Request, error: Exception) -> Response:
    """Any refusal or bug, as a page; whoever must sign in first is led there and back."""
    if isinstance(error, SignInRequired) and request.method == "GET":
        return redirect(request, "/?next=" + quote(_here(request), safe="/"))
    problem = problem_of(error)
    log_refusal(problem, request.method, request.scope["path"])
    request.state.runtime.measures.refusals[problem.code] += 1
    template = "errors/404.html" if problem.status == 404 else "errors/500.html"
    response = respond(template, _page(problem), shell_of(request), problem.status)
    response.headers.update(problem.headers)
    return response


async def error_page(request: Request, error: TenantError) -> Response:
    """The same for refusals before a page is reached (`SessionAuthentication`)."""
    return await show_error(request, error)


def _page(problem: Problem) -> ErrorPage:
    fallback = "Something went wrong" if problem.status >= 500 else "That did not work"
    return ErrorPage(
        status=problem.status,
        title=_TITLES.get(problem.status, fallback),
        message="" if problem.status == 404 else problem.message,
        can_retry=problem.retryable or problem.status >= 500,
    )


def _here(request: Request) -> str:
    path: str = request.scope["path"].removeprefix(base_path(request))
    query = request.url.query
    return f"{path}?{query}" if query else path
