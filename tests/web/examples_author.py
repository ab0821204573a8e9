"""Examples of the pages that authors of definitions see; part of `tests.web.examples`."""

from dataclasses import replace
from typing import Any

from msgspec import convert
from msgspec.structs import replace as msgspec_replace

from playground.decider import Severity
from playground.engine.drafts import Draft, Note
from playground.model.bundles import Imported, Outcome
from playground.model.definitions import WorkflowDef, WorkflowDefSummary
from playground.web.definition_editor import editor_page, editor_text, new_page
from playground.web.definition_files import IMPORTABLE, ImportedLine, ImportPage, link_to
from playground.web.definition_review import Choice, ReviewPage
from playground.web.definition_versions import DeletePage, versions_page
from playground.web.forms import Form
from playground.web.relations import Relation
from playground.web.text_diff import diff_lines
from playground.web.workflow_definitions import definitions_page, tag_of
from sample_workflows import samples
from tests.support.builders import a_line

_HOSTILE = "\"><script>alert(1)</script>'&"
_NOW_MS = 1_790_000_000_000
_POPULATION = convert(samples()[0].workflow, WorkflowDef)
_VERSIONS = [WorkflowDefSummary(name="PopulationMaxMin", version=one) for one in (1, 2)]


def _note(severity: Severity) -> Note:
    return Note(
        severity=severity,
        message=f"Something about {_HOSTILE}",
        path="tasks[0].name",
        ref=_HOSTILE,
        line=7,
        column=5,
        start=10,
        end=20,
    )


_REVIEW = ReviewPage(
    name="PopulationMaxMin",
    target="PopulationMaxMin",
    base_version=1,
    seen_time=_NOW_MS,
    text=_HOSTILE,
    against=1,
    lines=diff_lines(f"a\nb {_HOSTILE} c\nd", "a\nb x c\nd\ne"),
    added=2,
    removed=1,
    choices=(
        Choice(how="replace", label="Replace version 1", hint="Nothing runs.", seen_time=_NOW_MS),
        Choice(how="new", label="Save as new version 2", hint="It stays.", seen_time=0),
    ),
    running=3,
    warnings=2,
    conflict=_HOSTILE,
)
_BROKEN = Draft(definition=None, notes=(_note(Severity.ERROR),))
_FINE = Draft(definition=_POPULATION, notes=(_note(Severity.ERROR), _note(Severity.HINT)))

AUTHOR_EXAMPLES: dict[str, tuple[str, Any, str]] = {
    "workflow_editor": (
        "workflow_definitions/edit.html",
        editor_page(_FINE, editor_text(_POPULATION), "PopulationMaxMin", 2, _NOW_MS, _VERSIONS),
        "PopulationMaxMin",
    ),
    "workflow_editor_broken": (
        "workflow_definitions/edit.html",
        replace(editor_page(_BROKEN, _HOSTILE, "", 0, 0, []), problem=_HOSTILE),
        "New workflow",
    ),
    "workflow_review": ("workflow_definitions/review.html", _REVIEW, "Save PopulationMaxMin"),
    "workflow_versions": (
        "workflow_definitions/versions.html",
        versions_page([_POPULATION, msgspec_replace(_POPULATION, version=2)], {2: 3}, Form([])),
        "Versions",
    ),
    "workflow_delete": (
        "workflow_definitions/delete.html",
        DeletePage(
            name=_HOSTILE,
            version=0,
            versions=(2, 1),
            running=3,
            used_by=(Relation(_HOSTILE, "/definitions/workflows/x", "has it as sub-workflow"),),
            problem=_HOSTILE,
        ),
        "Delete ",
    ),
    "workflow_import": (
        "resources/import.html",
        ImportPage(
            text=_HOSTILE,
            problem=_HOSTILE,
            results=tuple(
                ImportedLine(imported=one, link=link_to(one))
                for one in (
                    Imported(name=_HOSTILE, kind="workflow", version=2, outcome=Outcome.CREATED),
                    Imported(name="t", kind="task", outcome=Outcome.REFUSED, reason=_HOSTILE),
                )
            ),
        ),
        "Import definitions",
    ),
    "schedule_import": (
        "resources/import.html",
        ImportPage(of=IMPORTABLE["schedules"], action="/import/schedules"),
        "Import schedules",
    ),
    "workflow_definitions_tagged": (
        "workflow_definitions/list.html",
        definitions_page([a_line(_POPULATION)], "", {"PopulationMaxMin": [tag_of("team:billing")]}),
        "Workflow Definitions",
    ),
    "workflow_new": ("workflow_definitions/new.html", new_page(), "New workflow"),
}
