import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp import wire_pb2 as wire
from whatsapp import xeddsa
from whatsapp.certificates import WHATSAPP_ROOT_KEY, Validity, issue_chain, verify_chain
from whatsapp.errors import CertificateError
from whatsapp.keys import KeyPair

START, END = 1_700_000_000, 1_900_000_000
NOW_S = 1_800_000_000.0
Details = wire.CertChain.NoiseCertificate.Details


@pytest.fixture
def authority(make_rng):
    return Authority(make_rng(11))


class Authority:
    def __init__(self, rng):
        self.rng = rng
        self.root, self.intermediate, self.server = (KeyPair.generate(rng) for _ in range(3))

    def issue(self, **serials):
        return issue_chain(
            self.root, self.intermediate, self.server.public, Validity(START, END), self.rng, **serials
        )

    def verify(self, chain, now_s=NOW_S):
        return verify_chain(chain, self.server.public, now_s, self.root.public)

    def changed(self, which, change):
        """A chain whose leaf or intermediate was changed and signed again by the right key."""
        chain = wire.CertChain.FromString(self.issue())
        certificate = getattr(chain, which)
        details = Details.FromString(certificate.details)
        change(details)
        certificate.details = details.SerializeToString()
        issuer = self.root if which == "intermediate" else self.intermediate
        certificate.signature = xeddsa.sign(issuer, certificate.details, self.rng)
        return chain.SerializeToString()


def test_a_correct_chain_tells_its_validity(authority):
    assert authority.verify(authority.issue()) == Validity(START, END)
    assert authority.verify(authority.issue(intermediate_serial=7, leaf_serial=9)) == Validity(START, END)


def test_the_built_in_root_refuses_everybody_else(authority):
    assert len(WHATSAPP_ROOT_KEY) == 32
    with pytest.raises(CertificateError):
        verify_chain(authority.issue(), authority.server.public, NOW_S)


@pytest.mark.parametrize("now_s", [START, END], ids=["first second", "last second"])
def test_both_ends_of_the_validity_count(authority, now_s):
    authority.verify(authority.issue(), float(now_s))


CHANGES = [
    ("intermediate", lambda d: setattr(d, "issuer_serial", 1), "issuer is not the root"),
    ("intermediate", lambda d: setattr(d, "serial", 8), "issuer is not the intermediate"),
    ("intermediate", lambda d: setattr(d, "key", bytes(31)), "32 bytes"),
    ("intermediate", lambda d: setattr(d, "key", KeyPair.from_private(bytes(32)).public), "leaf's signature"),
    ("intermediate", lambda d: setattr(d, "not_before", int(NOW_S) + 1), "intermediate is not valid yet"),
    ("intermediate", lambda d: setattr(d, "not_after", int(NOW_S) - 1), "intermediate is not valid any more"),
    ("intermediate", lambda d: d.ClearField("not_after"), "intermediate is not valid any more"),
    ("leaf", lambda d: setattr(d, "issuer_serial", 0), "issuer is not the intermediate"),
    ("leaf", lambda d: setattr(d, "key", KeyPair.from_private(bytes(32)).public), "static key"),
    ("leaf", lambda d: d.ClearField("key"), "static key"),
    ("leaf", lambda d: setattr(d, "not_before", int(NOW_S) + 1), "leaf is not valid yet"),
    ("leaf", lambda d: setattr(d, "not_after", int(NOW_S) - 1), "leaf is not valid any more"),
]


@pytest.mark.parametrize(("which", "change", "text"), CHANGES, ids=[f"{c[0]}: {c[2]}" for c in CHANGES])
def test_each_check_can_fail_alone(authority, which, change, text):
    with pytest.raises(CertificateError, match=text):
        authority.verify(authority.changed(which, change))


@pytest.mark.parametrize("which", ["leaf", "intermediate"])
@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), bytes(65)], ids=lambda s: f"{len(s)} bytes")
def test_wrong_signatures_are_refused(authority, which, signature):
    chain = wire.CertChain.FromString(authority.issue())
    getattr(chain, which).signature = signature
    with pytest.raises(CertificateError, match=f"{which}'s signature"):
        authority.verify(chain.SerializeToString())


def test_a_chain_signed_by_the_leaf_itself_is_refused(authority):
    chain = wire.CertChain.FromString(authority.issue())
    chain.leaf.CopyFrom(chain.intermediate)
    with pytest.raises(CertificateError):
        authority.verify(chain.SerializeToString())


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_chains_raise_only_certificate_errors(data):
    with pytest.raises(CertificateError):
        verify_chain(data, bytes(32), NOW_S)


def test_an_oversized_chain_is_refused_unread(authority):
    with pytest.raises(CertificateError, match="at most"):
        authority.verify(authority.issue() + bytes(5000))
