"""What nobody may read: values of secrets, and what users themselves call masked, shown as `***`.

Workers and the engine work with real values, and so an output may hold a secret in clear. It is
hidden where somebody looks: every query of `queries` masks what it gives to a `Reading`, the
connection of `Runtime.reading`; a unit of work of the engine gets the values as they are.

Hidden are, wherever they stand in inputs, outputs, variables, reasons and logs:

- the values of the namespace's secrets, also those that were replaced or deleted since
  (`former_secrets`, as long as executions are kept), as they are and as they look inside JSON
  text, in a URL and in base64; of a secret that is a JSON document the texts in it. One of fewer
  than `SHORTEST` characters hides only a text that is nothing else: it would be everywhere;
- objects under the keys `_secrets` and `_masked`, and values under any key that the definition
  names in `maskedFields`.

Cost: queries bring the namespace's `secrets_revision` along, 0 where there never was a secret, and
then nothing is looked at but the two keys. The values of a revision are opened once a process. A
document in which none of them occurs (a look at its text as stored) is given as it is.

An execution that holds a hidden value is not found by what its texts hold, only by its columns:
else one could ask for a secret letter by letter. The same goes for texts with masked keys; only
where more than a thousand executions hold a word is `_secrets` or `_masked` not looked for.
"""

import base64
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, quote_plus

import msgspec
from msgspec import UNSET
from msgspec.structs import replace
from sqlalchemy import func, select, union

from playground.model.definitions import JSONObject, WorkflowTask
from playground.model.execution import Execution, Task, TaskExecLog
from playground.store import secrets
from playground.store.tables import snapshots, workflow_definitions
from tenants.database import Connection
from tenants.sealing import Keyring

SHORTEST: Final = 4
MASKED: Final = "***"
KEYS: Final = ("_secrets", "_masked")
_MOST_KEPT_CHARACTERS: Final = 32 * 1024 * 1024
_SHORTEST_NUMBER: Final = 6
_SHORTEST_LINE: Final = 8
_MOST_LEAVES: Final = 200


@dataclass(frozen=True, slots=True)
class Hidden:
    """The texts to hide, the longest first, each with how it looks in stored JSON."""

    texts: tuple[str, ...] = ()
    wholes: frozenset[str] = frozenset()
    """Hidden only where they are all of a text."""
    stored: tuple[str, ...] = ()

    @property
    def characters(self) -> int:
        return sum(len(text) for text in self.texts) * 2

    @classmethod
    def of(cls, values: Iterable[str]) -> "Hidden":
        """What the values of secrets hide."""
        looks = {look for value in values for part in _parts(value) for look in _looks(part)}
        texts = sorted((one for one in looks if len(one) >= SHORTEST), key=len, reverse=True)
        wholes = frozenset(one for one in looks if one and len(one) < SHORTEST)
        stored = [_in_json(one) for one in texts] + [f'"{_in_json(one)}"' for one in wholes]
        return cls(tuple(texts), wholes, tuple(stored))


NOTHING: Final = Hidden()


def _parts(value: str) -> Iterator[str]:
    """The value, its lines, and the texts inside a JSON document."""
    yield value.strip()
    lines = value.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)
    if value.lstrip()[:1] in ("{", "["):
        try:
            yield from _leaves(msgspec.json.decode(value))
        except (msgspec.DecodeError, RecursionError):
            return


def _leaves(document: Any) -> Iterator[str]:
    waiting, given = [document], 0
    while waiting and given < _MOST_LEAVES:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and len(one) >= SHORTEST:
            given += 1
            yield one
        elif isinstance(one, int | float) and len(str(one)) >= _SHORTEST_NUMBER:
            given += 1
            yield str(one)


def _looks(text: str) -> Iterator[str]:
    yield text
    if len(text) >= SHORTEST:
        yield _in_json(text)
        yield quote(text, safe="")
        yield quote_plus(text)
        yield base64.b64encode(text.encode()).decode().rstrip("=")


def _in_json(text: str) -> str:
    return msgspec.json.encode(text).decode()[1:-1]


class Masks:
    """What is hidden in each namespace, as of its revision; one for a process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[int, Hidden]] = OrderedDict()
        self._characters = 0

    def known(self, namespace: str, revision: int) -> Hidden | None:
        """None when it has to be read."""
        kept = self._kept.get(namespace)
        return kept[1] if kept is not None and kept[0] >= revision else None

    def keep(self, namespace: str, revision: int, hidden: Hidden) -> None:
        """Remember; what was asked for least lately goes when it becomes too much."""
        self.forget(namespace)
        self._kept[namespace] = (revision, hidden)
        self._characters += hidden.characters
        while self._characters > _MOST_KEPT_CHARACTERS and len(self._kept) > 1:
            self.forget(next(iter(self._kept)))

    def forget(self, namespace: str) -> None:
        """Let go of what is kept of a namespace."""
        kept = self._kept.pop(namespace, None)
        if kept is not None:
            self._characters -= kept[1].characters


class Reading(Connection):
    """A connection for somebody who looks: what queries give it is masked."""

    def __init__(self, driver: Any, namespace: str, masks: Masks, keyring: Keyring) -> None:
        super().__init__(driver)
        self._namespace = namespace
        self._masks = masks
        self._keyring = keyring

    async def hidden(self, revision: int | None = None) -> Hidden:
        """What is hidden at a revision of the namespace's secrets; without one it is asked for."""
        if revision is None:
            revision = await secrets.revision(self)
        if not revision:
            return NOTHING
        known = self._masks.known(self._namespace, revision)
        if known is None:
            known = Hidden.of([value async for value in self._values()])
            self._masks.keep(self._namespace, revision, known)
        return known

    async def _values(self) -> Any:
        for one in [*await secrets.every(self), *await secrets.former(self)]:
            place = secrets.place_of(self._namespace, one.name)
            value = self._keyring.open_or_none(one.sealed, place=place)
            if value:
                yield value


