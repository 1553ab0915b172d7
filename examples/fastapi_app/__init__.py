"""A ferry line's timetable in FastAPI, to see requests of every kind on the platform (see README.md)."""

from fastapi_app.app import create_app

__all__ = ["create_app"]
