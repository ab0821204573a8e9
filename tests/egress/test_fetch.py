"""The one way out: what is refused, by every disguise, and what an answer may cost."""

import asyncio
import ipaddress
import re
import time
from typing import Any, ClassVar

import pytest

from playground.egress import (
    AddressPolicy,
    Egress,
    EgressFailed,
    EgressLimits,
    EgressRefused,
    EgressRequest,
    InProcessLimiter,
)
from tests.egress.servers import Server

pytestmark = pytest.mark.anyio


def get(url: str, **more: Any) -> EgressRequest:
    return EgressRequest(method="GET", url=url, **more)


# ---- what passes


async def test_public_name_is_fetched(egress: Egress, public: Server) -> None:
    answer = await egress.fetch("n", get(f"http://public.example:{public.port}/ok"))

    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"ok")
    assert [value for name, value in answer.headers if name == "X-Two"] == ["a", "b"]


async def test_request_names_the_host_and_who_asks(egress: Egress, public: Server) -> None:
    await egress.fetch("n", get(f"http://public.example:{public.port}/ok", headers={"X-Mine": "1"}))

    head = public.requests[0]
    assert f"Host: public.example:{public.port}" in head
    assert "User-Agent: Playground/" in head
    assert "X-Mine: 1" in head
    assert "Accept-Encoding: identity" in head


async def test_body_and_method_are_sent(egress: Egress, public: Server) -> None:
    request = EgressRequest(
        method="POST", url=f"http://public.example:{public.port}/ok", body=b'{"a":1}'
    )

    await egress.fetch("n", request)

    assert public.requests[0].startswith("POST /ok HTTP/1.1")
    assert "Content-Length: 7" in public.requests[0]


async def test_answer_of_wild_bytes_is_text_without_surrogates(
    egress: Egress, public: Server
) -> None:
    answer = await egress.fetch("n", get(f"http://public.example:{public.port}/bytes"))

    assert "".join(value for _, value in answer.headers).encode()
    assert answer.reason.encode()


# ---- what is refused

LITERALS = """
http://127.0.0.1:PORT/ok http://127.1:PORT/ok http://2130706433:PORT/ok http://0x7f000001:PORT/ok
http://0x7f.1:PORT/ok http://0177.0.0.1:PORT/ok http://017700000001:PORT/ok
http://127.0.0.1.:PORT/ok http://127。0。0。1:PORT/ok http://①②⑦.0.0.1:PORT/ok
http://0.0.0.0:PORT/ok http://0:PORT/ok http://[::1]:PORT/ok http://[::]:PORT/ok
http://[::ffff:127.0.0.1]:PORT/ok http://[::127.0.0.1]:PORT/ok http://[64:ff9b::7f00:1]:PORT/ok
http://[2002:7f00:1::]:PORT/ok http://[fec0::1]:PORT/ok http://[fe80::1%25lo]:PORT/ok
http://169.254.169.254:PORT/ok http://10.0.0.5:PORT/ok http://168.63.129.16:PORT/ok
http://192.0.0.192:PORT/ok http://100.100.100.200:PORT/ok http://127.0.0.1:PORT@public.example/ok
http://public.example@127.0.0.1:PORT/ok http://user:word@public.example:PORT/ok
http://@public.example:PORT/ok http://ex%61mple.com:PORT/ok http://pub_lic.ex ample:PORT/ok
http://own.example:PORT/ok http://OWN.example.:PORT/samples/x http://database.example:PORT/ok
http://loopback.example:PORT/ok http://private.example:PORT/ok http://mixed.example:PORT/ok
http://mapped.example:PORT/ok http://nat64.example:PORT/ok http://sixtofour.example:PORT/ok
http://metadata.example:PORT/ok http://public.example:22/ok http://public.example:6379/ok
http://public.example:25/ok http://public.example/ok
""".replace("ex ample", "ex*ample").split()


@pytest.mark.parametrize("url", LITERALS)
async def test_destination_is_refused_with_one_message(
    url: str, egress: Egress, secret: Server
) -> None:
    with pytest.raises(EgressRefused, match=r"^destination not allowed$"):
        await egress.fetch("n", get(url.replace("PORT", str(secret.port))))

    assert secret.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "//public.example/",
        "ftp://public.example/",
        "file:///etc/passwd",
        "gopher://public.example/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "http://",
        "http:///ok",
        "http://public.example:99999/",
        "http://public.example\\@127.0.0.1/",
        "http://public.example/\r\nX: y",
        "http://public.example/\x00",
        "http://[::1/",
        "http://public.example/\ud800",
        "http://public.example/" + "a" * 9000,
    ],
)
async def test_what_is_no_web_address_is_named_invalid(url: str, egress: Egress) -> None:
    with pytest.raises(EgressFailed) as problem:
        await egress.fetch("n", get(url))

    assert problem.value.kind == "invalid"


