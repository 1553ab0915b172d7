"""Finding things by their names: what was asked for, and what is found."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeVar

Found = TypeVar("Found")

LONGEST_TEXT: Final = 100
MOST_WORDS: Final = 8
# So many of each kind are shown.
MOST_FOUND: Final = 20
# For how long names are looked through in the database.
SEARCH_TIME_MS: Final = 2_000


class Hit(NamedTuple):
    """Something found: `prefix` stands small before its name, `detail` quietly behind it."""

    name: str
    url: str
    prefix: str = ""
    detail: str = ""


class Group(NamedTuple):
    """What was found of one kind, the best first."""

    kind: str
    name: Any
    hits: list[Hit]


def words(text: str) -> list[str]:
    """What must all be in a name, in any case and order: at most 8 words of the first 100 characters.

    Characters that can't be seen part words: no database takes a zero byte in a pattern.
    """
    visible = "".join(character if character.isprintable() else " " for character in text[:LONGEST_TEXT])
    return visible.split()[:MOST_WORDS]


def pattern(word: str) -> dict[str, str]:
    """A word in MongoDB's terms."""
    return {"$regex": re.escape(word), "$options": "i"}


def is_in(wanted: Iterable[str], name: str) -> bool:
    """Whether all words are in a name, in any case."""
    folded = name.casefold()
    return all(word.casefold() in folded for word in wanted)


def best(
    found: Iterable[Found], wanted: list[str], name_of: Callable[[Found], str], most: int = MOST_FOUND
) -> list[Found]:
    """Those that begin with the first word, then those in which a part does, then the others.

    What is equally good keeps its order.
    """
    start = wanted[0].casefold() if wanted else ""

    def distance(one: Found) -> int:
        name = name_of(one).casefold()
        if name.startswith(start):
            return 0
        return 1 if re.search(rf"(?:\b|_){re.escape(start)}", name) else 2

    return sorted(found, key=distance)[:most]
