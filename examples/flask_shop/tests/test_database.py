"""The database is made once, is the same everywhere, and survives what goes wrong while it is made."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flask_shop import create_app, database, seed


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_seed_is_the_same_each_time(tmp_path: Path) -> None:
    assert dump(database.prepare(tmp_path / "one")) == dump(database.prepare(tmp_path / "two"))


def test_catalogue_is_larger_than_what_re_remembers() -> None:
    assert len(seed.MOODS) * len(seed.ORIGINS) * len(seed.KINDS) > 512


def test_second_start_keeps_the_file(tmp_path: Path) -> None:
    path = database.prepare(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM review")
    database.prepare(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT COUNT(*) FROM review").fetchone() == (0,)


def test_file_of_an_older_seed_is_made_anew(tmp_path: Path) -> None:
    path = database.prepare(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM review")
        connection.execute("PRAGMA user_version = 0")
    assert dump(database.prepare(tmp_path)) == dump(database.prepare(tmp_path / "fresh"))


def test_failed_start_leaves_no_half_filled_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "ARTICLES", ("twice", "twice"))
    with pytest.raises(sqlite3.IntegrityError):
        database.prepare(tmp_path)
    monkeypatch.undo()
    assert dump(database.prepare(tmp_path)) == dump(database.prepare(tmp_path / "fresh"))


def test_without_a_directory_the_data_goes_away_with_the_app() -> None:
    app = create_app()
    path = Path(app.config["SHOP_DATABASE"])
    assert app.test_client().get("/").status_code == 200
    assert path.exists()
    app.extensions["shop_data"].cleanup()
    assert not path.parent.exists()
