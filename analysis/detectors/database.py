"""Time in queries from one function of the app.

Sees drivers and mappers: sqlite3 (under pyinstrument), psycopg, psycopg2, pymysql, MySQLdb, asyncpg, Django's
ORM, SQLAlchemy, pymongo, redis-py. It says where the time goes, which is no fault in itself, so it never
warns: how often a query ran, samples can't tell (queries.py does, from counters). Can't see a query in C
under the sampler, save by its counter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from analysis.detectors.detector import Thresholds, tell
from analysis.evidence import Evidence, Frames
from analysis.finding import Confidence, Finding, Severity

DATABASE: Final = Frames(
    {
        "<built-in>": (
            "Connection.execute",
            "Connection.executemany",
            "Connection.executescript",
            "Connection.commit",
            "Connection.cursor",
            "Cursor.execute",
            "Cursor.executemany",
            "Cursor.executescript",
            "Cursor.fetchone",
            "Cursor.fetchmany",
            "Cursor.fetchall",
            "connection.commit",
            "cursor.execute",
            "cursor.fetchall",
            "cursor.fetchone",
        ),
        "django/db/models/query.py": (),
        "django/db/models/sql/compiler.py": (),
        "django/db/models/base.py": ("save", "save_base", "delete", "refresh_from_db"),
        "django/db/models/fields/related_descriptors.py": ("__get__",),
        "django/db/backends/utils.py": (),
        "django/db/transaction.py": ("__enter__", "__exit__"),
        "sqlalchemy/engine/base.py": (),
        "sqlalchemy/engine/default.py": (),
        "sqlalchemy/engine/result.py": (),
        "sqlalchemy/orm/query.py": (),
        "sqlalchemy/orm/session.py": (),
        "sqlalchemy/orm/strategies.py": (),
        "sqlalchemy/orm/loading.py": (),
        "sqlalchemy/orm/attributes.py": ("__get__",),
        "psycopg/cursor.py": (),
        "psycopg/connection.py": ("execute", "commit", "wait"),
        "psycopg2/extras.py": (),
        "pymysql/cursors.py": (),
        "pymysql/connections.py": ("query", "commit", "_read_query_result"),
        "MySQLdb/cursors.py": (),
        "MySQLdb/connections.py": ("query",),
        "asyncpg/connection.py": ("fetch", "fetchrow", "fetchval", "execute", "executemany"),
        "aiosqlite/core.py": ("execute", "_execute"),
        "pymongo/collection.py": (),
        "pymongo/synchronous/collection.py": (),
        "pymongo/synchronous/cursor.py": (),
        "pymongo/synchronous/command_cursor.py": (),
        "pymongo/asynchronous/collection.py": (),
        "pymongo/asynchronous/cursor.py": (),
        "pymongo/cursor.py": (),
        "redis/client.py": ("execute_command", "_execute_command", "execute"),
        "redis/asyncio/client.py": ("execute_command", "execute"),
    }
)
THRESHOLDS: Final = Thresholds(told=0.1, warning=None, critical=None)


@dataclass(frozen=True)
class Database:
    """Never a warning, however much it is."""

    name: str = "database"
    fix_url: str = "https://use-the-index-luke.com/"
    thresholds: Thresholds = THRESHOLDS

    def detect(self, evidence: Evidence) -> list[Finding]:
        found = []
        for group in evidence.groups(DATABASE):
            if not self.thresholds.are_passed(evidence, group):
                continue
            counted = evidence.own_counters("db", evidence.tree.functions[group.function])
            parameters: dict[str, float] = {}
            if counted:
                parameters["count"] = round(evidence.counters.per_request(counted), 1)
            evidence.take(group.nodes)
            found.append(
                tell(
                    evidence,
                    self.name,
                    group,
                    severity=Severity.INFO,
                    confidence=Confidence.HIGH,
                    saving_us=group.time_us,
                    parameters=parameters,
                )
            )
        return found


DETECTOR: Final = Database()
