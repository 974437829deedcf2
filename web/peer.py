"""Who a request comes from: the connection's peer, or the client that a trusted proxy names."""

import ipaddress
from collections.abc import Mapping, Sequence

FORWARDING = ("forwarded", "x-forwarded-for", "x-real-ip")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def client_address(peer: str, headers: Mapping[str, str], trusted_proxies: Sequence[str]) -> str:
    """The address behind the trusted proxies: the last one in X-Forwarded-For that is none of them.

    What stands before it was written by the client itself. `trusted_proxies`: addresses or networks (10.0.0.0/8);
    entries that are neither trust nobody.
    """
    if not (trusted_proxies and _is_one_of(peer, trusted_proxies)):
        return peer
    hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
    for hop in reversed(hops):
        if parsed(hop) is None:
            return peer
        if not _is_one_of(hop, trusted_proxies):
            return hop
    return hops[0] if hops else peer


def is_local(peer: str, headers: Mapping[str, str]) -> bool:
    """True for a program on this machine that no proxy speaks for."""
    return is_loopback(peer) and not any(name in headers for name in FORWARDING)


def is_loopback(address: str) -> bool:
    found = parsed(address)
    return found is not None and found.is_loopback


def parsed(address: str) -> Address | None:
    """The address, IPv4 also when it is written as IPv6 (::ffff:127.0.0.1); None for what is none."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def _is_one_of(address: str, networks: Sequence[str]) -> bool:
    found = parsed(address)
    return found is not None and any(_holds(network, found) for network in networks)


def _holds(network: str, address: Address) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
