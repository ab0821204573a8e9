"""Hosting below a path: `PUBLIC_URL=https://example.com/conductor` serves everything there.

A proxy in front may hand the path on as it is or strip the prefix; both arrive here the same: with
the prefix in the path and, as ASGI has it, in `root_path`. So whoever is behind reads one form.
Probes that come to the port itself (`/health`) need not know the prefix either.
"""

from starlette.types import ASGIApp, Receive, Scope, Send


class UnderRootPath:
    """Gives every request the path that its browser sees, and `root_path`.

    `root_path` begins with a slash and does not end with one. No route behind may begin with it:
    whether a proxy has stripped the prefix is told from the path alone.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path
        self._raw = root_path.encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            path: str = scope["path"]
            raw_path: bytes = scope.get("raw_path") or path.encode()
            if path == self._root_path:
                # The site's own address without its last slash is its home page too.
                path, raw_path = path + "/", raw_path + b"/"
            elif not path.startswith(self._root_path + "/"):
                path, raw_path = self._root_path + path, self._raw + raw_path
            scope["path"], scope["raw_path"] = path, raw_path
            scope["root_path"] = self._root_path
        await self._app(scope, receive, send)


def raw_path_in_site(scope: Scope) -> bytes:
    """The path below the site's own address, percent-encoded as it was sent."""
    raw_path: bytes | None = scope.get("raw_path")
    whole = raw_path if raw_path is not None else scope["path"].encode()
    root_path: str = scope.get("root_path", "")
    return whole.removeprefix(root_path.encode()) if root_path else whole
