"""Compiling templates, apart from rendering them.

Sees the lexers, parsers and compilers of Jinja, Django and Mako, and of Jinja the loading of a template that
is checked or compiled again. Rendering is not told. Can't tell the first request of a process, where
compiling is meant, from later ones: a merged tree shows that by its share.
"""

from __future__ import annotations

from typing import Final

from analysis.detectors.detector import CallDetector
from analysis.evidence import Frames

COMPILING: Final = Frames(
    {
        "jinja2/environment.py": (
            "from_string",
            "compile",
            "_compile",
            "_generate",
            "_parse",
            "parse",
            "lex",
        ),
        "jinja2/compiler.py": (),
        "jinja2/parser.py": (),
        "jinja2/lexer.py": (),
        "jinja2/optimizer.py": (),
        "django/template/base.py": (
            "Template.__init__",
            "compile_nodelist",
            "Lexer.tokenize",
            "DebugLexer.tokenize",
            "Parser.parse",
        ),
        "django/template/engine.py": ("from_string",),
        "mako/lexer.py": (),
        "mako/codegen.py": (),
        "mako/template.py": ("_compile", "_compile_text", "_compile_module_file"),
    }
)

DETECTOR: Final = CallDetector(
    "template_compilation",
    COMPILING,
    "https://jinja.palletsprojects.com/en/stable/api/#jinja2.Environment.get_template",
)