async def test_second_answer_of_a_rebinding_name_is_not_used(
    public: Server, secret: Server
) -> None:
    answers = [["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"]]

    async def rebinding(host: str, port: int) -> list[str]:
        return answers.pop(0)

    async with own_egress(public, secret, rebinding) as egress:
        answer = await egress.fetch("n", get(f"http://rebinding.example:{public.port}/ok"))

        with pytest.raises(EgressRefused):
            await egress.fetch("n", get(f"http://rebinding.example:{public.port}/ok"))

    assert answer.status == 200
    assert secret.requests == []


async def test_address_is_checked_again_where_it_is_connected(
    public: Server, secret: Server
) -> None:
    class ForgetfulPolicy(AddressPolicy):
        """Allows what it is asked first; a stand-in for a check that was got round."""

        asked: ClassVar[list[str]] = []

        def allows_address(self, text: str) -> bool:
            self.asked.append(text)
            return len(self.asked) == 1

    async def loopback(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    policy = ForgetfulPolicy(ports=frozenset({secret.port}))
    async with own_egress(public, secret, loopback, policy) as egress:
        with pytest.raises(EgressRefused):
            await egress.fetch("n", get(f"http://public.example:{secret.port}/ok"))

    assert secret.requests == []
    assert ForgetfulPolicy.asked == ["127.0.0.1", "127.0.0.1"]


async def test_proxy_variables_are_not_obeyed(
    egress: Egress, public: Server, secret: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", secret.origin)
    monkeypatch.setenv("http_proxy", secret.origin)

    await egress.fetch("n", get(f"http://public.example:{public.port}/ok"))

    assert secret.requests == []


async def test_unknown_name_is_not_found(egress: Egress, public: Server) -> None:
    for name in ("nowhere.example", "empty.example"):
        with pytest.raises(EgressFailed) as problem:
            await egress.fetch("n", get(f"http://{name}:{public.port}/ok"))
        assert problem.value.kind == "resolve"


# ---- redirects


async def test_redirect_to_a_public_place_is_followed(egress: Egress, public: Server) -> None:
    answer = await egress.fetch("n", get(f"http://public.example:{public.port}/redirect?302=/ok"))

    assert answer.status == 200


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:PORT/ok",
        "//127.0.0.1:PORT/ok",
        "http://loopback.example:PORT/ok",
        "http://mixed.example:PORT/ok",
        "http://[::1]:PORT/ok",
        "http://own.example:PORT/ok",
        "http://127.0.0.1:PORT/samples/x",
        "http://u@public.example:PORT/ok",
        "http://public.example:22/ok",
    ],
)
async def test_redirect_to_a_private_place_is_refused(
    target: str, egress: Egress, public: Server, secret: Server
) -> None:
    target = target.replace("PORT", str(secret.port))

    with pytest.raises(EgressRefused):
        await egress.fetch("n", get(f"http://public.example:{public.port}/redirect?302={target}"))

    assert secret.requests == []


async def test_redirects_without_end_are_given_up(egress: Egress, public: Server) -> None:
    with pytest.raises(EgressFailed) as problem:
        await egress.fetch("n", get(f"http://public.example:{public.port}/loop"))

    assert problem.value.kind == "redirects"
    assert len(public.requests) == 6


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://public.example/", "http://"])
async def test_redirect_to_no_web_address_fails(
    target: str, egress: Egress, public: Server
) -> None:
    with pytest.raises(EgressFailed) as problem:
        await egress.fetch("n", get(f"http://public.example:{public.port}/redirect?302={target}"))

    assert problem.value.kind == "redirects"


async def test_redirect_to_another_host_carries_no_secrets(egress: Egress, public: Server) -> None:
    target = f"http://other.example:{public.port}/ok"
    headers = {
        "Authorization": "Bearer x",
        "Cookie": "a=b",
        "X-API-Key": "k",
        "X-Kept": "1",
    }

    await egress.fetch(
        "n",
        get(
            f"http://public.example:{public.port}/redirect?307={target}",
            headers=headers,
        ),
    )

    assert "Bearer x" in public.requests[0]
    assert not re.search("authorization|cookie|api-key", public.requests[1], re.IGNORECASE)
    assert "X-Kept: 1" in public.requests[1]


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (303, "GET"), (307, "POST")])
async def test_redirect_changes_the_method_as_browsers_do(
    status: int, method: str, egress: Egress, public: Server
) -> None:
    url = f"http://public.example:{public.port}/redirect?{status}=/ok"

    await egress.fetch("n", EgressRequest(method="POST", url=url, body=b"x"))

    assert public.requests[1].startswith(f"{method} /ok")


