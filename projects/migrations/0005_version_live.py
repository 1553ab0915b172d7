from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0004_retention'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='version',
            index=models.Index(fields=['project', 'status', 'last_seen_at'], name='version_live'),
        ),
    ]
