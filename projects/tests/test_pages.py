from __future__ import annotations

import hashlib
import io
import re
import zoneinfo
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.utils import timezone, translation

from perfplatform.sdk_index import current_wheel
from projects import snippet
from projects.clock import zone_of
from projects.deletion import Deletion
from projects.models import Key, Member, Project, Token, User
from projects.tests import factories

pytestmark = pytest.mark.django_db
KEY = re.compile(r"ppk_[\w-]{43}")


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def at(name: str, project: Project, *arguments: object) -> str:
    return reverse(f"projects:{name}", args=[project.slug, *arguments])


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


# Signing in


def test_anonymous_is_sent_to_sign_in_and_back(owner: User) -> None:
    client = Client()
    response = client.get("/account/")
    assert response["Location"] == "/login/?next=/account/"
    factory_password = {"username": owner.username, "password": factories.PASSWORD}
    response = client.post("/login/?next=/account/", {**factory_password, "next": "/account/"})
    assert response["Location"] == "/account/"
    assert client.get("/login/")["Location"] == "/"


def test_wrong_password_is_told_and_the_name_is_kept(owner: User) -> None:
    response = Client().post("/login/", {"username": owner.username, "password": "wrong"})
    assert response.status_code == 200
    assert 'value="owner"' in text_of(response)
    assert "Please enter a correct username and password" in text_of(response)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_leads_nowhere_else(owner: User, target: str) -> None:
    sent = {"username": owner.username, "password": factories.PASSWORD, "next": target}
    assert Client().post("/login/", sent)["Location"] == "/"