# ---- our own stand-ins


async def test_samples_pass_below_their_prefix(egress: Egress, secret: Server) -> None:
    answer = await egress.fetch("n", get(f"{secret.origin}/samples/api/data?year=latest&x=a/../b"))

    assert answer.status == 200
    assert secret.requests[0].startswith("GET /samples/api/data?year=latest&x=a/../b ")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:PORT/samples",
        "http://127.0.0.1:PORT/samplesx/ok",
        "http://127.0.0.1:PORT/api/ok",
        "http://127.0.0.1:PORT/Samples/ok",
        "http://127.0.0.1:PORT//samples/ok",
        "http://127.0.0.1:PORT/samples/../api/ok",
        "http://127.0.0.1:PORT/samples/./ok",
        "http://127.0.0.1:PORT/samples/x/..",
        "http://127.0.0.1:PORT/api/../samples/ok",
        "http://127.0.0.1:PORT/samples/%2e%2e/api/ok",
        "http://127.0.0.1:PORT/samples/%2E%2E/api/ok",
        "http://127.0.0.1:PORT/samples/.%2e/api/ok",
        "http://127.0.0.1:PORT/samples%2f..%2fapi/ok",
        "http://127.0.0.1:PORT/samples/%2fapi/ok",
        "http://127.0.0.1:PORT/samples/%5c../api/ok",
        "http://127.0.0.1:PORT/samples//ok",
        "http://127.0.0.1:PORT/%73amples/ok",
        "http://127.0.0.1:PORT?/samples/ok",
        "http://127.0.0.1:PORT#/samples/ok",
        "http://user@127.0.0.1:PORT/samples/ok",
        "http://@127.0.0.1:PORT/samples/ok",
        "http://user:word@127.0.0.1:PORT/samples/ok",
        "https://127.0.0.1:PORT/samples/ok",
        "http://127.0.0.1:22/samples/ok",
        "http://127.0.0.1/samples/ok",
        "http://127.1:PORT/samples/ok",
        "http://127.0.0.1.:PORT/samples/ok",
        "http://localhost:PORT/samples/ok",
        "http://[::ffff:127.0.0.1]:PORT/samples/ok",
        "http://loopback.example:PORT/samples/ok",
    ],
)
async def test_nothing_else_of_our_own_passes(url: str, egress: Egress, secret: Server) -> None:
    with pytest.raises((EgressRefused, EgressFailed)):
        await egress.fetch("n", get(url.replace("PORT", str(secret.port))))

    assert secret.requests == []


async def test_backslash_in_a_sample_path_is_invalid(egress: Egress, secret: Server) -> None:
    with pytest.raises(EgressFailed):
        await egress.fetch("n", get(f"{secret.origin}/samples/..\\api/ok"))

    assert secret.requests == []


async def test_redirect_of_a_sample_is_not_followed(egress: Egress, secret: Server) -> None:
    secret._samples = secret._redirect  # type: ignore[method-assign]  # a stand-in that redirects

    answer = await egress.fetch("n", get(f"{secret.origin}/samples/x?302=/api/ok"))

    assert answer.status == 302
    assert len(secret.requests) == 1


async def test_samples_count_against_the_namespaces_rate(public: Server, secret: Server) -> None:
    limiter = InProcessLimiter(lambda _: EgressLimits(per_minute=2), patience_seconds=0)
    async with own_egress(public, secret, limiter=limiter) as egress:
        for _ in range(2):
            await egress.fetch("n", get(f"{secret.origin}/samples/x"))
        with pytest.raises(EgressFailed) as problem:
            await egress.fetch("n", get(f"{secret.origin}/samples/x"))
        await egress.fetch("another", get(f"{secret.origin}/samples/x"))

    assert problem.value.kind == "limited"


