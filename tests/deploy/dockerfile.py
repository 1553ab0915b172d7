"""The Dockerfile, followed step by step in a directory: enough of `docker build` to try the image's contents.

What a container has at `/app`, `/opt`, `/etc` and `/var` lies below the directory; commands are rewritten so.
Programs that change a whole system (apt-get, useradd) are replaced by ones that write their arguments down.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# A path of the container at the start of a word, not a part of an address or of a longer path.
CONTAINER_PATH = re.compile(r"(?<![\w./:])/(?=(?:app|opt|etc|var)\b)")
# What a step may know of the machine: how packages are reached, and nothing else.
NETWORK_VARIABLE = re.compile(r"(?i)PIP_\w+|\w+_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|HOME")
SYSTEM_PROGRAMS = ("apt-get", "useradd")
SOURCES = (
    "Types: deb\nURIs: http://packages.example/debian\n\nTypes: deb\nURIs: http://packages.example/security\n"
)


@dataclass
class Image:
    """A built image: its files are below `root`."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    working_directory: str = "/"
    user: str = "root"
    command: list[str] = field(default_factory=list)
    health_check: list[str] = field(default_factory=list)
    system_calls: list[str] = field(default_factory=list)

    def place(self, path: str) -> Path:
        """Where the container's absolute `path` lies."""
        return self.root / path.lstrip("/")

    def rewrite(self, text: str) -> str:
        """`text` with the container's paths as they are here."""
        return CONTAINER_PATH.sub(f"{self.root}/", text)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """(FROM, arguments), ... with comments gone and continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


def ignored(path: str, patterns: list[str]) -> bool:
    """Does .dockerignore keep `path` (relative, with /) out? The last pattern for it or a parent decides."""
    parts = PurePosixPath(path).parts
    candidates = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    out = False
    for pattern in patterns:
        if any(_fits(candidate, pattern.removeprefix("!")) for candidate in candidates):
            out = not pattern.startswith("!")
    return out


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatch(PurePosixPath(path).name, pattern.removeprefix("**/"))
    # Docker's * stops at a slash, Python's does not.
    return path.count("/") == pattern.count("/") and fnmatch(path, pattern)


def context_files(repository: Path) -> list[str]:
    """What `docker build` sends of `repository`, by .dockerignore."""
    lines = (repository / ".dockerignore").read_text().splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    # What no pattern brings back is not even looked into: the virtual environment, data, .git.
    tops = [top for top in sorted(os.listdir(repository)) if not ignored(top, patterns)]
    found: list[str] = []
    for top in tops:
        below = (repository / top).rglob("*") if (repository / top).is_dir() else [repository / top]
        found += [file.relative_to(repository).as_posix() for file in below if file.is_file()]
    return [name for name in found if not ignored(name, patterns)]


def build(repository: Path, directory: Path, *, arguments: dict[str, str] | None = None) -> Image:
    """Follow `repository`'s Dockerfile with its last stage in `directory`/root, which must not exist."""
    return _Build(repository, directory, arguments or {}).run()


class _Build:
    def __init__(self, repository: Path, directory: Path, arguments: dict[str, str]) -> None:
        self.repository = repository
        self.directory = directory
        self.given = arguments
        self.root = directory / "root"
        self.programs = directory / "programs"
        self.journal = directory / "system-calls"
        self.stages: dict[str, Path] = {}
        self.stage = ""
        self.known: dict[str, str] = {}
        self.image = Image(self.root)

    def run(self) -> Image:
        self._write_programs()
        for word, rest in instructions((self.repository / "Dockerfile").read_text()):
            getattr(self, f"_{word.lower()}")(rest)
        self.image.system_calls = self.journal.read_text().splitlines()
        return self.image

    def _write_programs(self) -> None:
        self.programs.mkdir(parents=True)
        self.journal.write_text("")
        for name in SYSTEM_PROGRAMS:
            program = self.programs / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >> {shlex.quote(str(self.journal))}\n')
            program.chmod(0o755)
        # The base image's own python.
        (self.programs / "python").symlink_to(Path(sys.base_prefix) / "bin" / "python3")

    def _from(self, rest: str) -> None:
        if self.root.exists():
            self.stages[self.stage] = self.root.rename(self.directory / f"stage-{self.stage}")
        self.stage = rest.partition(" AS ")[2] or "last"
        self.root.mkdir()
        sources = self.root / "etc/apt/sources.list.d/debian.sources"
        sources.parent.mkdir(parents=True)
        sources.write_text(SOURCES)
        self.image = Image(self.root)

    def _arg(self, rest: str) -> None:
        name, _, default = rest.partition("=")
        self.known[name] = self.given.get(name, default.strip('"'))

    def _env(self, rest: str) -> None:
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            self.image.environment[name] = self.image.rewrite(self._expanded(value))

    def _expanded(self, value: str) -> str:
        known = {"PATH": os.defpath, **self.known, **self.image.environment}
        return VARIABLE.sub(lambda match: known.get(match[1] or match[2], ""), value)

    def _workdir(self, rest: str) -> None:
        self.image.working_directory = rest
        self.image.place(rest).mkdir(parents=True, exist_ok=True)

    def _copy(self, rest: str) -> None:
        *options, source, target = rest.split()
        place = self.image.place(str(PurePosixPath(self.image.working_directory) / target))
        if options:
            (option,) = options
            stage = self.stages[option.removeprefix("--from=")]
            # Moved, since a virtual environment is bound to its path; the stage is not looked at again.
            place.parent.mkdir(parents=True, exist_ok=True)
            (stage / source.lstrip("/")).rename(place)
            return
        for name in context_files(self.repository):
            if source in (".", name) or name.startswith(f"{source}/"):
                copy = place / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.repository / name, copy)

    def _run(self, rest: str) -> None:
        passed = {name: value for name, value in os.environ.items() if NETWORK_VARIABLE.fullmatch(name)}
        path = self.image.environment.get("PATH", os.defpath)
        arguments = {name: value for name, value in self.known.items() if value or name not in passed}
        subprocess.run(
            ["sh", "-c", self.image.rewrite(rest)],
            cwd=self.image.place(self.image.working_directory),
            env={**passed, **arguments, **self.image.environment, "PATH": _after_venv(path, self.programs)},
            check=True,
            timeout=600,
        )

    def _user(self, rest: str) -> None:
        self.image.user = rest

    def _expose(self, rest: str) -> None:
        assert rest.isdigit()

    def _healthcheck(self, rest: str) -> None:
        self.image.health_check = json.loads(rest.partition(" CMD ")[2])

    def _cmd(self, rest: str) -> None:
        self.image.command = json.loads(rest)


def _after_venv(path: str, programs: Path) -> str:
    """`programs` before the system's directories and after those of the image."""
    own = [part for part in path.split(":") if part.startswith(str(programs.parent))]
    return ":".join([*own, str(programs), *(part for part in path.split(":") if part not in own)])
