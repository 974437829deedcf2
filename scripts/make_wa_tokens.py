"""Make whatsapp/tokens.json, the binary XML dictionary, from the MIT-licensed npm package baileys.

    npm pack --ignore-scripts baileys@7.0.0-rc14
    python scripts/make_wa_tokens.py baileys-7.0.0-rc14.tgz

Reads the two string tables out of the package's constants module as data (nothing of it is executed), refuses a
package or a dictionary with another checksum, and records source and licence beside the strings.
"""

import hashlib
import json
import re
import sys
import tarfile
from pathlib import Path

PACKAGE_SHA256 = "2eb4579d9594ff3b55359bcf5685e19f034bfd77e49da3a7d158474167791869"
TOKENS_SHA256 = "cfe8fcd3ef24f232ec7df9824e1baa277f6a736543efc0e5f48aa46abb0f8cd0"
MODULE = "package/lib/WABinary/constants.js"
TARGET = Path(__file__).resolve().parent.parent / "whatsapp" / "tokens.json"
STRING = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")


def strings(source: str) -> list[str]:
    """The string literals of a JavaScript array, in order; the tables use no escapes."""
    found = [single or double for single, double in STRING.findall(source)]
    if any("\\" in token for token in found):
        raise SystemExit("a token with an escape: this script must learn to read it")
    return found


def table(module: str, name: str) -> str:
    """The source text of one exported array, up to the bracket that closes it."""
    start = module.index(f"export const {name} = [")
    return module[start : module.index("];", start)]


def main(package: Path) -> None:
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    if digest != PACKAGE_SHA256:
        raise SystemExit(f"{package.name}: sha256 is {digest}, expected {PACKAGE_SHA256}")
    with tarfile.open(package) as archive:
        member = archive.extractfile(MODULE)
        if member is None:
            raise SystemExit(f"{package.name}: no {MODULE}")
        module = member.read().decode("utf-8")
    single = strings(table(module, "SINGLE_BYTE_TOKENS"))
    double = [strings(part) for part in table(module, "DOUBLE_BYTE_TOKENS").split("[")[2:]]
    every = [*single, *(token for dictionary in double for token in dictionary)]
    checksum = hashlib.sha256("\n".join(every).encode()).hexdigest()
    if checksum != TOKENS_SHA256:
        raise SystemExit(f"dictionary: sha256 is {checksum}, expected {TOKENS_SHA256}")
    data = {
        "source": f"npm baileys@7.0.0-rc14, {MODULE}, sha256 of the package {PACKAGE_SHA256}",
        "licence": "MIT, see tokens.LICENSE.txt",
        "dictionary_version": 3,
        "sha256_of_tokens_joined_by_newline": checksum,
        "single_byte": single,
        "double_byte": double,
    }
    TARGET.write_text(json.dumps(data, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: make_wa_tokens.py baileys-7.0.0-rc14.tgz")
    main(Path(sys.argv[1]))
