"""Digests lose the names of their functions to the book, and say what they said."""

from __future__ import annotations

import pytest
from django.utils import timezone

from perfplatform import mongo
from profiles import repacking, shared_digest
from profiles.models import Digest, SharedFrames
from profiles.models.digest import FunctionDistributions
from profiles.repacking import Outcome, repack
from profiles.rollup import EndpointKey
from profiles.tests import batches, recorded
from profiles.tests.packing import check, digest, documents, run, store
from projects.models import Project

pytestmark = pytest.mark.django_db


def distributions(project: Project) -> FunctionDistributions:
    SharedFrames.objects.forget()
    row = mongo.collection(Digest).find_one()
    assert row
    key = EndpointKey("request", "GET", "/products")
    return Digest.objects.functions(project.pk, key, version_id=row["version_id"])


def test_digests_share_the_names_of_functions_and_say_the_same(project: Project) -> None:
    store(project, *range(20), trigger="sampled")
    assert run() == Outcome()
    digest(project)
    before, whole = distributions(project), documents(Digest)[0]
    assert run() == Outcome(packed=20, left=0)
    shared = documents(Digest)[0]
    assert distributions(project) == before
    assert before.profiles == 20
    assert sum(len(row["data"]) for row in shared) < sum(len(row["data"]) for row in whole) / 1.5
    # Some are shared, some are not: the next ones stand for themselves yet.
    store(project, *range(20, 25), trigger="sampled")
    digest(project)
    mixed = distributions(project)
    run()
    assert distributions(project) == mixed


def test_digest_of_functions_that_the_book_lacks_brings_them_along(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, *range(5), trigger="sampled")
    digest(project)
    run()
    monkeypatch.setattr(repacking, "WORTH_A_PAGE", 10_000)
    monkeypatch.setattr(repacking, "WORTH_A_CHANGE", 2)
    records = [([recorded.own("unseen"), recorded.own(f"new{n % 30}")], n / 1e3) for n in range(90)]
    batches.store(
        project, batches.batch(batches.profile(endpoint="/products", session=recorded.session(records)))
    )
    digest(project)
    before = distributions(project)
    run()
    assert SharedFrames.objects.count() == 1
    assert SharedFrames.objects.count() == 1
    assert [row["data"][:1] for row in documents(Digest)[0]] == [shared_digest.FORMAT] * 6
    assert distributions(project) == before


def test_recording_whose_digest_never_comes_is_packed_in_the_end(project: Project) -> None:
    sessions = store(project, 1, trigger="sampled")
    assert repack(now=timezone.now() + repacking.DIGEST_PATIENCE / 2, seconds=60) == Outcome()
    assert repack(now=timezone.now() + 2 * repacking.DIGEST_PATIENCE, seconds=60) == Outcome(packed=1)
    check(sessions)


def test_digest_that_cannot_be_read_stays(project: Project) -> None:
    sessions = store(project, 1, 2, trigger="sampled")
    digest(project)
    broken = min(sessions)
    mongo.collection(Digest).update_one({"_id": broken}, {"$set": {"data": b"\x01damaged"}})
    assert run() == Outcome(packed=2)
    data = {row["_id"]: row["data"] for row in documents(Digest)[0]}
    assert data.pop(broken) == b"\x01damaged"
    assert [value[:1] for value in data.values()] == [shared_digest.FORMAT]
    check(sessions)
