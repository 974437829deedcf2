"""Compile whatsapp/*.proto to whatsapp/*_pb2.py and *_pb2.pyi; both are committed.

Needs protoc, a build-time tool:  pip install grpcio-tools==1.76.0  (protoc 6.31: its output runs on protobuf
6.31 and every later 6.x and 7.x). Run from anywhere: python scripts/make_wa_protos.py
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    protos = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "whatsapp").glob("*.proto"))
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I.", "--python_out=.", "--pyi_out=.", *protos]
    subprocess.run(command, cwd=ROOT, check=True)
    for stub in (ROOT / "whatsapp").glob("*_pb2.pyi"):
        # protoc leaves the mapping's parameters out, which strict type checking refuses
        stub.write_text(stub.read_text().replace("_Mapping]", "_Mapping[str, object]]"))


if __name__ == "__main__":
    main()
