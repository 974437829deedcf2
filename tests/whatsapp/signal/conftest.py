"""Two devices with a Signal session."""

import pytest


@pytest.fixture
def pair(make_party):
    """Alice has a session with Bob; Bob does not know her yet."""
    alice, bob = make_party("1.0", 1), make_party("2.0", 2)
    alice.start(bob)
    return alice, bob


@pytest.fixture
def talking(pair):
    """Both have answered each other once."""
    alice, bob = pair
    bob.decrypt(alice, alice.encrypt(bob, b"hello"))
    alice.decrypt(bob, bob.encrypt(alice, b"hello back"))
    return alice, bob
