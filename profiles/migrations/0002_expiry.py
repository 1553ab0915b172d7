from django.db import migrations

from perfplatform.ttl import expire_at


class Migration(migrations.Migration):
    dependencies = [("profiles", "0001_initial")]
    operations = [expire_at("profiles_profile"), expire_at("profiles_sessionblob"), expire_at("profiles_ledger")]
