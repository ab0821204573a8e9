"""The sample workflows every namespace starts with: data with a door.

Each directory is one sample: `workflow.json` (the definition), `tasks.json` (task definitions),
`input.json` (an input that runs as it is), `output.json` (what that run ends with) and
`README.md`, whose first line is the title and first paragraph the description. Definitions name
the playground's own data as `${workflow.env.SAMPLES_URL}`.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

# The order in which a newcomer should meet them.
ORDER = ("PopulationMaxMin", "simple_wf")
_FILES = ("workflow.json", "tasks.json", "input.json", "output.json", "README.md")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample. `fingerprint` changes when the definition or its task definitions change.

    `level` is the lesson it belongs to. `needs_worker` names the tasks that no part of the
    playground runs: somebody's own worker must poll for them.
    """

    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    level: str
    needs_worker: tuple[str, ...]
    workflow: dict[str, Any]
    task_definitions: list[dict[str, Any]]
    input: dict[str, Any]
    output: dict[str, Any]
    readme: str
    fingerprint: str

    @property
    def version(self) -> int:
        """The version of the workflow definition."""
        return int(self.workflow["version"])


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, the first one to try first. Shared: callers must not change the dicts."""
    return tuple(_load(files(__name__) / name) for name in ORDER)


def sample(name: str) -> Sample | None:
    """The sample with the workflow name `name`."""
    return next((one for one in samples() if one.name == name), None)


def _load(directory: Traversable) -> Sample:
    texts = {name: (directory / name).read_text(encoding="utf-8") for name in _FILES}
    workflow = json.loads(texts["workflow.json"])
    title, description = _introduction(texts["README.md"])
    metadata = workflow["metadata"]["sample"]
    content = texts["workflow.json"] + texts["tasks.json"]
    return Sample(
        name=workflow["name"],
        title=title,
        description=description,
        tags=tuple(metadata["tags"]),
        level=metadata["level"],
        needs_worker=tuple(metadata.get("needsWorker", ())),
        workflow=workflow,
        task_definitions=json.loads(texts["tasks.json"]),
        input=json.loads(texts["input.json"]),
        output=json.loads(texts["output.json"]),
        readme=texts["README.md"],
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
    )


def _introduction(readme: str) -> tuple[str, str]:
    """Title and first paragraph of a README."""
    title, _, rest = readme.partition("\n")
    paragraph = rest.strip().split("\n\n", 1)[0]
    return title.removeprefix("# ").strip(), " ".join(paragraph.split())
