"""The world outside, for executors that call it: a far end on 127.0.0.2 and the way to it."""

import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playground.egress import AddressPolicy, Egress, EgressLimits, InProcessLimiter
from playground.executors import Tools
from playground.sandbox.client import SandboxClient
from tests.executors.far_end import FarEnd


@asynccontextmanager
async def tools_for(far_end: FarEnd, sandbox: SandboxClient) -> AsyncIterator[Tools]:
    egress = Egress(
        policy=AddressPolicy(
            ports=frozenset({far_end.port}),
            also_allowed=(ipaddress.IPv4Network("127.0.0.2/32"),),
        ),
        limiter=InProcessLimiter(lambda _: EgressLimits(per_minute=None)),
        own_origin="http://own.example",
    )
    yield Tools(egress, sandbox)
    await egress.close()
