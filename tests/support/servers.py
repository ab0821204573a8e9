"""A real HTTP server in a thread, for whatever application a test brings."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

START_SECONDS = 10.0


@contextlib.contextmanager
def listening() -> Iterator[tuple[socket.socket, str]]:
    """A bound socket on a port of the system's choice, and its URL under `localhost`."""
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield bound, f"http://localhost:{bound.getsockname()[1]}"


@contextlib.contextmanager
def serving(app: ASGIApp, bound: socket.socket) -> Iterator[None]:
    """Serve `app` on a bound socket until the block ends."""
    config = uvicorn.Config(app, log_level="warning", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_SECONDS
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
