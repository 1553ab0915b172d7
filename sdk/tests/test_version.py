from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from perfplatform_sdk.config import Config, read
from perfplatform_sdk.version import Head, git_head


def git(folder: Path, *arguments: str) -> str:
    result = subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"},
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    return folder


def commit(folder: Path) -> str:
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("environ", "version", "source"),
    [
        ({}, "unversioned", None),
        ({"GIT_COMMIT": "9fceb02"}, "9fceb02", "GIT_COMMIT"),
        ({"GIT_COMMIT": "9fceb02", "CI_COMMIT_SHA": "aaaa"}, "aaaa", "CI_COMMIT_SHA"),
        ({"CI_COMMIT_SHA": "aaaa", "CI_COMMIT_TAG": "v1"}, "v1", "CI_COMMIT_TAG"),
        ({"CI_COMMIT_TAG": "v1", "PERFPLATFORM_VERSION": "1.4.2"}, "1.4.2", "PERFPLATFORM_VERSION"),
        ({"CI_COMMIT_TAG": ""}, "unversioned", None),
        ({"CI_COMMIT_TAG": "x" * 200, "GIT_COMMIT": "9fceb02"}, "9fceb02", "GIT_COMMIT"),
    ],
)
def test_version_from_the_environment(
    environ: dict[str, str], version: str, source: str | None, tmp_path: Path
) -> None:
    loaded = read({}, environ, folder=tmp_path)
    assert loaded.config.version == version
    assert loaded.sources.get("version") == source
    assert read({"version": "mine"}, environ, folder=tmp_path).config.version == "mine"


def test_commit_and_branch_from_the_environment(tmp_path: Path) -> None:
    environ = {"CI_COMMIT_SHA": "aaaa", "GIT_COMMIT": "bbbb", "GIT_BRANCH": "origin/main"}
    config = read({}, environ, folder=tmp_path).config
    assert (config.commit, config.branch) == ("aaaa", "origin/main")


def test_what_was_detected_is_not_what_was_chosen(repository: Path) -> None:
    assert read({"engine": "none"}, {}, folder=repository).config.chosen == {"engine"}


def test_git_in_a_folder_above(repository: Path) -> None:
    (repository / "src" / "shop").mkdir(parents=True)
    head = commit(repository)
    loaded = read({}, {}, folder=repository / "src" / "shop")
    assert loaded.config == Config(version=head[:12], commit=head, branch="main")
    assert {loaded.sources[name] for name in ("version", "commit", "branch")} == {"git"}
    environ = {"GIT_COMMIT": "9fceb02"}
    assert read({}, environ, folder=repository).config.version == "9fceb02"


def test_git_does_not_have_to_be_installed(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_head(repository).branch == "main"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("annotated", [False, True])
def test_tag_of_the_commit_itself_is_the_version(repository: Path, packed: bool, annotated: bool) -> None:
    git(repository, "tag", "old")
    head = commit(repository)
    message = ["-a", "-m", "release"] if annotated else []
    git(repository, "tag", *message, "release/1.4.2")
    if packed:
        git(repository, "pack-refs", "--all")
        git(repository, "gc", "-q", "--prune=now")
    assert git_head(repository) == Head(head, "main", "release/1.4.2")
    assert read({}, {}, folder=repository).config.version == "release/1.4.2"
    later = commit(repository)
    assert git_head(repository) == Head(later, "main", "")


def test_detached_head_has_no_branch(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "-q", "--detach")
    assert git_head(repository) == Head(head, "", "")


def test_branch_with_slashes_and_before_its_first_commit(repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "feature/cart")
    assert git_head(repository).branch == "feature/cart"
    git(repository, "checkout", "-q", "--orphan", "empty")
    assert git_head(repository) == Head("", "empty", "")


def test_worktree_and_submodule(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    head = commit(tmp_path / "tree")
    git(repository, "tag", "v2", head)
    assert git_head(tmp_path / "tree") == Head(head, "other", "v2")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository), "sub")
    assert git_head(repository / "sub").commit == git(repository, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("HEAD", b""),
        ("HEAD", b"\xff\xfe"),
        ("HEAD", b"ref: refs/heads/../../../../etc/passwd"),
        ("HEAD", b"ref: /etc/passwd"),
        ("HEAD", b"ref: refs/\0"),
        ("packed-refs", b"^\n^^\nx"),
        ("refs/heads/main", b"not a hash"),
        ("commondir", b"/nowhere"),
    ],
)
def test_broken_repository_does_no_harm(repository: Path, name: str, content: bytes) -> None:
    (repository / ".git" / name).write_bytes(content)
    config = read({}, {}, folder=repository).config
    assert "root" not in config.version + config.commit


def test_tag_object_that_is_no_zlib_does_no_harm(repository: Path) -> None:
    git(repository, "tag", "-a", "-m", "x", "v1")
    name = (repository / ".git" / "refs" / "tags" / "v1").read_text().strip()
    thing = repository / ".git" / "objects" / name[:2] / name[2:]
    thing.chmod(0o644)
    thing.write_bytes(b"nonsense")
    assert git_head(repository) == Head()


def test_git_file_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nowhere/at/all")
    assert git_head(tmp_path) == Head()


def test_installed_package_names_the_version(tmp_path: Path) -> None:
    from importlib.metadata import version

    loaded = read({"package": "requests"}, {}, folder=tmp_path)
    assert loaded.config.version == version("requests")
    assert loaded.sources["version"] == "package requests"
    assert read({}, {"PERFPLATFORM_PACKAGE": "no-such-package"}, folder=tmp_path).config.version == (
        "unversioned"
    )
