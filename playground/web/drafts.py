"""What somebody is writing: a document in a form or as JSON, kept whole until it can be saved.

One page, two ways to write the same document: its fields (`form`) or its text (`json`). Whatever is
refused comes back as it was typed, with each problem beside its field.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import msgspec

from playground.model.definitions import JSONObject
from playground.model.errors import Finding, Invalid, InvalidFields
from playground.model.reading import read, read_any
from playground.problems import problem_of
from playground.web.fields import FormView, Section, fill, posted_texts, texts_of, written
from playground.web.forms import Form
from playground.web.pages import json_text

DOCUMENT_MAX_BYTES: Final = 1_048_576
FORM, JSON = "form", "json"

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """`text` is the document as JSON, `texts` what its fields say; `tab` is where it is written."""

    sections: tuple[Section, ...]
    document: JSONObject
    text: str
    texts: dict[str, str]
    tab: str = FORM
    findings: tuple[Finding, ...] = ()
    status: int = 200

    @property
    def form(self) -> FormView:
        return fill(self.sections, self.texts, self.findings)

    @property
    def problems(self) -> tuple[str, ...]:
        """What to say above the text of the document: everything, with its place."""
        return tuple(dict.fromkeys(_with_place(one) for one in self.findings))

    def read(self, kind: type[T]) -> T:
        """The document as `kind`; raises `InvalidFields` with what is wrong so far."""
        if self.findings:
            raise InvalidFields(list(self.findings))
        return read(msgspec.json.encode(self.document), kind, max_bytes=DOCUMENT_MAX_BYTES)

    def refused(self, error: Exception) -> "Draft":
        """The same with what the engine has against it."""
        problem = problem_of(error)
        found = tuple(
            Finding(_without_index(one.path), one.message) for one in problem.findings
        ) or (Finding("", problem.message),)
        return replace(self, findings=found, status=problem.status)

    def on(self, tab: str) -> "Draft":
        """The same, written in the other way; nothing typed is lost."""
        return replace(self, tab=tab)


def draft_of(sections: Sequence[Section], document: JSONObject, tab: str = FORM) -> Draft:
    """A draft to begin with."""
    return Draft(
        sections=tuple(sections),
        document=document,
        text=json_text(document),
        texts=texts_of(sections, document),
        tab=JSON if tab == JSON else FORM,
    )


def posted_draft(
    sections: Sequence[Section],
    form: Form,
    known: JSONObject,
    finish: Callable[[JSONObject], JSONObject] = dict,
) -> Draft:
    """What was sent: fields written over the `known` document, or a text in place of it.

    `finish` makes the document whole again where fields stand for parts of a list.
    """
    if form.text("tab") == JSON:
        return _from_text(sections, form.text("document"))
    texts = posted_texts(sections, form)
    document, findings = written(sections, known, texts)
    document = finish(document)
    return Draft(
        sections=tuple(sections),
        document=document,
        text=json_text(document),
        texts=texts,
        findings=tuple(findings),
    )


def _from_text(sections: Sequence[Section], text: str) -> Draft:
    document: JSONObject = {}
    findings: tuple[Finding, ...] = ()
    try:
        given = read_any(text.encode(), max_bytes=DOCUMENT_MAX_BYTES)
        if not isinstance(given, dict):
            raise Invalid("The document must be a JSON object, such as {}.")
        document = given
    except Invalid as error:
        findings = (Finding("", error.message),)
    return Draft(
        sections=tuple(sections),
        document=document,
        text=text,
        texts=texts_of(sections, document),
        tab=JSON,
        findings=findings,
    )


def _without_index(path: str) -> str:
    """Registering takes lists; here it is always one."""
    return path.removeprefix("[0].")


def _with_place(finding: Finding) -> str:
    if not finding.path or finding.message.startswith(finding.path):
        return finding.message
    return f"{finding.path}: {finding.message}"
