"""A web role of its own in this process, on the services of the run's playground.

For stories that need the site elsewhere (below a path) or with a part of it broken on purpose: who
signed in at the playground is signed in here too, because cookies do not tell ports apart.
"""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from playground.app import WithLifespan
from playground.data_directory import DataDirectory
from playground.devidp import registration
from playground.devidp.provider import Provider
from playground.settings import Settings, read_settings
from tests.support.playground import Playground
from tests.support.servers import START_SECONDS, listening, serving

_OF_THE_OTHER = ("WEB_SOCKET_FD", "READY_FD", "OPERATOR_SOCKET_FD", "OPERATOR_PORT", "CRASH_DIR")


class Stripping:
    """A proxy that takes a prefix away before it hands a request on."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            assert scope["path"].startswith(self._root_path), scope["path"]
            path = scope["path"].removeprefix(self._root_path)
            raw_path = scope["raw_path"].removeprefix(self._root_path.encode())
            scope |= {"path": path or "/", "raw_path": raw_path or b"/"}
        await self._app(scope, receive, send)


@contextlib.contextmanager
def a_second_site(playground: Playground, root_path: str = "") -> Iterator[str]:
    """Its URL. With a `root_path`, behind a proxy that strips it, with a sign-in of its own."""
    with listening() as (bound, origin), listening() as (provider_bound, issuer):
        settings = _settings(playground, origin + root_path, issuer if root_path else "")
        provider = Provider(
            issuer=issuer,
            client_id=registration.CLIENT_ID,
            redirect_uris=(registration.callback_url(settings.public_url),),
            now_ms=lambda: time.time_ns() // 1_000_000,
        )
        site: ASGIApp = WithLifespan(settings)
        if root_path:
            site = Stripping(site, root_path)
        config = uvicorn.Config(
            site, log_level="warning", lifespan="on", timeout_graceful_shutdown=1, log_config=None
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        with serving(provider.app(), provider_bound):
            thread.start()
            deadline = time.monotonic() + START_SECONDS
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.005)
            try:
                yield settings.public_url
            finally:
                server.should_exit = True
                thread.join(START_SECONDS)


def _settings(playground: Playground, public_url: str, issuer: str) -> Settings:
    data = DataDirectory(Path(playground.environment["PLAYGROUND_DATA_DIR"]))
    state = data.read_state()
    assert state is not None
    environment = {
        name: value
        for name, value in state["environment"].items()
        if name.removeprefix("PLAYGROUND_") not in _OF_THE_OTHER
    }
    environment["PLAYGROUND_PUBLIC_URL"] = public_url
    if issuer:
        environment["PLAYGROUND_DEVIDP_URL"] = issuer
    return read_settings(environment)
