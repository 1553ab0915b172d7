from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from perfplatform import mongo
from profiles import function_times, merged
from profiles.fold import shards
from profiles.models import Digest, Profile, SessionBlob
from profiles.models.digest import MOST_DIGESTS, functions_query
from profiles.rollup import EndpointKey
from profiles.tests import batches, recorded
from profiles.tests.folding import leases_run_out
from profiles.tests.test_fold import Killed, killed_at
from profiles.tests.test_trends import assert_served, explain
from projects.models import Project, Version

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCTS = EndpointKey("request", "GET", "/products")
VIEW = recorded.own("list_products", "shop/views.py:31")
QUERY = recorded.own("find", "shop/catalogue.py:40", owner="Catalogue")


def stored(project: Project, seconds: float = 0.045, **fields: Any) -> str:
    """A profile of the view that spends a ninth of its time itself and the rest in its query."""
    records = [((VIEW,), seconds / 9), ((VIEW, QUERY), seconds * 8 / 9)]
    item = recorded.profile(records, **fields)
    outcome = batches.store(project, recorded.batch([item]))
    assert outcome.accepted == 1, outcome.rejected
    return str(item["id"])


def functions(project: Project, **asked: Any) -> dict[str, tuple[list[int], list[int]]]:
    found = Digest.objects.functions(project.pk, PRODUCTS, version_id=Version.objects.get().pk, **asked)
    return {one.function.name: (one.self_us, one.total_us) for one in found.functions}


def test_the_random_share_gets_digests_and_nothing_else(project: Project) -> None:
    kept = stored(project)
    for trigger in ("slow", "error", "manual"):
        stored(project, trigger=trigger)
    shards.run()
    digest = Digest.objects.get()
    profile = Profile.objects.find(kept)
    assert profile
    assert digest.pk == kept
    for name in ("project_id", "version_id", "environment", "kind", "method", "engine", "duration_us"):
        assert getattr(digest, name) == getattr(profile, name), name
    assert (digest.route, digest.started_at, digest.expires_at) == (
        profile.endpoint,
        profile.started_at,
        profile.expires_at,
    )
    tree = merged.from_recording(SessionBlob.objects.session(kept))
    assert function_times.unpack_digest(bytes(digest.data)) == function_times.digest(tree)
    assert not shards.run()


def test_distributions_are_of_the_endpoint_and_choice(project: Project) -> None:
    for seconds in (0.009, 0.018):
        stored(project, seconds)
    stored(project, 9.0, engine="sampler")
    stored(project, 9.0, endpoint="/other")
    shards.run()
    assert functions(project, engine="pyinstrument") == {
        "list_products": ([2_000, 1_000], [18_000, 9_000]),
        "find": ([16_000, 8_000], [16_000, 8_000]),
    }
    assert functions(project, engine="sampler")["find"] == ([8_000_000], [8_000_000])
    assert functions(project, environment="nowhere") == {}
    found = Digest.objects.functions(project.pk, PRODUCTS, version_id=Version.objects.get().pk)
    assert (found.profiles, found.duration_us) == (3, [9_000_000, 18_000, 9_000])
    newest = Profile.objects.find(Digest.objects.order_by("-started_at")[0].pk)
    assert newest
    assert functions(project, since=newest.started_at + timedelta(seconds=1)) == {}


def test_a_recording_that_cannot_be_read_is_marked_and_passed_over(project: Project) -> None:
    bad, gone, good = (stored(project) for _number in range(3))
    mongo.collection(SessionBlob).update_one({"_id": bad}, {"$set": {"data": b"\x01nonsense"}})
    mongo.collection(SessionBlob).delete_one({"_id": gone})
    shards.run()
    assert [digest.pk for digest in Digest.objects.all()] == [good]
    assert not shards.run()
    unreadable = mongo.collection(Profile).find({"is_unreadable": True})
    assert {row["_id"] for row in unreadable} == {bad, gone}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", [1, 2])
def test_a_kill_at_any_step_leaves_no_profile_without_its_digest(
    project: Project, number: int, *, after: bool
) -> None:
    ids = {stored(project) for _number in range(3)}
    with pytest.raises(Killed), killed_at(number, after=after):
        shards.run()
    leases_run_out()
    shards.run()
    assert {digest.pk for digest in Digest.objects.all()} == ids
    assert not shards.run()


def test_an_index_serves_every_question(project: Project) -> None:
    for number in range(12):
        stored(project, engine="sampler" if number % 2 else "pyinstrument")
        stored(project, endpoint="/other")
    shards.run()
    questions: list[tuple[dict[str, Any], int]] = [
        ({}, 12),
        ({"engine": "sampler"}, 6),
        ({"environment": "production"}, 12),
    ]
    for asked, returned in questions:
        query = functions_query(project.pk, PRODUCTS, version_id=Version.objects.get().pk, **asked)
        command = {"filter": query, "sort": {"started_at": -1}, "limit": MOST_DIGESTS}
        assert_served(explain(Digest, command), returned=returned, spare=8)