def test_signing_in_brings_ones_language_and_theme(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(language="zh-hans", theme="dark")
    client = Client()
    client.post("/login/", {"username": owner.username, "password": factories.PASSWORD})
    page = text_of(client.get("/"))
    assert 'lang="zh-hans"' in page
    assert 'data-bs-theme="dark"' in page
    assert "从第一个项目开始" in page


def test_signing_out_takes_a_post(owner_client: Client) -> None:
    assert owner_client.get("/logout/").status_code == 405
    assert owner_client.post("/logout/")["Location"] == "/login/"
    assert owner_client.get("/").status_code == 302


# Projects


def test_list_without_projects_says_what_to_do(owner_client: Client) -> None:
    page = text_of(owner_client.get("/"))
    assert "Start with your first project" in page
    assert reverse("projects:create") in page


def test_list_shows_only_ones_own(owner_client: Client, project: Project) -> None:
    factories.project("Secret")
    page = text_of(owner_client.get("/"))
    assert "Shop" in page
    assert "Secret" not in page


def test_many_projects_are_paged_and_searched(owner: User, owner_client: Client) -> None:
    for number in range(55):
        factories.project(f"App {number:02}", owner=owner)
    first = text_of(owner_client.get("/"))
    assert "1–50 of 55" in first
    assert "App 54" not in first
    assert "App 54" in text_of(owner_client.get("/?page=2"))
    found = text_of(owner_client.get("/?search=app+54"))
    assert "App 54" in found
    assert "App 01" not in found
    assert "No project has this name" in text_of(owner_client.get("/?search=zzz"))


def test_new_project_leads_to_its_setup(owner: User, owner_client: Client) -> None:
    sent = {"name": "计费", "description": "", "language": "zh-hans", "time_zone": "Asia/Shanghai"}
    response = owner_client.post(reverse("projects:create"), sent)
    project = Project.objects.get(name="计费")
    assert response["Location"] == at("setup", project)
    assert (project.time_zone, project.language) == ("Asia/Shanghai", "zh-hans")
    assert Member.objects.get(project=project).user == owner


def test_project_called_new_has_a_page_too(owner: User, owner_client: Client) -> None:
    project = factories.project("New", owner=owner)
    assert "Connect an app" in text_of(owner_client.get(f"/projects/{project.slug}/"))


def test_taken_name_is_told_beside_the_field_and_input_is_kept(
    owner_client: Client, project: Project
) -> None:
    sent = {"name": "Shop", "description": "kept text", "language": "en", "time_zone": "Europe/Paris"}
    page = text_of(owner_client.post(reverse("projects:create"), sent))
    assert re.search(r'id="id_name_error">\s*<li>[^<]*already exists', page)
    assert 'aria-describedby="id_name_helptext id_name_error"' in page
    assert "kept text" in page
    assert '<option value="Europe/Paris" selected>' in page
    # What was chosen is not overwritten by the browser's zone.
    assert 'data-browser-time-zone="keep"' in page


# Setup


def test_setup_shows_a_new_key_once_in_the_snippet(owner_client: Client, project: Project) -> None:
    before = text_of(owner_client.get(at("setup", project)))
    assert not KEY.search(before)
    response = owner_client.post(at("setup", project), {"name": "laptop"})
    shown = text_of(response)
    (secret,) = set(KEY.findall(shown))
    assert f'init(key="{secret}", url="{settings.PUBLIC_URL}"' in shown
    assert response["Cache-Control"] == "no-store"
    key = Key.objects.valid(secret)
    assert key is not None
    assert (key.name, key.project) == ("laptop", project)
    assert secret not in text_of(owner_client.get(at("setup", project)))


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_only_owners_make_keys_in_setup(project: Project, role: str) -> None:
    client = client_of(factories.member(project, role))
    page = text_of(client.get(at("setup", project)))
    assert "Only an owner of the project can create a key" in page
    assert client.post(at("setup", project), {"name": "x"}).status_code == 403
    assert not Key.objects.exists()


def test_install_line_names_one_file_with_its_hash(owner_client: Client, project: Project) -> None:
    call_command("build_sdk", stdout=io.StringIO())
    wheel = current_wheel()
    assert wheel is not None
    line = (
        f"perfplatform-sdk @ {settings.PUBLIC_URL}/sdk/files/{wheel.file_name}"
        f"#sha256={hashlib.sha256(wheel.content).hexdigest()}"
    )
    assert f'pip install "{line}"' in text_of(owner_client.get(at("setup", project)))


def test_without_a_wheel_the_page_says_what_to_do(
    owner_client: Client, project: Project, tmp_path: Path
) -> None:
    with override_settings(SDK_DIST_DIR=tmp_path):
        page = text_of(owner_client.get(at("setup", project)))
    assert "./manage.py build_sdk" in page
    assert "pip install" not in page


def test_flask_snippet_is_python() -> None:
    lines = snippet.for_flask("https://perf.example.com", "ppk_x", wheel="x.whl", sha256="00").flask
    compile(lines, "snippet", "exec")


# Settings


def test_settings_are_saved(owner_client: Client, project: Project) -> None:
    sent = {
        "name": "Shop 2",
        "description": "new",
        "language": "zh-hans",
        "time_zone": "Asia/Shanghai",
        "status": "paused",
        "daily_profiles": "500",
    }
    response = owner_client.post(at("change", project), sent)
    assert response["Location"] == f"{at('settings', project)}#general"
    project.refresh_from_db()
    assert (project.name, project.status) == ("Shop 2", "paused")
    assert "The settings were saved." in text_of(owner_client.get(at("settings", project)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "deleting"),
        ("time_zone", "Mars/Phobos"),
    ],
)
def test_refused_settings_are_told_beside_the_field(
    owner_client: Client, project: Project, field: str, value: str
) -> None:
    sent = {
        "name": "Other",
        "language": "en",
        "time_zone": "UTC",
        "status": "active",
        "daily_profiles": "500",
        field: value,
    }
    response = owner_client.post(at("change", project), sent)
    assert response.status_code == 422
    assert f'id="general_{field}_error"' in text_of(response)
    # The page around the form still has the name that is in force.
    assert '<span aria-current="page">Shop</span>' in text_of(response)
    project.refresh_from_db()
    assert project.name == "Shop"


RETENTION = {"retention_days": "30", "slowest_kept": "5", "slowest_days": "200", "quota_gb": "1.5"}


