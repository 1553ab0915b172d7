"""POST /api/v1/ingest/ over HTTP: every answer of docs/wire.md, section 4, and what is stored then."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import requests
import zstandard
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from rest_framework.test import APIClient

from perfplatform import mongo
from profiles.ledger import LedgerDocument
from profiles.models import Ledger, Profile, SessionBlob
from profiles.tests import batches, vectors
from projects.models import Deploy, Key, Project, User, Version
from projects.tests import factories

INGEST = "/api/v1/ingest/"
REJECTED = vectors.load("rejected.json")


@pytest.fixture
def sender(project: Project) -> APIClient:
    """Sends with a key of the project."""
    return factories.bearer(factories.project_key(project))


def post(client: APIClient, body: bytes | dict[str, Any], **headers: Any) -> tuple[int, dict[str, Any]]:
    """Send a body; return the status and the envelope."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = client.post(INGEST, sent, content_type="application/json", **headers)
    return response.status_code, response.json()


def ten_profiles() -> list[dict[str, Any]]:
    return [batches.profile() for _ in range(10)]


# Who may send


def test_without_a_key(db: None) -> None:
    response = APIClient().post(INGEST, {}, format="json")
    assert (response.status_code, response.json()["code"]) == (401, 10002)
    assert response["WWW-Authenticate"] == "Bearer"


def test_with_an_unknown_key(db: None) -> None:
    status, answer = post(factories.bearer("ppk_" + "x" * 43), batches.batch())
    assert (status, answer["code"], answer["data"]) == (401, 20003, {})


def test_with_a_revoked_key(project: Project) -> None:
    key, secret = Key.issue(project, kind=Key.Kind.INGEST, name="old")
    key.revoke()
    status, answer = post(factories.bearer(secret), batches.batch())
    assert (status, answer["code"]) == (401, 20003)


def test_with_the_wrong_kind_of_credential(project: Project, owner: User) -> None:
    for secret in (factories.deploy_token(project), factories.personal_token(owner)):
        status, answer = post(factories.bearer(secret), batches.batch())
        assert (status, answer["code"]) == (403, 10003)


def test_into_a_paused_project(project: Project, sender: APIClient) -> None:
    Project.objects.filter(pk=project.pk).update(status=Project.Status.PAUSED)
    status, answer = post(sender, batches.batch(batches.profile()))
    assert (status, answer["code"]) == (403, 10003)
    assert Profile.objects.count() == 0


def test_key_in_its_own_header(project: Project) -> None:
    client = APIClient()
    client.credentials(HTTP_X_PROJECT_KEY=factories.project_key(project))
    assert post(client, batches.batch()) == (
        202,
        {"code": 0, "msg": "success", "data": {"accepted": 0, "rejected": []}},
    )


def test_checking_a_key_stores_nothing(sender: APIClient) -> None:
    assert post(sender, batches.batch())[0] == 202
    assert (Version.objects.count(), Profile.objects.count(), Ledger.objects.count()) == (0, 0, 0)


# What is stored


def test_profile_is_stored_with_everything(project: Project, sender: APIClient) -> None:
    sent = vectors.batch(timezone.now())
    assert post(sender, sent)[1]["data"] == {"accepted": 2, "rejected": []}
    item, process = sent["profiles"][0], sent["process"]
    stored = Profile.objects.find(item["id"])
    assert stored is not None
    said = ("id", "kind", "endpoint", "method", "status", "duration_us", "cpu_us", "engine", "interval_us")
    for name in (*said, "trigger", "streaming", "trace_id", "tags", "counters"):
        assert getattr(stored, name) == item[name], name
    for name in ("instance", "hostname", "pid", "python", "framework"):
        assert getattr(stored, name) == process[name], name
    # MongoDB keeps milliseconds.
    assert vectors.rfc3339(stored.started_at)[:23] == item["started_at"][:23]
    assert (stored.project_id, stored.version_name, stored.environment) == (project.pk, "1.4.2", "production")
    assert (stored.error_type, stored.is_error, stored.sample_count) == ("", False, 40)
    assert stored.expires_at - stored.received_at == timedelta(days=project.retention_days)
    assert Profile.objects.get(pk=item["id"]).tags == item["tags"]


def test_session_is_stored_without_loss(project: Project) -> None:
    for case in vectors.load("sessions.json"):
        for form in ("session", "table"):
            profile_id = batches.stored_profile(project, session=case[form])
            assert SessionBlob.objects.session(profile_id) == as_tuples(case["session"]), case["name"]


def as_tuples(session: dict[str, Any]) -> dict[str, Any]:
    return {**session, "frame_records": [(stack, seconds) for stack, seconds in session["frame_records"]]}


def test_session_carries_its_own_expiry(project: Project) -> None:
    profile_id = batches.stored_profile(project)
    stored = Profile.objects.get(pk=profile_id)
    assert SessionBlob.objects.get(pk=profile_id).expires_at == stored.expires_at


