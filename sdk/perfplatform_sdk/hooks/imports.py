"""Tells when a module has been imported, and changes neither how that happens nor the module.

It is also loaded by itself, by its path, at the start of a Python: it imports nothing but `sys`.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable


class ImportWatch:
    """A finder that finds nothing by itself: it asks those after it, and listens to the loader they name."""

    def __init__(self, names: Collection[str], imported: Callable[[str, ModuleType], None]) -> None:
        """`imported` is called with each module of these names when its code has run; it must not raise."""
        self._names = frozenset(names)
        self._imported = imported

    def start(self) -> None:
        """Watch from now on."""
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Watch no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the next finder finds; None for modules that aren't watched: Python asks it itself."""
        if fullname not in self._names or self not in sys.meta_path:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
            find_spec: Any = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find_spec is None else find_spec(fullname, path, target)
            if spec is not None:
                self._listen(spec)
                return spec
        return None

    def _listen(self, spec: ModuleSpec) -> None:
        loader: Any = spec.loader
        execute = getattr(loader, "exec_module", None)
        if execute is None:
            return

        def exec_module(module: ModuleType) -> None:
            # A loader may load other modules as well, as that of a zip file does.
            if module.__name__ != spec.name:
                execute(module)
                return
            if vars(loader).get("exec_module") is exec_module:
                del loader.exec_module
            execute(module)
            self._imported(spec.name, module)

        try:
            loader.exec_module = exec_module
        except AttributeError:
            return  # a loader that can't be listened to
