from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import detectors
from analysis.evidence import Evidence
from analysis.finding import Finding
from analysis.identity import LONGEST_ID, Identity, InvalidId
from analysis.tests.trees import tree
from profiles.rollup import EndpointKey

ORDERS = EndpointKey("request", "GET", "/orders")
texts = st.text(max_size=60)


def sleeping() -> Finding:
    return detectors.findings(Evidence(tree(("shop/views.py:orders > <built-in>:sleep", 600, 60))))[0]


def test_it_stays_when_lines_times_and_nodes_move() -> None:
    one = sleeping()
    moved = dataclasses.replace(one, function=one.function._replace(line=99), time_us=1, node=7)
    assert Identity.of(one, ORDERS) == Identity.of(moved, ORDERS)


@pytest.mark.parametrize(
    "other",
    [
        Identity("sleep", "request", "POST", "/orders", "orders", "shop/views.py"),
        Identity("deepcopy", "request", "GET", "/orders", "orders", "shop/views.py"),
        Identity("sleep", "request", "GET", "/orders", "Shop.orders", "shop/views.py"),
        Identity("sleep", "request", "GET", "/orders", "orders", "shop/cart.py"),
    ],
)
def test_what_differs_has_another_key(other: Identity) -> None:
    assert other.key != Identity.of(sleeping(), ORDERS).key


@given(parts=st.tuples(texts, texts, texts, texts, texts, texts))
def test_an_id_is_read_as_what_it_was_made_of(parts: tuple[str, str, str, str, str, str]) -> None:
    identity = Identity(*parts)
    assert Identity.read(str(identity)) == identity
    assert len(identity.key) == 32


@pytest.mark.parametrize(
    "text", ["", "!", "AAAA", "é", "k" * (LONGEST_ID + 1), str(Identity(*"abcdef")) + "A"]
)
def test_other_texts_are_no_ids(text: str) -> None:
    with pytest.raises(InvalidId):
        Identity.read(text)


def test_long_names_of_windows_and_lone_surrogates_are_cut_and_told() -> None:
    one = sleeping()
    function = one.function._replace(
        name="f\ud800" * 3_000, short_file="C:\\shop\\" + "x" * 900 + "\\views.py"
    )
    identity = Identity.of(dataclasses.replace(one, function=function), ORDERS)
    assert len(str(identity)) < LONGEST_ID
    assert identity.file.endswith("/views.py")
    assert len(identity.key) == 32