def test_first_traffic_makes_version_and_deploy(project: Project) -> None:
    batches.stored_profile(project)
    version = Version.objects.get(project=project)
    sent = vectors.load("batch.json")["version"]
    assert (version.name, version.commit, version.branch) == (sent["name"], sent["commit"], sent["branch"])
    deploy = Deploy.objects.get(version=version)
    assert (deploy.environment, deploy.source) == ("production", "traffic")


@pytest.mark.parametrize(
    ("status", "error_type", "failed"),
    [(200, "", False), (404, "", False), (500, "", True), (None, "", False), (None, "ValueError", True)],
)
def test_failure_is_an_exception_or_a_5xx(
    project: Project, status: int | None, error_type: str, *, failed: bool
) -> None:
    profile_id = batches.stored_profile(project, status=status, error_type=error_type)
    assert Profile.objects.get(pk=profile_id).is_error is failed


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
def test_compressed_bodies(sender: APIClient, encoding: str) -> None:
    sent = json.dumps(batches.batch(batches.profile())).encode()
    compress: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "zstd": zstandard.ZstdCompressor().compress,
        "identity": bytes,
    }
    status, answer = post(sender, compress[encoding](sent), HTTP_CONTENT_ENCODING=encoding)
    assert (status, answer["data"]["accepted"]) == (202, 1)


# What is refused


@pytest.mark.parametrize("body", [b"", b"{", b"not JSON", b"\xff\xfe", b"[]", b"null", b'{"schema": 1}'])
def test_body_that_is_no_batch(sender: APIClient, body: bytes) -> None:
    status, answer = post(sender, body)
    assert (status, answer["code"]) == (400, 20004)
    assert answer["msg"]


def test_truncated_gzip(sender: APIClient) -> None:
    sent = gzip.compress(json.dumps(batches.batch(batches.profile())).encode())
    status, answer = post(sender, sent[:-20], HTTP_CONTENT_ENCODING="gzip")
    assert (status, answer["code"]) == (400, 20004)
    assert "truncated" in answer["msg"]
    assert Profile.objects.count() == 0


def test_gzip_bomb(sender: APIClient) -> None:
    status, answer = post(sender, gzip.compress(b" " * 33 * 1024 * 1024), HTTP_CONTENT_ENCODING="gzip")
    assert (status, answer["code"]) == (413, 20004)
    assert "32 MB" in answer["msg"]


def test_body_over_8_megabytes(sender: APIClient) -> None:
    status, answer = post(sender, b" " * (8 * 1024 * 1024 + 1))
    assert (status, answer["code"]) == (413, 20004)
    assert "8 MB" in answer["msg"]
    assert post(sender, json.dumps(batches.batch()).encode().ljust(8 * 1024 * 1024))[0] == 202


def test_item_over_8_megabytes(sender: APIClient) -> None:
    large = batches.profile(ignored="x" * 8 * 1024 * 1024)
    sent = gzip.compress(json.dumps(batches.batch(large, batches.profile())).encode())
    status, answer = post(sender, sent, HTTP_CONTENT_ENCODING="gzip")
    assert (status, answer["data"]["accepted"]) == (202, 1)
    [refused] = answer["data"]["rejected"]
    assert (refused["index"], refused["code"]) == (0, "too_large")


def test_chunked_body(live_sender: tuple[str, dict[str, str]]) -> None:
    """It must not look like an empty one, and nobody may wait for its end."""
    address, headers = live_sender
    parts = iter([b'{"schema": 1', b"}"])
    answer = requests.post(
        address, data=parts, headers={**headers, "Content-Type": "application/json"}, timeout=9
    )
    assert (answer.status_code, answer.json()["code"]) == (411, 20004)


@pytest.mark.parametrize("name", ["profiles", "ledger"])
def test_more_than_200_items(sender: APIClient, name: str) -> None:
    status, answer = post(sender, batches.batch(**{name: [{}] * 201}))
    assert (status, answer["code"]) == (413, 20004)
    assert "200" in answer["msg"]


def test_media_types_and_encodings_that_are_not_listed(sender: APIClient) -> None:
    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        response = sender.post(INGEST, b"{}", content_type=content_type)
        assert (response.status_code, response.json()["code"]) == (415, 10001), content_type
    for encoding in ("br", "deflate", "gzip, gzip"):
        status, answer = post(sender, b"{}", HTTP_CONTENT_ENCODING=encoding)
        assert (status, answer["code"]) == (415, 10001)
    response = sender.post(
        INGEST, json.dumps(batches.batch()), content_type="Application/JSON; charset=utf-8"
    )
    assert response.status_code == 202


