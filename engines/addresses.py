"""What an IP address is to somebody who must not be led into a network of ours: public, private, or never to be used.

Addresses that carry an IPv4 address within (mapped, 6to4, Teredo, NAT64) are judged by that, too: a gateway may lead
there. Registries: RFC 6890 and its updates, as Python's `ipaddress` has them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from enum import Enum

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
_COMPATIBLE = ipaddress.ip_network("::/96")


class Reach(Enum):
    """Ordered by how much care is needed."""

    PUBLIC = 0
    # Somebody's own network, this machine included.
    PRIVATE = 1
    # Link-local, where clouds keep their machines' credentials; multicast; "any address".
    NEVER = 2


def address_read(text: str) -> Address:
    """Read an address as resolvers and sockets say it, with or without an IPv6 zone. Raises `ValueError`."""
    return ipaddress.ip_address(text.partition("%")[0])


def reach(address: Address) -> Reach:
    """The most careful judgement of an address and those that it carries."""
    return max((_reach(one) for one in _carried(address)), key=lambda one: one.value)


def _reach(address: Address) -> Reach:
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return Reach.NEVER
    return Reach.PUBLIC if address.is_global else Reach.PRIVATE


def _carried(address: Address) -> Iterator[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        # Nothing but that address, in another spelling.
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 1):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
