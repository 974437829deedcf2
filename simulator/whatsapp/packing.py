"""The server's rows: accounts, devices, groups and stanzas as bytes, and back."""

import json
from typing import Any

from simulator.whatsapp.accounts import Account, Device
from whatsapp.decoder import decode
from whatsapp.encoder import encode
from whatsapp.nodes import Node
from whatsapp.signal_session import PreKeyBundle


def pack_node(node: Node) -> bytes:
    return encode(node)


def unpack_node(data: bytes) -> Node:
    return decode(data)


def pack_account(account: Account) -> bytes:
    """Without its devices, which have rows of their own."""
    return _json(
        {
            "number": account.number,
            "lid": account.lid,
            "name": account.name,
            "about": account.about,
            "next_device": account.next_device,
            "peers": sorted(account.peers),
            "blocked": sorted(account.blocked),
            "tokens": {lid: token.hex() for lid, token in account.tokens.items()},
        }
    )


def unpack_account(data: bytes) -> Account:
    raw = json.loads(data)
    return Account(
        raw["number"],
        raw["lid"],
        raw["name"],
        raw["about"],
        next_device=raw["next_device"],
        peers=set(raw["peers"]),
        blocked=set(raw["blocked"]),
        tokens={lid: bytes.fromhex(token) for lid, token in raw["tokens"].items()},
    )


def pack_device(device: Device) -> bytes:
    """Without one-time keys and stanzas, which have rows of their own."""
    bundle = device.bundle
    return _json(
        {
            "number": device.number,
            "noise": device.noise.hex(),
            "key_index": device.key_index,
            "name": device.name,
            "kind": device.kind,
            "registration_id": bundle.registration_id,
            "identity_key": bundle.identity_key.hex(),
            "signed_pre_key_id": bundle.signed_pre_key_id,
            "signed_pre_key": bundle.signed_pre_key.hex(),
            "signature": bundle.signature.hex(),
        }
    )


def unpack_device(data: bytes) -> Device:
    raw = json.loads(data)
    bundle = PreKeyBundle(
        raw["registration_id"],
        bytes.fromhex(raw["identity_key"]),
        raw["signed_pre_key_id"],
        bytes.fromhex(raw["signed_pre_key"]),
        bytes.fromhex(raw["signature"]),
    )
    return Device(
        raw["number"],
        bytes.fromhex(raw["noise"]),
        bundle,
        raw["key_index"],
        raw["name"],
        raw["kind"],
    )


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