def test_every_rejected_vector(sender: APIClient) -> None:
    """One after the other into the same database: none of them stores what it should not."""
    for row in REJECTED:
        mongo.collection(Profile).delete_many({})
        status, answer = post(sender, vectors.rejected_body(row, timezone.now()))
        assert status == row["status"], (row["name"], answer)
        if "in" not in row:
            assert (answer["code"], answer["data"]) == (row["code"], {}), row["name"]
            continue
        [refused] = answer["data"]["rejected"]
        assert answer["data"]["accepted"] == 1, row["name"]
        assert (refused["list"], refused["index"], refused["code"]) == (row["in"], row["index"], row["code"])
        assert row["field"] in refused["reason"], row["name"]
        assert Profile.objects.count() == (0 if row["in"] == "profiles" else 1), row["name"]


def test_one_bad_profile_among_ten(sender: APIClient) -> None:
    profiles = ten_profiles()
    profiles[3]["duration_us"] = -1
    status, answer = post(sender, batches.batch(*profiles))
    assert (status, answer["code"], answer["data"]["accepted"]) == (202, 0, 9)
    [refused] = answer["data"]["rejected"]
    assert (refused["list"], refused["index"], refused["code"]) == ("profiles", 3, "invalid")
    assert "duration_us" in refused["reason"]
    kept = set(Profile.objects.values_list("pk", flat=True))
    assert kept == {profile["id"] for profile in profiles} - {profiles[3]["id"]}


def test_all_bad(sender: APIClient) -> None:
    status, answer = post(sender, batches.batch(batches.profile(kind="job"), batches.profile(status=7)))
    assert (status, answer["code"], answer["data"]["accepted"]) == (422, 20004, 0)
    assert [refused["index"] for refused in answer["data"]["rejected"]] == [0, 1]
    assert (Profile.objects.count(), Version.objects.count()) == (0, 0)


def test_too_late_and_clock_skew(sender: APIClient) -> None:
    now = timezone.now()
    late = batches.profile(started_at=vectors.rfc3339(now - timedelta(hours=6, minutes=1)))
    early = batches.profile(started_at=vectors.rfc3339(now + timedelta(minutes=6)))
    in_time = batches.profile(started_at=vectors.rfc3339(now - timedelta(hours=5, minutes=59)))
    status, answer = post(sender, batches.batch(late, early, in_time))
    assert (status, answer["data"]["accepted"]) == (202, 1)
    assert [refused["code"] for refused in answer["data"]["rejected"]] == ["too_late", "clock_skew"]


def test_versions_beyond_500_are_filed_together(project: Project, sender: APIClient) -> None:
    Version.objects.bulk_create(Version(project=project, name=f"build-{n}") for n in range(500))
    ledger = vectors.batch(timezone.now())["ledger"]
    named = {"name": "build-500", "commit": "abc", "branch": "main"}
    status, answer = post(sender, batches.batch(batches.profile(), ledger=ledger, version=named))
    assert (status, answer["data"]["accepted"]) == (202, 2)
    other = Version.objects.get(name="(other)")
    assert (other.commit, other.branch) == ("", "")
    for model in (Profile, Ledger):
        [stored] = mongo.collection(model).find()
        assert (stored["version_name"], stored["version_id"]) == ("(other)", other.pk)


def test_id_of_another_project(sender: APIClient) -> None:
    elsewhere = batches.stored_profile(factories.project("Elsewhere"))
    mine = batches.profile()
    status, answer = post(sender, batches.batch(batches.profile(id=elsewhere), mine))
    assert (status, answer["data"]["accepted"]) == (202, 1)
    [refused] = answer["data"]["rejected"]
    assert (refused["index"], refused["code"]) == (0, "id_taken")
    status, answer = post(sender, batches.batch(batches.profile(id=elsewhere)))
    assert (status, answer["code"]) == (422, 20004)
    assert Profile.objects.count() == 2


# Sending again


def test_resent_batch_changes_nothing(sender: APIClient) -> None:
    sent = batches.batch(*ten_profiles(), ledger=vectors.batch(timezone.now())["ledger"])
    first = post(sender, sent)
    before = everything()
    assert (
        post(sender, sent)
        == first
        == (202, {"code": 0, "msg": "success", "data": {"accepted": 11, "rejected": []}})
    )
    assert everything() == before


def everything() -> list[list[dict[str, Any]]]:
    return [
        list(mongo.collection(model).find().sort("_id"))
        for model in (Profile, SessionBlob, Ledger, Version, Deploy)
    ]


def test_same_id_twice_in_one_batch(sender: APIClient) -> None:
    profile = batches.profile()
    status, answer = post(sender, batches.batch(profile, profile))
    assert (status, answer["data"]) == (202, {"accepted": 2, "rejected": []})
    assert (Profile.objects.count(), SessionBlob.objects.count()) == (1, 1)


