"""Reading and writing files, and walking directories.

Sees built-in reads, writes, `open`, `stat` and `listdir` under pyinstrument, and pathlib, os.walk, glob,
shutil and tempfile under both engines. Can't see built-in ones under the sampler. How much of it the disk
took and how much decoding did, frames don't say.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

_PATHLIB: Final = (
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "open",
    "iterdir",
    "glob",
    "rglob",
    "walk",
    "stat",
    "lstat",
    "exists",
    "is_file",
    "is_dir",
    "touch",
    "mkdir",
    "unlink",
)
FILES: Final = Frames(
    {
        "<built-in>": (
            "open",
            "stat",
            "lstat",
            "listdir",
            "scandir",
            "fsync",
            "unlink",
            "rename",
            "replace",
            "mkdir",
            "DirEntry.stat",
            "DirEntry.is_dir",
            "ScandirIterator.__next__",
            "BufferedReader.read",
            "BufferedReader.readline",
            "BufferedReader.readlines",
            "BufferedReader.close",
            "BufferedWriter.write",
            "BufferedWriter.flush",
            "BufferedWriter.close",
            "BufferedRandom.read",
            "BufferedRandom.write",
            "FileIO.read",
            "FileIO.readall",
            "FileIO.write",
            "TextIOWrapper.read",
            "TextIOWrapper.readline",
            "TextIOWrapper.readlines",
            "TextIOWrapper.write",
            "TextIOWrapper.close",
            "TextIOWrapper.flush",
            "_io._IOBase.readlines",
            "_IOBase.readlines",
            "_IOBase.__exit__",
        ),
        "os.py": ("walk", "fwalk", "_walk", "makedirs", "removedirs"),
        "glob.py": (),
        "shutil.py": (),
        "tempfile.py": (),
        "genericpath.py": ("exists", "isfile", "isdir", "getsize", "getmtime"),
        "pathlib.py": _PATHLIB,
        "pathlib/_local.py": _PATHLIB,
        "pathlib/__init__.py": _PATHLIB,
    }
)

DETECTOR: Final = CallDetector(
    "file_io",
    FILES,
    "https://docs.python.org/3/library/functools.html#functools.lru_cache",
    saving=0.9,
)
