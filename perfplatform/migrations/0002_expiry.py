from django.db import migrations

from perfplatform.ttl import expire_at


class Migration(migrations.Migration):
    dependencies = [("perfplatform", "0001_initial")]
    operations = [expire_at("perfplatform_session", "expire_date")]
