from __future__ import annotations

import pytest

from tests.checks import templates

NAMES = {"login", "projects:list"}


def found(source: str) -> list[str]:
    return [sentence for _line, sentence in templates.problems(source, NAMES)]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('<p style="color: red"></p>', "an inline style"),
        ("<style>p {}</style>", "a <style> element"),
        ("<script>go()</script>", "an inline script"),
        ('<script type="module">go()</script>', "an inline script"),
        ('<a onclick="go()"></a>', "a script in the attribute onclick"),
        ('<a hx-on:click="go()"></a>', "a script in the attribute hx-on:click"),
        ("<p>Hello</p>", "untranslated text: 'Hello'"),
        ("<p>{{ name }} 你好</p>", "untranslated text: '你好'"),
        ('<input placeholder="Search {{ what }}">', "untranslated text in placeholder: 'Search'"),
        ("{{ name|safe }}", "text that is not escaped"),
        ("{% autoescape off %}{% endautoescape %}", "text that is not escaped"),
        ('<a href="{% url "no:where" %}"></a>', "no route is named 'no:where'"),
        ('<form method="post"></form>', "a form that posts without {% csrf_token %}"),
        ('<form hx-post="{% url "login" %}"></form>', "a form that posts without {% csrf_token %}"),
        (
            '<script src="https://cdn.example/x.js"></script>',
            "something from elsewhere in src: 'https://cdn.example/x.js'",
        ),
        ('<a href="javascript:go()"></a>', "something from elsewhere in href: 'javascript:go()'"),
    ],
)
def test_what_must_not_stand_in_a_template(source: str, told: str) -> None:
    assert told in found(source)


@pytest.mark.parametrize(
    "source",
    [
        '{% load i18n %}<p title="{% translate "Hi" %}">{% translate "Hello" %}, {{ name }}</p>',
        "{% blocktranslate %}Hello <b>you</b>{% endblocktranslate %}",
        "{# Hello #}{% comment %}<p>Hello</p>{% endcomment %}",
        '<form method="post">{% csrf_token %}</form><form method="get"></form>',
        '<script src="{% static "x.js" %}" type="module"></script>',
        '<script type="application/json">{"a": 1}</script>',
        '<a href="{% url "projects:list" %}"{% if x %} aria-current="page"{% endif %}>{{ x }} · 1–2</a>',
        "<label>ms</label>",
        "<kbd>Esc</kbd>",
    ],
)
def test_what_may(source: str) -> None:
    assert found(source) == []


def test_lines_are_those_of_the_file() -> None:
    source = '{% blocktranslate %}\na\n{% endblocktranslate %}\n{#\nb #}<p\nstyle="">{{\nx|safe }}</p>'
    assert sorted(templates.problems(source, NAMES)) == [
        (5, "an inline style"),
        (7, "text that is not escaped"),
    ]


def test_names_of_routes_come_with_their_namespace() -> None:
    names = templates.known_url_names()
    assert {"login", "projects:list", "profiles:detail", "admin:index"} <= names
    assert "list" not in names
