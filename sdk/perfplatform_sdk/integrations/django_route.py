"""Names of Django's routes, as people would write them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.conf.urls.i18n import is_language_prefix_patterns_used

# As Django's own check tells regular expressions from routes (urls.W001), and what else they can hold.
_IS_REGEX = re.compile(r"[\^$\\(\[]")
_TOKEN = re.compile(
    r"""
      \\ .                             # an escaped character, or a class like \d
    | \[ \^? \]? (?: \\. | [^\]] )* \] # a set of characters
    | \( (?: \? (?: P<(?P<name>\w+)> | (?P<kind>P= | <?[=!] | [aiLmsux-]*[:)]) ) )?
    | .
    """,
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=4096)
def endpoint(route: str, urlconf: Any = None) -> str:
    """`/orders/<int:number>/` of `orders/<int:number>/`, and `/orders/<number>/` of a regular expression.

    `urlconf` is that of the request where it has one of its own. The prefix of `i18n_patterns` is a part of
    the path and not of the pattern: it becomes `<language>`.
    """
    return "/" + readable(_without_language(route, urlconf or settings.ROOT_URLCONF))


def _without_language(route: str, urlconf: Any) -> str:
    first, slash, rest = route.partition("/")
    if slash and any(first == code for code, _ in settings.LANGUAGES):
        uses_prefix, _ = is_language_prefix_patterns_used(urlconf)
        if uses_prefix:
            return f"<language>/{rest}"
    return route


def readable(pattern: str) -> str:
    """A regular expression with `<name>` for each group and without anchors; other routes as they are."""
    if not _IS_REGEX.search(pattern):
        return pattern
    shown: list[str] = []
    inside = 0  # how deep in a group that is shown by its name
    for token in _TOKEN.finditer(pattern):
        text, kind = token.group(), token["kind"] or ""
        if kind.endswith(")"):  # flags
            continue
        if inside:
            inside += (text[0] == "(") - (text == ")")
        elif kind.endswith(":"):
            shown.append("(")
        elif text[0] == "(":
            inside = 1
            shown.append("" if kind else f"<{token['name'] or 'value'}>")
        elif text[0] == "\\":
            shown.append("" if text[1] in "AbBZ" else text if text[1].isalnum() else text[1])
        elif text not in "^$":
            shown.append(text)
    return "".join(shown)
