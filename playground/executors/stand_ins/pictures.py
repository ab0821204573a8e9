"""Workers of the image samples: they work out sizes and names, and fill the samples' bucket.

No pixel is scaled here. A "converted" picture is the address of one of our own pictures in the
format asked for, with the size it would have; uploading copies that picture into the namespace's
corner of the bucket, where it can be fetched for an hour.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from playground.egress import EgressFailed, EgressRefused, EgressRequest
from playground.executors.contract import Tools
from playground.executors.stand_ins.contract import (
    Compute,
    Output,
    Refused,
    StandInTask,
    choice,
    count,
    items,
    text,
)
from playground.model.errors import Unavailable
from playground.standins.answers import drawn

FORMATS: Final = ("jpg", "png", "webp")
LONGEST_SIDE: Final = 10_000
MOST_PICTURES: Final = 64
# What `playground.standins.pictures` has to offer.
_WIDTH, _HEIGHT = 640, 427
_TYPES: Final = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_OK: Final = 200


def convert(task: StandInTask) -> Output:
    """Another format and size. With `maintainAspectRatio` the picture fits into the size."""
    source = text(task, "fileLocation")
    wanted = choice(task, "outputFormat", FORMATS)
    width = _side(task, "outputWidth", _WIDTH)
    height = _side(task, "outputHeight", _HEIGHT)
    if task.input.get("maintainAspectRatio") is True:
        width, height = _fitted(width, height)
    stem = urlsplit(source).path.rsplit("/", 1)[-1].rsplit(".", 1)[0] or "picture"
    size = f"width={width}&height={height}&of={_plain(stem)}"
    return {
        "fileLocation": f"{task.samples_url}/img/sample.{wanted}?{size}",
        "outputWidth": width,
        "outputHeight": height,
        "outputFormat": wanted,
    }


async def upload(task: StandInTask, tools: Tools) -> Output:
    """A copy of the file in the bucket; its name follows from the file's address."""
    source = text(task, "fileLocation")
    extension = urlsplit(source).path.rsplit(".", 1)[-1].lower()
    if extension not in _TYPES:
        raise Refused(f"fileLocation: a file that ends in {', '.join(FORMATS)} is expected")
    content = await _fetch(task, tools, EgressRequest(method="GET", url=source))
    key = f"{drawn(source, 10**12):012}.{extension}"
    location = f"{task.samples_url}/bucket/{task.namespace}/{key}"
    headers = {"Content-Type": _TYPES[extension]}
    put = EgressRequest(method="PUT", url=location, headers=headers, body=content)
    await _fetch(task, tools, put, ok=201)
    return {"fileLocation": location, "size": len(content)}


def prepare_fork(task: StandInTask) -> Output:
    """What a FORK_JOIN_DYNAMIC needs: a task for each format and size, and its input."""
    source = text(task, "fileLocation")
    formats, sizes = items(task, "outputFormats"), items(task, "outputSizes")
    if len(formats) * len(sizes) > MOST_PICTURES:
        raise Refused(f"At most {MOST_PICTURES} pictures are made of one")
    tasks: list[dict[str, Any]] = []
    inputs: dict[str, Any] = {}
    for one in formats:
        for index, size in enumerate(sizes):
            width, height = _size(size)
            reference = f"image_convert_resize_{_plain(str(one))}_{width}x{height}_{index}"
            tasks.append(
                {
                    "name": "image_convert_resize",
                    "taskReferenceName": reference,
                    "type": "SIMPLE",
                }
            )
            inputs[reference] = {
                "fileLocation": source,
                "outputFormat": one,
                "outputWidth": width,
                "outputHeight": height,
                "maintainAspectRatio": task.input.get("maintainAspectRatio") is True,
            }
    return {"dynamicTasks": tasks, "dynamicTasksInput": inputs}


def _side(task: StandInTask, name: str, default: int) -> int:
    side = count(task, name, default, LONGEST_SIDE)
    if side == 0:
        raise Refused(f"{name}: at least 1 is expected")
    return side


def _size(size: Any) -> tuple[int, int]:
    match size:
        case {"width": int(width), "height": int(height)} if not isinstance(width, bool):
            return width, height
    raise Refused("outputSizes: objects with a whole width and height are expected")


def _fitted(width: int, height: int) -> tuple[int, int]:
    """The largest size within this one that has the picture's own proportions."""
    factor = min(width / _WIDTH, height / _HEIGHT)
    return max(1, round(_WIDTH * factor)), max(1, round(_HEIGHT * factor))


def _plain(name: str) -> str:
    return "".join(c for c in name if c.isascii() and (c.isalnum() or c in "-_"))[:40]


async def _fetch(task: StandInTask, tools: Tools, request: EgressRequest, ok: int = _OK) -> bytes:
    try:
        answer = await tools.egress.fetch(task.namespace, request)
    except EgressRefused as refusal:
        raise Refused(f"fileLocation: {refusal}", terminal=True) from refusal
    except EgressFailed as problem:
        if problem.kind == "limited":
            raise Unavailable(str(problem)) from problem
        raise Refused(f"{request.method} {request.url[:200]}: {problem}") from problem
    if answer.status != ok:
        raise Refused(f"{request.method} {request.url[:200]} answered {answer.status}")
    return answer.body


STAND_INS: Final[Mapping[str, Compute]] = {
    "image_convert_resize": convert,
    "image_convert_resize_prefork": prepare_fork,
}
