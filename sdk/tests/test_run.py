"""`perfplatform-run`: programs of every kind are recorded, and nothing else of them changes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from fake_platform import KEY, FakePlatform
from programs import (
    BESIDE,
    DJANGO,
    RUN,
    SDK,
    finish,
    free_port,
    get,
    running,
    variables_for,
    wait_for,
    write_apps,
)

from perfplatform_sdk import run
from perfplatform_sdk.run import AUTO, environment, main, program


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_apps(tmp_path)
    return tmp_path


@pytest.fixture
def variables(platform: FakePlatform) -> dict[str, str]:
    return variables_for(platform)


def test_gunicorn_with_two_workers(platform: FakePlatform, folder: Path, variables: dict[str, str]) -> None:
    port = free_port()
    command = ("gunicorn", "shop:app", "--bind", f"127.0.0.1:{port}", "--workers", "2")
    with running(folder, variables, *command) as log:
        for number in range(4):
            assert f'"number":{number}' in get(f"http://127.0.0.1:{port}/items/{number}", log)
        wait_for(platform, "request", "GET", "/items/<int:number>", count=4)
    assert platform.entries().keys() == {("request", "GET", "/items/<int:number>")}
    assert "perfplatform" not in log.read_text()
    assert {batch["process"]["framework"].split()[0] for batch in platform.batches} == {"flask"}


def test_script_with_functions_under_profile(
    platform: FakePlatform, folder: Path, variables: dict[str, str]
) -> None:
    (folder / "job.py").write_text(
        "import sys\n"
        "from perfplatform_sdk import profile\n"
        "@profile\n"
        "def work(): return sum(range(100_000))\n"
        "print(work(), __name__, sys.argv)\n"
        "sys.exit(7)\n"
    )
    result = subprocess.run(
        [*RUN, "job.py", "-x"], cwd=folder, env=variables, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 7
    assert (result.stdout, result.stderr) == ("4999950000 __main__ ['job.py', '-x']\n", "")
    assert platform.entries()["call", "", "__main__.work"]["count"] == 1


def test_script_without_anything_to_record_imports_nothing_of_the_sdk(
    folder: Path, variables: dict[str, str]
) -> None:
    # Here as without us, where a .pth file of the environment may have imported it.
    typing = subprocess.check_output([sys.executable, "-c", "import sys; print('typing' in sys.modules)"])
    seen = "[name for name in sys.modules if name.startswith('perfplatform')], 'typing' in sys.modules"
    result = finish(folder, variables, "-c", f"import sys; print({seen}, sys.path[1:2], sys.argv)", "x")
    expected = f"['perfplatform_auto'] {typing.decode().strip()} ['{SDK}'] ['-c', 'x']\n"
    assert (result.stdout, result.stderr) == (expected, "")


def test_apps_of_all_kinds_in_one_program(
    platform: FakePlatform, folder: Path, variables: dict[str, str]
) -> None:
    script = f"""
        import os
        import flask, fastapi, django
        # As `flask run` does with a file .env.
        os.environ.update(PERFPLATFORM_KEY={KEY!r}, PERFPLATFORM_ENVIRONMENT="dotenv")
        os.environ["DJANGO_SETTINGS_MODULE"] = "manage"
        django.setup()
        import shop, api
        from django.test import Client
        from starlette.testclient import TestClient
        print(shop.app.test_client().get("/items/1").json["number"])
        print(TestClient(api.app).get("/items/2").text)
        print(TestClient(api.app).get("/inner/cat").text)
        print(Client().get("/items/3").content.decode())
    """
    del variables["PERFPLATFORM_KEY"]
    result = finish(folder, variables, "-W", "ignore", "-c", textwrap.dedent(script))
    assert result.stderr == ""
    # The settings of Django are as the project made them.
    django = '{"number": 3, "middleware": ["manage.Simple"]}'
    assert result.stdout == f'1\n{{"number":2}}\ninner\n{django}\n'
    assert {(route, entry["count"]) for (_, _, route), entry in platform.entries().items()} == {
        ("/items/<int:number>", 2),  # of Flask and of Django
        ("/items/{number}", 1),
        ("/inner/{name}", 1),
    }
    assert {batch["environment"] for batch in platform.batches} == {"dotenv"}


def test_statements_of_an_unchanged_app_are_counted(
    platform: FakePlatform, folder: Path, variables: dict[str, str]
) -> None:
    script = """
        import flask, sqlalchemy
        engine = sqlalchemy.create_engine("sqlite://")
        app = flask.Flask("app")
        @app.get("/rows")
        def rows():
            with engine.connect() as connection:
                return str(connection.execute(sqlalchemy.text("select 41 + 1")).scalar())
        print(app.test_client().get("/rows").get_data(as_text=True))
    """
    result = finish(folder, variables, "-c", textwrap.dedent(script))
    assert (result.stdout, result.stderr) == ("42\n", "")
    (document,) = platform.ledger().values()
    (entry,) = document["endpoints"]
    assert entry["route"] == "/rows"
    counted = [(document["strings"][kind], count) for kind, _, _, count, _ in entry["counters"]]
    assert counted == [("db", 1)]


# What the app may do itself


@pytest.mark.parametrize("key", [pytest.param(KEY, marks=pytest.mark.slow), ""])
def test_app_with_an_integration_of_its_own_is_recorded_once(
    platform: FakePlatform, folder: Path, variables: dict[str, str], key: str
) -> None:
    mine = f"""
        import perfplatform_sdk
        from perfplatform_sdk.integrations.flask import PerfPlatform
        import shop
        perfplatform_sdk.init(key={KEY!r}, environment="mine")
        PerfPlatform(shop.app)
        print(shop.app.test_client().get("/items/5").json["number"])
    """
    variables = {**variables, "PERFPLATFORM_KEY": key}
    result = finish(folder, variables, "-c", textwrap.dedent(mine))
    assert (result.stdout, result.stderr) == ("5\n", "")
    assert {place: entry["count"] for place, entry in platform.entries().items()} == {
        ("request", "GET", "/items/<int:number>"): 1
    }
    assert {batch["environment"] for batch in platform.batches} == {"mine"}


@pytest.mark.slow
def test_django_project_with_the_middleware_is_recorded_once(
    platform: FakePlatform, folder: Path, variables: dict[str, str]
) -> None:
    ours = "perfplatform_sdk.integrations.django.Middleware"
    (folder / "manage.py").write_text(textwrap.dedent(DJANGO).replace("manage.Simple", ours))
    ask = """
        import os; os.environ["DJANGO_SETTINGS_MODULE"] = "manage"
        import django; django.setup()
        from django.test import Client
        print(Client().get("/items/1").json()["middleware"])
    """
    result = finish(folder, variables, "-c", textwrap.dedent(ask))
    assert (result.stdout, result.stderr) == (f"['{ours}']\n", "")
    assert [entry["count"] for entry in platform.entries().values()] == [1]


def test_without_a_key_the_app_runs_as_always_with_one_warning(
    platform: FakePlatform, folder: Path, variables: dict[str, str]
) -> None:
    del variables["PERFPLATFORM_KEY"]
    script = "import shop; print([shop.app.test_client().get('/items/5').json['number'] for _ in range(2)])"
    result = finish(folder, variables, "-c", script)
    assert (result.returncode, result.stdout) == (0, "[5, 5]\n")
    (line,) = result.stderr.splitlines()
    assert "init() lacks key (or PERFPLATFORM_KEY)" in line
    assert platform.posts == []


@pytest.mark.slow
def test_traceback_is_the_programs_own(folder: Path, variables: dict[str, str]) -> None:
    (folder / "fails.py").write_text("import shop\n1 / 0\n")
    plain = subprocess.run(
        [sys.executable, "fails.py"], cwd=folder, env=variables, capture_output=True, text=True, timeout=60
    )
    recorded = finish(folder, variables, "fails.py")
    assert recorded.stderr == plain.stderr != ""
    assert recorded.returncode == plain.returncode == 1


def test_hidden_sitecustomize_runs_as_well(folder: Path, variables: dict[str, str]) -> None:
    (folder / "sitecustomize.py").write_text("import sys; sys.hidden = __file__\n")
    variables["PYTHONPATH"] += f"{os.pathsep}{folder}"
    show = "import sys, sitecustomize; print(sys.hidden == sitecustomize.__file__ == sys.argv[1])"
    result = finish(folder, variables, "-c", show, str(folder / "sitecustomize.py"))
    assert (result.stdout, result.stderr) == ("True\n", "")


def test_hidden_sitecustomize_that_fails_says_what_it_always_says(
    folder: Path, variables: dict[str, str]
) -> None:
    (folder / "sitecustomize.py").write_text("import no_such_module\n")
    variables["PYTHONPATH"] += f"{os.pathsep}{folder}"
    result = finish(folder, variables, "-c", "pass")
    assert "no_such_module" in result.stderr


def test_python_without_the_sdk_runs_as_always(folder: Path, variables: dict[str, str]) -> None:
    # As another environment does that a program starts: PYTHONPATH still leads to the runner's folder.
    (folder / "flask.py").write_text("class Flask:\n    def __init__(self, name): self.name = name\n")
    app = "import flask; print([flask.Flask(name).name for name in 'xy'])"
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules['perfplatform_sdk'] = None; {app}"],
        cwd=folder,
        env={**variables, "PYTHONPATH": str(AUTO)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stdout == "['x', 'y']\n"
    (line,) = result.stderr.splitlines()
    assert line.startswith("perfplatform: nothing is recorded by /")


def test_failing_import_of_a_framework_fails_as_always_and_can_be_repeated(
    folder: Path, variables: dict[str, str]
) -> None:
    (folder / "flask").mkdir()
    (folder / "flask" / "__init__.py").write_text("import sys\nif not hasattr(sys, 'again'): 1 / 0\n")
    script = """
        import sys
        try:
            import flask
        except ZeroDivisionError as error:
            sys.again = True
        import flask
        print(flask.__loader__ is flask.__spec__.loader, vars(flask.__loader__).keys())
    """
    result = finish(folder, variables, "-c", textwrap.dedent(script))
    assert result.stdout == "True dict_keys(['name', 'path'])\n"
    (line,) = result.stderr.splitlines()
    assert "perfplatform: flask is not recorded (AttributeError" in line


# The command line


def test_program_that_is_missing_or_cannot_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no-such-program"]) == 127
    assert main([str(folder / "no-such-script.py")]) == 127
    assert "perfplatform-run: there is no program no-such-program\n" in capsys.readouterr().err


def test_unrunnable_program_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = folder / "broken"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    monkeypatch.setattr(run.signal, "signal", lambda *_: None)
    assert main([str(broken)]) == 126
    assert "can't be run: Exec format error" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 2), (["--nonsense"], 2), (["--"], 2), (["--help"], 0), (["--version"], 0)]
)
def test_use(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    said = capsys.readouterr()
    assert "perfplatform" in (said.err if code else said.out)


def test_what_is_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", f"{folder}/bin")
    assert program(["manage.py", "check"]) == [sys.executable, "manage.py", "check"]
    assert program(["-m", "flask"]) == [sys.executable, "-m", "flask"]
    assert program(["pytest", "-q"]) == [str(Path(BESIDE) / "pytest"), "-q"]
    (folder / "bin").mkdir()
    (folder / "bin" / "pytest").write_text("#!/bin/sh\n")
    (folder / "bin" / "pytest").chmod(0o755)
    assert program(["pytest", "-q"]) == [str(folder / "bin" / "pytest"), "-q"]
    (folder / "shop").write_text("")
    assert program(["shop"]) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, f"{AUTO}"),
        ("", f"{AUTO}"),
        ("/a", f"{AUTO}{os.pathsep}/a"),
        (f"/a{os.pathsep}{AUTO}{os.pathsep}/b", f"{AUTO}{os.pathsep}/a{os.pathsep}/b"),
    ],
)
def test_environment_of_the_program(before: str | None, after: str) -> None:
    environ = {"HOME": "/root", **({} if before is None else {"PYTHONPATH": before})}
    assert environment(environ) == {"HOME": "/root", "PYTHONPATH": after}
