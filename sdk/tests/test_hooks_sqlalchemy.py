from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Callable

import pytest
import sqlalchemy
from counted import Count, Counts, a_request
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, event, insert, select
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.orm import Session, registry
from sqlalchemy.pool import StaticPool
from sqlalchemy.util import greenlet_spawn

from perfplatform_sdk import hooks

metadata = MetaData()
items = Table(
    "items", metadata, Column("id", Integer, primary_key=True), Column("name", String(20), unique=True)
)


class Item:
    name: str


registry().map_imperatively(Item, items)

SELECT = "SELECT items.id, items.name FROM items WHERE items.name = ?"


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A database that was opened before the hooks came."""
    engine = create_engine(
        "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}, echo=False
    )
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(insert(items).values(name="first"))
    yield engine
    engine.dispose()


@pytest.fixture(autouse=True)
def hooked(engine: Engine, start: Callable[..., None]) -> Iterator[None]:
    start(engine="none", statement_shapes=True)
    yield
    hooks.uninstall()


def look_up(session: Any) -> object:
    return session.execute(select(items).where(items.c.name == "first")).one()


def test_statements_are_counted_with_their_caller(engine: Engine) -> None:
    with engine.connect() as connection, a_request() as counts:
        rows = [look_up(connection) for _ in range(5)]
        connection.exec_driver_sql("SELECT 'secret'")
    assert [tuple(row) for row in rows] == [(1, "first")] * 5  # type: ignore[arg-type]
    assert counts.rows == [
        Count("db", "look_up", SELECT, 5),
        Count("db", "test_statements_are_counted_with_their_caller", "SELECT ?", 1),
    ]
    assert counts.times_us[SELECT] > 0


def test_the_orm_is_counted(engine: Engine) -> None:
    with Session(engine) as session, a_request() as counts:
        session.add_all([Item(name=name) for name in ("a", "b")])  # type: ignore[call-arg]
        session.flush()
        assert session.query(Item).count() == 3
        session.rollback()
    assert sum(row.count for row in counts.rows) >= 2
    assert {row.caller for row in counts.rows} == {"test_the_orm_is_counted"}
    assert counts.shapes()[0][0].startswith("INSERT INTO items (name) VALUES (?)")


def test_outside_a_request_nothing_is_counted(engine: Engine) -> None:
    with engine.connect() as connection:
        look_up(connection)
        with a_request() as counts:
            pass
        look_up(connection)
    assert counts.rows == []


def test_failing_statement_is_counted_and_raises_as_ever(engine: Engine) -> None:
    with (
        pytest.raises(sqlalchemy.exc.IntegrityError, match="UNIQUE") as caught,
        a_request() as counts,
        engine.connect() as connection,
    ):
        connection.execute(insert(items).values(name="first"))
    assert counts.shapes() == [("INSERT INTO items (name) VALUES (?)", 1)]
    ours = [frame for frame in traceback.extract_tb(caught.tb) if "perfplatform_sdk" in frame.filename]
    # Before Python 3.11 a frame can't be taken out of a traceback.
    assert len(ours) == (0 if sys.version_info >= (3, 11) else 1)


def test_many_at_once_are_one_statement(engine: Engine) -> None:
    with engine.connect() as connection, a_request() as counts:
        connection.execute(insert(items), [{"name": "a"}, {"name": "b"}])
    assert counts.shapes() == [("INSERT INTO items (name) VALUES (?)", 1)]


def test_statements_under_asyncio_are_counted_for_their_task(engine: Engine) -> None:
    """SQLAlchemy runs them in greenlets, on stacks of their own."""

    async def serve(times: int) -> Counts:
        with engine.connect() as connection, a_request() as counts:
            for _ in range(times):
                await asyncio.sleep(0)
                await greenlet_spawn(connection.execute, select(items).where(items.c.name == "first"))
        return counts

    async def serve_all() -> list[Counts]:
        return await asyncio.gather(*(serve(times) for times in (1, 2, 3)))

    assert [counts.rows for counts in asyncio.run(serve_all())] == [
        [Count("db", "serve", SELECT, times)] for times in (1, 2, 3)
    ]


class Own(SQLiteDialect_pysqlite):
    """A dialect with a method of its own, which asks its base."""

    supports_statement_cache = True

    def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
        super().do_execute(cursor, statement, parameters, context)


def test_dialects_with_methods_of_their_own_are_counted_once() -> None:
    class Later(SQLiteDialect_pysqlite):
        """Made after the hooks came, as a dialect is imported with its first engine."""

        supports_statement_cache = True

        def do_execute(self, cursor: Any, statement: Any, parameters: Any, context: Any = None) -> None:
            cursor.execute(statement, parameters)

    for dialect in (Own, Later):
        sqlalchemy.dialects.registry.impls[dialect.__name__.lower()] = lambda dialect=dialect: dialect
        engine = create_engine(f"{dialect.__name__.lower()}://", poolclass=StaticPool)
        with engine.connect() as connection, a_request() as counts:
            connection.exec_driver_sql("SELECT 1")
        engine.dispose()
        assert counts.shapes() == [("SELECT ?", 1)]


def test_engine_looks_for_no_events_because_of_us(engine: Engine) -> None:
    """Once there is one listener, each statement takes 5 µs longer."""
    assert not engine._has_events
    assert not engine.dialect._has_events
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    with engine.connect() as connection, a_request() as counts:
        connection.exec_driver_sql("SELECT 1")
    assert seen == ["SELECT 1"]
    assert counts.shapes() == [("SELECT ?", 1)]


def test_after_uninstall_all_is_as_before(engine: Engine) -> None:
    hooks.uninstall()
    before = {name: vars(DefaultDialect)[name] for name in ("do_execute", "do_executemany")}
    hooks.install()
    assert vars(DefaultDialect)["do_execute"] is not before["do_execute"]
    hooks.uninstall()
    assert {name: vars(DefaultDialect)[name] for name in before} == before
    assert "__init_subclass__" not in vars(DefaultDialect)
    with engine.connect() as connection, a_request() as counts:
        look_up(connection)
    assert counts.rows == []
