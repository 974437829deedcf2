"""Keys inside stanzas, both directions (protocol §10): uploads, rotation, bundles, and the keys of retry receipts.

All of them are made of the same children: registration, type, identity, skey, key. Ids are 3 bytes big-endian.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from whatsapp.errors import NodeError
from whatsapp.keys import KEY_BYTES, KEY_TYPE, parse_public
from whatsapp.nodes import Node
from whatsapp.prekeys import PreKey, SignedPreKey
from whatsapp.signal_session import LocalIdentity, PreKeyBundle
from whatsapp.xeddsa import SIGNATURE_BYTES

ID_BYTES = 3
REGISTRATION_BYTES = 4
MAX_UPLOADED = 5000  # per upload, on the server's side


@dataclass(frozen=True, slots=True)
class PublicPreKey:
    """The public half of a one-time pre-key, as a server keeps it."""

    id: int
    public: bytes


@dataclass(frozen=True, slots=True)
class Upload:
    """What a device publishes: a bundle without one-time key, and the one-time keys."""

    bundle: PreKeyBundle
    pre_keys: tuple[PublicPreKey, ...]


def upload_children(
    identity: LocalIdentity, signed: SignedPreKey, pre_keys: Iterable[PreKey]
) -> tuple[Node, ...]:
    """The content of the upload `iq`."""
    keys = tuple(_key_node("key", key.id, key.keys.public) for key in pre_keys)
    return (*_identity_children(identity), Node("list", {}, keys), signed_key_node(signed))


def retry_children(
    identity: LocalIdentity, signed: SignedPreKey, pre_key: PreKey, device_identity: bytes
) -> tuple[Node, ...]:
    """The content of `<keys>` in a retry receipt; the registration stands beside it there."""
    return (
        Node("type", {}, KEY_TYPE),
        Node("identity", {}, identity.keys.public),
        _key_node("key", pre_key.id, pre_key.keys.public),
        signed_key_node(signed),
        Node("device-identity", {}, device_identity),
    )


def signed_key_node(signed: SignedPreKey) -> Node:
    """`<skey>`, also the content of a rotation."""
    return _key_node("skey", signed.id, signed.keys.public, signed.signature)


def bundle_children(bundle: PreKeyBundle) -> tuple[Node, ...]:
    """The content of `<user>` in the answer to a bundle query: the server's side."""
    children = [
        registration_node(bundle.registration_id),
        Node("type", {}, KEY_TYPE),
        Node("identity", {}, bundle.identity_key),
        _key_node("skey", bundle.signed_pre_key_id, bundle.signed_pre_key, bundle.signature),
    ]
    if bundle.pre_key is not None and bundle.pre_key_id is not None:
        children.append(_key_node("key", bundle.pre_key_id, bundle.pre_key))
    return tuple(children)


def registration_node(registration_id: int) -> Node:
    """`<registration>`."""
    return Node("registration", {}, registration_id.to_bytes(REGISTRATION_BYTES, "big"))


def parse_bundle(node: Node, registration_id: int | None = None) -> PreKeyBundle:
    """From `<user>` in a bundle answer, or from `<keys>` of a retry receipt with its registration beside it.

    The signature is not checked here: starting a session does. NodeError for anything missing or of wrong size.
    """
    if registration_id is None:
        registration_id = parse_registration(node)
    signed_id, signed_public = _parse_key(node.need("skey"))
    one_time = node.find("key")
    key_id, public = _parse_key(one_time) if one_time is not None else (None, None)
    return PreKeyBundle(
        registration_id=registration_id,
        identity_key=_public(node.need("identity")),
        signed_pre_key_id=signed_id,
        signed_pre_key=signed_public,
        signature=node.need("skey", "signature").fixed(SIGNATURE_BYTES),
        pre_key_id=key_id,
        pre_key=public,
    )


def parse_registration(node: Node) -> int:
    """The number in a node's `<registration>` child."""
    return int.from_bytes(node.need("registration").fixed(REGISTRATION_BYTES), "big")


def parse_upload(iq: Node) -> Upload:
    """From an upload `iq`: the server's side."""
    listed = iq.need("list").children
    if len(listed) > MAX_UPLOADED:
        raise NodeError(f"{len(listed)} pre-keys in one upload, at most {MAX_UPLOADED}")
    keys = tuple(PublicPreKey(*_parse_key(node)) for node in listed)
    return Upload(parse_bundle(iq), keys)


def _identity_children(identity: LocalIdentity) -> tuple[Node, ...]:
    return (
        registration_node(identity.registration_id),
        Node("type", {}, KEY_TYPE),
        Node("identity", {}, identity.keys.public),
    )


def _key_node(tag: str, key_id: int, public: bytes, signature: bytes | None = None) -> Node:
    children = (Node("id", {}, key_id.to_bytes(ID_BYTES, "big")), Node("value", {}, public))
    return Node(tag, {}, children if signature is None else (*children, Node("signature", {}, signature)))


def _parse_key(node: Node) -> tuple[int, bytes]:
    return int.from_bytes(node.need("id").fixed(ID_BYTES), "big"), _public(node.need("value"))


def _public(node: Node) -> bytes:
    """A key of 32 bytes; some peers write the type byte in front."""
    data = node.data
    return parse_public(data) if len(data) == KEY_BYTES + 1 else node.fixed(KEY_BYTES)
