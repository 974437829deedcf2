"""Proxies: what is one, what is none, and that no problem repeats what was given."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.proxies import BadProxy, Proxy, ProxyKind, parse_proxy

SECRET = "canary"

GOOD = {
    "http://p.example:3128": Proxy(ProxyKind.HTTP, "p.example", 3128),
    "HTTP://P.Example:1/": Proxy(ProxyKind.HTTP, "p.example", 1),
    "http://me%40x:p%3Aw@p:8080": Proxy(ProxyKind.HTTP, "p", 8080, b"me@x", b"p:w"),
    "http://:only@p:1": Proxy(ProxyKind.HTTP, "p", 1, b"", b"only"),
    "socks5://127.0.0.1:1080": Proxy(ProxyKind.SOCKS5, "127.0.0.1", 1080),
    "socks5h://u:p@h:65535": Proxy(ProxyKind.SOCKS5, "h", 65535, b"u", b"p"),
    "socks5://u@h:1": Proxy(ProxyKind.SOCKS5, "h", 1, b"u"),
    "socks5://%00%ff:x@h:1": Proxy(ProxyKind.SOCKS5, "h", 1, b"\0\xff", b"x"),
    f"socks5://{'u' * 255}:{'p' * 255}@h:1": Proxy(ProxyKind.SOCKS5, "h", 1, b"u" * 255, b"p" * 255),
    "socks4a://u@h:1": Proxy(ProxyKind.SOCKS4A, "h", 1, b"u"),
    "socks4a://h:1": Proxy(ProxyKind.SOCKS4A, "h", 1),
    "socks5://[2001:db8::1]:1080": Proxy(ProxyKind.SOCKS5, "2001:db8::1", 1080),
    "socks5://müller.example:1": Proxy(ProxyKind.SOCKS5, "xn--mller-kva.example", 1),
}

BAD = {
    "": "must look like",
    SECRET: "must look like",
    f"https://{SECRET}:1": "must look like",
    f"//{SECRET}:1": "must look like",
    f"http://{SECRET}": "must look like",
    f"http://{SECRET}:0": "must look like",
    f"http://{SECRET}:65536": "must look like",
    f"http://{SECRET}:x": "must look like",
    f"http://me:{SECRET}@:1": "must look like",
    f"http://[{SECRET}]:1": "must look like",
    f"http://a_b!{SECRET}:1": "must look like",
    f"http://\ud800{SECRET}:1": "must look like",
    f"socks4://{SECRET}:1": "socks4a:// or socks5://",
    f"socks://{SECRET}:1": "socks4a:// or socks5://",
    f"http://h:1/{SECRET}": "path, query or fragment",
    f"http://h:1?{SECRET}": "path, query or fragment",
    f"http://h:1#{SECRET}": "path, query or fragment",
    f"http://h :1{SECRET}": "spaces",
    f"http://h\n:1{SECRET}": "spaces",
    f"http://h\x7f:1{SECRET}": "spaces",
    f"http://h\\:1{SECRET}": "spaces",
    f"socks4a://u:{SECRET}@h:1": "user name only",
    f"socks4a://u%00{SECRET}@h:1": "user name only",
    f"socks4a://:{SECRET}@h:1": "user name only",
    "socks4a://@h:1": "1 to 255 bytes",
    f"socks5://:{SECRET}@h:1": "1 to 255 bytes",
    f"socks5://{'u' * 256}:{SECRET}@h:1": "1 to 255 bytes",
    f"socks5://u:{SECRET}{'p' * 255}@h:1": "255 bytes at most",
}


@pytest.mark.parametrize(("url", "proxy"), GOOD.items(), ids=range(len(GOOD)))
def test_proxies(url: str, proxy: Proxy) -> None:
    assert parse_proxy(url) == proxy


@pytest.mark.parametrize(("url", "why"), BAD.items(), ids=range(len(BAD)))
def test_what_is_no_proxy_is_refused_without_repeating_it(url: str, why: str) -> None:
    with pytest.raises(BadProxy) as caught:
        parse_proxy(url)
    assert why in str(caught.value)
    assert SECRET not in str(caught.value)


def test_credentials_are_not_in_the_repr() -> None:
    shown = repr(parse_proxy(f"socks5://user-{SECRET}:{SECRET}@h:1"))
    assert SECRET not in shown and "'h'" in shown


@given(st.text(max_size=60))
def test_any_text_is_a_proxy_or_refused(text: str) -> None:
    for url in (text, f"socks5://{text}", f"http://{text}:1"):
        with suppress(BadProxy):
            assert 0 < parse_proxy(url).port < 65536
