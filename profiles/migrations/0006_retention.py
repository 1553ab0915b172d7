from itertools import islice

from django.db import migrations, models
from pymongo import UpdateOne

from perfplatform.compressed_index import add_compressed, compressed_index
from profiles.labels import labels

PROFILES = "profiles_profile"
BATCH = 1_000
COLUMNS = {"project": "project_id"}
# Fields with a direction, as in Profile.Meta.
INDEXES = {
    "profile_newest": ["project", "-started_at", "duration_us", "is_error", "status"],
    "profile_slowest": ["project", "-duration_us", "-started_at"],
    "profile_endpoint_newest": ["project", "endpoint", "-started_at", "version_name"],
    "profile_endpoint_slowest": ["project", "endpoint", "-duration_us", "version_name", "method"],
    "profile_version_newest": ["project", "version_name", "-started_at"],
    "profile_version_slowest": ["project", "version_name", "-duration_us"],
    "profile_environment": ["project", "environment", "-started_at"],
    "profile_host": ["project", "hostname", "-started_at"],
}


def add_labels(_apps, schema_editor):
    """Profiles that are stored already get theirs. What was done before stays right when it runs again."""
    rows = schema_editor.connection.database[PROFILES]
    columns = ("is_error", "kind", "status", "error_type", "trigger", "trace_id", "tags")
    stored = rows.find({}, dict.fromkeys(columns, True))
    while batch := list(islice(stored, BATCH)):
        found = ((profile["_id"], labels(profile)) for profile in batch)
        changes = [UpdateOne({"_id": key}, {"$set": {"labels": value}}) for key, value in found if value]
        if changes:
            rows.bulk_write(changes, ordered=False)


def index_of(name, fields):
    keys = {COLUMNS.get(field.lstrip("-"), field.lstrip("-")): -1 if field[0] == "-" else 1 for field in fields}
    return add_compressed("profile", PROFILES, models.Index(fields=fields, name=name), keys)


class Migration(migrations.Migration):
    dependencies = [
        ("profiles", "0005_intake"),
        ("projects", "0004_retention"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="profile", name="profile_newest"),
        migrations.RemoveIndex(model_name="profile", name="profile_of_endpoint"),
        migrations.RemoveIndex(model_name="profile", name="profile_of_version"),
        migrations.RemoveIndex(model_name="profile", name="profile_environments"),
        # Not in the database: there, what has none must not have the field.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="profile",
                    name="labels",
                    field=models.JSONField(default=list, editable=False),
                ),
                migrations.AddField(
                    model_name="profile",
                    name="is_slowest",
                    field=models.BooleanField(
                        default=False, editable=False, verbose_name="one of the slowest"
                    ),
                ),
            ],
        ),
        migrations.RunPython(add_labels, migrations.RunPython.noop),
        *(index_of(name, fields) for name, fields in INDEXES.items()),
        compressed_index(
            PROFILES,
            {"project_id": 1, "labels": 1, "started_at": -1},
            name="profile_labels",
            where_present="labels",
        ),
        compressed_index(
            PROFILES,
            {"project_id": 1, "is_slowest": 1, "endpoint": 1},
            name="profile_kept_slowest",
            where_present="is_slowest",
        ),
        add_compressed(
            "sessionblob",
            "profiles_sessionblob",
            models.Index(fields=["project"], name="recording_of_project"),
            {"project_id": 1},
        ),
        add_compressed(
            "packedsession",
            "profiles_packedsession",
            models.Index(fields=["project"], name="packed_of_project"),
            {"project_id": 1},
        ),
        migrations.AddIndex(
            model_name="intake", index=models.Index(fields=["project"], name="intake_of_project")
        ),
        migrations.CreateModel(
            name="Upkeep",
            fields=[
                ("id", models.CharField(db_column="_id", max_length=24, primary_key=True, serialize=False)),
                ("retention_days", models.PositiveIntegerField(default=0)),
                ("slowest_days", models.PositiveIntegerField(default=0)),
                ("walked_to", models.DateTimeField(null=True)),
                ("slowest_walked_to", models.CharField(max_length=512, blank=True)),
                ("slowest_done_at", models.DateTimeField(null=True)),
                ("profiles", models.PositiveBigIntegerField(default=0)),
                ("profile_bytes", models.PositiveBigIntegerField(default=0)),
                ("other_bytes", models.PositiveBigIntegerField(default=0)),
                ("measured_at", models.DateTimeField(null=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=models.DO_NOTHING, related_name="+", to="projects.project"
                    ),
                ),
            ],
            options={"verbose_name": "upkeep of a project", "verbose_name_plural": "upkeep of projects"},
        ),
    ]
