"""What `./dev test`, `./dev lint` and `./dev bench` count and say."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.checks import requirements
from tests.conftest import ROOT


def write_report(path: Path, **counts: int) -> Path:
    attributes = " ".join(f'{name}="{number}"' for name, number in counts.items())
    path.write_text(f"<testsuites><testsuite {attributes}/></testsuites>")
    return path


def test_counts_come_from_the_report_of_pytest(dev: ModuleType, tmp_path: Path) -> None:
    report = write_report(tmp_path / "r.xml", tests=10, failures=1, errors=1, skipped=2)
    assert dev.read_counts(report) == (6, 2, 2)


def test_a_missing_a_torn_and_an_empty_report_are_failures(dev: ModuleType, tmp_path: Path) -> None:
    assert dev.read_counts(tmp_path / "none.xml") == (0, 1, 0)
    (tmp_path / "torn.xml").write_text("<testsuites><testsu")
    assert dev.read_counts(tmp_path / "torn.xml") == (0, 1, 0)
    assert dev.read_counts(write_report(tmp_path / "r.xml", tests=0, failures=0)) == (0, 1, 0)


def test_the_last_line_adds_the_stages_up(dev: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    results = [dev.Result("unit tests", 7, 0, 1, 2.0), dev.Result("end to end", 3, 2, 0, 1.0)]
    assert dev.report(results, write=False) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "10 passed, 2 failed, 1 skipped"
    assert dev.report([dev.Result("lint", 8, 0, 0, 2.0)], write=False) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "8 passed, 0 failed"


def test_the_verification_page_holds_commit_date_and_every_stage(dev: ModuleType) -> None:
    page = dev.verification(
        [dev.Result("lint", 8, 0, 0, 30.4), dev.Result("slow", 5, 0, 0, 900.0)],
        commit="`abc`",
        date="2026-11-22",
        python="3.11.7",
    )
    assert "at commit `abc` on 2026-11-22" in page
    assert "**13 passed, 0 failed**" in page
    assert "| lint | 8 | 0 | 0 | 30 |\n| slow | 5 | 0 | 0 | 900 |\n" in page


def test_all_of_the_sdk_suites_are_the_usual_ones_the_other_pythons_and_the_lowest_frameworks(
    dev: ModuleType,
) -> None:
    usual, every = dev.sdk_suites(all_of_them=False), dev.sdk_suites(all_of_them=True)
    assert [suite.name for suite in usual] == ["SDK on 3.9", "SDK on 3.11", "SDK on 3.13"]
    assert [suite for suite in every if suite.lowest] == [dev.SdkSuite("3.9", lowest=True)]
    assert [suite.version for suite in every if not suite.lowest] == list(dev.SDK_PYTHONS)
    assert set(usual) < set(every)
    for suite in every:
        assert suite.requirements.is_file()
    for places in ([suite.folder for suite in every], [suite.name for suite in every]):
        assert len(set(places)) == len(every)


def test_an_sdk_suite_whose_python_is_missing_has_no_environment(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "find_python", lambda _version: None)
    suites = dev.sdk_suites(all_of_them=True)
    assert dev.prepare_sdk_environments(suites) == dict.fromkeys(suites)


def test_the_servers_of_tests_keep_their_data_in_memory_where_there_is_room(
    dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dev, "TEST_SERVERS_ROOM", 0)
    assert dev.memory_folder(tmp_path) == tmp_path
    assert dev.memory_folder(tmp_path / "absent") is None
    monkeypatch.setattr(dev, "TEST_SERVERS_ROOM", 10**30)
    assert dev.memory_folder(tmp_path) is None


@pytest.mark.parametrize(
    ("is_root", "has_apt", "has_sudo", "prefix"),
    [
        (True, True, False, ["apt-get"]),
        (False, True, True, ["sudo", "-n", "apt-get"]),
        (False, True, False, None),
        (True, False, True, None),
    ],
)
def test_when_the_browser_can_be_installed(
    dev: ModuleType, is_root: bool, has_apt: bool, has_sudo: bool, prefix: list[str] | None
) -> None:
    assert dev.apt_prefix(is_root=is_root, has_apt=has_apt, has_sudo=has_sudo) == prefix


def test_a_missing_browser_that_can_not_be_installed_is_trouble(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dev, "BROWSER", tmp_path / "chromium")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(dev.Trouble, match="sudo apt install chromium fonts-noto-cjk"):
        dev.prepare_browser()


def test_a_failing_check_is_counted_and_what_it_said_is_shown(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = {
        "good": dev.Check([sys.executable, "-c", "print('fine')"]),
        "bad": dev.Check([sys.executable, "-c", "raise SystemExit('line 3 is wrong')"]),
    }
    monkeypatch.setattr(dev, "checks", lambda environment: checks)
    assert dev.run_checks(None) == (1, 1, 0)
    said = capsys.readouterr().out
    assert "ok      good" in said
    assert "FAILED  bad" in said
    assert "        line 3 is wrong" in said


def test_lint_covers_style_types_imports_and_our_own_checks(dev: ModuleType) -> None:
    assert list(dev.checks(dev.Environment(Path("/venv")))) == [
        *("ruff check", "ruff format", "mypy", "mypy of the SDK", "imports"),
        *("templates", "translations", "vendor", "requirements"),
    ]


def test_benchmarks_are_listed_with_the_first_line_of_their_docstring(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "ingest.py").write_text('"""How fast it takes profiles.\n\nMore."""\n')
    monkeypatch.setattr(dev, "ROOT", tmp_path)
    assert dev.main(["bench"]) == 0
    assert capsys.readouterr().out == "ingest          How fast it takes profiles.\n"
    assert dev.main(["bench", "nothing"]) == 1
    assert "There is no benchmark nothing: ingest." in capsys.readouterr().err


def test_lock_writes_no_index_and_pins_for_the_oldest_python(dev: ModuleType) -> None:
    for name in dev.LOCKS:
        assert (ROOT / f"{name}.in").exists()
        command = dev.lock_command("uv", name, "")
        assert {"--generate-hashes", "--universal", "--no-emit-index-url", "--no-emit-find-links"} <= set(
            command
        )
        assert command[command.index("--python-version") + 1] == ("3.9" if name.startswith("sdk") else "3.11")
        assert "--index-url" not in command
    assert "--index-url" in dev.lock_command("uv", "requirements", "https://mirror.example.com/simple")


def test_the_lowest_requirements_are_the_lowest_that_the_sdk_asks_for() -> None:
    project = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text())["project"]
    asked = map(Requirement, [*project["dependencies"], *project["optional-dependencies"]["yaml"]])
    lowest = (ROOT / "sdk" / "requirements-test-lowest.in").read_text()
    tested = {requirement.name: str(requirement.specifier) for requirement in requirements.wanted(lowest)}
    for requirement in asked:
        (bound,) = (one.version for one in requirement.specifier if one.operator == ">=")
        assert Version(tested[requirement.name].removeprefix("==")) == Version(bound), requirement.name


HASH = " \\\n    --hash=sha256:" + 64 * "0"


@pytest.mark.parametrize(
    ("asked", "pinned", "problem"),
    [
        ("Django~=5.2.1\n", f"django==5.2.19{HASH}\n", ""),
        (
            "# why\n-c other.txt\na[extra] ; sys_platform == 'linux'\n",
            f"a==1 ; sys_platform == 'linux'{HASH}\n",
            "",
        ),
        ("a\nb\n", f"a==1{HASH}\n", "does not pin b"),
        ("a>=2\n", f"a==1{HASH}\n", "wants >=2"),
        ("a\n", "a==1\n", "without a hash"),
        ("a\n", f"--index-url https://mirror.example.com/simple\na==1{HASH}\n", "line 1 leads to"),
        ("a\n", f"--find-links /opt/wheels\na==1{HASH}\n", "line 1 leads to"),
        ("a\n", f"a==1{HASH}\nb @ file:///tmp/b.whl\n", "line 3 leads to"),
        ("a\n", f"a==1{HASH}\n    # via -r /home/me/requirements.in\n", ""),
    ],
)
def test_the_requirements_check_finds_what_is_wrong(asked: str, pinned: str, problem: str) -> None:
    found = list(requirements.problems("requirements", asked, pinned))
    assert [problem in sentence for sentence in found[:1]] == ([True] if problem else [])


def test_our_requirement_files_are_pinned() -> None:
    assert requirements.main() == 0
