"""The sockets of an installation, bound before anything is started.

A taken port is said at once, and a role that is started again misses no connection: its socket
belongs to the supervisor and lives on.
"""

import errno
import socket
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from playground.data_directory import DataDirectory
from playground.settings import PREFIX, Settings, Unusable

BACKLOG = 1024
DEVIDP_PORTS_TRIED = 50


def bind_all(
    settings: Settings, data: DataDirectory, roles: Sequence[str]
) -> tuple[Settings, list[socket.socket], dict[str, socket.socket]]:
    """The settings with the sockets' descriptors, the sockets, and the operator's of each role.

    Raises `Unusable` naming the port that cannot be had.
    """
    web = _bind_or_say(settings.host, settings.port, "PORT")
    sockets = [web]
    settings = replace(settings, web_socket_fd=web.fileno())
    if settings.dev_login_enabled:
        # 'on' is the only way to offer it beyond this machine; then browsers elsewhere need it too.
        beyond = settings.dev_login == "on" and not settings.is_loopback
        host = settings.host if beyond else "127.0.0.1"
        name = urlsplit(settings.public_url).hostname if beyond else "localhost"
        bound, port = _bind_devidp(settings, data, host)
        sockets.append(bound)
        settings = replace(
            settings,
            devidp_socket_fd=bound.fileno(),
            devidp_port=port,
            devidp_url=f"http://{name}:{port}",
        )
    operators: dict[str, socket.socket] = {}
    if settings.operator_port:
        for number, role in enumerate(roles, settings.operator_port):
            operators[role] = _bind_or_say(settings.operator_host, number, "OPERATOR_PORT")
    return settings, [*sockets, *operators.values()], operators


def _bind_or_say(host: str, port: int, variable: str) -> socket.socket:
    bound = _bind(host, port)
    if bound is None:
        raise Unusable(
            f"Port {port} on {host} is taken by another program; stop it, or choose another port "
            f"with {PREFIX}{variable}."
        )
    return bound


def _bind(host: str, port: int) -> socket.socket | None:
    """A listening socket, None when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except PermissionError as error:
        raise Unusable(
            f"Port {port} may only be used by root; choose one from 1024 with {PREFIX}PORT."
        ) from error
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno != errno.EADDRINUSE:
            raise Unusable(
                f"The address {host} cannot be listened on ({error.strerror}); choose another with "
                f"{PREFIX}HOST."
            ) from error
        return None


def _bind_devidp(settings: Settings, data: DataDirectory, host: str) -> tuple[socket.socket, int]:
    """The development sign-in's socket and port: the one it had last time, else the next free one.

    People are known by issuer and subject, so the issuer's port should not wander.
    """
    remembered = data.remembered("devidp-port")
    wanted = range(settings.devidp_port, min(settings.devidp_port + DEVIDP_PORTS_TRIED, 65_536))
    for port in (*([int(remembered)] if remembered.isdigit() else []), *wanted):
        bound = _bind(host, port)
        if bound is not None:
            data.remember("devidp-port", str(port))
            return bound, port
    raise Unusable(
        f"No port from {settings.devidp_port} on is free for the development sign-in; choose "
        f"another with {PREFIX}DEVIDP_PORT."
    )
