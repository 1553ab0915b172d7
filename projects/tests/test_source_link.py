"""Links to the source: whatever a target app calls its files, they lead where the owner said."""

from __future__ import annotations

from html import unescape
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override
from hypothesis import example, given
from hypothesis import strategies as st

from projects import source_link
from projects.forms import SOURCE_LINK_FAULTS
from projects.models import Project
from projects.source_link import Fault, Place, Source
from projects.tests import factories

WEB = "https://git.example/{repo}/blob/{commit}/src/{file}#L{line}"
TEMPLATES = [
    WEB,
    "http://git.example:8080/x?path={file}&at={version}&line={line}",
    "vscode://file/{path}:{line}",
    "vscode-insiders://file/srv/{file}:{line}",
    "pycharm://open?file={path}&line={line}",
    "idea://open?file={path}&line={line}",
    "cursor://file/{path}:{line}",
    "zed://file/{path}:{line}",
    "subl://open?url=file://{path}&line={line}",
]
VIEW = Place("shop/views.py", "/srv/app/shop/views.py", 31, library=False)
texts = st.text(max_size=60)


def source(template: str = WEB, **changes: str) -> Source:
    return Source(template, **{"repository": "team/shop", "commit": "abc123", "version": "1.4", **changes})


@pytest.mark.parametrize(
    ("template", "address"),
    list(
        zip(
            TEMPLATES,
            [
                "https://git.example/team/shop/blob/abc123/src/shop/views.py#L31",
                "http://git.example:8080/x?path=shop/views.py&at=1.4&line=31",
                "vscode://file/srv/app/shop/views.py:31",
                "vscode-insiders://file/srv/shop/views.py:31",
                "pycharm://open?file=/srv/app/shop/views.py&line=31",
                "idea://open?file=/srv/app/shop/views.py&line=31",
                "cursor://file/srv/app/shop/views.py:31",
                "zed://file/srv/app/shop/views.py:31",
                "subl://open?url=file:///srv/app/shop/views.py&line=31",
            ],
            strict=True,
        )
    ),
)
def test_links_of_repositories_and_editors(template: str, address: str) -> None:
    assert source_link.fault(template, "team/shop") is None
    assert source_link.link(source(template), VIEW) == address


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("javascript:alert(1)//{file}", Fault.SCHEME),
        ("JavaScript:alert(1)//{file}", Fault.SCHEME),
        ("data:text/html,{file}", Fault.SCHEME),
        ("file:///{path}", Fault.SCHEME),
        ("HTTPS://x/{file}", Fault.SCHEME),
        (" https://x/{file}", Fault.SCHEME),
        ("{file}", Fault.SCHEME),
        ("//x/{file}", Fault.SCHEME),
        ("ftp://x/{file}", Fault.SCHEME),
        ("https:x/{file}", Fault.HOST),
        ("https://{repo}/{file}", Fault.HOST),
        ("https://git.{repo}/{file}", Fault.HOST),
        ("https://user@x/{file}", Fault.HOST),
        ("https://x{file}", Fault.HOST),
        ("https:///{file}", Fault.HOST),
        ("vscode://{path}", Fault.HOST),
        ("https://x/{file}/{nonsense}", Fault.PLACEHOLDER),
        ("https://x/{file", Fault.PLACEHOLDER),
        ("https://x/{{file}}", Fault.PLACEHOLDER),
        ("https://x/{file.__class__}", Fault.PLACEHOLDER),
        ("https://x/ {file}", Fault.CHARACTER),
        ("https://x/\n{file}", Fault.CHARACTER),
        ('https://x/"{file}', Fault.CHARACTER),
        ("https://x/\\{file}", Fault.CHARACTER),
        ("https://x/名/{file}", Fault.CHARACTER),
        ("https://x/{line}", Fault.NO_FILE),
        (WEB.replace("{repo}", "{repo}{repo}"), None),
    ],
)
def test_bad_templates_are_refused(template: str, expected: Fault | None) -> None:
    assert source_link.fault(template, "team/shop") is expected
    if expected:
        assert source_link.link(source(template), VIEW) is None


@pytest.mark.parametrize("repository", ["", "/", "..", "a/../b", "<string>"])
def test_a_repository_that_is_none_is_refused(repository: str) -> None:
    assert source_link.fault(WEB, repository) is Fault.NO_REPOSITORY


