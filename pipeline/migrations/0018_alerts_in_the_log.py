from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pipeline', '0017_deaths'),
    ]

    operations = [
        migrations.AlterField(
            model_name='alert',
            name='channel',
            field=models.CharField(choices=[('webhook', 'webhook'), ('mail', 'mail'), ('log', 'log')], max_length=10),
        ),
    ]
