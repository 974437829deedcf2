import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatsapp.errors import LocalProtocolError, MediaError
from whatsapp.media_crypto import MediaKind, decrypt_media, encrypt_media

relaxed = settings(deadline=None, max_examples=50)


@pytest.fixture(scope="module")
def vector(vectors):
    hexed = {name: value for name, value in vectors["media"].items() if name != "info"}
    assert vectors["media"]["info"].encode() == MediaKind.IMAGE.value
    return {name: bytes.fromhex(value) for name, value in hexed.items()}


def test_the_vector_decrypts(vector):
    checksums = {name: vector[name] for name in ("file_sha256", "file_enc_sha256")}
    plaintext = decrypt_media(vector["file"], vector["media_key"], MediaKind.IMAGE, **checksums)
    assert plaintext == vector["plaintext"]


def test_the_vector_encrypts_to_the_same_file(vector):
    encrypted = encrypt_media(vector["plaintext"], MediaKind.IMAGE, lambda _: vector["media_key"])
    assert encrypted.file == vector["file"]
    assert encrypted.file_sha256 == vector["file_sha256"]
    assert encrypted.file_enc_sha256 == vector["file_enc_sha256"]
    assert encrypted.file_length == len(vector["plaintext"])
    assert "media_key" not in repr(encrypted)


@relaxed
@given(st.binary(max_size=500), st.sampled_from(MediaKind), st.integers(0))
def test_files_come_back_as_they_were(make_rng, plaintext, kind, seed):
    encrypted = encrypt_media(plaintext, kind, make_rng(seed))
    assert decrypt_media(encrypted.file, encrypted.media_key, kind) == plaintext


WRONG = {
    "another kind": {"kind": MediaKind.VIDEO},
    "another key": {"media_key": bytes(32)},
    "short key": {"media_key": bytes(31)},
    "empty file": {"file": b""},
    "a byte missing": {"file": -1},
    "file checksum": {"file_sha256": bytes(32)},
    "encrypted checksum": {"file_enc_sha256": bytes(32)},
    "empty checksum": {"file_enc_sha256": b""},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_whatever_does_not_fit_is_a_media_error(vector, change):
    arguments = {"file": vector["file"], "media_key": vector["media_key"], "kind": MediaKind.IMAGE, **change}
    if arguments["file"] == -1:
        arguments["file"] = vector["file"][:-1]
    with pytest.raises(MediaError):
        decrypt_media(**arguments)


@relaxed
@given(st.binary(max_size=100), st.binary(max_size=40))
def test_arbitrary_files_raise_only_media_errors(file, media_key):
    with pytest.raises(MediaError):
        decrypt_media(file, media_key, MediaKind.HISTORY)


def test_a_short_random_source_is_our_own_error():
    with pytest.raises(LocalProtocolError):
        encrypt_media(b"x", MediaKind.AUDIO, lambda _: b"")
