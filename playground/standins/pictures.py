"""Pictures of our own for the image samples: a landscape of 640 by 427 pixels in three formats."""

from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.standins.answers import HEADERS, answers_400, json_answer

_DIRECTORY = Path(__file__).parent / "images"
_TYPES = {"sample.png": "image/png", "sample.jpg": "image/jpeg", "sample.webp": "image/webp"}


@answers_400
async def show(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _TYPES:
        message = f"there is no such picture; there are {', '.join(_TYPES)}"
        return json_answer({"status": 404, "message": message}, status=404)
    headers = {**HEADERS, "Cache-Control": "public, max-age=86400"}
    return Response(_content(name), media_type=_TYPES[name], headers=headers)


@cache
def _content(name: str) -> bytes:
    return (_DIRECTORY / name).read_bytes()


routes = [Route("/img/{name}", show, methods=["GET"])]
