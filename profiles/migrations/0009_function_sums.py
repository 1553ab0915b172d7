import django.db.models.deletion
from django.db import migrations, models

from perfplatform.compressed_index import add_compressed
from perfplatform.ttl import expire_at

TABLE = "profiles_functionsums"


class Migration(migrations.Migration):
    dependencies = [
        ("profiles", "0008_kept_profiles"),
        ("projects", "0005_version_live"),
    ]

    operations = [
        migrations.CreateModel(
            name="FunctionSums",
            fields=[
                ("id", models.CharField(db_column="_id", max_length=100, primary_key=True, serialize=False)),
                ("version_name", models.CharField(max_length=128, verbose_name="version")),
                ("environment", models.CharField(max_length=64, verbose_name="environment")),
                ("grain", models.CharField(max_length=10)),
                ("engine", models.CharField(max_length=20, verbose_name="recorded by")),
                ("start", models.DateTimeField()),
                ("data", models.BinaryField()),
                ("source", models.PositiveBigIntegerField()),
                ("expires_at", models.DateTimeField(verbose_name="kept until")),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="projects.project",
                        verbose_name="project",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="projects.version",
                    ),
                ),
            ],
            options={"verbose_name": "sums of functions", "verbose_name_plural": "sums of functions"},
        ),
        add_compressed(
            "functionsums",
            TABLE,
            models.Index(
                fields=["project", "grain", "engine", "version", "environment", "start"],
                name="function_sums_of_scope",
            ),
            {"project_id": 1, "grain": 1, "engine": 1, "version_id": 1, "environment": 1, "start": 1},
        ),
        expire_at(TABLE),
    ]
