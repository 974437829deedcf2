"""Attachments inside messages, as JSON-able descriptors: what is needed to fetch and decrypt them (protocol §19)."""

from base64 import b64encode
from typing import Any

from google.protobuf.message import Message as Protobuf

MAX_THUMBNAIL_BYTES = 64 * 1024

# Our name → the protobuf's, for bytes and for everything else.
_BYTES = {"media_key": "media_key", "sha256": "file_sha256", "encrypted_sha256": "file_enc_sha256"}
_PLAIN = {
    "url": "url",
    "direct_path": "direct_path",
    "mimetype": "mimetype",
    "size_bytes": "file_length",
    "caption": "caption",
    "width": "width",
    "height": "height",
    "duration_s": "seconds",
    "voice_note": "ptt",
    "gif": "gif_playback",
    "animated": "is_animated",
    "file_name": "file_name",
    "title": "title",
    "pages": "page_count",
}
_EXTRA_BYTES = {"waveform": "waveform", "thumbnail": "jpeg_thumbnail"}


def base64(data: bytes) -> str:
    """Bytes as JSON carries them."""
    return b64encode(data).decode()


def descriptor(media: Protobuf) -> dict[str, Any]:
    """Every field of an attachment that is set, under one name for all kinds."""
    known = media.DESCRIPTOR.fields_by_name
    told: dict[str, Any] = {}
    for ours, theirs in _PLAIN.items():
        if theirs in known and media.HasField(theirs):
            told[ours] = getattr(media, theirs)
    for ours, theirs in (_BYTES | _EXTRA_BYTES).items():
        if theirs in known and media.HasField(theirs):
            value: bytes = getattr(media, theirs)
            if ours in _BYTES or len(value) <= MAX_THUMBNAIL_BYTES:
                told[ours] = base64(value)
    return told
