"""`@profile` and `with profile("name")`."""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from typing import Any, Callable

import pytest
from fake_platform import FakePlatform

import perfplatform_sdk
from perfplatform_sdk import profile

Start = Callable[..., None]
# What records a call in a process that does one thing at a time: up to 3.10 pyinstrument is not safe.
ENGINE = "pyinstrument" if sys.version_info >= (3, 11) else "sampler"


def send(platform: FakePlatform) -> dict[str, dict[str, Any]]:
    """All that arrived, by endpoint; every one of it a call."""
    assert perfplatform_sdk.flush(5.0)
    assert all((kind, method) == ("call", "") for kind, method, _ in platform.entries())
    return {route: entry for (_, _, route), entry in platform.entries().items()}


@profile
def price(basket: int, *, discount: float = 0.0) -> float:
    """What it costs."""
    time.sleep(0.005)
    return basket * (1 - discount)


@profile("shop.checkout")
def check_out() -> float:
    return price(10) + price(20)


def test_decorated_function_does_the_same(platform: FakePlatform, start: Start) -> None:
    for _ in range(2):
        assert price(10, discount=0.5) == 5
        assert (price.__name__, price.__doc__) == ("price", "What it costs.")
        assert list(inspect.signature(price).parameters) == ["basket", "discount"]
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            price(10, colour="red")  # type: ignore[call-arg]
        start()


def test_call_is_counted_timed_and_recorded_under_its_name(platform: FakePlatform, start: Start) -> None:
    start()
    price(1)
    assert send(platform) == {f"{__name__}.price": {"count": 1, "errors": 0, "engines": {ENGINE: 1}}}
    (recorded,) = platform.profiles
    assert (recorded["kind"], recorded["method"], recorded["status"]) == ("call", "", None)
    assert 5_000 <= recorded["duration_us"] < 200_000


def test_call_inside_a_call_is_counted_but_not_recorded_on_its_own(
    platform: FakePlatform, start: Start
) -> None:
    start()
    assert check_out() == 30
    entries = send(platform)
    assert {name: entry["count"] for name, entry in entries.items()} == {
        "shop.checkout": 1,
        f"{__name__}.price": 2,
    }
    # It was slowed by the outer one's profiler, and is counted among those.
    assert entries[f"{__name__}.price"]["engines"] == {ENGINE: 2}
    assert [recorded["endpoint"] for recorded in platform.profiles] == ["shop.checkout"]


def test_with_block_is_a_call_and_may_be_used_again(platform: FakePlatform, start: Start) -> None:
    start()
    block = profile("import prices")
    for _ in range(2):
        with block, block:
            time.sleep(0.02)
    entries = send(platform)
    assert entries["import prices"]["count"] == 4
    assert len(platform.profiles) == 2


def test_exception_passes_through_and_is_an_error(platform: FakePlatform, start: Start) -> None:
    start()
    error = KeyError("sku")

    @profile("fails")
    def fails() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        fails()
    assert caught.value is error
    with pytest.raises(KeyError), profile("block fails"):
        raise error
    assert {name: entry["errors"] for name, entry in send(platform).items()} == {"fails": 1, "block fails": 1}
    assert {recorded["error_type"] for recorded in platform.profiles} == {"KeyError"}


def test_recursion_is_counted_at_every_level_and_recorded_once(platform: FakePlatform, start: Start) -> None:
    start()

    @profile("factorial")
    def factorial(number: int) -> int:
        time.sleep(0.002)
        return 1 if number < 2 else number * factorial(number - 1)

    assert factorial(20) == 2432902008176640000
    assert send(platform)["factorial"]["count"] == 20
    assert len(platform.profiles) == 1


def test_recursion_to_the_limit_is_survived(platform: FakePlatform, start: Start) -> None:
    start()

    @profile("endless")
    def endless(number: int) -> int:
        return endless(number + 1)

    for _ in range(3):
        with pytest.raises(RecursionError):
            endless(0)
    assert send(platform)["endless"]["count"] > 300


def test_methods_of_all_kinds_are_recorded(platform: FakePlatform, start: Start) -> None:
    start()

    class Basket:
        @profile("method")
        def total(self) -> str:
            return type(self).__name__

        @profile("class below")
        @classmethod
        def one(cls) -> str:
            return cls.__name__

        @staticmethod
        @profile("static above")
        def two() -> str:
            return "static"

        @profile("static below")
        @staticmethod
        def three() -> str:
            return "static"

    assert (Basket().total(), Basket.one(), Basket.two(), Basket.three()) == (
        "Basket",
        "Basket",
        "static",
        "static",
    )
    assert set(send(platform)) == {"method", "class below", "static above", "static below"}


def test_what_is_no_function_is_left_as_it_is(
    platform: FakePlatform, start: Start, warnings: Callable[[], list[str]]
) -> None:
    start()

    class Thing:
        pass

    class AsyncCallable:
        async def __call__(self) -> int:
            return 1

    for thing in (Thing, AsyncCallable()):
        assert profile(thing) is thing  # type: ignore[type-var]
    assert len(warnings()) == 2
    assert "only functions are recorded" in warnings()[0]
    assert send(platform) == {}


def test_calls_on_an_event_loop_are_recorded_by_the_sampler(platform: FakePlatform, start: Start) -> None:
    start(engine="auto")

    async def serve() -> None:
        price(1)
        with profile("across an await"):
            await asyncio.sleep(0.1)
        async with profile("async with"):
            await asyncio.sleep(0.1)

    asyncio.run(serve())
    entries = send(platform)
    assert {name: entry["count"] for name, entry in entries.items()} == {
        f"{__name__}.price": 1,
        "across an await": 1,
        "async with": 1,
    }
    assert all(entry["engines"] == {"sampler": 1} for entry in entries.values())
    assert {recorded["endpoint"] for recorded in platform.profiles} >= {"across an await", "async with"}


def test_random_share_is_the_first_three_and_then_spaced(platform: FakePlatform, start: Start) -> None:
    start()
    for _ in range(10):
        price(1)
    assert send(platform)[f"{__name__}.price"]["count"] == 10
    assert [recorded["trigger"] for recorded in platform.profiles] == ["sampled"] * 3


def test_odd_names_fit_into_the_wire_format(platform: FakePlatform, start: Start) -> None:
    start()
    for name in ("n" * 600, "", "naïve 商店 🐍", "caf\udce9", "</script><script>alert(1)</script>"):
        with profile(name):
            pass
    assert set(send(platform)) == {
        "n" * 512,
        "(unnamed)",
        "naïve 商店 🐍",
        "caf?",
        "</script><script>alert(1)</script>",
    }


def test_switched_off_costs_next_to_nothing() -> None:
    @profile
    def nothing() -> None:
        pass

    def bare() -> None:
        pass

    def nanoseconds(function: Callable[[], None]) -> float:
        rounds = []
        for _ in range(20):
            began = time.perf_counter_ns()
            for _ in range(1000):
                function()
            rounds.append(time.perf_counter_ns() - began)
        return min(rounds) / 1000

    assert nanoseconds(nothing) - nanoseconds(bare) < 1000
