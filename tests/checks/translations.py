"""`python -m tests.checks.translations`: is everything that people read there in Chinese, and up to date?

Compares the catalogue with what sources and templates ask for, its compiled form with its text, placeholders
of each translation with its original, and the words with locale/glossary.md. `--update` writes catalogue and
compiled form: new messages are added untranslated, those that nobody asks for go. Needs no gettext programs.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import polib  # type: ignore[import-untyped]
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[2]
APPS = ("perfplatform", "projects", "profiles", "analysis")
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
GLOSSARY = ROOT / "locale" / "glossary.md"
METADATA = {
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Language": "zh_Hans",
    "MIME-Version": "1.0",
    "Plural-Forms": "nplurals=1; plural=0;",
}
# Function -> which arguments are (context, message, plural); -1 for none.
ARGUMENTS = {
    "_": (-1, 0, -1),
    "gettext": (-1, 0, -1),
    "gettext_noop": (-1, 0, -1),
    "gettext_lazy": (-1, 0, -1),
    "ngettext": (-1, 0, 1),
    "ngettext_lazy": (-1, 0, 1),
    "pgettext": (0, 1, -1),
    "pgettext_lazy": (0, 1, -1),
    "npgettext": (0, 1, 2),
    "npgettext_lazy": (0, 1, 2),
}
TEXT = r"""u?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
CALL = re.compile(rf"\b(?:{'|'.join(ARGUMENTS)})\({TEXT}(?:, ?{TEXT})*(?:, ?count)?\)")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")


class Message(NamedTuple):
    """What a translator gets; `context` and `plural` are empty where there is none."""

    text: str
    context: str = ""
    plural: str = ""


class Term(NamedTuple):
    english: str
    chinese: str
    refused: tuple[str, ...]


def messages_of_python(source: str) -> Iterator[Message]:
    """Raises ValueError where a message is no literal: nobody could translate it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ARGUMENTS:
                yield _message(name, node)


def messages_of_template(source: str) -> Iterator[Message]:
    for match in CALL.finditer(templatize(source)):
        call = ast.parse(match[0], mode="eval").body
        assert isinstance(call, ast.Call)
        assert isinstance(call.func, ast.Name)
        yield _message(call.func.id, call)


def _message(name: str, call: ast.Call) -> Message:
    context, text, plural = (_literal(call, place) if place >= 0 else "" for place in ARGUMENTS[name])
    return Message(text, context, plural)


def _literal(call: ast.Call, place: int) -> str:
    argument = call.args[place] if place < len(call.args) else None
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        raise ValueError(f"line {call.lineno}: a message that is no literal")
    return argument.value


def all_messages() -> dict[Message, list[str]]:
    """Every message with the files that ask for it."""
    found: dict[Message, list[str]] = {}
    for path, messages in _sources():
        for message in messages:
            files = found.setdefault(message, [])
            if path not in files:
                files.append(path)
    return found


def _sources() -> Iterator[tuple[str, list[Message]]]:
    for app in APPS:
        for path in sorted((ROOT / app).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.parts):
                yield str(path.relative_to(ROOT)), list(messages_of_python(path.read_text(encoding="utf-8")))
    for folder in ("templates", *(f"{app}/templates" for app in APPS)):
        for path in sorted((ROOT / folder).rglob("*.html")):
            yield str(path.relative_to(ROOT)), list(messages_of_template(path.read_text(encoding="utf-8")))


def glossary(text: str) -> list[Term]:
    """The rows of the table in locale/glossary.md."""
    lines = [line.strip().strip("|") for line in text.splitlines() if "|" in line]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [
        Term(row[0], row[1], tuple(word for word in row[3].split(", ") if word))
        for row in rows
        if len(row) == 4 and row[0] != "English" and not row[0].startswith("-")
    ]


def problems(wanted: Iterable[Message], catalogue: polib.POFile, terms: list[Term]) -> Iterator[str]:
    """What is wrong with the catalogue, one sentence each."""
    entries = {key_of(entry): entry for entry in catalogue if not entry.obsolete}
    asked = set(wanted)
    for message in sorted(asked - set(entries)):
        yield f"missing: {message.text!r}"
    for message in sorted(set(entries) - asked):
        yield f"nobody asks for: {message.text!r}"
    for message in sorted(asked & set(entries)):
        yield from _problems_of_entry(message, entries[message], terms)


def _problems_of_entry(message: Message, entry: polib.POEntry, terms: list[Term]) -> Iterator[str]:
    translated: str = entry.msgstr_plural.get(0, "") if message.plural else entry.msgstr
    if entry.fuzzy:
        yield f"fuzzy: {message.text!r}"
    if not translated:
        yield f"not translated: {message.text!r}"
        return
    asked, given = (
        sorted(PLACEHOLDER.findall(text)) for text in (message.plural or message.text, translated)
    )
    if asked != given:
        yield f"placeholders differ: {message.text!r} has {asked}, {translated!r} has {given}"
    for term in terms:
        if message.text.lower() == term.english and translated != term.chinese:
            yield f"{message.text!r} is {term.chinese} in the glossary, not {translated}"
        if re.search(rf"\b{re.escape(term.english)}(?:s|es)?\b", message.text, re.IGNORECASE):
            for word in term.refused:
                if word in translated:
                    wanted = f"the glossary wants {term.chinese} for {term.english}"
                    yield f"{message.text!r}: {wanted}, not {word}"


def key_of(entry: polib.POEntry) -> Message:
    return Message(entry.msgid, entry.msgctxt or "", entry.msgid_plural)


def updated(wanted: dict[Message, list[str]], catalogue: polib.POFile) -> polib.POFile:
    """The catalogue with exactly the wanted messages, in their order, and the translations that there are."""
    known = {key_of(entry): entry for entry in catalogue}
    made = polib.POFile(wrapwidth=110)
    made.header = "Simplified Chinese. Its words are those of locale/glossary.md."
    made.metadata = dict(METADATA)
    for message, files in wanted.items():
        old = known.get(message)
        entry = polib.POEntry(
            msgid=message.text,
            msgctxt=message.context or None,
            msgstr="" if message.plural else (old.msgstr if old else ""),
            occurrences=[(file, "") for file in files],
        )
        if message.plural:
            entry.msgid_plural = message.plural
            entry.msgstr_plural = dict(old.msgstr_plural) if old else {0: ""}
        made.append(entry)
    return made


def main(arguments: list[str]) -> int:
    wanted = all_messages()
    catalogue = polib.pofile(str(CATALOGUE)) if CATALOGUE.exists() else polib.POFile()
    compiled = CATALOGUE.with_suffix(".mo")
    if arguments == ["--update"]:
        catalogue = updated(wanted, catalogue)
        CATALOGUE.write_text(f"{catalogue}\n", encoding="utf-8")
        compiled.write_bytes(polib.pofile(str(CATALOGUE)).to_binary())
    found = list(problems(wanted, catalogue, glossary(GLOSSARY.read_text(encoding="utf-8"))))
    if not compiled.exists() or compiled.read_bytes() != catalogue.to_binary():
        found.append("django.mo is not what django.po says: run python -m tests.checks.translations --update")
    print("\n".join(found) or f"{len(wanted)} messages are translated.")
    return 1 if found or not wanted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
