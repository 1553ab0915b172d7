from __future__ import annotations

import random
import re
from typing import Any

import pytest

from perfplatform_sdk import fingerprint


@pytest.mark.parametrize(
    ("statement", "dialect", "shape"),
    [
        (
            'SELECT "shop_order"."id" FROM "shop_order" WHERE "shop_order"."id" IN (%s, %s, %s) LIMIT 21',
            "postgresql",
            'SELECT "shop_order"."id" FROM "shop_order" WHERE "shop_order"."id" IN (?) LIMIT ?',
        ),
        (
            "select a\n  from t  -- why\n where b = 'x' /* and */ and c=1;",
            "",
            "select a from t where b = ? and c=?",
        ),
        (
            "SELECT * FROM t WHERE a = -1.5e-3 AND b = .5 AND c > -2",
            "",
            "SELECT * FROM t WHERE a = ? AND b = ? AND c > ?",
        ),
        (
            "SELECT a-1, t1.c2, $1, x$y FROM orders_2 t1",
            "postgresql",
            "SELECT a-?, t1.c2, ?, x$y FROM orders_2 t1",
        ),
        ("SELECT e::text, 'x'::jsonb FROM t WHERE d = :d", "", "SELECT e::text, ? FROM t WHERE d = ?"),
        ("SELECT $$a$$, $tag$ b $$ c $tag$ FROM t", "postgresql", "SELECT ? FROM t"),
        ("SELECT E'a', N'b', X'1f', 0xDEADBEEF, U&'c' AS d", "postgresql", "SELECT ? AS d"),
        (
            "INSERT INTO a (b, c) VALUES (%(b)s::VARCHAR, %(c)s::INTEGER), (%(b1)s::TEXT, %(c1)s::INTEGER)",
            "postgresql",
            "INSERT INTO a (b, c) VALUES (?)",
        ),
        ('SAVEPOINT "s140_x1"', "sqlite", "SAVEPOINT ?"),
        ("RELEASE SAVEPOINT sa_savepoint_1", "", "RELEASE SAVEPOINT ?"),
        ("SELECT * FROM t # why\nWHERE `a b` = 1", "mysql", "SELECT * FROM t WHERE `a b` = ?"),
        ("SELECT a #> '{b}' FROM t", "postgresql", "SELECT a #> ? FROM t"),
        ("SELECT * FROM orders_20241122", "", "SELECT * FROM orders_*"),
        ("", "", "(empty)"),
        (b"SELECT 1", "", "SELECT ?"),
        (object(), "", "(object)"),
    ],
)
def test_statement_becomes_its_shape(statement: object, dialect: str, shape: str) -> None:
    assert fingerprint.sql(statement, dialect) == shape


@pytest.mark.parametrize(
    ("dialect", "shape"),
    [
        ("postgresql", 'SELECT "a" FROM "t" WHERE "t"."b" = "secret"'),
        ("mysql", "SELECT ? FROM ? WHERE ?.? = ?"),
        ("", "SELECT ? FROM ? WHERE ?.? = ?"),
        ("sqlite", 'SELECT ? FROM "t" WHERE "t"."b" = ?'),
    ],
)
def test_double_quotes_hold_names_only_where_the_database_says_so(dialect: str, shape: str) -> None:
    assert fingerprint.sql('SELECT "a" FROM "t" WHERE "t"."b" = "secret"', dialect) == shape


LIST = "SELECT * FROM t WHERE id IN (LIST) AND b = 1"


def test_lists_of_any_length_are_one_shape() -> None:
    for placeholder in ("%s", "?", "7", "'x'"):
        shapes = {
            fingerprint.sql(LIST.replace("LIST", ", ".join([placeholder] * count)))
            for count in (1, 2, 3, 50, 400)
        }
        assert shapes == {"SELECT * FROM t WHERE id IN (?) AND b = ?"}
    # What is too long to be looked at whole, too.
    long = {fingerprint.sql(LIST.replace("LIST", ", ".join(["%s"] * count))) for count in (2_000, 20_000)}
    assert long == {"SELECT * FROM t WHERE id IN (?…"}


def test_shapes_are_bounded() -> None:
    columns = ", ".join(f"column_{letter * 9}" for letter in "abcdefghijklmnopqrstuvwxyz" * 4)
    shape = fingerprint.sql(" ".join(("SELECT", columns, "FROM t")))
    assert len(shape) == fingerprint.MAX_LENGTH
    assert shape.endswith("…")
    assert len(fingerprint.sql("SELECT " + "x" * 100_000)) <= fingerprint.MAX_LENGTH
    assert len(fingerprint.http("GET", "https://" + "h" * 200 + "/" + "/".join(["segment"] * 500))) <= 512


LITERALS = (
    "'{}'",
    "'it''s {}'",
    "'a \\' {}'",
    "'{}\\\\'",
    "'{}\\' or 'more {}'",
    "E'\\'{}'",
    '"{}"',
    '"a ""{}"""',
    '"a \\" {}"',
    "$${}$$",
    "$q${}$q$",
    "/* {} */ 1",
    "/* a /* b */ {} */ 1",
    "-- {}\n1",
    "'/*' || '{}' || '*/'",
    "'--' || '{}'",
    "N'{}'",
    "'%s {}'",
)


