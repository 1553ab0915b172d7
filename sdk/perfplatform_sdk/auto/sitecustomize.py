"""Python runs this at its start where this folder is in PYTHONPATH, as in all that `perfplatform-run` starts.

It must do no harm in any Python: one without the SDK, one of another version, one that runs no framework.
"""

import os
import sys
from importlib import import_module

FOLDER = os.path.dirname(__file__)  # noqa: PTH120 - to import pathlib takes longer than all else here


def watch() -> None:
    try:
        import_module("perfplatform_auto").watch()
    except Exception as error:  # noqa: BLE001 - whatever it is, the program must start
        sys.stderr.write(f"perfplatform: nothing is recorded ({error!r})\n")


def give_way() -> None:
    """Leave the app's module path as it would be, and run the `sitecustomize` that this one hides.

    PYTHONPATH stays as it is, for reloaders and workers that are processes of their own.
    """
    sys.path[:] = [entry for entry in sys.path if entry != FOLDER]
    ours = sys.modules.pop("sitecustomize")
    try:
        import_module("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
        sys.modules["sitecustomize"] = ours


if __name__ == "sitecustomize":
    watch()
    give_way()
