"""`python -m tests.checks.templates`: what must not stand in a template.

Inline scripts and styles (the content security policy forbids them), text that nobody can translate, `|safe`,
addresses by a name that no route has, forms that post without a CSRF token, things loaded from elsewhere.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    "templates",
    "perfplatform/templates",
    "projects/templates",
    "profiles/templates",
    "analysis/templates",
)
# Same in every language: names and units.
NEUTRAL = {"ms", "Python", "ppk_…", "API", "SDK", "SVG", "PNG", "CSV", "p50", "p95", "p99"}
# What is in these is no text, or stands on the keys of a keyboard.
NO_TEXT = ("script", "style", "kbd")
READ_OUT = {"alt", "aria-description", "aria-label", "aria-roledescription", "label", "placeholder", "title"}
LOADED = {"src", "href", "action", "hx-get", "hx-post", "srcset", "poster", "data"}
RUNNABLE_TYPES = {None, "", "module", "text/javascript"}

COMMENT = re.compile(r"\{#.*?#\}|\{%\s*comment\b.*?\{%\s*endcomment\s*%\}", re.DOTALL)
TRANSLATED = re.compile(r"\{%\s*blocktrans(?:late)?\b.*?\{%\s*endblocktrans(?:late)?\s*%\}", re.DOTALL)
TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
UNESCAPED = re.compile(r"\|\s*safe(?:seq)?\b|\{%\s*autoescape\s+off\b")
URL_NAME = re.compile(r"""\{%\s*url\s+["']([^"']+)["']""")
FORM = re.compile(r"<form\b(?P<head>[^>]*)>(?P<body>.*?)</form>", re.DOTALL | re.IGNORECASE)
POSTS = re.compile(r"""\bmethod\s*=\s*["']?post|\bhx-(?:post|put|patch|delete)\b""", re.IGNORECASE)
CSRF = re.compile(r"\{%\s*csrf_token\s*%\}")


class _Markup(HTMLParser):
    """Collects (line, sentence) pairs of what is wrong in a page without its template tags."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self.skipping = ""

    def note(self, sentence: str) -> None:
        self.found.append((self.getpos()[0], sentence))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "style":
            self.note("a <style> element")
        if tag == "script" and values.get("type") in RUNNABLE_TYPES and "src" not in values:
            self.note("an inline script")
        if tag in NO_TEXT:
            self.skipping = tag
        for name, value in attrs:
            self.check_attribute(name, value or "")

    def check_attribute(self, name: str, value: str) -> None:
        if name == "style":
            self.note("an inline style")
        if re.match(r"on[a-z]+$|hx-on\b", name):
            self.note(f"a script in the attribute {name}")
        if name in READ_OUT and says_something(value):
            self.note(f"untranslated text in {name}: {value.strip()!r}")
        if name in LOADED and re.match(r"\s*(?:https?:)?//|\s*javascript:", value, re.IGNORECASE):
            self.note(f"something from elsewhere in {name}: {value!r}")

    def handle_endtag(self, tag: str) -> None:
        if tag == self.skipping:
            self.skipping = ""

    def handle_data(self, data: str) -> None:
        if not self.skipping and says_something(data):
            self.note(f"untranslated text: {' '.join(data.split())!r}")


def says_something(text: str) -> bool:
    """Whether there are words in it that are not the same in every language."""
    words = re.split(r"[\s·/,;()]+", text)
    return any(re.search(r"[^\W\d_]", word) for word in words if word not in NEUTRAL)


def problems(source: str, url_names: set[str]) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) pairs of one template."""
    source = _blank(COMMENT, source)
    for pattern, sentence in ((UNESCAPED, "text that is not escaped"),):
        yield from ((_line(source, match), sentence) for match in pattern.finditer(source))
    for match in URL_NAME.finditer(source):
        if match[1] not in url_names:
            yield _line(source, match), f"no route is named {match[1]!r}"
    for match in FORM.finditer(source):
        if POSTS.search(match["head"]) and not CSRF.search(match["body"]):
            yield _line(source, match), "a form that posts without {% csrf_token %}"
    markup = _Markup()
    markup.feed(_blank(TAG, _blank(TRANSLATED, source)))
    markup.close()
    yield from markup.found


def known_url_names() -> set[str]:
    """Every name that `{% url %}` knows, with its namespace."""
    import django
    from django.urls import get_resolver

    os.environ.setdefault("DEVELOPMENT", "1")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "perfplatform.settings")
    django.setup()
    found: set[str] = set()
    waiting = [("", get_resolver())]
    while waiting:
        prefix, resolver = waiting.pop()
        found |= {prefix + name for name in resolver.reverse_dict if isinstance(name, str)}
        waiting += [(f"{prefix}{name}:", inner) for name, (_path, inner) in resolver.namespace_dict.items()]
    return found


def _blank(pattern: re.Pattern[str], source: str) -> str:
    """Without what matches; lines stay where they are."""
    return pattern.sub(lambda match: "\n" * match[0].count("\n"), source)


def _line(source: str, match: re.Match[str]) -> int:
    return source.count("\n", 0, match.start()) + 1


def main() -> int:
    url_names = known_url_names()
    files = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.html"))
    found = [
        f"{path.relative_to(ROOT)}:{line}: {sentence}"
        for path in files
        for line, sentence in problems(path.read_text(encoding="utf-8"), url_names)
    ]
    print("\n".join(found) or f"{len(files)} templates are clean.")
    return 1 if found or not files else 0


if __name__ == "__main__":
    sys.exit(main())
