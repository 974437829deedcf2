"""Frames and receipts as they arrive, in any slicing. The method names are those that Thespian calls on its buffer."""

from collections.abc import Callable
from typing import Any

from actors.wire_codec import HEADER_BYTES, RECEIPT_BYTES, FrameCodec, FrameRefused, Header, Refusal

# One system call reads most frames whole. Nothing follows a frame before its receipt, so nothing is read too much.
FIRST_READ_BYTES = 16 * 1024


class FrameBuffer:
    """One frame. `addMore` raises FrameRefused as soon as the bytes can't be an authentic frame; `completed` raises it
    when the payload can't be read. `header`: None until the header is there and found authentic.
    """

    def __init__(self, codec: FrameCodec, load: Callable[[bytes], Any]) -> None:
        self.header: Header | None = None
        self._codec = codec
        self._load = load
        self._start = b""
        self._chunks: list[bytes] = []
        self._missing_bytes = 0
        self._value: tuple[Any] | None = None

    def addMore(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"frames are bytes, not {type(data).__name__}")
        if self.header is None:
            data = self._add_header(data)
        if self.header is None or not data:
            return
        if len(data) > self._missing_bytes:
            raise FrameRefused(Refusal.MALFORMED, "bytes behind the frame")
        self._chunks.append(data)
        self._missing_bytes -= len(data)
        if not self._missing_bytes:
            self._chunks = [b"".join(self._chunks)]
            self._codec.check_payload(self.header.payload_tag, self._chunks[0])

    def _add_header(self, data: bytes) -> bytes:
        head = self._start + data
        self._start, rest = head[:HEADER_BYTES], head[HEADER_BYTES:]
        if len(self._start) < HEADER_BYTES:
            self._codec.check_start(self._start)
            return b""
        self.header = self._codec.open_header(self._start)
        self._missing_bytes = self.header.length_bytes
        return rest

    def is_empty(self) -> bool:
        return not self._start

    def remainingAmount(self) -> int:
        """How many bytes to read next, at most."""
        return self._missing_bytes if self.header is not None else FIRST_READ_BYTES

    def isDone(self) -> bool:
        return self.header is not None and self._missing_bytes == 0

    def completed(self) -> tuple[Any, bytes] | None:
        """The object in the frame, and the nothing behind it; None while the frame is incomplete."""
        if not self.isDone():
            return None
        if self._value is None:
            self._value = (self._load(self._chunks[0]),)
            self._chunks = []
        return self._value[0], b""


class ReceiptBuffer:
    """The answer to one frame. `addMore` raises FrameRefused unless it is the answer to just that frame.

    `header_tag`: of the frame that was sent. `delivered`: None until the whole answer is there.
    """

    def __init__(self, codec: FrameCodec, header_tag: bytes) -> None:
        self.delivered: bool | None = None
        self._codec = codec
        self._header_tag = header_tag
        self._data = b""

    def addMore(self, data: bytes) -> None:
        self._data += data
        if len(self._data) >= RECEIPT_BYTES:
            self.delivered = self._codec.open_receipt(self._data, self._header_tag)

    def remainingAmount(self) -> int:
        return RECEIPT_BYTES - len(self._data)

    def isDone(self) -> bool:
        return self.delivered is not None
