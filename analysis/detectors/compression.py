"""Compressing.

Sees zlib, gzip, bz2, lzma, zstandard and brotli under pyinstrument, and the Python around them and around
zipfile and tarfile under both engines. Can't see one call in C under the sampler. Decompressing is not told.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

COMPRESSING: Final = Frames(
    {
        "<built-in>": (
            "compress",
            "Compress.compress",
            "Compress.flush",
            "zlib.Compress.compress",
            "zlib.Compress.flush",
            "BZ2Compressor.compress",
            "BZ2Compressor.flush",
            "LZMACompressor.compress",
            "LZMACompressor.flush",
            "ZstdCompressor.compress",
            "Compressor.process",
        ),
        "gzip.py": ("compress", "GzipFile.write", "GzipFile.close", "_GzipFile.write"),
        "bz2.py": ("compress", "BZ2File.write"),
        "lzma.py": ("compress", "LZMAFile.write"),
        "zipfile.py": ("ZipFile.write", "ZipFile.writestr", "_ZipWriteFile.write"),
        "django/utils/text.py": ("compress_string", "compress_sequence"),
        "starlette/middleware/gzip.py": ("apply_compression",),
    }
)

DETECTOR: Final = CallDetector(
    "compression",
    COMPRESSING,
    "https://docs.python.org/3/library/zlib.html#zlib.compress",
    saving=0.8,
)
