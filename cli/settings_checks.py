"""Rules between knobs, and those that look at the machine: files, time zones, addresses."""

import ssl
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from core.config import HttpSettings, Settings

Finding = tuple[str, str, str]
"""Section, key, what is wrong and what is allowed."""


def cross_checks(settings: Settings) -> Iterator[Finding]:
    """Everything that is wrong although each value is inside its own range."""
    yield from ordered_pairs(settings)
    yield from tls_files(settings.http)
    yield from addresses(settings)
    if (zone := settings.log.timezone) != "local" and not known_zone(zone):
        yield "log", "timezone", f"must be 'local' or a time zone such as Asia/Jakarta (got {zone!r})"


def ordered_pairs(settings: Settings) -> Iterator[Finding]:
    """The least may not be above the most."""
    for section, low, high in (
        ("gate", "probe_min_s", "probe_max_s"),
        ("supervision", "delay_min_s", "delay_max_s"),
    ):
        least, most = getattr(getattr(settings, section), low), getattr(getattr(settings, section), high)
        if least > most:
            yield section, low, f"must be at most {section}.{high} = {most:g} (got {least:g})"


def tls_files(http: HttpSettings) -> Iterator[Finding]:
    """Certificate and key come together, exist and belong together."""
    files = {"tls_cert_file": http.tls_cert_file, "tls_key_file": http.tls_key_file}
    if not any(files.values()):
        return
    missing = [(key, name) for key, name in files.items() if not name or not Path(name).is_file()]
    for key, name in missing:
        yield "http", key, f"must name a readable PEM file, together with the other one (got {name!r})"
    if missing:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            http.tls_cert_file, http.tls_key_file, password=""
        )
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        yield "http", "tls_cert_file", f"must be a certificate that matches http.tls_key_file ({reason})"


def addresses(settings: Settings) -> Iterator[Finding]:
    """Addresses to bind and addresses to trust."""
    http = settings.http
    if not http.host or any(c.isspace() or c in "/?#@" for c in http.host):
        yield "http", "host", f"must be a host name or an IP address (got {http.host!r})"
    if not readable(ip_address, settings.actors.bind):
        yield "actors", "bind", f"must be an IP address (got {settings.actors.bind!r})"
    for proxy in http.trusted_proxies:
        if not readable(ip_network, proxy):
            yield (
                "http",
                "trusted_proxies",
                f"must be IP addresses or networks such as 10.0.0.0/8 (got {proxy!r})",
            )
    for origin in http.cors_origins:
        if origin != "*" and not plain_origin(origin):
            yield "http", "cors_origins", f"must be origins such as https://host:port, or * (got {origin!r})"


def plain_origin(text: str) -> bool:
    """True for scheme://host[:port] of http or https and nothing behind it."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and not text.partition("://")[2].strip(parts.netloc)
            and (parts.port or 1) > 0
        )
    except ValueError:
        return False


def readable(parser: object, text: str) -> bool:
    """Does the parser of `ipaddress` take this text?"""
    try:
        parser(text)  # type: ignore[operator]
    except ValueError:
        return False
    return True


def known_zone(name: str) -> bool:
    """Is there a time zone of this name on this machine?"""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
