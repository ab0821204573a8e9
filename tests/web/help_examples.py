"""Example contexts of the help pages and of the page about failures."""

from typing import Any

from playground.model.failures import FailureCount, Failures, FailureSlot
from playground.model.usage import Window
from playground.web.early_access import early_access_page
from playground.web.execution.hints import KNOWN_FAILURES
from playground.web.failures import failures_page
from playground.web.help_pages import (
    LINKS,
    NEWS,
    SHORTCUTS,
    WORDS,
    FailuresPage,
    HelpPage,
    NewsPage,
    task_types_page,
)


def examples_of(hostile: str, execution_id: str, now_ms: int) -> dict[str, tuple[str, Any, str]]:
    count = FailureCount(name=hostile, runs=3, last=now_ms, example=execution_id)
    failed = Failures(
        window=Window.DAY,
        since=now_ms - Window.DAY.length_ms,
        runs=5,
        failed=3,
        is_whole=False,
        reasons=[count],
        workflows=[count],
        tasks=[count],
        slots=[FailureSlot(since=now_ms, runs=5, failed=3), FailureSlot(since=0, runs=0, failed=0)],
    )
    nothing = Failures(
        window=Window.HOUR,
        since=now_ms,
        runs=0,
        failed=0,
        is_whole=True,
        reasons=[],
        workflows=[],
        tasks=[],
        slots=[],
    )
    shown = HelpPage(words=WORDS, shortcuts=SHORTCUTS, links=LINKS)
    return {
        "help": ("help/show.html", shown, "Help"),
        "help_tasks": ("help/tasks.html", task_types_page(), "Task types"),
        "help_errors": (
            "help/errors.html",
            FailuresPage(failures=KNOWN_FAILURES),
            "Known failures",
        ),
        "news": ("help/news.html", NewsPage(news=NEWS), "What's new"),
        "failures": ("usage/failures.html", failures_page(failed), "Failures"),
        "early_access": (
            "early_access/show.html",
            early_access_page({("teams", "yes"): 3}, {"teams": "yes"}, frozenset({"dense"}), "on"),
            "Early access",
        ),
        "failures_none": ("usage/failures.html", failures_page(nothing), "Failures"),
    }
