"""The sample workflows every namespace starts with: data with a door.

Each directory is one sample:

file            | holds
----------------|--------------------------------------------------------------------------------
`workflow.json` | the definition; `metadata.sample` says lesson, level and tags
`also.json`     | definitions that come along: children, another version, what undoes it (optional)
`tasks.json`    | task definitions
`handlers.json` | event handlers (optional)
`schedules.json`| schedules, paused (optional)
`input.json`    | an input that runs as it is
`output.json`   | what that run ends with, in the notation of `expectations`
`steps.json`    | what a person does while it waits (optional)
`README.md`     | first line the title, first paragraph the description, then what to look at

Definitions name the playground's own data as `${workflow.env.SAMPLES_URL}`. SIMPLE tasks are named
in `metadata.sample`: those in `standIns` are worked by the playground itself until somebody's own
worker polls for them, those in `needsWorker` wait for that worker.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Final

from sample_workflows.order import LESSONS, ORDER

_FILES: Final = ("workflow.json", "tasks.json", "input.json", "output.json", "README.md")
_OPTIONAL: Final = ("also.json", "handlers.json", "schedules.json", "steps.json")


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a person does: answer the task `task` once it waits, with `status` and `output`."""

    task: str
    status: str
    output: dict[str, Any]
    says: str


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample. `fingerprint` changes when anything that is installed changes.

    `stand_ins` names the tasks that the playground works on itself, `needs_worker` those that wait
    for somebody's own worker. `ends` is the status that a run with `input` ends with.
    """

    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    lesson: str
    level: str
    stand_ins: tuple[str, ...]
    needs_worker: tuple[str, ...]
    workflow: dict[str, Any]
    also: list[dict[str, Any]]
    task_definitions: list[dict[str, Any]]
    handlers: list[dict[str, Any]]
    schedules: list[dict[str, Any]]
    input: dict[str, Any]
    output: dict[str, Any]
    steps: tuple[Step, ...]
    ends: str
    readme: str
    fingerprint: str

    @property
    def version(self) -> int:
        """The version of the workflow definition."""
        return int(self.workflow["version"])

    @property
    def definitions(self) -> list[dict[str, Any]]:
        """Every workflow definition it installs: what comes along first, then its own."""
        return [*self.also, self.workflow]

    def input_at(self, samples_url: str) -> dict[str, Any]:
        """The input for a playground whose data service answers at `samples_url`."""
        written = json.dumps(self.input).replace("<samples>", samples_url)
        filled: dict[str, Any] = json.loads(written)
        return filled


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, the first one to try first. Shared: callers must not change the dicts."""
    return tuple(_load(files(__name__) / name) for name in ORDER)


def sample(name: str) -> Sample | None:
    """The sample with the workflow name `name`."""
    return next((one for one in samples() if one.name == name), None)


@cache
def stand_ins() -> Mapping[str, bool]:
    """Task name → whether the playground's stand-in works on it unless somebody says otherwise."""
    found = {name: False for one in samples() for name in one.needs_worker}
    found |= {name: True for one in samples() for name in one.stand_ins}
    return MappingProxyType(found)


def _load(directory: Traversable) -> Sample:
    texts = {name: (directory / name).read_text(encoding="utf-8") for name in _FILES}
    for name in _OPTIONAL:
        there = directory / name
        texts[name] = there.read_text(encoding="utf-8") if there.is_file() else "[]"
    workflow = json.loads(texts["workflow.json"])
    title, description = _introduction(texts["README.md"])
    metadata = workflow["metadata"]["sample"]
    installed = ("workflow.json", "tasks.json", "also.json", "handlers.json", "schedules.json")
    content = "".join(texts[name] for name in installed)
    return Sample(
        name=workflow["name"],
        title=title,
        description=description,
        tags=tuple(metadata["tags"]),
        lesson=metadata["lesson"],
        level=metadata["level"],
        stand_ins=tuple(metadata.get("standIns", ())),
        needs_worker=tuple(metadata.get("needsWorker", ())),
        workflow=workflow,
        also=json.loads(texts["also.json"]),
        task_definitions=json.loads(texts["tasks.json"]),
        handlers=json.loads(texts["handlers.json"]),
        schedules=json.loads(texts["schedules.json"]),
        input=json.loads(texts["input.json"]),
        output=json.loads(texts["output.json"]),
        steps=tuple(_step(one) for one in json.loads(texts["steps.json"])),
        ends=metadata.get("ends", "COMPLETED"),
        readme=texts["README.md"],
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
    )


def _step(given: dict[str, Any]) -> Step:
    return Step(
        task=given["task"],
        status=given.get("status", "COMPLETED"),
        output=given.get("output", {}),
        says=given["says"],
    )


def _introduction(readme: str) -> tuple[str, str]:
    """Title and first paragraph of a README."""
    title, _, rest = readme.partition("\n")
    paragraph = rest.strip().split("\n\n", 1)[0]
    return title.removeprefix("# ").strip(), " ".join(paragraph.split())


__all__ = ["LESSONS", "Sample", "Step", "sample", "samples", "stand_ins"]
