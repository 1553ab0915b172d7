import django.db.models.deletion
from django.db import migrations, models

from perfplatform.ttl import expire_at


class Migration(migrations.Migration):
    initial = True
    dependencies = [("projects", "0005_version_live")]

    operations = [
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.CharField(db_column="_id", max_length=64, primary_key=True, serialize=False)),
                ("detector", models.CharField(max_length=40)),
                ("kind", models.CharField(max_length=10, verbose_name="kind")),
                ("method", models.CharField(blank=True, max_length=16, verbose_name="method")),
                ("route", models.CharField(max_length=512, verbose_name="endpoint")),
                ("function", models.CharField(max_length=200, verbose_name="function")),
                ("file", models.CharField(blank=True, max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "open"),
                            ("accepted", "accepted"),
                            ("fixed", "fixed"),
                            ("ignored", "ignored"),
                        ],
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("fixed_in", models.CharField(blank=True, max_length=128, verbose_name="fixed in")),
                ("reopened_in", models.CharField(blank=True, max_length=128, verbose_name="found again in")),
                ("changed_by", models.CharField(blank=True, max_length=150, verbose_name="changed by")),
                ("changed_at", models.DateTimeField(verbose_name="changed at")),
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
            ],
            options={
                "verbose_name": "decision about a finding",
                "verbose_name_plural": "decisions about findings",
                "indexes": [models.Index(fields=["project", "status"], name="decision_of_project")],
            },
        ),
        expire_at("analysis_decision"),
    ]
