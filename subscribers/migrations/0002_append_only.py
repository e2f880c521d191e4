"""Suppressions and evidence of consent are only ever added to."""

from django.db import migrations

from subscribers.triggers import FORWARD, REVERSE


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, REVERSE)]
