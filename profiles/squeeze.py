"""zstd without what every frame of it repeats, and with a bound on what may come out."""

from __future__ import annotations

from typing import Final

import zstandard

# Packed once and read for weeks: the time for the best level is well spent.
LEVEL: Final = 19
# Far beyond any valid recording: an item of the wire format is at most 8 MB.
LARGEST_BYTES: Final = 64 * 1024 * 1024

_MAGIC: Final = zstandard.FRAME_HEADER
# A frame that says its size never begins with it.
_PLAIN: Final = b"\x00"


class Unsqueezable(ValueError):
    """Bytes that `shrink` did not make."""


def shrink(data: bytes) -> bytes:
    """Return `data` as a zstd frame without its magic number, or behind a zero byte if that is less."""
    packed = zstandard.ZstdCompressor(level=LEVEL).compress(data)[len(_MAGIC) :]
    return packed if len(packed) <= len(data) else _PLAIN + data


def restore(data: bytes) -> bytes:
    """Return what `shrink` was given. Raises Unsqueezable."""
    return data[1:] if data[:1] == _PLAIN else decompress(_MAGIC + data)


def decompress(frame: bytes) -> bytes:
    """The content of a whole zstd frame that says its size. Raises Unsqueezable."""
    try:
        size = zstandard.frame_content_size(frame)
        if not 0 <= size <= LARGEST_BYTES:
            raise Unsqueezable(f"a frame of {size} bytes")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise Unsqueezable(str(error)) from error
