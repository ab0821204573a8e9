"""First steps and lessons on the home page: what is reached, and the questions at the beginning."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.engine import learning
from playground.model.learning import FirstStep, Progress, Question
from playground.web.forms import read_form
from playground.web.pages import redirect, runtime
from tenants.asgi import signed_in


@dataclass(frozen=True, kw_only=True, slots=True)
class StepLine:
    """A first step; `path` is where it is taken."""

    title: str
    about: str
    path: str
    is_done: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question with its answers, value and words; `chosen` is "" where none was given."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...]
    chosen: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Welcome:
    """`suggested` are samples that fit what was answered."""

    steps: tuple[StepLine, ...]
    questions: tuple[Asked, ...]
    is_asked: bool
    is_hidden: bool
    suggested: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)


_STEPS: Final = {
    FirstStep.RUN: (
        "Run a sample",
        "Press Run on one of those below and watch it light up.",
        "#samples",
    ),
    FirstStep.WRITE: (
        "Make a workflow of your own",
        "Begin with a copy of a sample and change it.",
        "/definitions/workflows/new",
    ),
    FirstStep.RUN_OWN: ("Run what you made", "Give it an input, and see what comes out.", "/run"),
    FirstStep.KEY: (
        "Create an access key",
        "With it any Conductor SDK works in your namespace.",
        "/access-keys",
    ),
    FirstStep.WORKER: (
        "Connect a worker",
        "Download a project that runs with one command.",
        "/workers",
    ),
}
_QUESTIONS: Final = {
    Question.PURPOSE: (
        "What brings you here?",
        (
            ("learn", "Learn what workflows are"),
            ("idea", "Try an idea of mine"),
            ("know", "I know Conductor already"),
            ("question", "Reproduce a question or a bug"),
        ),
    ),
    Question.FIELD: (
        "What would you build?",
        (
            ("data", "Data and reports"),
            ("orders", "Orders and payments"),
            ("people", "Approvals by people"),
            ("builds", "Builds and operations"),
            ("media", "Images and video"),
        ),
    ),
    Question.LANGUAGE: (
        "Your language",
        (
            ("python", "Python"),
            ("javascript", "JavaScript"),
            ("java", "Java"),
            ("go", "Go"),
            ("csharp", "C#"),
            ("clojure", "Clojure"),
            ("curl", "curl"),
            ("cli", "CLI"),
        ),
    ),
}
_SUGGESTED: Final = {
    "data": ("PopulationMaxMin", "jq_playground", "nightly_report"),
    "orders": ("order_flow", "saga_order_fulfillment", "subscription_billing"),
    "people": ("document_approval", "loan_banking", "ci_cd_pipeline"),
    "builds": ("ci_cd_pipeline", "poll_until_done", "retry_and_timeouts"),
    "media": ("image_convert_resize", "image_multiple_convert_resize", "video_optimizer"),
}


def welcome_of(progress: Progress, names: Iterable[str] = ()) -> Welcome:
    """`names` are the workflows that are there: only those are suggested."""
    there, answers = set(names), progress.answers
    fitting = _SUGGESTED.get(answers.get(Question.FIELD, ""), ())
    return Welcome(
        steps=tuple(
            StepLine(title=title, about=about, path=path, is_done=step in progress.steps)
            for step, (title, about, path) in _STEPS.items()
        ),
        questions=tuple(
            Asked(name=name, label=label, choices=choices, chosen=answers.get(name, ""))
            for name, (label, choices) in _QUESTIONS.items()
        ),
        is_asked=progress.is_asked,
        is_hidden=progress.is_hidden,
        suggested=tuple(name for name in fitting if name in there),
    )


async def answer(request: Request) -> Response:
    """Keep what was answered; values that are none of the choices are as good as none."""
    caller, form = signed_in(request).member.caller, await read_form(request)
    given = {
        name: form.text(name)
        for name, (_, choices) in _QUESTIONS.items()
        if form.text(name) in dict(choices)
    }
    await learning.answer(runtime(request), caller, given)
    return redirect(request, "/")


async def put_away(request: Request) -> Response:
    await learning.hide(runtime(request), signed_in(request).member.caller)
    return redirect(request, "/")


async def bring_back(request: Request) -> Response:
    await learning.show(runtime(request), signed_in(request).member.caller)
    return redirect(request, "/")


routes = [
    Route("/first-steps/answers", answer, methods=["POST"]),
    Route("/first-steps/hide", put_away, methods=["POST"]),
    Route("/first-steps/show", bring_back, methods=["POST"]),
]
