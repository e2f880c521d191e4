"""A name for people: they are told what a list is needed for. Nothing changes in the database."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0032_storm_alerts")]

    operations = [
        migrations.AlterModelOptions(
            name="sendlist",
            options={"verbose_name": "list of a send", "verbose_name_plural": "lists of sends"},
        ),
    ]
