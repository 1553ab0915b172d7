"""`perfplatform-run`: runs a program of yours, unchanged, and records what its frameworks serve."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .instance import SDK_VERSION

HELP = """\
usage: perfplatform-run PROGRAM [ARGUMENT ...]
       perfplatform-run --check

Runs a program and records the requests and tasks of the Flask, Django, FastAPI, Starlette and Celery apps in
it, and functions under @profile. The program is not changed. Settings come from PERFPLATFORM_* variables and
perfplatform.yaml.

  perfplatform-run gunicorn shop:app
  perfplatform-run uvicorn shop:app --reload
  perfplatform-run flask --app shop run
  perfplatform-run python manage.py runserver
  perfplatform-run celery --app shop worker
  perfplatform-run script.py

  --check    say what was found, try the key, send one test profile
  --version  say the version of the SDK
"""

AUTO = Path(__file__).parent / "auto"
_NOT_FOUND, _NOT_RUNNABLE, _WRONG_USE = 127, 126, 2  # exit codes as of a shell


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program in the place of this process; comes back, with an exit code, only where it can't."""
    command = list(sys.argv[1:] if arguments is None else arguments)
    option = command[0] if command else ""
    if option in ("-h", "--help"):
        print(HELP, end="")
        return 0
    if option == "--version":
        print(f"perfplatform-sdk {SDK_VERSION}")
        return 0
    if option == "--check":
        from .check import check

        return check(sys.stdout)
    if option == "--":
        command = command[1:]
    if not command or (option.startswith("-") and option not in ("-m", "-c", "--")):
        print(HELP, end="", file=sys.stderr)
        return _WRONG_USE
    return run(command)


def run(command: Sequence[str]) -> int:
    found = program(command)
    if found is None:
        return _fail(f"there is no program {command[0]}", _NOT_FOUND)
    sys.stdout.flush()
    for name in ("SIGPIPE", "SIGXFZ", "SIGXFSZ"):  # which Python ignores, and a program would go on to ignore
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execve(found[0], found, environment(os.environ))  # noqa: S606 - what the caller asked for
    except OSError as error:
        return _fail(f"{command[0]} can't be run: {error.strerror or error}", _NOT_RUNNABLE)


def program(command: Sequence[str]) -> list[str] | None:
    """The command with the path of its program. A script, `-m` and `-c` are for the Python of the SDK."""
    name = command[0]
    path = shutil.which(name)
    if path is not None:
        return [path, *command[1:]]
    if name in ("-m", "-c") or (name.endswith(".py") and Path(name).is_file()):
        return [sys.executable, *command]
    # Beside the Python of the SDK, in an environment that is not active.
    beside = Path(sys.executable).parent / name
    return [str(beside), *command[1:]] if os.sep not in name and beside.is_file() else None


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for the program and all that it starts."""
    others = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry != str(AUTO)]
    before = os.pathsep.join(others)
    return {**environ, "PYTHONPATH": f"{AUTO}{os.pathsep}{before}" if before else str(AUTO)}


def _fail(message: str, code: int) -> int:
    print(f"perfplatform-run: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
