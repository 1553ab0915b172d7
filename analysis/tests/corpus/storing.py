"""Programs whose fault is the way in which they ask a database or the file system."""

from __future__ import annotations

import functools
import glob
import io
import os
import sqlite3
import tempfile
from pathlib import Path, PurePath

from analysis.tests.corpus.program import clean, faulty, until


@functools.cache
def database() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE tea (id INTEGER PRIMARY KEY, name TEXT, price INTEGER)")
    rows = [(number, f"tea {number}", number % 90) for number in range(20_000)]
    connection.executemany("INSERT INTO tea VALUES (?, ?, ?)", rows)
    return connection


@functools.cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="corpus_files_"))
    for number in range(60):
        (made / f"{number}.txt").write_text("tea\n" * 2_000)
    return made


# repeated_queries


@faulty("repeated_queries", 0.15, counts="db")
def ask_for_each_row(seconds: float) -> int:
    count = 0
    for count in until(seconds):
        database().execute("SELECT * FROM tea WHERE id = ?", (count,)).fetchone()
    return count + 1


@faulty("repeated_queries", 0.6, counts="db")
def count_for_each_price(seconds: float) -> int:
    count = 0
    for count in until(seconds):
        database().execute("SELECT COUNT(*) FROM tea WHERE price = ?", (count % 90,)).fetchall()
    return count + 1


@clean("repeated_queries", counts="db")
def ask_once_for_much(seconds: float) -> int:
    # As many steps as fit into the time: one statement, whatever it takes.
    steps = int(seconds * 4_000_000)
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT COUNT(*) FROM n"
    database().execute(sql, (steps,)).fetchall()
    return 1


# database


@faulty("database", 0.15)
def sort_all(seconds: float) -> None:
    for _ in until(seconds):
        database().execute("SELECT name FROM tea ORDER BY name DESC LIMIT 3").fetchall()


@faulty("database", 0.6)
def group_all(seconds: float) -> None:
    for _ in until(seconds):
        cursor = database().cursor()
        cursor.execute("SELECT price, COUNT(*) FROM tea GROUP BY price ORDER BY 2")
        cursor.fetchall()


@clean("database")
def describe_rows(seconds: float) -> None:
    for _ in until(seconds):
        [sqlite3.complete_statement("SELECT name, price FROM tea WHERE id = 1;") for _again in range(50)]


# rows_in_python


@faulty("rows_in_python", 0.25)
def add_up_prices(seconds: float) -> None:
    for _ in until(seconds):
        total = 0
        for number, _name, price in database().execute("SELECT * FROM tea LIMIT 5000").fetchall():
            for factor in range(4):
                total += price * factor if number % 3 else price


@faulty("rows_in_python", 0.6)
def find_dearest(seconds: float) -> None:
    for _ in until(seconds):
        dearest: dict[int, str] = {}
        for number, name, price in database().execute("SELECT * FROM tea").fetchall():
            for factor in range(5):
                if price not in dearest or number * factor % 7 == 3:
                    dearest[price] = name + str(number * 3 % 11)


@clean("rows_in_python")
def let_it_add_up(seconds: float) -> None:
    for _ in until(seconds):
        database().execute("SELECT price, SUM(id) FROM tea GROUP BY price").fetchall()


# file_io


@faulty("file_io", 0.15)
def read_each_time(seconds: float) -> None:
    for number in until(seconds):
        (folder() / f"{number % 60}.txt").read_text()


@faulty("file_io", 0.6)
def walk_each_time(seconds: float) -> None:
    for number in until(seconds):
        if number % 2:
            glob.glob(f"{folder()}/*.txt")
        else:
            sum(1 for _entry in os.walk(folder()))


@clean("file_io")
def name_paths(seconds: float) -> None:
    for number in until(seconds):
        str(PurePath("/srv/shop", str(number), "tea.txt").with_suffix(".md"))
        io.StringIO("tea").read()