async def hidden_from(connection: Connection, revision: int | None = None) -> Hidden:
    """What whoever uses this connection must not see."""
    return await connection.hidden(revision) if isinstance(connection, Reading) else NOTHING


async def mask_of(
    connection: Connection, row: Mapping[str, Any], fields: Sequence[str] = ()
) -> "Mask | None":
    """The mask for a row that was read with `secrets.REVISION`; None where nothing is masked.

    `fields` are the definition's `maskedFields`.
    """
    if not isinstance(connection, Reading):
        return None
    return Mask(await connection.hidden(row["secrets_revision"]), frozenset((*KEYS, *fields)))


async def mask_for(connection: Connection, fields: Sequence[str] = ()) -> "Mask | None":
    """The mask of whoever uses this connection, for what is read without a revision."""
    return await mask_of(connection, {"secrets_revision": None}, fields)


async def mask_across_definitions(connection: Connection) -> "Mask | None":
    """The mask for what does not belong to one execution.

    A message knows who published it and not who else will keep it, so whatever any definition of
    the namespace masks is masked in it, registered or given along with a start.
    """
    if not isinstance(connection, Reading):
        return None
    return await mask_for(connection, await masked_fields(connection))


async def masked_fields(connection: Connection) -> list[str]:
    """The names in `maskedFields` of all definitions of the namespace, frozen ones too."""
    found = await connection.all(_MASKING)
    return sorted({name for row in found for name in _decode_fields(row["body"]).masked_fields})


async def masking_snapshots(connection: Connection) -> dict[str, list[str]]:
    """Snapshot → the names in its `maskedFields`, of the snapshots that have any."""
    if not isinstance(connection, Reading):
        return {}
    found = await connection.all(_MASKING_SNAPSHOTS)
    return {row["digest"]: _decode_fields(row["body"]).masked_fields for row in found}


class _Fields(msgspec.Struct, rename="camel"):
    masked_fields: list[str] = []


_decode_fields: Final = msgspec.json.Decoder(_Fields).decode
_MASKING_SNAPSHOTS: Final = select(snapshots.c.digest, snapshots.c.body).where(
    func.strpos(snapshots.c.body, '"maskedFields":["') > 0
)
_MASKING: Final = union(
    *(
        select(table.c.body).where(func.strpos(table.c.body, '"maskedFields":["') > 0)
        for table in (workflow_definitions, snapshots)
    )
)


@dataclass(frozen=True, slots=True)
class Mask:
    """Hides values and the contents of fields."""

    hidden: Hidden
    fields: frozenset[str] = frozenset(KEYS)

    def touches(self, stored: str) -> bool:
        """Whether a JSON text, as we store it, may hold something to hide."""
        return any(f'"{name}":' in stored for name in self.fields) or any(
            text in stored for text in self.hidden.stored
        )

    def document(self, stored: str, document: JSONObject) -> JSONObject:
        """The document that `stored` is the text of, without what is hidden."""
        if not self.touches(stored):
            return document
        masked = self.value(document)
        return masked if isinstance(masked, dict) else {}

    def value(self, value: Any) -> Any:
        """A JSON value without what is hidden, in keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {
                self.text(key): MASKED if key in self.fields else self.value(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and str(value) in self.hidden.texts:
            return MASKED
        return value

    def text(self, text: str) -> str:
        """A text without what is hidden."""
        if text in self.hidden.wholes:
            return MASKED
        for one in self.hidden.texts:
            if one in text:
                text = text.replace(one, MASKED)
        return text

    def execution(self, row: Mapping[str, Any], execution: Execution) -> Execution:
        """An execution as its row may be shown; its tasks are masked by themselves."""
        reason = execution.reason_for_incompletion
        return replace(
            execution,
            input=self.document(row["input"], execution.input),
            output=self.document(row["output"], execution.output),
            variables=self.document(row["variables"], execution.variables),
            reason_for_incompletion=self.text(reason) if reason else reason,
        )

    def task(self, row: Mapping[str, Any], task: Task) -> Task:
        """A task as its row may be shown, with or without payloads."""
        reason = task.reason_for_incompletion
        changes: dict[str, Any] = {}
        if task.input_data:
            changes["input_data"] = self.document(row["input"], task.input_data)
        if task.output_data:
            changes["output_data"] = self.document(row["output"], task.output_data)
        if reason:
            changes["reason_for_incompletion"] = self.text(reason)
        if row["node"] and self.touches(row["node"]):
            changes["workflow_task"] = self._node(task.workflow_task)
        return replace(task, **changes) if changes else task

    def log(self, line: TaskExecLog) -> TaskExecLog:
        """A line of a task's log."""
        return replace(line, log=self.text(line.log))

    def _node(self, node: WorkflowTask | Any) -> Any:
        """A node that was made while the execution ran, out of what tasks gave."""
        masked = self.value(msgspec.to_builtins(node))
        try:
            return msgspec.convert(masked, WorkflowTask)
        except msgspec.ValidationError:
            # A hidden value stood where only certain words may.
            return UNSET
