from __future__ import annotations

import polib  # type: ignore[import-untyped]
import pytest

from tests.checks import translations
from tests.checks.translations import Message, Term

TERMS = [Term("profile", "性能记录", ("剖析",)), Term("sign in", "登录", ("登陆",))]


def catalogue(*entries: polib.POEntry) -> polib.POFile:
    made = polib.POFile()
    made.extend(entries)
    return made


def problems(message: Message, *entries: polib.POEntry) -> list[str]:
    return list(translations.problems([message], catalogue(*entries), TERMS))


def test_messages_of_python() -> None:
    source = """
from django.utils.translation import gettext_lazy as _
name = _("a" "b")
count = ngettext("%(n)s x", "%(n)s xs", n)
short = pgettext("date format", "Y")
other = translation.gettext("c")
plain = str("not asked for")
"""
    assert list(translations.messages_of_python(source)) == [
        Message("ab"),
        Message("%(n)s x", plural="%(n)s xs"),
        Message("Y", context="date format"),
        Message("c"),
    ]


def test_message_that_nobody_can_translate() -> None:
    with pytest.raises(ValueError, match="line 2: a message that is no literal"):
        list(translations.messages_of_python("\n_(f'hello {name}')"))


def test_messages_of_templates() -> None:
    source = (
        '{% translate "It’s \'50%\'" %}{% include "x.html" with here=_("Here") %}'
        '{% blocktranslate trimmed with name=x|default:"a" %}\n  Hello\n  {{ name }}\n{% endblocktranslate %}'
        "{% blocktranslate count n=n %}{{ n }} day{% plural %}{{ n }} days{% endblocktranslate %}"
        '{% translate "May" context "month" %}{{ _("Var") }} gettext("no")'
    )
    assert list(translations.messages_of_template(source)) == [
        Message("It’s '50%%'"),
        Message("Here"),
        Message("Hello %(name)s"),
        Message("%(n)s day", plural="%(n)s days"),
        Message("May", context="month"),
        Message("Var"),
    ]


@pytest.mark.parametrize(
    ("message", "entry", "told"),
    [
        (Message("Hi"), {"msgid": "Hi"}, "not translated: 'Hi'"),
        (Message("Hi"), {"msgid": "Hi", "msgstr": "嗨", "flags": ["fuzzy"]}, "fuzzy: 'Hi'"),
        (Message("Hi"), {"msgid": "Ho", "msgstr": "嗬"}, "missing: 'Hi'"),
        (Message("Hi"), {"msgid": "Ho", "msgstr": "嗬"}, "nobody asks for: 'Ho'"),
        (
            Message("Hi %(name)s"),
            {"msgid": "Hi %(name)s", "msgstr": "嗨 %(nmae)s"},
            "placeholders differ: 'Hi %(name)s' has ['%(name)s'], '嗨 %(nmae)s' has ['%(nmae)s']",
        ),
        (
            Message("All Profiles"),
            {"msgid": "All Profiles", "msgstr": "全部剖析"},
            "'All Profiles': the glossary wants 性能记录 for profile, not 剖析",
        ),
        (
            Message("Sign in"),
            {"msgid": "Sign in", "msgstr": "进入"},
            "'Sign in' is 登录 in the glossary, not 进入",
        ),
    ],
)
def test_what_is_wrong_with_a_catalogue(message: Message, entry: dict[str, object], told: str) -> None:
    assert told in problems(message, polib.POEntry(**entry))


def test_what_is_right() -> None:
    plural = polib.POEntry(msgid="%(n)s day", msgid_plural="%(n)s days", msgstr_plural={0: "%(n)s 天"})
    assert problems(Message("%(n)s day", plural="%(n)s days"), plural) == []
    assert problems(Message("Profile"), polib.POEntry(msgid="Profile", msgstr="性能记录")) == []


def test_update_keeps_translations_adds_what_is_new_and_drops_the_rest() -> None:
    before = catalogue(
        polib.POEntry(msgid="Keep", msgstr="保留"),
        polib.POEntry(msgid="Drop", msgstr="删除"),
        polib.POEntry(msgid="Keep", msgctxt="noun", msgstr="要塞"),
    )
    wanted = {
        Message("New"): ["a.py"],
        Message("Keep", context="noun"): ["b.py"],
        Message("Keep"): ["a.py", "b.py"],
    }
    after = translations.updated(wanted, before)
    assert [(entry.msgctxt, entry.msgid, entry.msgstr) for entry in after] == [
        (None, "New", ""),
        ("noun", "Keep", "要塞"),
        (None, "Keep", "保留"),
    ]
    # What is written is what the next run reads.
    assert str(translations.updated(wanted, polib.pofile(str(after)))) == str(after)


def test_glossary_is_read() -> None:
    head = "| English | 中文 | Meaning | Not |\n|---|---|---|---|\n"
    text = f"{head}| key | 密钥 | a | 秘钥, 键 |\n| task | 任务 | b | |\n"
    assert translations.glossary(text) == [Term("key", "密钥", ("秘钥", "键")), Term("task", "任务", ())]
