"""Importing modules while requests are served.

Sees the loading of modules, and the search for ones that aren't there, which is done again each time. A
module that is loaded already costs nothing and isn't told. Can't tell the first request of a process, where
it may be meant, from later ones: a merged tree shows that by its share.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

LOADING: Final = Frames(
    {
        "<frozen importlib._bootstrap>": (
            "_find_and_load_unlocked",
            "_load_unlocked",
            "_find_spec",
            "_load_backward_compatible",
        ),
        "<frozen importlib._bootstrap_external>": ("exec_module", "get_code", "find_spec", "_get_spec"),
        "importlib/__init__.py": ("reload",),
        "importlib/_bootstrap.py": ("_find_and_load_unlocked", "_load_unlocked", "_find_spec"),
        "importlib/_bootstrap_external.py": ("exec_module", "get_code", "find_spec"),
    }
)

DETECTOR: Final = CallDetector(
    "imports",
    LOADING,
    "https://docs.python.org/3/faq/programming.html#what-are-the-best-practices-for-using-import-in-a-module",
)
