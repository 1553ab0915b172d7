from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import django_project  # configures Django
import pytest
from asgiref.sync import sync_to_async
from counted import Count, Counts, a_request
from django.db import IntegrityError, connections, models, transaction
from django.db.utils import ConnectionHandler
from django.test.utils import CaptureQueriesContext

from perfplatform_sdk import hooks
from perfplatform_sdk.hooks import django_db

assert django_project.settings.configured

SELECT = 'SELECT "shop_item"."id", "shop_item"."name" FROM "shop_item" WHERE "shop_item"."name" = ? LIMIT ?'


class Item(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.CharField(max_length=20, unique=True)

    class Meta:
        app_label = "shop"

    def __str__(self) -> str:
        return self.name


items = Item.objects.using("shop")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[None]:
    """A database "shop" of Django's, with its table of items."""
    name = str(tmp_path / "shop.sqlite3")
    handler = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": name}})
    connections.settings["shop"] = handler.settings["default"]
    with connections["shop"].schema_editor() as editor:
        editor.create_model(Item)
    items.create(name="first")
    yield
    connections["shop"].close()
    del connections["shop"]
    del connections.settings["shop"]


@pytest.fixture(autouse=True)
def hooked(database: None, start: Callable[..., None]) -> Iterator[None]:
    start(engine="none", statement_shapes=True)
    yield
    hooks.uninstall()


def look_up(name: str = "first") -> Item:
    return items.get(name=name)


def in_a_thread(function: Callable[[], Any]) -> Any:
    """What the function returns in a thread of its own, with connections of its own."""
    results: list[Any] = []

    def run() -> None:
        results.append(function())
        connections["shop"].close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return results[0]


def test_statements_are_counted_with_their_caller() -> None:
    with a_request() as counts:
        for _ in range(5):
            look_up()
        assert items.count() == 1
    here = test_statements_are_counted_with_their_caller.__name__
    assert counts.rows == [
        Count("db", "look_up", SELECT, 5),
        Count("db", here, 'SELECT COUNT(*) AS "__count" FROM "shop_item"', 1),
    ]
    assert counts.times_us[SELECT] > 0


def test_outside_a_request_nothing_is_counted() -> None:
    look_up()
    with a_request() as counts:
        pass
    look_up()
    assert counts.rows == []


def test_failing_statement_is_counted_and_raises_as_ever() -> None:
    with a_request() as counts, pytest.raises(IntegrityError, match="UNIQUE") as caught:
        items.create(name="first")
    (row,) = [
        row for row in counts.rows if row.fingerprint.startswith('INSERT INTO "shop_item" (?) VALUES (?)')
    ]
    assert (row.caller, row.count) == ("test_failing_statement_is_counted_and_raises_as_ever", 1)
    ours = [frame for frame in traceback.extract_tb(caught.tb) if "perfplatform_sdk" in frame.filename]
    # Before Python 3.11 a frame can't be taken out of a traceback.
    assert len(ours) == (0 if sys.version_info >= (3, 11) else 1)


def test_savepoints_and_lists_of_any_length_are_one_shape() -> None:
    with a_request() as counts:
        for size in (2, 3, 7):
            with transaction.atomic(using="shop"), transaction.atomic(using="shop"):
                assert len(items.filter(id__in=range(size))) == 1
    shapes = counts.shapes()
    assert ("SAVEPOINT ?", 3) in shapes
    assert ("RELEASE SAVEPOINT ?", 3) in shapes
    assert [count for shape, count in shapes if "IN (?)" in shape] == [3]


def test_many_at_once_are_one_statement() -> None:
    with a_request() as counts, connections["shop"].cursor() as cursor:
        cursor.executemany("INSERT INTO shop_item (name) VALUES (%s)", [("a",), ("b",), ("c",)])
    assert counts.shapes() == [("INSERT INTO shop_item (name) VALUES (?)", 1)]
    assert items.count() == 4


def test_connections_of_other_threads_are_counted() -> None:
    def serve() -> Counts:
        with a_request() as counts:
            look_up()
            look_up()
        return counts

    for _ in range(3):
        assert in_a_thread(serve).shapes() == [(SELECT, 2)]


def test_connection_that_another_thread_held_is_found_when_it_connects_again() -> None:
    hooks.uninstall()
    opened, hooked = threading.Event(), threading.Event()

    def serve() -> list[list[tuple[str, int]]]:
        look_up()
        opened.set()
        assert hooked.wait(10)
        with a_request() as before:
            look_up()
        connections["shop"].close()  # as Django does after each request, unless told otherwise
        with a_request() as after:
            look_up()
        return [before.shapes(), after.shapes()]

    def install() -> None:
        assert opened.wait(10)
        hooks.install(statement_shapes=True)
        hooked.set()

    installer = threading.Thread(target=install)
    installer.start()
    assert in_a_thread(serve) == [[], [(SELECT, 1)]]
    installer.join()


def test_wrappers_of_the_app_come_and_go_as_ever() -> None:
    seen: list[str] = []

    def theirs(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    connection = connections["shop"]
    connection.close()
    connection.execute_wrappers.clear()
    with a_request() as counts:
        # It connects while their wrapper is there.
        with connection.execute_wrapper(theirs):
            look_up()
        look_up()
    assert len(seen) == 1
    assert counts.shapes() == [(SELECT, 2)]
    assert connection.execute_wrappers == [django_db._counted]


def test_queries_that_django_logs_are_the_same() -> None:
    with CaptureQueriesContext(connections["shop"]) as with_hooks, a_request() as counts:
        look_up()
    hooks.uninstall()
    with CaptureQueriesContext(connections["shop"]) as without:
        look_up()
    assert [query["sql"] for query in with_hooks] == [query["sql"] for query in without]
    assert counts.shapes() == [(SELECT, 1)]


def test_async_views_count_what_their_threads_do() -> None:
    @sync_to_async(thread_sensitive=False)
    def look_up_elsewhere(times: int) -> None:
        for _ in range(times):
            look_up()
        connections["shop"].close()

    async def serve(times: int) -> Counts:
        with a_request() as counts:
            await look_up_elsewhere(times)
        return counts

    async def serve_all() -> list[Counts]:
        return await asyncio.gather(*(serve(times) for times in (1, 2, 3)))

    assert [counts.rows for counts in asyncio.run(serve_all())] == [
        [Count("db", "look_up", SELECT, times)] for times in (1, 2, 3)
    ]


def test_after_uninstall_nothing_is_counted() -> None:
    hooks.uninstall()
    with a_request() as counts:
        look_up()
        connections["shop"].close()
        look_up()
    assert counts.rows == []
    assert connections["shop"].execute_wrappers == []


def test_open_connections_are_found_in_older_django_too(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks.uninstall()
    connections["shop"].ensure_connection()
    every = ConnectionHandler.all
    monkeypatch.setattr(ConnectionHandler, "all", lambda handler: every(handler))
    hooks.install(statement_shapes=True)
    assert django_db._counted in connections["shop"].execute_wrappers
    hooks.uninstall()
    assert django_db._counted not in connections["shop"].execute_wrappers
