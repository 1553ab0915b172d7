"""Ids of profiles ascend with time and are nobody else's."""

from __future__ import annotations

import re
import time

from perfplatform_sdk.recorder import new_id


def test_ids_are_32_hexadecimal_digits_that_begin_with_the_time() -> None:
    before_ms = time.time_ns() // 1_000_000
    ids = [new_id() for _ in range(1_000)]
    after_ms = time.time_ns() // 1_000_000
    assert all(re.fullmatch(r"[0-9a-f]{32}", found) for found in ids)
    assert all(before_ms <= int(found[:12], 16) <= after_ms for found in ids)
    assert len(set(ids)) == len({found[12:] for found in ids}) == 1_000
