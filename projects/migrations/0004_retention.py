import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from perfplatform.ttl import expire_at


class Migration(migrations.Migration):
    dependencies = [("projects", "0003_daily_profiles")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="slowest_kept",
            field=models.PositiveIntegerField(
                default=10,
                help_text="Of each endpoint and version. 0: none.",
                validators=[django.core.validators.MaxValueValidator(100)],
                verbose_name="slowest profiles kept longer",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="slowest_days",
            field=models.PositiveIntegerField(
                default=90,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(365),
                ],
                verbose_name="days that the slowest are kept",
            ),
        ),
        migrations.AddField(
            model_name="project",
            name="storage_quota_bytes",
            field=models.PositiveBigIntegerField(
                default=0,
                help_text="The oldest profiles go when more is used. 0: no quota.",
                validators=[django.core.validators.MaxValueValidator(10**15)],
                verbose_name="storage quota (bytes)",
            ),
        ),
        migrations.CreateModel(
            name="Deletion",
            fields=[
                ("id", models.CharField(db_column="_id", max_length=24, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("started_at", models.DateTimeField(verbose_name="started at")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished at")),
                ("left", models.JSONField(default=dict)),
                ("expires_at", models.DateTimeField(null=True)),
                (
                    "started_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="started by",
                    ),
                ),
            ],
            options={
                "verbose_name": "deletion of a project",
                "verbose_name_plural": "deletions of projects",
            },
        ),
        expire_at("projects_deletion"),
    ]
