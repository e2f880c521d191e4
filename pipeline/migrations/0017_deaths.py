"""Whose message a worker was making when it died."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0016_books")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="deaths",
            field=models.SmallIntegerField(
                db_comment="workers that died of making its message; 0: of one among others; null: nobody did",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="lease",
            name="making",
            field=models.BigIntegerField(db_comment="the suspect whose message is being made, by itself", null=True),
        ),
    ]
