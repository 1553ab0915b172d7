"""Compiling regular expressions while requests are served.

Sees the compiler of `re`: what `re` remembers (512 patterns) costs nothing and isn't told. Can't see
compilers in C (`regex`, `re2`). Of matching, however slow, it says nothing.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

COMPILING: Final = Frames(
    {
        "re/_compiler.py": (),
        "re/_parser.py": (),
        "sre_compile.py": (),
        "sre_parse.py": (),
        "regex/_regex_core.py": (),
    }
)

DETECTOR: Final = CallDetector(
    "regex_compilation",
    COMPILING,
    "https://docs.python.org/3/library/re.html#re.compile",
)
