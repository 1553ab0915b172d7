from django.db import migrations

from perfplatform.compression import compress


class Migration(migrations.Migration):
    dependencies = [("profiles", "0006_retention")]
    operations = [compress("profiles_digest")]
