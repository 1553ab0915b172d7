from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0005_version_live'),
    ]

    operations = [
        migrations.AddField(
            model_name='project',
            name='source_link',
            field=models.CharField(blank=True, max_length=500, verbose_name='link to the source'),
        ),
        migrations.AddField(
            model_name='project',
            name='repository',
            field=models.CharField(blank=True, max_length=200, verbose_name='repository'),
        ),
    ]
