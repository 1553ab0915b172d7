"""What functions are called, for the platform's trees and in pyinstrument's notation."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import CodeType

import pytest
from pyinstrument.session import Session

from perfplatform_sdk.call import record_calls
from perfplatform_sdk.engines import naming


class Basket:
    def total(self) -> CodeType:
        return sys._getframe().f_code

    @classmethod
    def empty(cls) -> CodeType:
        return sys._getframe().f_code

    @staticmethod
    def price() -> CodeType:
        return sys._getframe().f_code

    @property
    def tax(self) -> CodeType:
        return sys._getframe().f_code

    class Line:
        def total(self) -> CodeType:
            return sys._getframe().f_code


def test_methods_have_their_class_on_every_python() -> None:
    codes = [Basket().total(), Basket.empty(), Basket.price(), Basket().tax, Basket.Line().total()]
    assert [naming.class_of(code) for code in codes] == ["Basket", "Basket", "", "Basket", "Line"]


def test_functions_have_no_class() -> None:
    def function(self: object) -> CodeType:
        return sys._getframe().f_code

    assert naming.class_of(function(1)) == ""


def test_to_look_for_a_class_disturbs_no_object_of_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    class Touchy:
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(f"{name} was looked at")

    monkeypatch.setitem(globals(), "touchy", Touchy())
    naming._methods.cache_clear()
    assert naming._methods(__file__)[("total", Basket.total.__code__.co_firstlineno)] == "Basket.total"


def test_files_are_relative_to_their_entry_of_sys_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    naming.relative.cache_clear()
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "shop" / "src"), *sys.path])
    assert naming.relative(str(tmp_path / "shop" / "src" / "app" / "views.py")) == "app/views.py"
    assert naming.relative(str(tmp_path / "shop" / "run.py")) == "shop/run.py"
    assert naming.relative("/nowhere/x.py") == "/nowhere/x.py"
    assert naming.relative("<string>") == "<string>"
    naming.relative.cache_clear()


def test_the_standard_library_and_installed_packages_are_library() -> None:
    assert naming.describe(json.dumps.__code__).library
    assert naming.describe(pytest.raises.__code__).library
    assert not naming.describe(Basket.total.__code__).library
    assert naming.is_library("/srv/app/.venv/lib/python3.11/site-packages/flask/app.py")
    assert naming.is_library("<frozen importlib._bootstrap>")
    assert not naming.is_library(os.path.join(sys.prefix, "app", "views.py"))


def test_what_is_around_the_sdk_and_the_sdk_itself_are_left_out() -> None:
    from perfplatform_sdk.engines import walk

    seen: list[walk.Stack] = []

    def inner() -> None:
        seen.append(walk.running(sys._getframe()))

    wrapped = record_calls(inner, "inner")

    def outer() -> None:
        record_calls(lambda: wrapped(), "outer")()

    import perfplatform_sdk

    perfplatform_sdk.init(key="ppk_x", url="http://127.0.0.1:9", engine="none")
    outer()
    (stack,) = seen
    assert "outer" in [code.co_name for code in stack[::2]]
    assert [code.co_name for code in naming.beneath_us(stack)[::2]] == ["inner", "<lambda>"]
    without = [part for part in stack if not (isinstance(part, CodeType) and naming.is_ours(part))]
    assert len(without) > 4


def test_names_are_those_of_pyinstrument() -> None:
    code = Basket.total.__code__
    name = naming.pyinstrument_name(code, -1)
    first = code.co_firstlineno
    assert name == f"total\0{__file__}\0{first}\x01cBasket\x01l{first}"
    frame = Session.from_json(_session(name)).root_frame(trim_stem=False)
    assert frame is not None
    assert (frame.function, frame.class_name, frame.file_path) == ("total", "Basket", __file__)


def _session(name: str) -> dict[str, object]:
    return {
        "start_time": 0.0,
        "duration": 1.0,
        "min_interval": 0.001,
        "max_interval": 0.001,
        "sample_count": 1,
        "start_call_stack": ["x"],
        "target_description": "",
        "cpu_time": 0.0,
        "sys_path": [],
        "sys_prefixes": [],
        "frame_records": [([name], 1.0)],
    }


def test_frames_of_pyinstrument_are_described_the_same_way() -> None:
    code = Basket.total.__code__
    name = naming.without_line(naming.pyinstrument_name(code, -1))
    assert naming.describe(name) == naming.describe(code)
    assert naming.describe("[await]").name == "[await]"
    assert naming.describe("broken\0\0\x01").line == 0
