"""Deep copies.

Sees `copy.deepcopy`, also where it is called by a library (Django's `QueryDict`, form fields). Shallow copies
are not told. Can't say whether the copy is needed.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

COPYING: Final = Frames(
    {
        "copy.py": (
            "deepcopy",
            "_deepcopy_dict",
            "_deepcopy_list",
            "_deepcopy_tuple",
            "_reconstruct",
            "_keep_alive",
        )
    }
)

DETECTOR: Final = CallDetector(
    "deepcopy",
    COPYING,
    "https://docs.python.org/3/library/copy.html",
)
