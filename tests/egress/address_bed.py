"""Secret servers on every kind of private address, in a network namespace without a way out.

Run as root by `unshare -n`; prints one JSON object: case → what the caller saw, and which
addresses were asked. The only public addresses are 9.9.9.99 and 2620:fe::99 on this very
machine's loopback, so the rule about own addresses is off here (it has a test of its own).
"""

import asyncio
import json
import subprocess
import sys
from urllib.parse import unquote

from playground.egress import (
    AddressPolicy,
    Egress,
    EgressFailed,
    EgressLimits,
    EgressRefused,
    EgressRequest,
    InProcessLimiter,
)

PUBLIC = ("9.9.9.99", "2620:fe::99")
SECRET = [
    "127.0.0.1",
    "169.254.169.254",
    "10.0.0.5",
    "168.63.129.16",
    "192.0.0.192",
    "100.100.100.200",
    "172.16.0.9",
    "192.168.7.7",
    "198.18.0.1",
    "::1",
    "fd00::5",
    "fec0::1",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "::7f00:1",
    "2001:db8::1",
    "2600::5efe:7f00:1",
    "fd00:ec2::254",
]
PORT = 8080


def _add(address: str) -> None:
    width = "128" if ":" in address else "32"
    flags = ["nodad"] if ":" in address else []
    subprocess.run(
        ["ip", "addr", "add", f"{address}/{width}", "dev", "lo", *flags],
        check=False,
        stderr=subprocess.DEVNULL,
    )


async def _serve(hits: list[str]) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hits.append(writer.get_extra_info("sockname")[0])
        path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
        if path.startswith("/to/"):
            writer.write(f"HTTP/1.1 302 Go\r\nLocation: {unquote(path[4:])}\r\n".encode())
            writer.write(b"Content-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    for host in ("0.0.0.0", "::"):
        await asyncio.start_server(answer, host, PORT)


def _cases() -> dict[str, str]:
    cases = {f"public {address}": _url(address) for address in PUBLIC}
    for address in SECRET:
        cases[f"literal {address}"] = _url(address)
        cases[f"name {address}"] = f"http://a-{_label(address)}.example:{PORT}/"
        cases[f"mixed {address}"] = f"http://m-{_label(address)}.example:{PORT}/"
        cases[f"rebinding {address}"] = f"http://r-{_label(address)}.example:{PORT}/"
        cases[f"redirect {address}"] = _url(PUBLIC[0]) + "to/" + _url(address)
    return cases


def _url(address: str) -> str:
    return f"http://{f'[{address}]' if ':' in address else address}:{PORT}/"


def _label(address: str) -> str:
    return address.replace(":", "-").replace(".", "_")


async def main() -> None:
    hits: list[str] = []
    await _serve(hits)
    by_label = {_label(address): address for address in SECRET}
    seen: set[str] = set()

    async def names(host: str, port: int) -> list[str]:
        secret = by_label[host[2:].removesuffix(".example")]
        if host.startswith("m-"):
            return [PUBLIC[0], secret]
        if host.startswith("r-") and host not in seen:
            seen.add(host)
            return [PUBLIC[0]]
        return [secret]

    egress = Egress(
        policy=AddressPolicy(refuse_own_addresses=False),
        limiter=InProcessLimiter(
            lambda _: EgressLimits(per_minute=None), per_destination_per_second=10_000
        ),
        own_origin="http://own.example",
        resolve=names,
    )
    seen_by_caller = {}
    for name, url in _cases().items():
        for _ in range(2 if name.startswith("rebinding") else 1):
            try:
                answer = await egress.fetch("n", EgressRequest(method="GET", url=url))
                seen_by_caller[name] = str(answer.status)
            except EgressRefused as refusal:
                seen_by_caller[name] = str(refusal)
            except EgressFailed as problem:
                seen_by_caller[name] = problem.kind
    await egress.close()
    sys.stdout.write(json.dumps({"seen": seen_by_caller, "hits": sorted(set(hits))}))


if __name__ == "__main__":
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for one in (*PUBLIC, *SECRET):
        _add(one)
    asyncio.run(main())
