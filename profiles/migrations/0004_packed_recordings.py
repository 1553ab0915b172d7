import django.db.models.deletion
from django.db import migrations, models
from django.utils import timezone

from perfplatform.compression import compress
from perfplatform.ttl import expire_at

INDEX = "waiting_since_sparse"


def let_all_wait(_apps, schema_editor):
    recordings = schema_editor.connection.database["profiles_sessionblob"]
    recordings.update_many({}, {"$set": {"waiting_since": timezone.now()}})
    # Sparse, so that it holds only what is waited for.
    recordings.create_index("waiting_since", name=INDEX, sparse=True)


def drop_index(_apps, schema_editor):
    schema_editor.connection.database["profiles_sessionblob"].drop_index(INDEX)


class Migration(migrations.Migration):
    dependencies = [("profiles", "0003_fold"), ("projects", "0002_sdk_settings")]
    operations = [
        migrations.CreateModel(
            name="PackedSession",
            fields=[
                ("id", models.CharField(db_column="_id", max_length=32, primary_key=True, serialize=False)),
                ("data", models.BinaryField()),
                ("expires_at", models.DateTimeField()),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
            ],
            options={"verbose_name": "packed recording", "verbose_name_plural": "packed recordings"},
        ),
        migrations.CreateModel(
            name="SharedFrames",
            fields=[
                ("id", models.CharField(db_column="_id", max_length=24, primary_key=True, serialize=False)),
                ("endpoint", models.CharField(max_length=600)),
                ("first_page", models.CharField(max_length=24)),
                ("before", models.CharField(blank=True, max_length=24)),
                ("number", models.PositiveIntegerField()),
                ("nodes", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
                ("born_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "verbose_name": "shared frames",
                "verbose_name_plural": "shared frames",
                "indexes": [
                    models.Index(
                        fields=["project", "endpoint", "-born_at", "-number", "id"], name="frames_newest"
                    ),
                    models.Index(fields=["first_page"], name="frames_of_book"),
                ],
            },
        ),
        migrations.AddField(
            model_name="sessionblob", name="waiting_since", field=models.DateTimeField(null=True)
        ),
        expire_at("profiles_packedsession"),
        expire_at("profiles_sharedframes"),
        migrations.RunPython(let_all_wait, drop_index),
        compress(
            "profiles_profile", "profiles_sessionblob", "profiles_packedsession", "profiles_sharedframes"
        ),
    ]
