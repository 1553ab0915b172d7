"""Walking over the rows of a pandas frame in Python.

Sees `iterrows`, `itertuples` and `apply` along rows. Can't see a loop over `df.loc[i]`, which is indexing
like any other, told nowhere.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

ROWS: Final = Frames(
    {
        "pandas/core/frame.py": ("iterrows", "itertuples", "applymap"),
        "pandas/core/apply.py": ("apply_standard", "apply_series_generator", "apply_loop"),
    }
)

DETECTOR: Final = CallDetector(
    "pandas_rows",
    ROWS,
    "https://pandas.pydata.org/docs/user_guide/enhancingperf.html",
    saving=0.95,
)