# ---- headers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "b\r\nHost: evil"),
        ("X-A", "b\n"),
        ("X-A", "b\x00"),
        ("X A", "b"),
        ("X-A\r\nX-B", "c"),
        ("", "b"),
        ("X-A:", "b"),
        ("X-A", "\ud800"),
    ],
)
async def test_header_that_could_smuggle_is_invalid(
    name: str, value: str, egress: Egress, public: Server
) -> None:
    with pytest.raises(EgressFailed) as problem:
        await egress.fetch(
            "n", get(f"http://public.example:{public.port}/ok", headers={name: value})
        )

    assert problem.value.kind == "invalid"
    assert public.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "CONNECTION",
        "Transfer-Encoding",
        "content-length",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Accept-Encoding",
        "User-Agent",
    ],
)
async def test_header_that_is_ours_is_left_out(name: str, egress: Egress, public: Server) -> None:
    await egress.fetch(
        "n", get(f"http://public.example:{public.port}/ok", headers={name: "planted"})
    )

    assert "planted" not in public.requests[0]


async def test_unknown_method_is_invalid(egress: Egress, public: Server) -> None:
    for method in ("CONNECT", "get", "GET / HTTP/1.1\r\nX: y"):
        with pytest.raises(EgressFailed):
            await egress.fetch(
                "n",
                EgressRequest(method=method, url=f"http://public.example:{public.port}/ok"),
            )

    assert public.requests == []


# ---- what an answer may cost


@pytest.mark.parametrize("path", ["big", "announced"])
async def test_large_answer_is_cut(path: str, egress: Egress, public: Server) -> None:
    with pytest.raises(EgressFailed) as problem:
        await egress.fetch("n", get(f"http://public.example:{public.port}/{path}"))

    assert problem.value.kind == "too_large"


@pytest.mark.parametrize("path", ["drip", "headerdrip", "interim", "silence"])
async def test_slow_answer_ends_at_the_deadline(path: str, egress: Egress, public: Server) -> None:
    started = time.monotonic()

    with pytest.raises(EgressFailed) as problem:
        await egress.fetch("n", get(f"http://public.example:{public.port}/{path}", deadline_ms=500))

    assert problem.value.kind == "timeout"
    assert time.monotonic() - started < 2


async def test_silent_server_ends_at_the_read_time_out(egress: Egress, public: Server) -> None:
    started = time.monotonic()

    with pytest.raises(EgressFailed) as problem:
        await egress.fetch(
            "n",
            get(f"http://public.example:{public.port}/silence", read_timeout_ms=200),
        )

    assert problem.value.kind == "timeout"
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("path", ["flood", "longheader", "garbage"])
async def test_broken_answer_is_a_protocol_error(path: str, egress: Egress, public: Server) -> None:
    with pytest.raises(EgressFailed) as problem:
        await egress.fetch("n", get(f"http://public.example:{public.port}/{path}"))

    assert problem.value.kind == "protocol"


async def test_compressed_bomb_stays_compressed(egress: Egress, public: Server) -> None:
    answer = await egress.fetch("n", get(f"http://public.example:{public.port}/gzip"))

    assert len(answer.body) < 100_000


async def test_closed_port_cannot_be_told_from_a_dead_host(egress: Egress, public: Server) -> None:
    await public.stop()

    with pytest.raises(EgressFailed) as problem:
        await egress.fetch("n", get(f"http://public.example:{public.port}/ok"))

    assert (problem.value.kind, str(problem.value)) == (
        "connect",
        "no connection could be made",
    )


async def test_large_request_is_not_sent(egress: Egress, public: Server) -> None:
    request = EgressRequest(
        method="POST",
        url=f"http://public.example:{public.port}/ok",
        body=b"x" * 1_048_577,
    )

    with pytest.raises(EgressFailed) as problem:
        await egress.fetch("n", request)

    assert problem.value.kind == "invalid"


async def test_slow_resolver_is_given_up(public: Server, secret: Server) -> None:
    async def slow(host: str, port: int) -> list[str]:
        await asyncio.sleep(30)
        return []

    async with own_egress(public, secret, slow) as egress:
        with pytest.raises(EgressFailed) as problem:
            await egress.fetch("n", get(f"http://public.example:{public.port}/ok", deadline_ms=300))

    assert problem.value.kind == "timeout"


class own_egress:  # noqa: N801 -- used like a function
    """An Egress of its own for one test."""

    def __init__(
        self,
        public: Server,
        secret: Server,
        resolve: Any = None,
        policy: AddressPolicy | None = None,
        limiter: Any = None,
    ) -> None:
        self._egress = Egress(
            policy=policy
            or AddressPolicy(
                ports=frozenset({public.port, secret.port}),
                also_allowed=(ipaddress.IPv4Network("127.0.0.2/32"),),
            ),
            limiter=limiter or InProcessLimiter(),
            own_origin="http://own.example",
            samples_origin=secret.origin,
            resolve=resolve,
        )

    async def __aenter__(self) -> Egress:
        return self._egress

    async def __aexit__(self, *_: object) -> None:
        await self._egress.close()
