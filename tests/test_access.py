"""Walks every address of the platform as everybody. An address that is not in the table fails the walk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from analysis.identity import Identity
from profiles.tests import batches
from projects.models import Deploy, Key, Member, Project, Token, User, Version
from projects.tests import factories

EVERYBODY = ("anonymous", "stranger", "staff", "viewer", "editor", "owner")

# Answers in the order of EVERYBODY. 302 of the anonymous leads to the login.
OPEN = (200,) * 6
SIGNED_IN = (302, 200, 200, 200, 200, 200)
MEMBERS = (302, 404, 404, 200, 200, 200)
API_SIGNED_IN = (401, 200, 200, 200, 200, 200)
API_MEMBERS = (401, 404, 404, 200, 200, 200)
API_OF_MEMBERS = (401, 404, 404, 400, 400, 400)
KEY_ONLY = (401,) * 6


def owners(status: int) -> tuple[int, ...]:
    return (302, 404, 404, 403, 403, status)


def editors(status: int) -> tuple[int, ...]:
    return (302, 404, 404, 403, status, status)


def api_owners(status: int) -> tuple[int, ...]:
    return (401, 404, 404, 403, 403, status)


def api_editors(status: int) -> tuple[int, ...]:
    return (401, 404, 404, 403, status, status)


@dataclass(frozen=True)
class Step:
    """What is asked for at an address, and what each of EVERYBODY gets."""

    expected: tuple[int, ...]
    method: str = "get"
    data: dict[str, Any] | None = None


def get(expected: tuple[int, ...]) -> Step:
    return Step(expected)


def post(expected: tuple[int, ...], **data: Any) -> Step:
    return Step(expected, "post", data)


def put(expected: tuple[int, ...], **data: Any) -> Step:
    return Step(expected, "put", data)


def delete(expected: tuple[int, ...]) -> Step:
    return Step(expected, "delete")


API = "api/v1/"
IN_PROJECT = f"{API}projects/<str:project_id>/"
PAGES = "projects/<slug:slug>/"

# Static files, Django's admin (its own permissions; below) and catch-alls are no part of the walk.
WALK: dict[str, list[Step]] = {
    "healthz": [get(OPEN)],
    "readyz": [get((503,) * 6)],
    "metrics": [get((401, 403, 200, 403, 403, 403))],
    "login/": [get((200, 302, 302, 302, 302, 302))],
    "logout/": [post((302,) * 6)],
    "i18n/setlang/": [post((302,) * 6, language="en")],
    "": [get(SIGNED_IN)],
    "activity/": [get(SIGNED_IN)],
    "projects/new/": [get(SIGNED_IN)],
    "search/": [get(SIGNED_IN)],
    "account/": [get(SIGNED_IN)],
    "account/password/": [get(SIGNED_IN)],
    "account/theme/": [post((302,) * 6, theme="dark")],
    "account/tokens/": [post(SIGNED_IN, name="mine")],
    "account/tokens/<object_id:token_id>/revoke/": [post((302, 404, 404, 404, 404, 302))],
    PAGES: [get(MEMBERS)],
    f"{PAGES}chosen-profiles/": [get(MEMBERS)],
    f"{PAGES}compare/": [get(MEMBERS)],
    f"{PAGES}compare/latest/": [get(MEMBERS)],
    f"{PAGES}endpoints/": [get(MEMBERS)],
    f"{PAGES}endpoints.csv": [get(MEMBERS)],
    f"{PAGES}profiles/": [get(MEMBERS)],
    f"{PAGES}figures.csv": [get(MEMBERS)],
    f"{PAGES}profiles.csv": [get(MEMBERS)],
    f"{PAGES}settings/ingest.csv": [get(MEMBERS)],
    f"{PAGES}settings/instances.csv": [get(MEMBERS)],
    f"{PAGES}setup/": [get(MEMBERS), post(owners(200), name="web")],
    # Of no endpoint: all of them.
    f"{PAGES}endpoint/": [get((302, 404, 404, 302, 302, 302))],
    f"{PAGES}endpoint/profiles/": [get((302, 404, 404, 302, 302, 302))],
    f"{PAGES}endpoint/findings/": [get((302, 404, 404, 302, 302, 302))],
    f"{PAGES}endpoint/prompt/": [get((302, 404, 404, 302, 302, 302))],
    f"{PAGES}findings/": [get(MEMBERS)],
    f"{PAGES}findings/decide/": [post(editors(422), status="perhaps")],
    f"{PAGES}functions/": [get(MEMBERS)],
    f"{PAGES}functions.csv": [get(MEMBERS)],
    f"{PAGES}search/": [get(MEMBERS)],
    f"{PAGES}first-profile/": [get(MEMBERS)],
    f"{PAGES}settings/": [get(MEMBERS)],
    f"{PAGES}upload/": [get(editors(200)), post(editors(422), endpoint="")],
    f"{PAGES}settings/ingest/": [get(MEMBERS)],
    f"{PAGES}settings/instances/": [get(MEMBERS)],
    f"{PAGES}settings/general/": [post(owners(422), name="")],
    f"{PAGES}settings/retention/": [post(owners(422), retention_days=0)],
    f"{PAGES}settings/source/": [post(owners(422), source_link="javascript:alert(1)")],
    f"{PAGES}storage/": [get(MEMBERS)],
    # Of a deletion that the owner began.
    "deletions/<object_id:deletion_id>/": [get((302, 404, 404, 404, 404, 200))],
    f"{PAGES}settings/sampling/": [post(editors(422), enabled="perhaps")],
    f"{PAGES}delete/": [post(owners(422), name="not its name")],
    f"{PAGES}keys/": [post(owners(200), name="web", kind="ingest")],
    f"{PAGES}keys/<object_id:key_id>/revoke/": [post(owners(302))],
    f"{PAGES}members/": [post(owners(422), username="nobody-of-this-name", role="viewer")],
    f"{PAGES}members/<object_id:member_id>/": [post(owners(302), role="viewer")],
    f"{PAGES}members/<object_id:member_id>/remove/": [post(owners(302))],
    "profiles/<str:profile_id>/": [get(MEMBERS)],
    "profiles/<str:profile_id>/keep/": [post(editors(302))],
    "profiles/<str:profile_id>/findings/": [get(MEMBERS)],
    "profiles/<str:profile_id>/prompt/": [get(MEMBERS)],
    f"{API}schema/": [get(OPEN)],
    f"{API}docs/": [get(OPEN)],
    f"{API}ingest/": [post(KEY_ONLY)],
    f"{API}upload/": [post((401, 415, 415, 415, 415, 415))],
    f"{API}sdk-config/": [get(KEY_ONLY)],
    f"{API}projects/": [get(API_SIGNED_IN), post((401, *(400,) * 5), name="")],
    IN_PROJECT: [
        get(API_MEMBERS),
        put(api_owners(400), name=""),
        delete(api_owners(200)),
    ],
    f"{IN_PROJECT}keys/": [get(API_MEMBERS), post(api_owners(201), name="web")],
    f"{IN_PROJECT}keys/<pk>/": [delete(api_owners(200))],
    f"{IN_PROJECT}members/": [get(API_MEMBERS), post(api_owners(400), username="nobody-of-this-name")],
    f"{IN_PROJECT}members/<pk>/": [put(api_owners(200), role="viewer"), delete(api_owners(200))],
    f"{IN_PROJECT}versions/": [get(API_MEMBERS)],
    f"{IN_PROJECT}versions/<pk>/": [get(API_MEMBERS), put(api_editors(200), notes="slow")],
    f"{IN_PROJECT}deploys/": [get(API_MEMBERS), post(api_editors(400))],
    f"{IN_PROJECT}sdk-settings/": [get(API_MEMBERS), put(api_editors(200), engine="sampler")],
    f"{IN_PROJECT}recordings/": [post(api_editors(201), method="GET", route="/cart", count=3, minutes=5)],
    f"{IN_PROJECT}profiles/": [get(API_MEMBERS)],
    f"{IN_PROJECT}endpoints/": [get(API_MEMBERS)],
    f"{IN_PROJECT}findings/": [get(API_MEMBERS)],
    f"{IN_PROJECT}findings/<str:finding_id>/": [put(api_editors(200), status="accepted")],
    f"{IN_PROJECT}functions/": [get(API_MEMBERS)],
    f"{IN_PROJECT}stats/": [get(API_MEMBERS)],
    # Of no version in particular.
    f"{IN_PROJECT}versions/compare/": [get(API_OF_MEMBERS)],
    f"{IN_PROJECT}versions/compare/functions/": [get(API_OF_MEMBERS)],
    # Of no endpoint in particular.
    f"{IN_PROJECT}tree/folded/": [get(API_OF_MEMBERS)],
    f"{IN_PROJECT}tree/speedscope/": [get(API_OF_MEMBERS)],
    f"{IN_PROJECT}tree/pprof/": [get(API_OF_MEMBERS)],
    f"{API}profiles/<str:profile_id>/": [get(API_MEMBERS)],
    f"{API}profiles/<str:profile_id>/keep/": [put(api_editors(200)), delete(api_editors(200))],
    f"{API}profiles/<str:profile_id>/session/": [get(API_MEMBERS)],
    f"{API}profiles/<str:profile_id>/html/": [get(API_MEMBERS)],
    f"{API}profiles/<str:profile_id>/speedscope/": [get(API_MEMBERS)],
    f"{API}profiles/<str:profile_id>/text/": [get(API_MEMBERS)],
    f"{API}profiles/<str:profile_id>/pstats/": [get(API_MEMBERS)],
    f"{API}profiles/<str:profile_id>/folded/": [get(API_MEMBERS)],
    f"{API}profiles/<str:profile_id>/pprof/": [get(API_MEMBERS)],
}

# These need no fresh world each.
READ_ONLY = [route for route, steps in WALK.items() if all(step.method == "get" for step in steps)]

# The admin has its own rules, the SDK's index none (perfplatform/tests), and below api/ is a catch-all.
LEFT_OUT = ("admin/", "sdk/", "api/")


def addresses(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern).replace("^", "").replace(r"\Z", "").replace("$", "")
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from addresses(entry, route)


def ask(client: Client, address: str, step: Step) -> Any:
    if step.data is None:
        return client.generic(step.method.upper(), address)
    if address.startswith(f"/{API}"):
        return getattr(client, step.method)(address, step.data, content_type="application/json")
    return client.post(address, step.data)


def said(response: Any) -> bytes:
    content: bytes = b"(a stream)" if response.streaming else response.content
    return content[:200]


@pytest.fixture
def everybody(project: Project, owner: User) -> dict[str, Client]:
    people: dict[str, User] = {
        "stranger": factories.user("stranger"),
        "staff": factories.user("staff", is_staff=True),
        "viewer": factories.member(project, "viewer"),
        "editor": factories.member(project, "editor"),
        "owner": owner,
    }
    clients = {"anonymous": Client()}
    for name, user in people.items():
        clients[name] = Client()
        clients[name].force_login(user)
    return clients


@pytest.fixture
def places(project: Project, owner: User) -> dict[str, str]:
    """What stands in the place of each argument of an address."""
    version = Version.objects.announce(project, name="1.0")
    Deploy.objects.create(project=project, version=version, environment="production")
    guest = Member.objects.create(project=project, user=factories.user("guest"), role="viewer")
    key, _secret = Key.issue(project, kind=Key.Kind.INGEST, name="web")
    deleted = factories.project("On its way out", owner=owner)
    deleted.mark_for_deletion(by=owner)
    return {
        "<object_id:deletion_id>": str(deleted.pk),
        "<slug:slug>": project.slug,
        "<str:project_id>": str(project.pk),
        "<str:profile_id>": batches.stored_profile(project),
        "<str:finding_id>": str(Identity("sleep", "request", "GET", "/cart", "wait", "shop/cart.py")),
        "<object_id:token_id>": str(Token.issue(owner, name="laptop")[0].pk),
        "<object_id:key_id>": str(key.pk),
        "<object_id:member_id>": str(guest.pk),
        "keys/<pk>": f"keys/{key.pk}",
        "members/<pk>": f"members/{guest.pk}",
        "versions/<pk>": f"versions/{version.pk}",
    }


def test_every_address_is_in_the_walk() -> None:
    found = {
        route.replace("(?P<pk>[0-9a-f]{24})", "<pk>").replace("(?P<project_id>[/]+)", "<str:project_id>")
        for route in addresses(get_resolver())
    }
    api = {route for route in found if route.startswith(API) and route != API}
    assert api | {route for route in found if not route.startswith(LEFT_OUT)} == set(WALK)


def walk(route: str, everybody: dict[str, Client], places: dict[str, str]) -> None:
    address = "/" + route
    for argument, value in places.items():
        address = address.replace(argument, value)
    assert "<" not in address
    for step in WALK[route]:
        for name, expected in zip(EVERYBODY, step.expected, strict=True):
            response = ask(everybody[name], address, step)
            assert response.status_code == expected, (step.method, address, name, said(response))
            if expected == 302 and name == "anonymous" and step.expected[0] != step.expected[1]:
                assert response["Location"].startswith("/login/")


@pytest.mark.django_db
def test_everybody_reads_what_the_table_says(everybody: dict[str, Client], places: dict[str, str]) -> None:
    for route in READ_ONLY:
        walk(route, everybody, places)


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route in WALK if route not in READ_ONLY])
def test_everybody_changes_what_the_table_says(
    route: str, everybody: dict[str, Client], places: dict[str, str]
) -> None:
    walk(route, everybody, places)


@pytest.mark.django_db
def test_the_admin_is_for_staff(everybody: dict[str, Client]) -> None:
    statuses = {name: client.get("/admin/").status_code for name, client in everybody.items()}
    assert statuses == dict.fromkeys(EVERYBODY, 302) | {"staff": 200}


@pytest.mark.django_db
def test_a_superuser_owns_every_project(project: Project) -> None:
    client = Client()
    client.force_login(factories.user("root", is_superuser=True))
    assert client.get(f"/projects/{project.slug}/settings/").status_code == 200
    assert client.post(f"/projects/{project.slug}/keys/", {"name": "x", "kind": "ingest"}).status_code == 200


@pytest.mark.django_db
def test_a_role_ends_with_the_membership(project: Project, everybody: dict[str, Client]) -> None:
    Member.objects.filter(project=project, role="viewer").delete()
    assert everybody["viewer"].get(f"/projects/{project.slug}/").status_code == 404
