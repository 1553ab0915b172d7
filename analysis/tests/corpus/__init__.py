"""Programs that are run for real, to see whether the detectors tell their faults and nothing else.

Not installed for the tests, and so not in here: SQLAlchemy, psycopg, marshmallow, pandas, bcrypt, httpx.
"""

from __future__ import annotations

from analysis.tests.corpus import computing, storing, waiting
from analysis.tests.corpus.program import PROGRAMS

__all__ = ["PROGRAMS", "computing", "storing", "waiting"]
