from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfplatform.client_address import UNKNOWN, client_address


def seen(remote: str, forwarded: str | None = None, proxies: int = 0) -> str:
    environ = {"REMOTE_ADDR": remote}
    if forwarded is not None:
        environ["HTTP_X_FORWARDED_FOR"] = forwarded
    return client_address(environ, trusted_proxies=proxies)


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:5123", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("[2001:db8:0:0:1::7]:5123", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", UNKNOWN),
        ("unix:/run/web.sock", UNKNOWN),
    ],
)
def test_other_end_of_the_connection(remote: str, address: str) -> None:
    assert seen(remote) == address


def test_neighbours_in_ipv6_are_one_client() -> None:
    assert seen("2001:db8::1") == seen("2001:db8::ffff:2") != seen("2001:db8:0:1::1")


def test_nobody_is_believed_unless_proxies_are_trusted() -> None:
    assert seen("203.0.113.7", "198.51.100.1") == "203.0.113.7"


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ("198.51.100.1", 1, "198.51.100.1"),
        # What stands before the entry of our own proxy came from the client, and may be anything.
        ("10.0.0.1, 198.51.100.1", 1, "198.51.100.1"),
        ("10.0.0.1, 198.51.100.1, 10.1.1.1", 2, "198.51.100.1"),
        # It did not come through all the proxies, or the entry is none: the connection counts.
        ("198.51.100.1", 2, "127.0.0.1"),
        ("198.51.100.1, nonsense", 1, "127.0.0.1"),
        ("", 1, "127.0.0.1"),
        ("[2001:db8::7]:443", 1, "2001:db8::/64"),
    ],
)
def test_entries_of_trusted_proxies_are_believed(forwarded: str, proxies: int, address: str) -> None:
    assert seen("127.0.0.1", forwarded, proxies) == address


@given(st.text(max_size=60), st.text(max_size=60), st.integers(0, 3))
def test_any_header_gives_an_address(forwarded: str, remote: str, proxies: int) -> None:
    assert seen(remote, forwarded, proxies)


@given(st.text(max_size=40))
def test_what_a_client_writes_itself_never_counts(written: str) -> None:
    assert seen("127.0.0.1", f"{written},198.51.100.1", 1) == "198.51.100.1"
