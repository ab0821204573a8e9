"""Which addresses, ports and hosts a tenant's URL may reach: native global unicast, web ports.

`ipaddress.is_global` is not this list: in Python 3.11 it allows NAT64, 6to4, multicast and some
providers' metadata addresses.
"""

import ipaddress
import socket
from dataclasses import dataclass, field

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

WEB_PORTS = frozenset({80, 443, 8080, 8443})

# IANA's special-purpose registry, multicast, reserved space, and Azure's wire server.
_DENIED_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_DENIED_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)
_ISATAP = (0x00005EFE, 0x02005EFE)


@dataclass(frozen=True, kw_only=True)
class AddressPolicy:
    """`also_allowed` opens networks that are closed by nature (an operator's own, a test's).

    `denied_hosts` are the names and addresses of our own services. With `refuse_own_addresses`
    an address of this very machine is refused even when it is a public one.
    """

    ports: frozenset[int] = WEB_PORTS
    also_allowed: tuple[IPNetwork, ...] = ()
    also_denied: tuple[IPNetwork, ...] = ()
    denied_hosts: frozenset[str] = field(default_factory=frozenset)
    refuse_own_addresses: bool = True

    def allows_port(self, port: int) -> bool:
        return port in self.ports

    def allows_host(self, host: str) -> bool:
        return host.rstrip(".").lower() not in self.denied_hosts

    def allows_address(self, text: str) -> bool:
        """Whether to connect to an address in its canonical text form."""
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
            return False
        if _within(address, self.also_denied):
            return False
        if _within(address, self.also_allowed):
            return True
        if not is_public(address):
            return False
        return not (self.refuse_own_addresses and _is_ours(address))


def is_public(address: IPAddress) -> bool:
    """Native global unicast: nothing private, reserved, or with an IPv4 address inside."""
    if isinstance(address, ipaddress.IPv4Address):
        return not _within(address, _DENIED_V4)
    interface = int(address) & 0xFFFFFFFFFFFFFFFF
    return (
        address in _GLOBAL_V6
        and not _within(address, _DENIED_V6)
        and interface >> 32 not in _ISATAP
    )


def _within(address: IPAddress, networks: tuple[IPNetwork, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _is_ours(address: IPAddress) -> bool:
    """Whether `address` is this machine's own; asks the routing table and sends nothing."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))
            return ipaddress.ip_address(probe.getsockname()[0]) == address
    except OSError:
        return False
