"""Example contexts of the pages about sharing."""

from typing import Any

from playground.engine.shares import of_run
from playground.model.execution import Execution
from playground.model.shares import Share, SharedContent, ShareKind
from playground.web.shares import (
    EmbeddedPage,
    PublicPage,
    RecordedPage,
    ShareFormPage,
    SharesPage,
    shared_page,
)


def examples_of(run: Execution, hostile: str, now_ms: int) -> dict[str, tuple[str, Any, str]]:
    """`run` is one with a definition; `hostile` text stands wherever people write some."""
    assert run.workflow_definition
    share = Share(
        id="abcdefgh234567ab",
        kind=ShareKind.EXECUTION,
        name=run.workflow_name,
        version=1,
        title=hostile,
        listed=True,
        author=hostile,
        create_time=now_ms,
    )
    form = ShareFormPage(
        workflow_id=run.workflow_id,
        name="",
        version=0,
        title=hostile,
        is_listed=True,
        author=hostile,
        namespace="ada-7k2m9q",
        problem=hostile,
    )
    here = "http://localhost:8000"
    recorded = of_run(run)
    shown = shared_page(share, recorded, public_url=here, is_new=True, is_mine=True)
    definition = SharedContent(definition=run.workflow_definition, input={hostile: hostile})
    return {
        "share_form": ("shares/form.html", form, "Share this run"),
        "shares": (
            "shares/list.html",
            SharesPage(lines=(share,), namespace="ada-7k2m9q", public_url=here),
            "Shared links",
        ),
        "shares_none": (
            "shares/list.html",
            SharesPage(lines=(), namespace="ada-7k2m9q", public_url=here),
            "Shared links",
        ),
        "shared_run": ("shares/show.html", shown, "alert(1)"),
        "shared_definition": (
            "shares/show.html",
            shared_page(share, definition, public_url=here, problem=hostile),
            "alert(1)",
        ),
        "recorded_run": (
            "shares/show.html",
            shared_page(None, recorded, public_url=here),
            run.workflow_name,
        ),
        "recorded": (
            "shares/recorded.html",
            RecordedPage(text=hostile, problem=hostile),
            "Open a run from a file",
        ),
        "embedded": (
            "shares/embed.html",
            EmbeddedPage(title=hostile, svg=shown.svg, status="FAILED", link=shown.link),
            "alert(1)",
        ),
        "public": ("shares/public.html", PublicPage(author=hostile, lines=(share,)), "Shared by"),
    }
