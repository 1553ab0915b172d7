"""Which release of the app this is, where nobody says so: CI variables, git's own files, package metadata.

git itself is never run: a subprocess at the start of an app costs time and may be forbidden.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Optional

# Where a value comes from, and the value, which may be missing.
Candidate = tuple[str, Optional[str]]

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT = 12  # characters of a commit's hash
_LARGEST_FILE_BYTES = 16 * 1024 * 1024
_MOST_TAGS = 10_000


class Head(NamedTuple):
    """What is checked out; empty where it isn't known."""

    commit: str = ""
    branch: str = ""
    tag: str = ""


def candidates(environ: Mapping[str, str], folder: Path, package: str) -> dict[str, list[Candidate]]:
    """For `version`, `commit` and `branch` all that is known of it, the best first."""
    head = git_head(folder)
    return {
        "version": [
            *_variables(environ, "CI_COMMIT_TAG", "CI_COMMIT_SHA", "GIT_COMMIT"),
            ("git", head.tag or head.commit[:_SHORT]),
            (f"package {package}", _package_version(package)),
        ],
        "commit": [*_variables(environ, "CI_COMMIT_SHA", "GIT_COMMIT"), ("git", head.commit)],
        "branch": [*_variables(environ, "CI_COMMIT_BRANCH", "GIT_BRANCH"), ("git", head.branch)],
    }


def git_head(folder: Path) -> Head:
    """What is checked out in `folder` or the nearest one above it that git knows."""
    try:
        git = _git_folder(folder)
        return Head() if git is None else _Repository(git).head()
    except (OSError, ValueError, zlib.error):
        return Head()


def _git_folder(folder: Path) -> Path | None:
    for place in (folder, *folder.parents):
        git = place / ".git"
        if git.is_dir():
            return git
        if git.is_file():  # of a worktree or a submodule
            return place / _read(git).partition("gitdir:")[2].strip()
    return None


class _Repository:
    """The files below `.git`, as gitrepository-layout(5) describes them."""

    def __init__(self, git: Path) -> None:
        self._git = git
        common = _read(git / "commondir").strip()
        self._common = git / common if common else git
        # Reference -> the commit it leads to, of those that git has packed into one file.
        self._packed = dict(_packed(_read(self._common / "packed-refs")))

    def head(self) -> Head:
        said = _read(self._git / "HEAD").strip()
        if not said.startswith("ref: refs/"):
            return self._head(said, branch="")
        reference = said[len("ref: ") :]
        commit = _read(self._common / reference).strip() or self._packed.get(reference, "")
        return self._head(commit, branch=reference[len("refs/heads/") :])

    def _head(self, commit: str, *, branch: str) -> Head:
        if _HASH.fullmatch(commit) is None:
            return Head(branch=branch)
        tags = [name for name, target in self._tags() if target == commit]
        return Head(commit, branch, max(tags, default=""))

    def _tags(self) -> Iterator[tuple[str, str]]:
        loose = self._common / "refs" / "tags"
        paths = (path for _, path in zip(range(_MOST_TAGS), loose.rglob("*")) if path.is_file())
        found = {path.relative_to(loose).as_posix(): self._peeled(_read(path).strip()) for path in paths}
        packed = {name[len("refs/tags/") :]: at for name, at in self._packed.items() if name[5:10] == "tags/"}
        yield from {**packed, **found}.items()

    def _peeled(self, name: str) -> str:
        """The commit that a tag's hash leads to: of an annotated one, its object says it."""
        if _HASH.fullmatch(name) is None:
            return ""
        path = self._common / "objects" / name[:2] / name[2:]
        content = zlib.decompressobj().decompress(_read_bytes(path), 1_024) if path.is_file() else b""
        tagged = re.match(rb"tag \d+\0object ([0-9a-f]+)\n", content)
        return tagged[1].decode() if tagged else name


def _packed(text: str) -> Iterator[tuple[str, str]]:
    """The references of a `packed-refs` file; a line `^hash` says what the tag above it leads to."""
    reference = ""
    for line in text.splitlines():
        if line.startswith("^"):
            yield reference, line[1:]
        elif line[:1] not in ("", "#"):
            target, _, reference = line.partition(" ")
            yield reference, target


def _read(path: Path) -> str:
    return _read_bytes(path).decode("utf-8", "replace")


def _read_bytes(path: Path) -> bytes:
    """The content; empty where it is missing, no plain file, or far too large."""
    if not path.is_file() or path.stat().st_size > _LARGEST_FILE_BYTES:
        return b""
    return path.read_bytes()


def _variables(environ: Mapping[str, str], *names: str) -> list[Candidate]:
    return [(name, environ.get(name)) for name in names]


def _package_version(package: str) -> str | None:
    try:
        return metadata.version(package) if package else None
    except (metadata.PackageNotFoundError, ValueError):
        return None
