"""The one way out for URLs that users choose.

`Egress.fetch` is the only function of the project that connects to an address a tenant named.
Its address policy and its limiter are arguments: this package knows no tenant.
"""

from playground.egress.addresses import AddressPolicy
from playground.egress.fetch import (
    Egress,
    EgressFailed,
    EgressRefused,
    EgressRequest,
    EgressResponse,
)
from playground.egress.limits import (
    EgressLimiter,
    EgressLimits,
    InProcessLimiter,
    TooManyRequests,
)

__all__ = [
    "AddressPolicy",
    "Egress",
    "EgressFailed",
    "EgressLimiter",
    "EgressLimits",
    "EgressRefused",
    "EgressRequest",
    "EgressResponse",
    "InProcessLimiter",
    "TooManyRequests",
]