def test_retention_is_saved(owner_client: Client, project: Project) -> None:
    response = owner_client.post(at("change_retention", project), RETENTION)
    assert response["Location"] == f"{at('settings', project)}#retention"
    project.refresh_from_db()
    assert (project.retention_days, project.slowest_kept, project.slowest_days) == (30, 5, 200)
    assert project.storage_quota_bytes == 1_500_000_000
    page = text_of(owner_client.get(at("settings", project)))
    assert 'name="quota_gb" value="1.5"' in page
    owner_client.post(at("change_retention", project), {**RETENTION, "quota_gb": ""})
    project.refresh_from_db()
    assert project.storage_quota_bytes == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("retention_days", "0"),
        ("retention_days", "366"),
        ("slowest_kept", "101"),
        ("slowest_days", "0"),
        ("quota_gb", "-1"),
        ("quota_gb", "0"),
        ("quota_gb", "NaN"),
        ("quota_gb", "1e30"),
    ],
)
def test_refused_retention_is_told_beside_the_field(
    owner_client: Client, project: Project, field: str, value: str
) -> None:
    response = owner_client.post(at("change_retention", project), {**RETENTION, field: value})
    assert response.status_code == 422
    assert f'id="retention_{field}_error"' in text_of(response)
    assert f'value="{value}"' in text_of(response)
    project.refresh_from_db()
    assert (project.retention_days, project.storage_quota_bytes) == (14, 0)


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_others_look_at_settings_and_change_nothing(project: Project, role: str) -> None:
    client = client_of(factories.member(project, role))
    page = text_of(client.get(at("settings", project)))
    assert "Only an owner of the project can change them" in page
    assert "<fieldset disabled>" in page
    assert "Create key" not in page
    own = Member.objects.get(project=project, user__username="owner")
    key, _secret = Key.issue(project, kind="ingest", name="k")
    for address in (
        at("change", project),
        at("change_retention", project),
        at("create_key", project),
        at("revoke_key", project, key.pk),
        at("add_member", project),
        at("change_member", project, own.pk),
        at("remove_member", project, own.pk),
        at("delete", project),
    ):
        assert client.post(address, {}).status_code == 403, address


def test_strangers_do_not_learn_that_a_project_exists(project: Project) -> None:
    client = client_of(factories.user())
    for name in ("setup", "settings"):
        assert client.get(at(name, project)).status_code == 404
    assert client.post(at("delete", project), {"name": "Shop"}).status_code == 404


@pytest.mark.parametrize(("kind", "prefix"), [("ingest", "ppk_"), ("deploy", "ppd_")])
def test_created_key_is_shown_once(owner_client: Client, project: Project, kind: str, prefix: str) -> None:
    response = owner_client.post(at("create_key", project), {"name": "ci", "kind": kind})
    found = re.search(rf'id="secret"[^>]*>({prefix}[\w-]{{43}})<', text_of(response))
    assert found
    assert response["Cache-Control"] == "no-store"
    key = Key.objects.valid(found[1])
    assert key is not None
    assert key.kind == kind
    again = text_of(owner_client.get(at("settings", project)))
    assert found[1] not in again
    assert f"{found[1][:10]}…" in again


def test_revoked_key_is_no_longer_valid(owner_client: Client, project: Project) -> None:
    key, secret = Key.issue(project, kind="ingest", name="old laptop")
    assert (
        owner_client.post(at("revoke_key", project, key.pk))["Location"] == f"{at('settings', project)}#keys"
    )
    assert Key.objects.valid(secret) is None
    page = text_of(owner_client.get(at("settings", project)))
    assert "“old laptop” was revoked" in page
    assert '<span class="chip">revoked</span>' in page


def test_key_of_another_project_is_not_revoked(owner_client: Client, project: Project) -> None:
    key, secret = Key.issue(factories.project("Other"), kind="ingest", name="theirs")
    assert owner_client.post(at("revoke_key", project, key.pk)).status_code == 404
    assert Key.objects.valid(secret)


def test_member_is_added_changed_and_removed(owner_client: Client, project: Project) -> None:
    bob = factories.user("bob")
    owner_client.post(at("add_member", project), {"username": "bob", "role": "viewer"})
    member = Member.objects.get(project=project, user=bob)
    owner_client.post(at("change_member", project, member.pk), {"role": "editor"})
    member.refresh_from_db()
    assert member.role == "editor"
    owner_client.post(at("remove_member", project, member.pk))
    assert not Member.objects.filter(project=project, user=bob).exists()


@pytest.mark.parametrize(
    ("username", "told"),
    [("nobody", "There is no user of this name"), ("owner", "This user is a member already")],
)
def test_refused_member_is_told_and_kept(
    owner_client: Client, project: Project, username: str, told: str
) -> None:
    response = owner_client.post(at("add_member", project), {"username": username, "role": "editor"})
    assert response.status_code == 422
    assert told in text_of(response)
    assert f'value="{username}"' in text_of(response)


def test_last_owner_stays(owner_client: Client, project: Project) -> None:
    member = Member.objects.get(project=project)
    for address, sent in (
        (at("remove_member", project, member.pk), {}),
        (at("change_member", project, member.pk), {"role": "viewer"}),
    ):
        page = text_of(owner_client.post(address, sent, follow=True))
        assert "A project needs an owner" in page
    member.refresh_from_db()
    assert member.role == "owner"


