"""The second version of an app: its source after the edits that releases bring, under the same file name."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

FOLDER: Final = Path(__file__).parent
VERSIONS: Final = ("1.0", "1.1")

# What version 1.1 changed in the views: a helper of its own, a check, another query.
EDITS: Final = {
    "library": (
        ("\n\nclass LoanForm", "\n\nLARGEST_WINDOW = 5_000\nSHOWN_SUBJECTS = 30\n\n\nclass LoanForm"),
        (
            '    size = int(request.GET["size"])\n    start',
            '    size = checked(request.GET["size"])\n    start',
        ),
        (
            "\n\ndef window(",
            "\n\ndef checked(text):\n    return min(int(text), LARGEST_WINDOW)\n\n\ndef window(",
        ),
        ("book.label() for book in author", "described(book) for book in author"),
        ("loan.book.label()", "described(loan.book)"),
        (
            "\n\ndef book_list(",
            "\n\ndef described(book):\n    text = book.label()\n    return text.strip()\n\n\ndef book_list(",
        ),
        ('found += list(matches.values("pk", "title")[:3])', "found += matches.values('pk', 'title')[:4]"),
    ),
    "clinic": (
        ("class PatientForm", 'CURRENCY = "EUR"\nSHORTEST_NAME = 2\n\n\nclass PatientForm'),
        (
            "        return queryset[self.start",
            "        queryset = self.visible(queryset)\n        return queryset[self.start",
        ),
        (
            "    def cut(self",
            "    def visible(self, queryset):\n        return queryset.all()\n\n    def cut(self",
        ),
        ("total += (bill.amount", "bill.clean_fields()\n            total += (bill.amount"),
        ("letters.append(textwrap.fill(text * 3, 50", "letters.append(textwrap.fill(text.strip() * 4, 50"),
    ),
}


def views(app: str, version: str) -> ModuleType:
    """The module of views of `app` as it was in `version`."""
    file = FOLDER / app / "views.py"
    source = file.read_text("utf-8")
    if version != VERSIONS[0]:
        for before, after in EDITS[app]:
            if before not in source:
                raise ValueError(f"{app} has no {before!r} to edit")
            source = source.replace(before, after)
    name = f"{__package__}.{app}.views"
    spec = spec_from_file_location(name, file)
    assert spec
    module = module_from_spec(spec)
    sys.modules[name] = module
    exec(compile(source, str(file), "exec"), module.__dict__)  # noqa: S102
    return module
