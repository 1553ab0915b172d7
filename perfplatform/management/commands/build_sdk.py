"""./manage.py build_sdk: make the wheel that /sdk/simple/ offers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from perfplatform.sdk_index import WHEELS

# 1980-01-01, the earliest time that a zip file can hold: equal sources give equal bytes at any time.
BUILD_TIME = "315532800"


class Command(BaseCommand):
    help = "Build the wheel of sdk/ that /sdk/simple/ offers. Nothing changes when it is up to date."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        with tempfile.TemporaryDirectory() as directory:
            wheel = build(settings.BASE_DIR / "sdk", Path(directory))
            try:
                changed = publish(wheel, settings.SDK_DIST_DIR)
            except OSError as error:
                raise CommandError(
                    f"The SDK can't be written to {settings.SDK_DIST_DIR}: {error.strerror}."
                ) from None
        if options["verbosity"]:
            state = "built" if changed else "up to date"
            self.stdout.write(f"{settings.SDK_DIST_DIR / wheel.name}: {state}")


def build(source: Path, directory: Path) -> Path:
    """The wheel of the package in `source`, made in `directory`."""
    if not (source / "pyproject.toml").is_file():
        raise CommandError(f"There is no SDK to build in {source}: pyproject.toml is missing.")
    # A process of its own, since flit reads the time from the environment, which threads share.
    run = subprocess.run(
        [sys.executable, "-m", "flit_core.wheel", str(source), "--outdir", str(directory)],
        env={**os.environ, "SOURCE_DATE_EPOCH": BUILD_TIME},
        capture_output=True,
        text=True,
    )
    if run.returncode:
        lines = run.stderr.strip().splitlines() or [f"exit status {run.returncode}"]
        raise CommandError(f"The SDK in {source} can't be built: {lines[-1]}")
    return next(directory.glob(WHEELS))


def publish(wheel: Path, directory: Path) -> bool:
    """Put `wheel` into `directory` in one step and remove other versions; False if it lay there already."""
    target = directory / wheel.name
    content = wheel.read_bytes()
    changed = not target.is_file() or target.read_bytes() != content
    if changed:
        directory.mkdir(parents=True, exist_ok=True)
        # Beside the target, because a rename is atomic only within one file system.
        with tempfile.NamedTemporaryFile(dir=directory, prefix=".", suffix=".part", delete=False) as part:
            try:
                part.write(content)
                part.flush()
                os.fchmod(part.fileno(), 0o644)
                Path(part.name).replace(target)
            finally:
                Path(part.name).unlink(missing_ok=True)
    for other in directory.glob(WHEELS):
        if other.name != target.name:
            other.unlink(missing_ok=True)
    return changed
