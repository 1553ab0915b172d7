"""A small tea shop in Flask and SQLite, with ordinary performance faults planted in it (see README.md)."""

from flask_shop.app import create_app

__all__ = ["create_app"]
