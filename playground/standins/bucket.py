"""A tiny object store in this process's memory: what the image samples upload to.

Everything in it is gone after an hour or a restart. Objects are downloads, never pages.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.standins.answers import FRESH, BadParameter, answers_400, body_bytes, json_answer

MAX_OBJECT_BYTES = 1024 * 1024
MAX_OBJECTS = 50
MAX_NAMESPACE_BYTES = 8 * 1024 * 1024
MAX_BYTES = 64 * 1024 * 1024
KEPT_SECONDS = 3600.0
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_TYPES = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/gif", "application/json", "text/plain"}
)


@dataclass(frozen=True)
class StoredObject:
    content: bytes
    media_type: str
    stored_at: float


class Bucket:
    """Objects by (namespace, key), the oldest first; the oldest make room for the new."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._objects: OrderedDict[tuple[str, str], StoredObject] = OrderedDict()

    def put(self, namespace: str, key: str, content: bytes, media_type: str) -> None:
        self._objects.pop((namespace, key), None)
        self._objects[namespace, key] = StoredObject(content, media_type, self._clock())
        self._make_room(lambda owner: owner == namespace, MAX_OBJECTS, MAX_NAMESPACE_BYTES)
        self._make_room(lambda _: True, MAX_OBJECTS * 1000, MAX_BYTES)

    def get(self, namespace: str, key: str) -> StoredObject | None:
        self._forget_old()
        return self._objects.get((namespace, key))

    def delete(self, namespace: str, key: str) -> None:
        self._objects.pop((namespace, key), None)

    def _forget_old(self) -> None:
        since = self._clock() - KEPT_SECONDS
        while self._objects and next(iter(self._objects.values())).stored_at < since:
            self._objects.popitem(last=False)

    def _make_room(self, concerns: Callable[[str], bool], most: int, most_bytes: int) -> None:
        self._forget_old()
        mine = [(name, one) for name, one in self._objects.items() if concerns(name[0])]
        count, size = len(mine), sum(len(one.content) for _, one in mine)
        for name, one in mine:
            if count <= most and size <= most_bytes:
                return
            del self._objects[name]
            count -= 1
            size -= len(one.content)


_bucket = Bucket()


@answers_400
async def store(request: Request) -> Response:
    namespace, key = _name(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    content = await body_bytes(request, MAX_OBJECT_BYTES)
    _bucket.put(
        namespace,
        key,
        content,
        media_type if media_type in _TYPES else "application/octet-stream",
    )
    location = str(request.url.replace(query="", fragment=""))
    return json_answer({"fileLocation": location, "size": len(content)}, status=201)


@answers_400
async def fetch(request: Request) -> Response:
    namespace, key = _name(request)
    found = _bucket.get(namespace, key)
    if found is None:
        message = "there is no such object; objects are kept for an hour at most"
        return json_answer({"status": 404, "message": message}, status=404)
    headers = {**FRESH, "Content-Disposition": f'attachment; filename="{key}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)


@answers_400
async def remove(request: Request) -> Response:
    _bucket.delete(*_name(request))
    return Response(status_code=204, headers=FRESH)


def _name(request: Request) -> tuple[str, str]:
    namespace, key = request.path_params["namespace"], request.path_params["key"]
    if not _NAMESPACE.fullmatch(namespace):
        raise BadParameter("namespace", "1 to 64 lower-case letters, digits and - are expected")
    if not _KEY.fullmatch(key):
        raise BadParameter("key", "1 to 200 letters, digits, ., _ and - are expected")
    return namespace, key


routes = [
    Route("/bucket/{namespace}/{key}", store, methods=["PUT"]),
    Route("/bucket/{namespace}/{key}", fetch, methods=["GET"]),
    Route("/bucket/{namespace}/{key}", remove, methods=["DELETE"]),
]