def test_leaving_a_project_leads_to_the_list(owner_client: Client, project: Project) -> None:
    factories.member(project, "owner")
    member = Member.objects.get(project=project, user__username="owner")
    assert owner_client.post(at("remove_member", project, member.pk))["Location"] == "/"
    assert owner_client.get(at("settings", project)).status_code == 404


def test_deleting_takes_the_name(owner_client: Client, project: Project) -> None:
    refused = owner_client.post(at("delete", project), {"name": "shop"})
    assert refused.status_code == 422
    assert "This is not the name of the project." in text_of(refused)
    page = text_of(owner_client.post(at("delete", project), {"name": "Shop"}, follow=True))
    assert "Deleting “Shop”" in page
    assert Project.objects.get(pk=project.pk).status == Project.Status.DELETING
    assert owner_client.get(f"/projects/{project.slug}/settings/").status_code == 404


def test_deletion_is_watched_until_it_is_over(owner_client: Client, project: Project) -> None:
    address = f"/deletions/{project.pk}/"
    owner_client.post(at("delete", project), {"name": "Shop"})
    Deletion.objects.note_left(project.pk, {"projects_key": 1_234, "projects_member": 0})
    whole = text_of(owner_client.get(address))
    assert "poll.js" in whole
    part = text_of(owner_client.get(address, headers={"HX-Request": "true"}))
    assert "<html" not in part
    assert re.search(r"project keys</th><td[^>]*>1,234<", part)
    assert "members" not in part
    assert 'hx-trigger="every 3s"' in part
    assert "data-poll" in part
    Deletion.objects.finish(project.pk)
    over = text_of(owner_client.get(address, headers={"HX-Request": "true"}))
    assert "Everything is gone" in over
    # Nothing asks again.
    assert "hx-get" not in over


def test_deletion_is_shown_to_whoever_began_it(project: Project) -> None:
    second = factories.member(project, "owner")
    project.mark_for_deletion(by=second)
    address = f"/deletions/{project.pk}/"
    assert client_of(second).get(address).status_code == 200
    assert client_of(User.objects.get(username="owner")).get(address).status_code == 404
    assert client_of(factories.user("root", is_superuser=True)).get(address).status_code == 200
    assert client_of(second).get(f"/deletions/{'0' * 24}/").status_code == 404


# Account


def test_preferences_are_saved_and_hold_at_once(owner: User, owner_client: Client) -> None:
    sent = {"language": "zh-hans", "theme": "dark", "time_zone": "Asia/Shanghai"}
    page = text_of(owner_client.post("/account/", sent, follow=True))
    assert "偏好已保存。" in page
    assert 'data-bs-theme="dark"' in page
    owner.refresh_from_db()
    assert (owner.language, owner.theme, owner.time_zone) == ("zh-hans", "dark", "Asia/Shanghai")


def test_language_goes_back_to_the_browsers(owner_client: Client) -> None:
    owner_client.post("/account/", {"language": "zh-hans", "theme": "auto", "time_zone": ""})
    owner_client.post("/account/", {"language": "", "theme": "auto", "time_zone": ""})
    assert 'lang="en"' in text_of(owner_client.get("/", headers={"Accept-Language": "en"}))


def test_nonsense_preferences_are_refused(owner_client: Client) -> None:
    response = owner_client.post("/account/", {"language": "tlh", "theme": "auto", "time_zone": ""})
    assert response.status_code == 422
    assert 'id="id_language_error"' in text_of(response)


def test_theme_menu_works_for_everybody_and_goes_back() -> None:
    client = Client()
    response = client.post("/account/theme/", {"theme": "dark", "next": "/login/?next=/"})
    assert response["Location"] == "/login/?next=/"
    assert '<html lang="en" data-theme="dark" data-bs-theme="dark">' in text_of(client.get("/login/"))
    client.post("/account/theme/", {"theme": "plaid"})
    assert client.cookies["perfplatform_theme"].value == "dark"


def test_password_change_keeps_this_session_and_ends_others(owner: User, owner_client: Client) -> None:
    elsewhere = client_of(owner)
    wrong = {"old_password": "wrong", "new_password1": "Tr0ub4dor&3 x", "new_password2": "Tr0ub4dor&3 x"}
    assert "Your old password was entered incorrectly" in text_of(
        owner_client.post("/account/password/", wrong)
    )
    right = {**wrong, "old_password": factories.PASSWORD}
    assert owner_client.post("/account/password/", right)["Location"] == "/account/"
    assert owner_client.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