@pytest.mark.parametrize(
    "place",
    [
        Place("", "", 1, library=False),
        Place("<string>", "<string>", 1, library=False),
        Place("../../etc/passwd", "", 1, library=False),
        Place("a/./b.py", "", 1, library=False),
        Place("..\\a.py", "", 1, library=False),
        Place("/srv/a.py", "/srv/a.py", 1, library=False),
        Place("C:\\a.py", "C:\\a.py", 1, library=False),
        Place("flask/app.py", "/x/flask/app.py", 1, library=True),
    ],
)
def test_what_is_in_no_repository_has_no_link(place: Place) -> None:
    assert source_link.link(source(), place) is None


def test_editors_open_libraries_too_and_paths_of_windows() -> None:
    editor = source("vscode://file/{path}:{line}")
    library = Place("flask/app.py", "C:\\venv\\flask\\app.py", 0, library=True)
    assert source_link.link(editor, library) == "vscode://file/C%3A/venv/flask/app.py:1"
    # Merged trees know no whole path.
    assert source_link.link(editor, Place("shop/views.py", "shop/views.py", 1, library=False)) is None


def test_without_a_commit_there_is_no_link_to_one() -> None:
    assert source_link.link(source(commit=""), VIEW) is None
    assert (
        source_link.link(source("https://x/{version}/{file}", commit=""), VIEW)
        == "https://x/1.4/shop/views.py"
    )


@example(template=WEB, file="javascript:alert(1)", path="", commit="//evil.example", version="")
@example(template=TEMPLATES[1], file="x&at=9#?y", path="", commit="c", version='"><script>')
@given(template=st.sampled_from(TEMPLATES), file=texts, path=texts, commit=texts, version=texts)
def test_no_name_changes_where_a_link_leads(
    template: str, file: str, path: str, commit: str, version: str
) -> None:
    place = Place(file, f"/{path}", 7, library=False)
    found = source_link.link(source(template, commit=commit, version=version), place)
    if found is None:
        return
    meant, leads = urlsplit(template), urlsplit(found)
    assert (leads.scheme, leads.netloc) == (meant.scheme, meant.netloc)
    assert bool(leads.query) == bool(meant.query)
    assert found.isascii()
    assert not set(found) & set("\"'<>\\ `{}\n\r\t")
    assert found.count("#") == template.count("#")
    assert found.count("&") == template.count("&")
    assert not {"..", "."} & set(unquote(leads.path).split("/"))


def test_every_fault_says_what_to_do() -> None:
    assert set(SOURCE_LINK_FAULTS) == set(Fault)
    with override("en"):
        assert all(str(told).endswith(".") for told in SOURCE_LINK_FAULTS.values())


# The form


def post(client: Client, project: Project, **said: str) -> Any:
    return client.post(reverse("projects:change_source_link", args=[project.slug]), said)


@pytest.mark.django_db
def test_owners_set_the_link(owner_client: Client, project: Project) -> None:
    response = post(owner_client, project, source_link=WEB, repository="team/shop")
    assert response["Location"] == f"/projects/{project.slug}/settings/#source"
    project.refresh_from_db()
    assert (project.source_link, project.repository) == (WEB, "team/shop")
    page = unescape(owner_client.get(f"/projects/{project.slug}/settings/").content.decode())
    assert f'value="{WEB}"' in page
    post(owner_client, project, source_link="", repository="")
    project.refresh_from_db()
    assert project.source_link == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("template", "repository", "field", "told"),
    [
        ("javascript:alert(1)", "", "source_link", "Begin with https://"),
        ("javascript:alert(1)", "", "source_link", "vscode://, vscode-insiders://, pycharm://"),
        ("https://{file}", "", "source_link", "Write out the host"),
        (WEB, "", "repository", "say which repository that is"),
        ("https://x/{file}" + "a" * 500, "", "source_link", "at most 500 characters"),
    ],
)
def test_a_refused_link_is_told_beside_its_field(
    owner_client: Client, project: Project, template: str, repository: str, field: str, told: str
) -> None:
    response = post(owner_client, project, source_link=template, repository=repository)
    page = unescape(response.content.decode())
    assert response.status_code == 422
    assert f'id="source_{field}_error"' in page
    assert told in page
    assert template in page
    project.refresh_from_db()
    assert project.source_link == ""


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_others_cannot(project: Project, role: str) -> None:
    client = Client()
    client.force_login(factories.member(project, role))
    assert post(client, project, source_link=WEB, repository="team/shop").status_code == 403
