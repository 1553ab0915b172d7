"""Waiting for a connection: a pool that is used up, or a new connection for each request.

Sees the waiting of the pools of SQLAlchemy, psycopg, psycopg2, pymongo, redis-py, urllib3 and asyncpg, and
the opening of database connections. Can't see a pool outside of the process (pgbouncer), which is query time.
A pool that hands out a free connection takes no time to speak of.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

POOLS: Final = Frames(
    {
        "sqlalchemy/pool/impl.py": ("_do_get",),
        "sqlalchemy/util/queue.py": ("get",),
        "sqlalchemy/pool/base.py": ("__connect", "_ConnectionRecord.__connect"),
        "psycopg_pool/pool.py": ("getconn", "_getconn_unchecked"),
        "psycopg2/pool.py": ("getconn", "_getconn"),
        "pymongo/synchronous/pool.py": ("_get_conn", "connect"),
        "pymongo/asynchronous/pool.py": ("_get_conn", "connect"),
        "pymongo/pool.py": ("_get_conn", "_get_socket", "connect"),
        "redis/connection.py": ("BlockingConnectionPool.get_connection", "AbstractConnection.connect"),
        "urllib3/connectionpool.py": ("_get_conn",),
        "asyncpg/pool.py": ("_acquire", "acquire"),
        "django/db/backends/base/base.py": ("connect", "ensure_connection"),
        "MySQLdb/__init__.py": ("Connect",),
        "pymysql/connections.py": ("connect",),
        "psycopg2/__init__.py": ("connect",),
        "psycopg/connection.py": ("connect",),
    }
)

DETECTOR: Final = CallDetector(
    "pool_wait",
    POOLS,
    "https://docs.sqlalchemy.org/en/20/core/pooling.html",
)
