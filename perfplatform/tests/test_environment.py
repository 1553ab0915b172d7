from __future__ import annotations

import pytest

from perfplatform.environment import InvalidEnvironment, Limits, read

PRODUCTION = {
    "SECRET_KEY": "x" * 50,
    "MONGODB_URI": "mongodb://user:word@mongo:27017/perf?replicaSet=rs0",
    "REDIS_URL": "redis://:word@redis:6379/0",
    "PUBLIC_URL": "https://perf.example.com/tools/perf/",
}


def test_development_needs_nothing() -> None:
    found = read({"DEVELOPMENT": "1"})
    assert found.public_url == "http://127.0.0.1:8000"
    assert found.cors_allowed_origins == ("http://localhost:3000", "http://127.0.0.1:3000")


def test_production_takes_a_path_and_grants_no_origin() -> None:
    found = read(PRODUCTION)
    assert found.public_url == "https://perf.example.com/tools/perf"
    assert (found.public_path, found.public_host) == ("/tools/perf", "perf.example.com")
    assert found.public_origin == "https://perf.example.com"
    assert found.cors_allowed_origins == ()


@pytest.mark.parametrize("name", list(PRODUCTION))
def test_production_names_what_is_missing(name: str) -> None:
    with pytest.raises(InvalidEnvironment, match=name):
        read({**PRODUCTION, name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEVELOPMENT", "perhaps"),
        ("SECRET_KEY", "short"),
        ("MONGODB_URI", "postgres://host/db"),
        ("MONGODB_READ_PREFERENCE", "anywhere"),
        ("MONGODB_WRITE_CONCERN", "1"),
        ("MONGODB_WRITE_CONCERN", "8"),
        ("MONGODB_WRITE_CONCERN", "all"),
        ("REDIS_URL", "redis"),
        ("PUBLIC_URL", "perf.example.com"),
        ("PUBLIC_URL", "https://perf.example.com:notaport"),
        ("PUBLIC_URL", "https://perf.example.com/?a=1"),
        ("CORS_ALLOWED_ORIGINS", "*"),
        ("CORS_ALLOWED_ORIGINS", "https://tools.example.com/path"),
        ("LOG_LEVEL", "loud"),
        ("LIMIT_PER_KEY", "-1"),
        ("LIMIT_PER_ADDRESS", "many"),
        ("LIMIT_UPLOADS", "1.5"),
        ("LIMIT_SIGN_INS_PER_NAME", "99999999"),
        ("TRUSTED_PROXIES", "11"),
        ("METRICS_TOKEN", "short"),
    ],
)
def test_nonsense_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidEnvironment, match=name):
        read({**PRODUCTION, name: value})


def test_a_replica_set_of_several_members_is_an_address() -> None:
    uri = "mongodb://a:1,b:2,c:3/perf?replicaSet=rs0"
    assert read({**PRODUCTION, "MONGODB_URI": uri}).mongodb_uri == uri


def test_limits_have_defaults_and_can_be_set() -> None:
    assert read(PRODUCTION).limits == Limits()
    assert (read(PRODUCTION).trusted_proxies, read(PRODUCTION).metrics_token) == (0, "")
    told = {"LIMIT_PER_KEY": "0", "LIMIT_SIGN_INS_PER_ADDRESS": "7", "TRUSTED_PROXIES": "2"}
    found = read({**PRODUCTION, **told, "METRICS_TOKEN": "t" * 16})
    assert found.limits == Limits(per_key=0, sign_ins_per_address=7)
    assert (found.trusted_proxies, found.metrics_token) == (2, "t" * 16)


def test_a_replica_set_is_used_as_the_settings_say() -> None:
    found = read(PRODUCTION)
    assert (found.mongodb_read_preference, found.mongodb_write_concern) == ("primary", "majority")
    said = {"MONGODB_READ_PREFERENCE": "secondaryPreferred", "MONGODB_WRITE_CONCERN": "3"}
    found = read({**PRODUCTION, **said})
    assert (found.mongodb_read_preference, found.mongodb_write_concern) == ("secondaryPreferred", 3)
