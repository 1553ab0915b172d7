"""Programs whose fault is computing too much."""

from __future__ import annotations

import bz2
import copy
import gzip
import hashlib
import importlib
import importlib.util
import json
import logging
import re
import sys
import zlib
from typing import Any

from django.template import Context, Engine
from jinja2 import DictLoader, Environment
from pydantic import BaseModel
from werkzeug.security import generate_password_hash

from analysis.tests.corpus.program import clean, faulty, until

ROWS: list[dict[str, Any]] = [
    {"id": number, "name": f"tea {number}", "tags": ["green", "leaf"], "price": number * 1.5}
    for number in range(150)
]
TEXT = json.dumps(ROWS)
BYTES = TEXT.encode() * 4
quiet = logging.getLogger("perfplatform.corpus.quiet")
loud = logging.getLogger("perfplatform.corpus.loud")
loud.propagate = quiet.propagate = False
loud.setLevel(logging.INFO)
quiet.setLevel(logging.ERROR)


class Sink:
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        return len(text)


_handler = logging.StreamHandler(Sink())
_handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
loud.addHandler(_handler)


# serialisation


@faulty("serialisation", 0.15)
def copy_rows_by_json(seconds: float) -> None:
    for _ in until(seconds):
        json.loads(json.dumps(ROWS))


@faulty("serialisation", 0.6)
def write_pretty(seconds: float) -> None:
    for _ in until(seconds):
        json.dumps(ROWS, indent=2)


class Tea(BaseModel):
    id: int
    name: str
    tags: list[str]
    price: float


@faulty("serialisation", 0.6)
def pass_models_on_as_dicts(seconds: float) -> None:
    teas = [Tea(**row) for row in ROWS]
    for _ in until(seconds):
        teas = [Tea.model_validate(tea.model_dump()) for tea in teas]


@clean("serialisation")
def write_once(seconds: float) -> None:
    for _ in until(seconds):
        json.dumps(ROWS)


@clean("serialisation")
def validate_once(seconds: float) -> None:
    for _ in until(seconds):
        [Tea.model_validate(row) for row in ROWS]


# regex_compilation


def pattern_of(number: int) -> re.Pattern[str]:
    return re.compile(rf"\b(tea|leaf)-{number}(\d+)?[a-f]*\b")


@faulty("regex_compilation", 0.15, function="pattern_of")
def link_names(seconds: float) -> None:
    for number in until(seconds):
        pattern_of(number).sub("", "tea-12 leaf-13")


@faulty("regex_compilation", 0.6)
def search_words(seconds: float) -> None:
    for number in until(seconds):
        re.search(rf"(?i)word{number}|other{number}", "some word12")


WORD = re.compile(r"(?i)\b(tea|leaf)-(\d+)?[a-f]*\b")


@clean("regex_compilation")
def match_much(seconds: float) -> None:
    for _ in until(seconds):
        WORD.sub("", TEXT)


# imports


@faulty("imports", 0.15)
def look_for_what_is_missing(seconds: float) -> None:
    for _ in until(seconds):
        try:
            importlib.import_module("no_such_accelerator")
        except ImportError:
            continue


@faulty("imports", 0.6)
def import_again(seconds: float) -> None:
    for _ in until(seconds):
        for name in ("colorsys", "nturl2path", "chunk"):
            sys.modules.pop(name, None)
        import colorsys  # noqa: F401


@clean("imports")
def import_what_is_there(seconds: float) -> None:
    for _ in until(seconds):
        for _again in range(50):
            importlib.import_module("json")


# template_compilation

LINE = "{% for row in rows %}<li>{{ row.name }} {{ row.price|round(2) }}</li>{% endfor %}"
jinja = Environment(autoescape=True, loader=DictLoader({"list": LINE}))
django_engine = Engine()
DJANGO_LINE = "{% for row in rows %}<li>{{ row.name }} {{ row.name|upper }}</li>{% endfor %}"


@faulty("template_compilation", 0.15)
def render_strings(seconds: float) -> None:
    for _ in until(seconds):
        jinja.from_string(LINE).render(rows=ROWS[:2])


@faulty("template_compilation", 0.6)
def render_django_strings(seconds: float) -> None:
    for _ in until(seconds):
        django_engine.from_string(DJANGO_LINE * 3).render(Context({"rows": ROWS[:1]}))


@clean("template_compilation")
def render_kept_template(seconds: float) -> None:
    for _ in until(seconds):
        jinja.get_template("list").render(rows=ROWS)


# deepcopy


@faulty("deepcopy", 0.15)
def copy_all(seconds: float) -> None:
    for _ in until(seconds):
        copy.deepcopy(ROWS)


@faulty("deepcopy", 0.6)
def copy_each(seconds: float) -> None:
    for _ in until(seconds):
        [copy.deepcopy(row) for row in ROWS]


@clean("deepcopy")
def copy_flat(seconds: float) -> None:
    for _ in until(seconds):
        [copy.copy(row) for row in ROWS]


# password_hashing


@faulty("password_hashing", 0.15)
def hash_with_pbkdf2(seconds: float) -> None:
    for _ in until(seconds):
        hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 4_000)


@faulty("password_hashing", 0.6)
def hash_with_werkzeug(seconds: float) -> None:
    for _ in until(seconds):
        generate_password_hash("secret", method="pbkdf2:sha256:5000")


@clean("password_hashing")
def digest(seconds: float) -> None:
    for _ in until(seconds):
        hashlib.sha256(BYTES).hexdigest()


# compression


@faulty("compression", 0.15)
def deflate(seconds: float) -> None:
    for _ in until(seconds):
        zlib.compress(BYTES, 9)


@faulty("compression", 0.6)
def pack(seconds: float) -> None:
    for number in until(seconds):
        gzip.compress(BYTES) if number % 2 else bz2.compress(BYTES)


PACKED = zlib.compress(BYTES)


@clean("compression")
def inflate(seconds: float) -> None:
    for _ in until(seconds):
        zlib.decompress(PACKED)


# logging


@faulty("logging", 0.15)
def log_each_row(seconds: float) -> None:
    for number in until(seconds):
        loud.info("row %d: %s", number, ROWS[0])


@faulty("logging", 0.6)
def log_with_stacks(seconds: float) -> None:
    for number in until(seconds):
        loud.warning("slow %d", number, stack_info=number % 10 == 0)


@clean("logging")
def log_nothing(seconds: float) -> None:
    for number in until(seconds):
        for _again in range(50):
            quiet.debug("row %d", number)
