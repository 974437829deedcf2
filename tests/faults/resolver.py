"""A name server of a test's own, and a view of the machine in which it is the only one. Needs root: port 53, mounts."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

NO_SUCH_NAME, SERVER_FAILED = 3, 2
LATE_S = 3.0
# A with one address: name by pointer, type, class, time to live, length (RFC 1035 §4.1.3).
ANSWER = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x7f\x00\x00\x01"
TYPE_A = 1


class Resolver:
    """Answers by the first label of a name: `gone`, `failing`, `silent`, `late`; all others lead to 127.0.0.1.

    `healed`: from then on all do.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.healed = False
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Resolver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, sender = self._socket.recvfrom(512)
            except OSError:
                return
            if not query:
                return
            label = query[13 : 13 + query[12]].decode("ascii", "replace")
            self.asked.append(label)
            if label == "silent" and not self.healed:
                continue
            answer, wait_s = self._answer(query, label)
            threading.Thread(target=self._send, args=(answer, sender, wait_s), daemon=True).start()

    def _answer(self, query: bytes, label: str) -> tuple[bytes, float]:
        code = 0 if self.healed else {"gone": NO_SUCH_NAME, "failing": SERVER_FAILED}.get(label, 0)
        end = query.index(b"\0", 12) + 5
        # Only the first question counts; there is no address of the other family.
        found = code == 0 and int.from_bytes(query[end - 4 : end - 2]) == TYPE_A
        flags = bytes((0x81, 0x80 | code))
        head = query[:2] + flags + b"\0\1" + (b"\0\1" if found else b"\0\0") + b"\0\0\0\0"
        late = label == "late" and not self.healed
        return head + query[12:end] + (ANSWER if found else b""), LATE_S if late else 0.0

    def _send(self, answer: bytes, sender: tuple[str, int], wait_s: float) -> None:
        time.sleep(wait_s)
        with contextlib.suppress(OSError):
            self._socket.sendto(answer, sender)


@contextlib.contextmanager
def own_resolver(folder: Path) -> Iterator[tuple[Resolver, tuple[str, ...]]]:
    """It, and the command that runs another one in its view; skips where that cannot be had."""
    if os.geteuid() != 0:
        pytest.skip("only root may bind port 53 and mount a resolv.conf")
    high, low = divmod(os.getpid() % 2**16, 256)
    conf = folder / "resolv.conf"
    try:
        resolver = Resolver(f"127.53.{high}.{low}")
    except OSError as error:
        pytest.skip(f"no name server can be had here: {error}")
    conf.write_text(f"nameserver {resolver.address}\n")
    script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    with resolver:
        yield resolver, ("unshare", "--mount", "sh", "-c", script, str(conf))
