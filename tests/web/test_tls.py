"""Certificates and keys that cannot be used say why, and name the setting."""

from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from web.tls import TLSFailed, server_context


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued, other = authority.issue_cert("localhost"), authority.issue_cert("localhost")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    contents = {
        "cert": issued.cert_chain_pems[0].bytes(),
        "key": issued.private_key_pem.bytes(),
        "other": other.private_key_pem.bytes(),
        "locked": locked,
        "junk": b"no pem\n",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: str(folder / name) for name in contents} | {"missing": str(folder / "missing"), "": ""}


def test_a_matching_pair_is_used(files: dict[str, str]) -> None:
    assert server_context(files["cert"], files["key"]).minimum_version.name == "TLSv1_2"


@pytest.mark.parametrize(
    ("cert", "key", "word"),
    [
        ("cert", "", "http.tls_key_file is empty"),
        ("", "key", "http.tls_cert_file is empty"),
        ("missing", "key", "http.tls_cert_file = .* cannot be read"),
        ("cert", "missing", "http.tls_key_file = .* cannot be read"),
        ("cert", "other", "do not work together"),
        ("junk", "key", "do not work together"),
        ("cert", "locked", "password"),
    ],
)
def test_wrong_files_are_named(files: dict[str, str], cert: str, key: str, word: str) -> None:
    with pytest.raises(TLSFailed, match=word):
        server_context(files[cert], files[key])
