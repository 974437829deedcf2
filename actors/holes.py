"""Free pieces of C memory, taken before the forks, so that children do not spread over the pages that they share.

A heap that has seen many imports is full of small free pieces. What a child allocates goes there first, each piece on
another page, and each page that is written to is copied: opening one SQLite file touched 200 of them. With the pieces
taken, a child allocates at the end of the heap, side by side.
"""

import ctypes
from collections.abc import Iterator

_libc = ctypes.CDLL(None)
# Larger ones than the largest are left: there a child finds whole pages. malloc's own steps are 16 bytes.
_SIZES = (*range(65_536, 4096, -512), *range(4096, 16, -16))


class _Statistics(ctypes.Structure):
    """struct mallinfo2 (mallinfo(3)); `keepcost` is the free space at the end of the heap."""

    _fields_ = (("others", ctypes.c_size_t * 9), ("keepcost", ctypes.c_size_t))


def take_holes() -> int:
    """Allocate every free piece below the end of the heap, for good; how many. None without glibc 2.33."""
    if not hasattr(_libc, "mallinfo2"):
        return 0
    _libc.mallinfo2.restype = _Statistics
    _libc.malloc.restype, _libc.malloc.argtypes = ctypes.c_void_p, (ctypes.c_size_t,)
    _libc.free.restype, _libc.free.argtypes = None, (ctypes.c_void_p,)
    return sum(1 for size in _SIZES for _ in _holes(size))


def _holes(size: int) -> Iterator[int]:
    """Allocate pieces of this size until one is cut from the end of the heap, which is given back."""
    while True:
        before = _libc.mallinfo2().keepcost
        piece = _libc.malloc(size)
        if piece is None or _libc.mallinfo2().keepcost != before:
            _libc.free(piece)
            return
        yield piece
