"""From which destinations complaints come, found without reading every ruling."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0027_hooks")]

    operations = [
        migrations.AddIndex(
            model_name="ruling",
            index=models.Index(
                fields=["destination", "made_at"],
                name="ruling_complaints",
                condition=models.Q(reason="complaint"),
            ),
        ),
    ]
