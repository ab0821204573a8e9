"""A form that could not be taken: what is wrong, what was typed, and once more the button."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from playground.web.forms import Form
from playground.web.pages import render

_FIELDS: Final = {
    "output": "Output",
    "task_input": "Input of the task",
    "workflow_input": "Input of the execution",
    "variables": "Variables",
}
_KEPT: Final = ("task", "result", "reason", "log", "back")


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedField:
    name: str
    label: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedPage:
    execution_id: str
    verb: str
    problem: str
    fields: tuple[RefusedField, ...]
    kept: tuple[tuple[str, str], ...]


async def show_again(
    request: Request, execution_id: str, verb: str, form: Form, problem: str
) -> Response:
    page = refused_page(execution_id, verb, form, problem)
    return await render(request, "execution/refused.html", page, 400)


def refused_page(execution_id: str, verb: str, form: Form, problem: str) -> RefusedPage:
    return RefusedPage(
        execution_id=execution_id,
        verb=verb,
        problem=problem,
        fields=tuple(
            RefusedField(name=name, label=label, text=form.text(name))
            for name, label in _FIELDS.items()
            if form.text(name)
        ),
        kept=tuple((name, form.text(name)) for name in _KEPT if form.text(name)),
    )
