"""The command `devidp`: the provider on a port of its own."""

import socket
import time
from ipaddress import ip_address
from typing import Final

import uvicorn

from playground.devidp import registration
from playground.devidp.provider import Provider
from playground.settings import Settings, Unusable

_LOOPBACK: Final = "127.0.0.1"


def main(settings: Settings) -> int:
    """Serve until told to stop; refuses to be reachable from outside unless asked by name."""
    bound = _bound_socket(settings)
    host, port = bound.getsockname()[:2]
    if settings.dev_login != "on" and not ip_address(host).is_loopback:
        raise Unusable(
            "The development sign-in lets anybody be anybody, so it listens on this machine alone; "
            "PLAYGROUND_DEV_LOGIN=on allows more."
        )
    provider = Provider(
        issuer=settings.devidp_url or f"http://localhost:{port}",
        client_id=registration.CLIENT_ID,
        redirect_uris=(registration.callback_url(settings.public_url),),
        now_ms=_now_ms,
    )
    config = uvicorn.Config(
        provider.app(),
        log_level=settings.log_level,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[bound])
    return 0


def _bound_socket(settings: Settings) -> socket.socket:
    if settings.devidp_socket_fd >= 0:
        return socket.socket(fileno=settings.devidp_socket_fd)
    host = settings.host if settings.dev_login == "on" else _LOOPBACK
    try:
        return socket.create_server((host, settings.devidp_port), backlog=128)
    except OSError as error:
        raise Unusable(
            f"The development sign-in cannot listen on {host}:{settings.devidp_port}: "
            f"{error.strerror}; choose another port with PLAYGROUND_DEVIDP_PORT."
        ) from error


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
