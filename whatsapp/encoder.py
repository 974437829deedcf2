"""Nodes to bytes (protocol §5)."""

import re
import zlib

from whatsapp import tokens
from whatsapp.errors import LocalProtocolError
from whatsapp.jid import (
    DOMAIN_BYTES,
    HOSTED_LID_SERVER,
    HOSTED_SERVER,
    INTEROP_SERVER,
    LID_SERVER,
    MESSENGER_SERVER,
    USER_SERVER,
    Jid,
)
from whatsapp.nodes import Node

PLAIN_FLAG = b"\x00"
COMPRESSED_FLAG = b"\x02"
NIBBLES = re.compile(rf"[0-9.-]{{1,{tokens.PACKED_MAX}}}")
HEX = re.compile(rf"[0-9A-F]{{1,{tokens.PACKED_MAX}}}")
TO_HEX_DIGITS = str.maketrans("-.", "ab")
MAX_DEPTH = 64
MAX_LIST = 0xFFFF


def encode(node: Node) -> bytes:
    """One node as the plaintext of a frame. LocalProtocolError for a node that has no encoding."""
    out = bytearray(PLAIN_FLAG)
    _write_node(out, node, 0)
    return bytes(out)


def compress(encoded: bytes) -> bytes:
    """The compressed form of an encoded node; clients never send it, servers may."""
    return COMPRESSED_FLAG + zlib.compress(encoded[1:])


def _write_node(out: bytearray, node: Node, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise LocalProtocolError(f"nodes nested deeper than {MAX_DEPTH}")
    if not node.tag:
        raise LocalProtocolError("a node needs a tag")
    content = node.content
    _write_list_size(out, 1 + 2 * len(node.attrs) + (content is not None))
    _write_text(out, node.tag)
    for name, value in node.attrs.items():
        _write_text(out, name)
        if isinstance(value, Jid):
            _write_jid(out, value)
        else:
            _write_text(out, value)
    match content:
        case None:
            pass
        case bytes():
            _write_bytes(out, content)
        case str():
            _write_text(out, content)
        case _:
            _write_list_size(out, len(content))
            for child in content:
                _write_node(out, child, depth + 1)


def _write_list_size(out: bytearray, size: int) -> None:
    if size == 0:
        out.append(tokens.LIST_EMPTY)
    elif size < 256:
        out += bytes((tokens.LIST_8, size))
    elif size <= MAX_LIST:
        out.append(tokens.LIST_16)
        out += size.to_bytes(2, "big")
    else:
        raise LocalProtocolError(f"list of {size}, at most {MAX_LIST}")


def _write_text(out: bytearray, text: str) -> None:
    token = tokens.ENCODED.get(text)
    if token is not None:
        out += token
    elif NIBBLES.fullmatch(text):
        _write_packed(out, tokens.NIBBLE_8, text.translate(TO_HEX_DIGITS))
    elif HEX.fullmatch(text):
        _write_packed(out, tokens.HEX_8, text)
    else:
        try:
            _write_bytes(out, text.encode())
        except UnicodeEncodeError:
            raise LocalProtocolError("text with lone surrogates") from None


def _write_packed(out: bytearray, tag: int, digits: str) -> None:
    """Two characters a byte, first in the high half; an odd one is padded with 15 and marked by the high bit."""
    odd = len(digits) % 2
    packed = bytes.fromhex(digits + "f" * odd)
    out += bytes((tag, len(packed) | odd << 7))
    out += packed


def _write_bytes(out: bytearray, data: bytes) -> None:
    length = len(data)
    if length < 256:
        out += bytes((tokens.BINARY_8, length))
    elif length < 1 << 20:
        out.append(tokens.BINARY_20)
        out += length.to_bytes(3, "big")
    else:
        out.append(tokens.BINARY_32)
        out += length.to_bytes(4, "big")
    out += data


def _write_jid(out: bytearray, jid: Jid) -> None:
    hosted = jid.server in (HOSTED_SERVER, HOSTED_LID_SERVER)
    if hosted or (jid.server in (USER_SERVER, LID_SERVER) and jid.device > 0):
        if jid.device > 255:
            raise LocalProtocolError(f"device {jid.device} of a {jid.server} address, at most 255")
        out += bytes((tokens.AD_JID, DOMAIN_BYTES[jid.server], jid.device))
        _write_text(out, jid.user)
    elif jid.server == MESSENGER_SERVER:
        out.append(tokens.FB_JID)
        _write_text(out, jid.user)
        out += jid.device.to_bytes(2, "big")
        _write_text(out, jid.server)
    elif jid.server == INTEROP_SERVER:
        out.append(tokens.INTEROP_JID)
        _write_text(out, jid.user)
        out += jid.device.to_bytes(2, "big") + jid.integrator.to_bytes(2, "big")
        _write_text(out, jid.server)
    else:
        out.append(tokens.JID_PAIR)
        if jid.user:
            _write_text(out, jid.user)
        else:
            out.append(tokens.LIST_EMPTY)
        _write_text(out, jid.server)
