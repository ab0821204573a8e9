"""The provider's process: loopback unless asked by name."""

import os
import select
import socket
import subprocess
import sys

import pytest

from playground.devidp import registration, server
from playground.settings import Unusable, read_settings


def test_refuses_a_public_socket_that_nobody_asked_for() -> None:
    with socket.create_server(("0.0.0.0", 0)) as bound:
        settings = read_settings({"PLAYGROUND_DEVIDP_SOCKET_FD": str(os.dup(bound.fileno()))})
        with pytest.raises(Unusable, match="PLAYGROUND_DEV_LOGIN=on"):
            server.main(settings)


def test_serves_on_the_socket_it_is_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        address = bound.getsockname()
        process = subprocess.Popen(
            [sys.executable, "-m", "playground", "devidp"],
            env={**os.environ, "PLAYGROUND_DEVIDP_SOCKET_FD": str(bound.fileno())},
            pass_fds=(bound.fileno(),),
        )
        try:
            with socket.create_connection(address) as connection:
                connection.sendall(
                    b"GET /.well-known/openid-configuration HTTP/1.0\r\nHost: localhost\r\n\r\n"
                )
                assert select.select([connection], [], [], 90)[0]
                assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
        finally:
            process.terminate()
            assert process.wait(10) in {0, -15}


def test_identity_does_not_depend_on_port_or_spelling() -> None:
    one = registration.identity_of("Ada Lovelace")
    two = registration.identity_of("  ada   LOVELACE ")

    assert (one.issuer, one.subject) == (two.issuer, two.subject)
    assert registration.provider("http://localhost:1").account_issuer == one.issuer
    assert registration.provider("http://localhost:2").account_issuer == one.issuer