def test_profile_whose_recording_alone_was_stored_is_completed(project: Project, sender: APIClient) -> None:
    """What a crash between the two inserts leaves behind is mended by sending again."""
    sent = batches.batch(batches.profile())
    post(sender, sent)
    mongo.collection(Profile).delete_many({})
    assert post(sender, sent)[1]["data"]["accepted"] == 1
    assert Profile.objects.count() == 1


def ledger_batch(seq: int, **changes: Any) -> dict[str, Any]:
    sent = vectors.batch(timezone.now())
    return {**sent, "profiles": [], "ledger": [{**sent["ledger"][0], "seq": seq, **changes}]}


def test_ledger_document_is_replaced_by_a_later_one_only(sender: APIClient) -> None:
    for seq, dropped, kept in ((3, 1, 3), (5, 2, 5), (4, 9, 5), (5, 9, 5), (6, 3, 6)):
        status, answer = post(sender, ledger_batch(seq, dropped={"queue_full": dropped}))
        assert (status, answer["data"]["accepted"]) == (202, 1)
        stored = Ledger.objects.get()
        assert stored.seq == kept
        assert stored.dropped["queue_full"] != 9


def test_ledger_document_is_stored_as_it_came(project: Project, sender: APIClient) -> None:
    sent = vectors.batch(timezone.now())
    post(sender, sent)
    stored = Ledger.objects.get()
    assert stored.pk == f"{project.pk}:{sent['process']['instance']}:{sent['ledger'][0]['minute'][:16]}"
    assert stored.expires_at - stored.minute == timedelta(hours=12)
    assert stored.statistics == sent["ledger"][0].get("statistics", {})
    content = msgspec.json.decode(zstandard.decompress(stored.data), type=LedgerDocument)
    assert content == msgspec.json.decode(json.dumps(sent["ledger"][0]), type=LedgerDocument)


# Many at once


@pytest.fixture
def live_sender(live_server: LiveServer, project: Project) -> tuple[str, dict[str, str]]:
    return f"{live_server.url}{INGEST}", {"Authorization": f"Bearer {factories.project_key(project)}"}


def test_same_batch_concurrently(live_sender: tuple[str, dict[str, str]]) -> None:
    address, headers = live_sender
    sent = batches.batch(*ten_profiles(), ledger=vectors.batch(timezone.now())["ledger"])
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(requests.post, address, json=sent, headers=headers, timeout=30) for _ in range(16)
        ]
        answers = [job.result() for job in jobs]
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["data"]["accepted"] for answer in answers} == {11}
    assert (Profile.objects.count(), SessionBlob.objects.count(), Ledger.objects.count()) == (10, 10, 1)
    assert (Version.objects.count(), Deploy.objects.count()) == (1, 1)


def test_twenty_clients_at_once(live_sender: tuple[str, dict[str, str]]) -> None:
    address, headers = live_sender

    def client(number: int) -> set[str]:
        """Send five batches, the last one twice; return the ids that were acknowledged."""
        acknowledged: set[str] = set()
        sent = [batches.batch(batches.profile(), batches.profile()) for _ in range(5)]
        with requests.Session() as session:
            for batch in (*sent, sent[-1]):
                batch["process"]["instance"] = f"{number:032x}"
                answer = session.post(address, json=batch, headers=headers, timeout=60)
                assert (answer.status_code, answer.json()["data"]["accepted"]) == (202, 2)
                acknowledged |= {profile["id"] for profile in batch["profiles"]}
        return acknowledged

    with ThreadPoolExecutor(20) as pool:
        acknowledged = set().union(*pool.map(client, range(20)))
    assert len(acknowledged) == 200
    assert set(Profile.objects.values_list("pk", flat=True)) == acknowledged
    assert set(SessionBlob.objects.values_list("pk", flat=True)) == acknowledged


def test_racing_ledger_documents_leave_the_latest(live_sender: tuple[str, dict[str, str]]) -> None:
    address, headers = live_sender
    sent = [ledger_batch(seq) for seq in range(1, 41)]
    with ThreadPoolExecutor(10) as pool:
        jobs = [
            pool.submit(requests.post, address, json=batch, headers=headers, timeout=30) for batch in sent
        ]
    assert {job.result().status_code for job in jobs} == {202}
    assert Ledger.objects.get().seq == 40


def test_redis_down(sender: APIClient, settings: Settings) -> None:
    """Nothing listens where the cache and the broker should be; whoever asked them would fail."""
    nowhere = "redis://127.0.0.1:1/0"
    settings.CACHES = {
        "default": {
            **settings.CACHES["default"],
            "LOCATION": nowhere,
            "OPTIONS": {"IGNORE_EXCEPTIONS": False},
        }
    }
    settings.CELERY_BROKER_URL = nowhere
    assert post(sender, batches.batch(batches.profile()))[0] == 202
    assert Profile.objects.count() == 1
