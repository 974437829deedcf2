"""Who the server is: the root of its certificates and the static key of its handshakes (protocol §3).

The wrong chains are for tests of clients that must notice.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from whatsapp import wire_pb2 as wire
from whatsapp import xeddsa
from whatsapp.certificates import Details, Validity, issue_chain
from whatsapp.keys import KeyPair, Rng

VALID_BEFORE_S = 7 * 86_400
VALID_AFTER_S = 90 * 86_400


@dataclass(frozen=True, slots=True)
class Authority:
    """`root.public` is what clients must be configured with."""

    root: KeyPair
    intermediate: KeyPair
    static: KeyPair

    @classmethod
    def generate(cls, rng: Rng) -> "Authority":
        return cls(KeyPair.generate(rng), KeyPair.generate(rng), KeyPair.generate(rng))

    def pack(self) -> bytes:
        keys = (self.root, self.intermediate, self.static)
        return json.dumps([key.private.hex() for key in keys]).encode()

    @classmethod
    def unpack(cls, data: bytes) -> "Authority":
        root, intermediate, static = (KeyPair.from_private(bytes.fromhex(key)) for key in json.loads(data))
        return cls(root, intermediate, static)

    def chain(self, now_s: float, rng: Rng, flaw: str | None = None) -> bytes:
        """The certificates of one handshake; `flaw`: a name of FLAWS."""
        if flaw is None:
            return self._issue(self, now_s, rng)
        return FLAWS[flaw](self, now_s, rng)

    def _issue(self, signers: "Authority", now_s: float, rng: Rng, static: bytes | None = None) -> bytes:
        validity = Validity(int(now_s) - VALID_BEFORE_S, int(now_s) + VALID_AFTER_S)
        named = self.static.public if static is None else static
        return issue_chain(signers.root, signers.intermediate, named, validity, rng)

    def expired(self, now_s: float, rng: Rng) -> bytes:
        return self._issue(self, now_s - VALID_AFTER_S - VALID_BEFORE_S, rng)

    def not_yet_valid(self, now_s: float, rng: Rng) -> bytes:
        return self._issue(self, now_s + VALID_AFTER_S + VALID_BEFORE_S, rng)

    def other_root(self, now_s: float, rng: Rng) -> bytes:
        return self._issue(Authority(KeyPair.generate(rng), self.intermediate, self.static), now_s, rng)

    def other_static(self, now_s: float, rng: Rng) -> bytes:
        return self._issue(self, now_s, rng, KeyPair.generate(rng).public)

    def wrong_issuer(self, now_s: float, rng: Rng) -> bytes:
        """Properly signed, but the intermediate says that another certificate than the root issued it."""
        validity = Validity(int(now_s) - VALID_BEFORE_S, int(now_s) + VALID_AFTER_S)
        chain = wire.CertChain.FromString(
            issue_chain(self.root, self.intermediate, self.static.public, validity, rng)
        )
        details = Details.FromString(chain.intermediate.details)
        details.issuer_serial = 7
        return self._signed_again(chain, details, rng)

    def wrong_leaf_issuer(self, now_s: float, rng: Rng) -> bytes:
        """Properly signed, but the leaf names another issuer than the intermediate."""
        chain = wire.CertChain.FromString(self._issue(self, now_s, rng))
        details = Details.FromString(chain.intermediate.details)
        details.serial = 9
        return self._signed_again(chain, details, rng)

    def broken_leaf_signature(self, now_s: float, rng: Rng) -> bytes:
        chain = wire.CertChain.FromString(self._issue(self, now_s, rng))
        chain.leaf.signature = bytes(64)
        return chain.SerializeToString()

    def short_signature(self, now_s: float, rng: Rng) -> bytes:
        chain = wire.CertChain.FromString(self._issue(self, now_s, rng))
        chain.intermediate.signature = chain.intermediate.signature[:63]
        return chain.SerializeToString()

    def nonsense(self, now_s: float, rng: Rng) -> bytes:
        return b"\xff" + rng(40)

    def _signed_again(self, chain: wire.CertChain, details: Details, rng: Rng) -> bytes:
        raw = details.SerializeToString()
        chain.intermediate.details, chain.intermediate.signature = raw, xeddsa.sign(self.root, raw, rng)
        return chain.SerializeToString()


FLAWS: dict[str, Callable[[Authority, float, Rng], bytes]] = {
    "expired": Authority.expired,
    "not-yet-valid": Authority.not_yet_valid,
    "other-root": Authority.other_root,
    "other-static": Authority.other_static,
    "wrong-issuer": Authority.wrong_issuer,
    "wrong-leaf-issuer": Authority.wrong_leaf_issuer,
    "broken-leaf-signature": Authority.broken_leaf_signature,
    "short-signature": Authority.short_signature,
    "nonsense": Authority.nonsense,
}
