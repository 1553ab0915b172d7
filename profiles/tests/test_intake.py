"""What is counted of batches, the quota of a day, and what processes say of themselves."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import models
from django.utils import timezone
from rest_framework.test import APIClient

from perfplatform import mongo
from profiles.models import Instance, Intake, Ledger, Profile, SessionBlob
from profiles.tally import Tally
from profiles.tests import batches, vectors
from projects.models import Project
from projects.tests import factories

pytestmark = pytest.mark.django_db
INGEST = "/api/v1/ingest/"
_seq = itertools.count(1)


@pytest.fixture
def sender(project: Project) -> APIClient:
    return factories.bearer(factories.project_key(project))


def send(client: APIClient, sent: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = client.post(INGEST, sent, format="json").json()
    return answer


def said(dropped: dict[str, int] | None = None, **changes: Any) -> dict[str, Any]:
    """A batch with one ledger document of one instance, newer than all before."""
    sent = vectors.batch(timezone.now())
    document = {**sent["ledger"][0], "seq": next(_seq), "dropped": dropped or {}}
    document["statistics"] = changes.pop("statistics", {})
    return {**sent, "profiles": [], "ledger": [document], **changes}


def counted(project: Project) -> Tally:
    now = timezone.now()
    return Intake.objects.between(project.pk, now - timedelta(hours=1), now)


def limit(project: Project, daily_profiles: int) -> None:
    Project.objects.filter(pk=project.pk).update(daily_profiles=daily_profiles)


@contextmanager
def refusing_writes(*tables: type[models.Model]) -> Iterator[None]:
    """Inside, MongoDB refuses every document of these collections."""
    for table in tables:
        mongo.database().command("collMod", table._meta.db_table, validator={"never": True})
    try:
        yield
    finally:
        for table in tables:
            mongo.database().command("collMod", table._meta.db_table, validator={})


@contextmanager
def commands() -> Iterator[Counter[str]]:
    """What MongoDB was asked for inside, as `update profiles_intake`."""
    database, found = mongo.database(), Counter[str]()
    database.command("profile", 2)
    try:
        yield found
    finally:
        database.command("profile", 0)
        for row in database["system.profile"].find({"op": {"$ne": "command"}}):
            found[f"{row['op']} {row['ns'].partition('.')[2]}"] += 1
        for row in database["system.profile"].find({"command.findAndModify": {"$exists": True}}):
            found[f"findAndModify {row['command']['findAndModify']}"] += 1
        database.drop_collection("system.profile")


# What is counted


def test_batch_is_counted_by_what_became_of_its_items(project: Project, sender: APIClient) -> None:
    late = batches.profile(started_at=vectors.rfc3339(timezone.now() - timedelta(hours=7)))
    ledger = vectors.batch(timezone.now())["ledger"]
    send(sender, batches.batch(batches.profile(), batches.profile(), late, {"id": 1}, ledger=ledger))
    found = counted(project)
    assert (found.profiles, found.ledger) == (2, 1)
    assert found.refused == Counter(too_late=1, invalid=1)
    [stored] = Intake.objects.all()
    assert stored.project_id == project.pk
    assert stored.expires_at - stored.hour == timedelta(days=90)


def test_batch_of_which_nothing_is_stored_is_counted(project: Project, sender: APIClient) -> None:
    send(sender, batches.batch({"id": 1}, {"id": 2}))
    assert counted(project) == Tally(refused=Counter(invalid=2))


def test_body_that_cannot_be_read_is_counted(project: Project, sender: APIClient) -> None:
    sender.post(INGEST, b"{", content_type="application/json")
    sender.post(INGEST, json.dumps(batches.batch(profiles=[{}] * 201)), content_type="application/json")
    assert counted(project).refused == Counter(unreadable=2)


def test_empty_batch_is_not_counted(project: Project, sender: APIClient) -> None:
    send(sender, batches.batch())
    assert Intake.objects.count() == 0


def test_hours_and_projects_are_apart(project: Project) -> None:
    at = datetime(2026, 3, 1, 10, 59, 59, tzinfo=UTC)
    other = factories.project()
    for owner, moment in ((project, at), (project, at + timedelta(seconds=1)), (other, at)):
        Intake.objects.add(owner.pk, Tally(profiles=5), at=moment)
    assert Intake.objects.between(project.pk, at, at).profiles == 5
    assert Intake.objects.between(project.pk, at, at + timedelta(hours=1)).profiles == 10
    assert Intake.objects.profiles_of_day(project.pk, at=at + timedelta(hours=13)) == 10
    assert Intake.objects.profiles_of_day(project.pk, at=at + timedelta(hours=14)) == 0


def test_concurrent_counts_add_up(project: Project) -> None:
    now = timezone.now()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: Intake.objects.add(project.pk, Tally(profiles=3), at=now), range(100)))
    assert counted(project).profiles == 300


def test_since_midnight_is_told_by_project(project: Project) -> None:
    now = timezone.now()
    Intake.objects.add(project.pk, Tally(profiles=2), at=now)
    Intake.objects.add(project.pk, Tally(profiles=7), at=now - timedelta(days=1))
    assert {key: found.profiles for key, found in Intake.objects.since_midnight().items()} == {project.pk: 2}


def test_counts_and_instances_expire(project: Project) -> None:
    for model in (Intake, Instance):
        assert mongo.collection(model).index_information()["expires_at_ttl"]["expireAfterSeconds"] == 0


# What it costs, and what it may not do


def test_counting_costs_a_batch_one_write(project: Project, sender: APIClient) -> None:
    send(sender, {**said(), "profiles": [batches.profile()]})
    with commands() as asked:
        send(sender, {**said(), "profiles": [batches.profile()]})
    extra = {what: count for what, count in asked.items() if "intake" in what or "instance" in what}
    assert extra == {"update profiles_intake": 1}


def test_failing_counters_neither_refuse_nor_lose_a_batch(
    project: Project, sender: APIClient, caplog: pytest.LogCaptureFixture
) -> None:
    sent = {**said({"queue_full": 1}), "profiles": [batches.profile()]}
    with refusing_writes(Intake, Instance):
        response = sender.post(INGEST, sent, format="json")
    assert (response.status_code, response.json()["data"]["accepted"]) == (202, 2)
    assert (Profile.objects.count(), SessionBlob.objects.count(), Ledger.objects.count()) == (1, 1, 1)
    assert (Intake.objects.count(), Instance.objects.count()) == (0, 0)
    assert "not counted" in caplog.text


def test_drops_that_could_not_be_noted_come_with_the_next_batch(project: Project, sender: APIClient) -> None:
    with refusing_writes(Instance):
        send(sender, said({"queue_full": 2}))
    send(sender, said({"queue_full": 2}))
    assert counted(project).dropped == Counter(queue_full=2)


# The quota of a day


def test_over_the_quota_profiles_are_refused_and_the_ledger_is_taken(
    project: Project, sender: APIClient
) -> None:
    limit(project, 3)
    assert send(sender, batches.batch(batches.profile(), batches.profile()))["data"]["accepted"] == 2
    answer = send(sender, {**said(), "profiles": [batches.profile(), batches.profile(), {"id": 1}]})
    assert answer["data"]["accepted"] == 2
    assert [(row["list"], row["index"], row["code"]) for row in answer["data"]["rejected"]] == [
        ("profiles", 1, "quota"),
        ("profiles", 2, "invalid"),
    ]
    assert (Profile.objects.count(), SessionBlob.objects.count(), Ledger.objects.count()) == (3, 3, 1)
    assert counted(project).refused == Counter(quota=1, invalid=1)
    answer = send(sender, batches.batch(batches.profile()))
    assert (answer["code"], answer["data"]["rejected"][0]["code"]) == (20004, "quota")


def test_zero_is_no_quota(project: Project, sender: APIClient) -> None:
    limit(project, 0)
    assert send(sender, batches.batch(*(batches.profile() for _ in range(5))))["data"]["accepted"] == 5


def test_sending_again_is_acknowledged_over_the_quota(project: Project, sender: APIClient) -> None:
    limit(project, 2)
    sent = batches.batch(batches.profile(), batches.profile())
    assert send(sender, sent) == send(sender, sent) == send(sender, sent)
    answer = send(sender, batches.batch(*sent["profiles"], batches.profile()))
    assert (answer["data"]["accepted"], answer["data"]["rejected"][0]["index"]) == (2, 2)
    assert Profile.objects.count() == 2


def test_id_of_another_project_is_no_way_around_the_quota(project: Project, sender: APIClient) -> None:
    elsewhere = batches.stored_profile(factories.project())
    limit(project, 1)
    send(sender, batches.batch(batches.profile()))
    answer = send(sender, batches.batch(batches.profile(id=elsewhere)))
    assert answer["data"]["rejected"][0]["code"] == "quota"


def test_quota_counts_what_other_processes_took_in(project: Project, sender: APIClient) -> None:
    limit(project, 2)
    Intake.objects.add(project.pk, Tally(profiles=2), at=timezone.now())
    Intake.objects.forget()
    assert send(sender, batches.batch(batches.profile()))["code"] == 20004


def test_quota_begins_again_at_midnight(project: Project) -> None:
    limit(project, 1)
    project.refresh_from_db()
    evening = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    Intake.objects.add(project.pk, Tally(profiles=1), at=evening)
    assert Intake.objects.left_of_quota(project, at=evening) == 0
    assert Intake.objects.left_of_quota(project, at=evening + timedelta(minutes=1)) == 1


def test_quota_survives_a_database_that_counts_nothing(project: Project, sender: APIClient) -> None:
    limit(project, 1)
    with refusing_writes(Intake):
        assert send(sender, batches.batch(batches.profile()))["code"] == 0
    # This process knows it all the same.
    assert send(sender, batches.batch(batches.profile()))["code"] == 20004


# What processes say of themselves


def test_process_is_known_by_its_ledger(project: Project, sender: APIClient) -> None:
    sent = said({"queue_full": 2}, statistics={"posts": 5, "sampling_us": 70_000, "sending_us": 5_000})
    send(sender, sent)
    [found] = Instance.objects.pages(project.pk, 25).page(1).object_list
    process = sent["process"]
    for name in ("instance", "hostname", "pid", "python", "framework"):
        assert getattr(found, name) == process[name], name
    assert found.sdk == f"{sent['sdk']['name']} {sent['sdk']['version']}"
    assert (found.version_name, found.environment) == (sent["version"]["name"], "production")
    assert (found.dropped, found.cpu_us) == ({"queue_full": 2}, 75_000)
    assert found.statistics == {"posts": 5, "sampling_us": 70_000, "sending_us": 5_000}
    assert found.first_seen == found.last_seen
    assert found.expires_at - found.last_seen == timedelta(days=7)
    assert found.project_id == project.pk


def test_process_without_a_ledger_is_not_noted(sender: APIClient) -> None:
    send(sender, batches.batch(batches.profile()))
    assert Instance.objects.count() == 0


def test_drops_are_counted_once_whatever_is_sent_again_or_late(project: Project, sender: APIClient) -> None:
    earlier, later = said({"queue_full": 3}), said({"queue_full": 5, "rate_limited": 1})
    for sent in (earlier, earlier, later, earlier, later):
        send(sender, sent)
        Instance.objects.forget()
    assert counted(project).dropped == Counter(queue_full=5, rate_limited=1)
    assert Instance.objects.get().dropped == {"queue_full": 5, "rate_limited": 1}


def test_drops_sent_at_once_are_counted_once(project: Project) -> None:
    process = {"instance": "0" * 32, "hostname": "web-1", "pid": 1}

    def note(count: int) -> Counter[str]:
        Instance.objects.forget()
        return Instance.objects.seen(
            project.pk, process, dropped={"queue_full": count}, statistics={}, at=timezone.now()
        )

    with ThreadPoolExecutor(8) as pool:
        found: Counter[str] = sum(pool.map(note, [*range(1, 41), *range(1, 41)]), Counter())
    assert found == Counter(queue_full=40)


def test_drops_of_the_last_minute_are_not_missed(project: Project, sender: APIClient) -> None:
    """A process notes itself once a minute, unless it has dropped something since."""
    for dropped in ({"queue_full": 1}, {"queue_full": 1}, {"queue_full": 4}):
        send(sender, said(dropped))
    assert counted(project).dropped == Counter(queue_full=4)


def test_names_that_are_paths_to_mongodb_are_only_names(project: Project, sender: APIClient) -> None:
    hostile = {"$inc": 1, "a.b": 2, "_id": 4}
    answer = send(sender, said(hostile, statistics={"$where": 1, "posts.x": 2, "posts": 3}))
    assert answer["data"]["accepted"] == 1
    assert counted(project).dropped == Counter(other=7)
    assert Instance.objects.get().statistics == {"posts": 3}


def test_counts_beyond_what_mongodb_holds_harm_nothing(project: Project, sender: APIClient) -> None:
    most = 2**53 - 1
    for number in range(40):
        process = {**said()["process"], "instance": f"{number:032x}"}
        answer = send(sender, said({f"reason {n}": most for n in range(32)}, process=process))
        assert answer["data"]["accepted"] == 1
    assert Ledger.objects.count() == 40


def test_processes_are_listed_by_when_they_were_heard_of(project: Project) -> None:
    now = timezone.now()
    for number in range(7):
        process = {"instance": f"{number:032x}", "hostname": f"web-{number}", "pid": 1}
        at = now - timedelta(minutes=number)
        Instance.objects.seen(project.pk, process, dropped={}, statistics={}, at=at)
    Instance.objects.seen(factories.project().pk, {"instance": "f" * 32}, dropped={}, statistics={}, at=now)
    pages = Instance.objects.pages(project.pk, 3)
    assert (pages.count, pages.num_pages) == (7, 3)
    assert [found.hostname for found in pages.page(2).object_list] == ["web-3", "web-4", "web-5"]


def test_list_of_processes_is_served_by_its_index(project: Project) -> None:
    rows = mongo.collection(Instance).find({"project_id": project.pk}, sort=[("last_seen", -1)], limit=25)
    plan = json.dumps(rows.explain()["queryPlanner"]["winningPlan"])
    assert "instance_newest" in plan
    assert '"SORT"' not in plan
