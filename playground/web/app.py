"""Puts the pages together: routes in order, errors as pages, what no module owns alone."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from playground.model.errors import PlaygroundError
from playground.web import (
    access_keys,
    api_docs,
    assets,
    browser_worker,
    bulk_actions,
    completions,
    definition_editor,
    definition_files,
    definition_review,
    definition_versions,
    early_access,
    environment,
    errors,
    event_handlers,
    execution,
    executions,
    failures,
    feedback,
    help_pages,
    home,
    human_forms,
    human_tasks,
    learning,
    live,
    palette,
    patterns,
    preferences,
    run,
    saved_searches,
    scheduled_runs,
    schedules,
    schemas,
    secrets,
    shares,
    stand_ins,
    task_definitions,
    tasks,
    trials,
    usage,
    webhooks,
    workers,
    workflow_definitions,
)
from playground.web.site import Site
from tenants.errors import TenantError
from tenants.tokens import Tokens

ROUTES: list[BaseRoute] = [
    *assets.routes,
    *home.routes,
    *learning.routes,
    *executions.routes,
    *bulk_actions.routes,
    *tasks.routes,
    *saved_searches.routes,
    *palette.routes,
    *execution.routes,
    *live.routes,
    *definition_editor.routes,
    *completions.routes,
    *definition_review.routes,
    *definition_files.routes,
    *definition_versions.routes,
    *workflow_definitions.routes,
    *task_definitions.routes,
    *schedules.routes,
    *scheduled_runs.routes,
    *event_handlers.routes,
    *webhooks.routes,
    *schemas.routes,
    *human_tasks.routes,
    *human_forms.routes,
    *secrets.routes,
    *environment.routes,
    *run.routes,
    *trials.routes,
    *workers.routes,
    *shares.routes,
    *browser_worker.routes,
    *stand_ins.routes,
    *access_keys.routes,
    *usage.routes,
    *failures.routes,
    *help_pages.routes,
    *api_docs.routes,
    *early_access.routes,
    *feedback.routes,
    *preferences.routes,
    *patterns.routes,
]


def create_web(
    site: Site,
    *,
    tokens: Tokens,
    routes: Sequence[BaseRoute] = (),
    middleware: Sequence[Middleware] = (),
) -> Starlette:
    """The site as an application to mount last, at the root.

    `tokens` makes those with which a page calls the API. `routes` are those of signing in and
    out. `middleware` finds the session (`SessionAuthentication` with `errors.error_page`). The
    outer application's lifespan puts `runtime` into the state of every request.
    """
    web = Starlette(
        routes=[*routes, *ROUTES],
        middleware=list(middleware),
        exception_handlers={
            PlaygroundError: errors.show_error,
            TenantError: errors.show_error,
            404: errors.show_error,
            405: errors.show_error,
            Exception: errors.show_error,
        },
    )
    web.state.site = site
    web.state.tokens = tokens
    return web
