"""Where a page finds its styles and scripts, and how they are served.

The build writes hashed files and a manifest into `static/dist`; a hashed file never changes, so
browsers may keep it for good. Without a build the plain stylesheets are served as they are and
pages do without scripts.
"""

import json
import mimetypes
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

WEB = Path(__file__).parent
DIST = WEB / "static" / "dist"
SOURCES = WEB / "assets" / "css"
IMMUTABLE = "public, max-age=31536000, immutable"
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))


@dataclass(frozen=True, slots=True)
class Asset:
    path: str
    preload: tuple[str, ...] = ()


@cache
def manifest() -> dict[str, Asset]:
    """Plain name → built file. Empty while the front end has not been built."""
    try:
        entries = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {
        name: Asset(
            path=f"/static/{entry['file']}",
            preload=tuple(f"/static/{name}" for name in entry["preload"]),
        )
        for name, entry in entries.items()
    }


def static_url(name: str) -> str:
    """The path of an asset, "" for a script that has not been built."""
    asset = manifest().get(name)
    if asset:
        return asset.path
    return f"/static/source/{name}" if name.endswith(".css") else ""


def preloads(names: Iterable[str]) -> tuple[str, ...]:
    """What scripts import at once, so that the browser need not find out in two trips."""
    found = [asset for name in names if (asset := manifest().get(name))]
    return tuple(dict.fromkeys(path for asset in found for path in asset.preload))


async def serve_built(request: Request) -> Response:
    """A built file, compressed as the browser likes it best."""
    name = request.path_params["name"]
    file = DIST / name
    if name not in _built_names():
        raise HTTPException(404)
    accepted = _accepted_encodings(request.headers)
    for encoding, suffix in _ENCODINGS:
        if encoding in accepted and name + suffix in _built_names():
            return _file(DIST / (name + suffix), name, encoding)
    return _file(file, name, None)


async def serve_source(request: Request) -> Response:
    """A stylesheet as it is written, for a checkout without Node."""
    name = request.path_params["name"]
    if name not in {path.name for path in SOURCES.glob("*.css")}:
        raise HTTPException(404)
    return FileResponse(SOURCES / name, headers={"Cache-Control": "no-cache"})


async def serve_favicon(_: Request) -> Response:
    return FileResponse(
        WEB / "static" / "favicon.svg", headers={"Cache-Control": "public, max-age=86400"}
    )


@cache
def _built_names() -> frozenset[str]:
    return frozenset(path.name for path in DIST.iterdir()) if DIST.is_dir() else frozenset()


def _accepted_encodings(headers: Headers) -> set[str]:
    parts = headers.get("Accept-Encoding", "").split(",")
    return {part.split(";")[0].strip() for part in parts if not part.strip().endswith(";q=0")}


def _file(path: Path, name: str, encoding: str | None) -> Response:
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"Cache-Control": IMMUTABLE, "Vary": "Accept-Encoding"}
    if encoding:
        headers["Content-Encoding"] = encoding
    return FileResponse(path, media_type=media_type, headers=headers)


routes = [
    Route("/static/source/{name}", serve_source),
    Route("/static/{name}", serve_built),
    Route("/favicon.ico", serve_favicon),
]
