"""Decompression gives back what was sent, and a bomb costs no more than the cap."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from profiles.body import LARGEST_PLAIN_BYTES, MEGABYTE, TooLarge, Unreadable, decompress

TEXT = b'{"schema": 1}' * 1000


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def test_what_was_compressed_comes_back() -> None:
    assert decompress(TEXT, "identity") == TEXT
    assert decompress(gzip.compress(TEXT), "gzip") == TEXT
    assert decompress(zstd(TEXT), "zstd") == TEXT
    assert decompress(gzip.compress(b""), "gzip") == b""


def test_members_and_frames_are_joined() -> None:
    assert decompress(gzip.compress(b"ab") + gzip.compress(b"cd"), "gzip") == b"abcd"
    assert decompress(zstd(b"ab") + zstd(b"cd"), "zstd") == b"abcd"


@pytest.mark.parametrize("cut", [0, 1, 5, 9, 10, 15, -9, -8, -4, -1])
def test_truncated_gzip_is_unreadable(cut: int) -> None:
    with pytest.raises(Unreadable, match="truncated"):
        decompress(gzip.compress(TEXT)[:cut], "gzip")


@pytest.mark.parametrize(
    "body",
    [b"not gzip", gzip.compress(TEXT) + b"tail", gzip.compress(TEXT)[:-8] + b"\0" * 8, zlib.compress(TEXT)],
    ids=["no gzip", "with a tail", "wrong checksum", "zlib"],
)
def test_corrupt_gzip_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        decompress(body, "gzip")


@pytest.mark.parametrize("body", [b"not zstd", zstd(TEXT) + b"tail", zstd(TEXT)[:20] + b"\xff" * 20])
def test_corrupt_zstd_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        decompress(body, "zstd")


def test_truncated_zstd_never_gives_more_than_its_beginning() -> None:
    """It may end early without an error: the JSON that was in it does not."""
    sent = zstd(TEXT)
    for cut in range(len(sent)):
        try:
            assert TEXT.startswith(decompress(sent[:cut], "zstd"))
        except Unreadable:
            continue


def test_exactly_the_cap_is_read() -> None:
    at_the_cap = b"x" * LARGEST_PLAIN_BYTES
    for encoding, compressed in (("gzip", gzip.compress(at_the_cap, 1)), ("zstd", zstd(at_the_cap))):
        assert len(decompress(compressed, encoding)) == LARGEST_PLAIN_BYTES


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_bomb_costs_no_more_than_the_cap(encoding: str) -> None:
    """96 MB of zeros, sent in less than one: reading stops at 32 MB."""
    if encoding == "gzip":
        packer = zlib.compressobj(9, wbits=31)
        bomb = b"".join(packer.compress(b"\0" * MEGABYTE) for _ in range(96)) + packer.flush()
    else:
        bomb = zstd(b"\0" * 96 * MEGABYTE)
    assert len(bomb) < MEGABYTE
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="32 MB"):
            decompress(bomb, encoding)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * LARGEST_PLAIN_BYTES


def test_a_huge_window_is_refused() -> None:
    """A frame may ask for gigabytes before its first byte."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(Unreadable, match="8 MB"):
        decompress(compressor.compress(TEXT) + compressor.flush(), "zstd")


@given(body=st.binary(max_size=200), encoding=st.sampled_from(["gzip", "zstd"]))
def test_arbitrary_bytes_never_crash(body: bytes, encoding: str) -> None:
    for prefix in (b"", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", b"\x28\xb5\x2f\xfd"):
        try:
            decompress(prefix + body, encoding)
        except Unreadable:
            continue
