"""Fixtures of the tests of profiles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from profiles.models import SharedFrames


@pytest.fixture(autouse=True)
def forget_books() -> Iterator[None]:
    """The process remembers books; the rows go with every test."""
    SharedFrames.objects.forget()
    yield
    SharedFrames.objects.forget()