@pytest.mark.parametrize("dialect", ["mysql", "sqlite", ""])
def test_no_literal_is_in_a_shape(dialect: str) -> None:
    """Literals in all notations, in any order, in every place: none of them is ever seen."""
    chance = random.Random(4)
    for _ in range(3_000):
        parts = chance.choices(LITERALS, k=chance.randint(1, 5))
        parts += chance.choices(["'unterminated {}", "/* {}", "1"])
        values = [part.replace("{}", f"secret{number}x") for number, part in enumerate(parts)]
        joiner = chance.choice([" AND b = ", ", ", " || ", ") OR (c = "])
        statement = "SELECT a FROM t WHERE (a = LIST)".replace("LIST", joiner.join(values))
        assert "secret" not in fingerprint.sql(statement, dialect), statement


def test_concealed_shape_is_its_first_word_and_a_hash() -> None:
    shape = fingerprint.sql("SELECT * FROM secret_table WHERE a = 1")
    concealed = fingerprint.conceal(shape)
    assert re.fullmatch(r"SELECT [0-9a-f]{16}", concealed)
    assert concealed == fingerprint.conceal(fingerprint.sql("SELECT  * FROM secret_table WHERE a = 2"))
    assert concealed != fingerprint.conceal(fingerprint.sql("SELECT * FROM other_table WHERE a = 1"))
    # The same in every process and release.
    assert fingerprint.conceal("SELECT ?") == "SELECT 66cbb3a40d4bbd15"
    assert fingerprint.conceal("PIPELINE") == "PIPELINE"


@pytest.mark.parametrize(
    ("method", "address", "shape"),
    [
        (
            "get",
            "http://user:pass@example.com:8080/users/123/orders?token=secret#x",
            "GET http://example.com:8080/users/*/orders",
        ),
        (
            "POST",
            "https://api.example.com/v1/items/75eccc3d-de47-47a7-9be0-1e14afa1c1c0/image.png",
            "POST https://api.example.com/v1/items/*/image.png",
        ),
        ("GET", "https://h/deadbeef/9f1c2d3e/oauth2/" + "a" * 33, "GET https://h/*/*/oauth2/*"),
        ("GET", "https://h/a%20b/@me/x;session=1/order-77", "GET https://h/*/*/*/*"),
        ("GET", "http://[::1]:80/a", "GET http://[::1]:80/a"),
        ("BREW", b"http://h/", "(other) http://h/"),
        ("GET", "http://[broken/", "GET (unreadable)"),
        ("GET", "http://h:99999999/", "GET (unreadable)"),
        ("GET", "http+unix://%2Fvar%2Frun%2Fsecret.sock/info", "GET http+unix://*/info"),
        ("GET", "https://h/" + "/".join("abcdefghijklmnop"), "GET https://h/a/b/c/d/e/f/g/h/i/j/k…"),
    ],
)
def test_address_becomes_its_shape(method: str, address: object, shape: str) -> None:
    assert fingerprint.http(method, address) == shape


@pytest.mark.parametrize(
    ("command", "shape"),
    [
        (
            {"find": "orders", "filter": {"user": 1, "status": {"$in": ["secret"]}}},
            "find orders {status, user}",
        ),
        ({"find": "orders", "filter": {}}, "find orders"),
        (
            {"find": "orders", "filter": {"$or": [{"a": 1}, {"$and": [{"b.7.c": 2}, {"a": 3}]}]}},
            "find orders {a, b.*.c}",
        ),
        ({"find": "orders", "filter": {"it is a secret": 1, "_id": 2}}, "find orders {*, _id}"),
        ({"find": "orders", "filter": {"$expr": {"$eq": ["$secret", 1]}}}, "find orders"),
        ({"getMore": 123456, "collection": "orders"}, "getMore orders"),
        ({"insert": "orders", "documents": [{"name": "secret"}]}, "insert orders"),
        (
            {"update": "orders", "updates": [{"q": {"_id": 7}, "u": {"$set": {"name": "secret"}}}]},
            "update orders {_id}",
        ),
        ({"delete": "orders", "deletes": [{"q": {"user": "secret"}, "limit": 1}]}, "delete orders {user}"),
        ({"distinct": "orders", "key": "user", "query": {"open": True}}, "distinct orders {open}"),
        (
            {
                "aggregate": "orders",
                "pipeline": [{"$match": {"user": "secret"}}, {"$group": {"_id": "$kind"}}],
            },
            "aggregate orders $match $group {user}",
        ),
        ({"aggregate": 1, "pipeline": [{"$currentOp": {}}]}, "aggregate $currentOp"),
        ({"ping": 1}, "ping"),
    ],
)
def test_mongo_command_becomes_its_names(command: dict[str, Any], shape: str) -> None:
    assert fingerprint.mongo(next(iter(command)), command) == shape


def test_mongo_filter_of_any_size_is_bounded() -> None:
    nested: dict[str, Any] = {"deep": 1}
    for _ in range(200):
        nested = {"$and": [nested]}
    assert fingerprint.mongo("find", {"find": "a", "filter": nested}) == "find a"
    wide = {f"field{'x' * 60}{number}": 1 for number in range(10_000)}
    assert len(fingerprint.mongo("find", {"find": "a", "filter": wide})) <= 512


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        (("GET", "secret:key"), "GET"),
        (("get secret:key",), "GET"),
        (("JSON.GET", "key"), "JSON.GET"),
        ((b"GET", "key"), "(other)"),
        ((), "(other)"),
        (("",), "(other)"),
        (("a" * 100,), "(other)"),
    ],
)
def test_redis_command_becomes_its_name(arguments: tuple[Any, ...], shape: str) -> None:
    assert fingerprint.redis(arguments) == shape
