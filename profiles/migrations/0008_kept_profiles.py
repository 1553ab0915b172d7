from django.db import migrations, models

from perfplatform.compressed_index import compressed_index


class Migration(migrations.Migration):
    dependencies = [("profiles", "0007_compressed_digests")]

    operations = [
        # Not in the database: there, what nobody keeps must not have the field.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="profile",
                    name="is_kept",
                    field=models.BooleanField(default=False, editable=False, verbose_name="kept by choice"),
                ),
            ],
        ),
        compressed_index(
            "profiles_profile", {"project_id": 1, "is_kept": 1}, name="profile_kept", where_present="is_kept"
        ),
    ]
