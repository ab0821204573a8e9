"""Which addresses are public: every form that hides a private one, and the plain public ones."""

import ipaddress

import pytest

from playground.egress.addresses import AddressPolicy, is_public

PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.5",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2001:10::1",
    "2002:7f00:1::",
    "2002:0808:0808::1",
    "2620:4f:8000::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00::5",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2600::5efe:7f00:1",
    "2600::200:5efe:10.0.0.1",
    "4000::1",
]
PUBLIC = "1.1.1.1 8.8.8.8 9.9.9.9 93.184.216.34 172.32.0.1 100.128.0.1 2606:4700::1111 2620:fe::fe"


@pytest.mark.parametrize("address", PRIVATE)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    assert not AddressPolicy().allows_address(address)


@pytest.mark.parametrize("address", PUBLIC.split())
def test_plain_unicast_addresses_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("text", ["", "example.com", "fe80::1%eth0", "2606:4700::1%1", "127.1"])
def test_what_is_no_plain_address_is_refused(text: str) -> None:
    assert not AddressPolicy().allows_address(text)


def test_own_address_is_refused_even_where_allowed_by_its_kind() -> None:
    policy = AddressPolicy(also_denied=(ipaddress.IPv4Network("9.9.9.9/32"),))

    assert not policy.allows_address("9.9.9.9")


@pytest.mark.parametrize("port", [0, 22, 25, 5432, 6379, 65535])
def test_only_web_ports_are_allowed(port: int) -> None:
    assert not AddressPolicy().allows_port(port)
    assert AddressPolicy().allows_port(443)
