"""What a simulated server is made from, and how it may be wrong on purpose."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`phone_keys`: one-time pre-keys that a phone publishes at a time. `low_keys`: fewer than this are told to
    the device. `refs`: QR refs of one connection; the first can be scanned for `first_ref_s`, each further one for
    `next_ref_s` more, and a code of the same connection as long as the last. `media_host`: named in answers to
    `media_conn`.

    `tells_lids`: False for a server that answers no LIDs and names people by one address only, so that users are
    written to by number. `minimum_revision`: clients below it are refused with 405 (protocol §21).
    """

    phone_keys: int = 20
    low_keys: int = 5
    refs: int = 6
    first_ref_s: float = 60.0
    next_ref_s: float = 20.0
    tells_lids: bool = True
    media_host: str = "mmg.invalid"
    minimum_revision: int = 0