def test_personal_token_is_shown_once_and_revoked(owner: User, owner_client: Client) -> None:
    response = owner_client.post("/account/tokens/", {"name": "laptop"})
    found = re.search(r"ppt_[\w-]{43}", text_of(response))
    assert found
    assert response["Cache-Control"] == "no-store"
    token = Token.objects.valid(found[0])
    assert token is not None
    assert token.user == owner
    assert found[0] not in text_of(owner_client.get("/account/"))
    stranger = client_of(factories.user())
    revoke = reverse("projects:revoke_token", args=[token.pk])
    assert stranger.post(revoke).status_code == 404
    assert owner_client.post(revoke)["Location"] == "/account/#tokens"
    assert Token.objects.valid(found[0]) is None


# Every page


def test_pages_follow_the_browsers_language(owner_client: Client, project: Project) -> None:
    for address in ("/", "/account/", at("setup", project), at("settings", project)):
        page = text_of(owner_client.get(address, headers={"Accept-Language": "zh-CN,zh;q=0.9"}))
        assert 'lang="zh-hans"' in page
        assert "性能分析平台" in page


def test_names_are_shown_and_never_markup(owner: User, owner_client: Client) -> None:
    name = "<script>alert(1)</script>"
    project = factories.project(name, owner=owner, description='"><img src=x onerror=alert(1)>')
    Key.issue(project, kind="ingest", name=name)
    for address in ("/", at("setup", project), at("settings", project)):
        content = owner_client.get(address).content.decode()
        assert "<script>alert" not in content
        assert "<img src=x" not in content
        assert "&lt;script&gt;alert(1)" in content


@pytest.mark.parametrize(("address", "status", "told"), [("/no/such/page/", 404, "There is nothing here")])
def test_error_pages_have_a_way_out(owner_client: Client, address: str, status: int, told: str) -> None:
    response = owner_client.get(address)
    assert response.status_code == status
    assert told in text_of(response)
    assert 'href="/"' in text_of(response)
    chinese = owner_client.get(address, headers={"Accept-Language": "zh-CN"})
    assert "前往项目列表" in text_of(chinese)


def test_expired_form_is_explained(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post("/account/tokens/", {"name": "x"})
    assert response.status_code == 403
    assert "The form could not be checked" in text_of(response)


def test_zone_is_the_users_then_the_projects(owner: User, project: Project) -> None:
    project.time_zone = "Europe/Paris"
    assert zone_of(owner) == zoneinfo.ZoneInfo("UTC")
    assert zone_of(owner, project) == zoneinfo.ZoneInfo("Europe/Paris")
    owner.time_zone = "Asia/Shanghai"
    assert zone_of(owner, project) == zoneinfo.ZoneInfo("Asia/Shanghai")
    owner.time_zone = "Not/There"
    assert zone_of(owner, project) == zoneinfo.ZoneInfo("Europe/Paris")


def test_times_are_shown_in_the_users_zone(owner: User, owner_client: Client, project: Project) -> None:
    User.objects.filter(pk=owner.pk).update(time_zone="Asia/Kathmandu")
    Key.issue(project, kind="ingest", name="k")
    Key.objects.update(created_at=datetime(2026, 3, 1, 20, 30, tzinfo=UTC))
    page = text_of(owner_client.get(at("settings", project)))
    assert 'title="2026-03-02 02:15:00 Asia/Kathmandu (UTC+05:45)"' in page
    assert ">Mar 2, 2026<" in page


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("name", ["400", "403", "404", "500", "503", "csrf"])
def test_error_pages_need_neither_user_nor_database(name: str, language: str) -> None:
    request = RequestFactory().get("/somewhere/")
    with translation.override(language):
        page = render_to_string(f"errors/{name}.html", request=request)
    assert f'lang="{language}"' in page
    assert 'href="/"' in page
    assert ("性能分析平台" in page) == (language == "zh-hans")


@pytest.mark.parametrize("name", ["hour", "moment"])
def test_times_of_another_year_say_so(name: str) -> None:
    template = Template(f"{{% load pages %}}{{% {name} at %}}")
    zone = zoneinfo.ZoneInfo("Asia/Tokyo")
    long_ago = datetime(2019, 12, 31, 16, 0, tzinfo=UTC)
    assert ">Jan 1, 2020" in template.render(Context({"at": long_ago, "zone": zone}))
    now = timezone.now()
    shown = re.sub(r"<[^>]*>", "", template.render(Context({"at": now, "zone": zone})))
    assert str(now.astimezone(zone).year) not in shown
