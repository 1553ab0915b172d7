from __future__ import annotations

import dataclasses

import pytest
from pytest_django.fixtures import Settings

from perfplatform import mongo
from perfplatform.environment import READ_PREFERENCES
from profiles.models import Profile, Rollup

pytestmark = pytest.mark.django_db


def test_pages_read_where_the_settings_say_and_all_else_on_the_primary(settings: Settings) -> None:
    assert mongo.for_pages(Rollup).read_preference.mongos_mode == "primary"
    for name in READ_PREFERENCES[1:]:
        settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, mongodb_read_preference=name)
        preference = mongo.for_pages(Rollup).read_preference
        assert (preference.mongos_mode, preference.max_staleness) == (name, mongo.MAX_STALENESS_S)
        assert mongo.collection(Rollup).read_preference.mongos_mode == "primary"


def test_durable_writes_wait_for_as_many_members_as_the_settings_say(settings: Settings) -> None:
    assert mongo.collection(Profile, durable=True).write_concern.document["w"] == "majority"
    settings.ENVIRONMENT = dataclasses.replace(settings.ENVIRONMENT, mongodb_write_concern=2)
    concern = mongo.collection(Profile, durable=True).write_concern.document
    assert (concern["w"], concern["j"]) == (2, True)
