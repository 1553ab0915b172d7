"""FastAPI: `PerfPlatform(app)`, at any time. All of it is Starlette's."""

from __future__ import annotations

from .starlette import PerfPlatform

__all__ = ["PerfPlatform"]
