"""A page compressed once, though part of it is each visitor's own.

A deflate stream can be cut where the compressor was flushed completely: what follows refers to nothing before. So the
shared bytes before and after the visitor's part are compressed when the page is rendered, and a request costs only the
small part between them and one checksum, about 20 us instead of the 400 us of compressing 20 KB anew.
"""

import struct
import zlib
from dataclasses import dataclass

LEVEL = 6
SMALLEST = 1000
"""Bytes below which a compressed answer is hardly shorter."""
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
# An empty final block: whatever came before, the stream ends here.
_END = b"\x03\x00"


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes, as they are and as a part of a deflate stream (RFC 1951) that stands by itself."""

    plain: bytes
    deflated: bytes


def piece(plain: bytes) -> Piece:
    """Compress once, for use in many answers."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return Piece(plain, compressor.compress(plain) + compressor.flush(zlib.Z_FULL_FLUSH))


def gzipped(pieces: tuple[Piece, ...]) -> bytes:
    """The pieces one after the other, as one gzip member (RFC 1952)."""
    checksum = length = 0
    for each in pieces:
        checksum = zlib.crc32(each.plain, checksum)
        length += len(each.plain)
    trailer = struct.pack("<LL", checksum, length & 0xFFFFFFFF)
    return b"".join((_HEADER, *(each.deflated for each in pieces), _END, trailer))
