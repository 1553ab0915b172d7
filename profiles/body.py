"""The body of a request as it was before it was compressed, at a bounded price (docs/wire.md, section 1)."""

from __future__ import annotations

import io
import zlib
from typing import Final

import zstandard

MEGABYTE: Final = 1024 * 1024
LARGEST_SENT_BYTES: Final = 8 * MEGABYTE
LARGEST_PLAIN_BYTES: Final = 32 * MEGABYTE
ENCODINGS: Final = frozenset({"identity", "gzip", "zstd"})

_CHUNK_BYTES: Final = 64 * 1024
# What a zstd decoder should support at least (RFC 8878, 3.1.1.1.2); a larger window only costs us memory.
_LARGEST_WINDOW_BYTES: Final = 8 * MEGABYTE
_GZIP: Final = 16 + zlib.MAX_WBITS


class Unreadable(ValueError):
    """The body can't be read at all; the text says why, for people."""


class TooLarge(ValueError):
    """The body is over one of the caps; the text names it."""


def decompress(body: bytes, encoding: str) -> bytes:
    """Undo a Content-Encoding of `ENCODINGS`; stops at 32 MB, however much would follow.

    Raises Unreadable for truncated or corrupt data, TooLarge beyond the cap.
    """
    if encoding == "gzip":
        return _gunzip(body)
    if encoding == "zstd":
        return _unzstd(body)
    return body


def _gunzip(body: bytes) -> bytes:
    plain, rest = bytearray(), body
    try:
        while True:
            member = zlib.decompressobj(wbits=_GZIP)
            while rest and not member.eof:
                plain += member.decompress(rest, _CHUNK_BYTES)
                _check_size(plain)
                rest = member.unconsumed_tail
            if not member.eof:
                # Nothing is left to feed, but zlib may hold back what no longer fitted in the last chunk.
                plain += member.decompress(b"", _CHUNK_BYTES)
                _check_size(plain)
            if not member.eof:
                raise Unreadable("The gzip data is truncated.")
            rest = member.unused_data
            if not rest:
                return bytes(plain)
    except zlib.error as error:
        raise Unreadable("The gzip data is corrupt.") from error


def _unzstd(body: bytes) -> bytes:
    plain = bytearray()
    decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW_BYTES)
    try:
        with decompressor.stream_reader(io.BytesIO(body), read_across_frames=True) as reader:
            while chunk := reader.read(_CHUNK_BYTES):
                plain += chunk
                _check_size(plain)
    except zstandard.ZstdError as error:
        raise Unreadable("The zstd data is corrupt, or needs a window of more than 8 MB.") from error
    return bytes(plain)


def _check_size(plain: bytearray) -> None:
    if len(plain) > LARGEST_PLAIN_BYTES:
        raise TooLarge("The decompressed body is over 32 MB.")
