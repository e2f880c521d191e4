"""Who has looked at a returned message, so that the lists of what nobody understood can be emptied."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0023_mailboxes")]

    operations = [
        migrations.AddField(
            model_name="feedback",
            name="looked_at",
            field=models.DateTimeField(null=True, db_comment="a person has seen to it"),
        ),
        migrations.AddField(
            model_name="feedback",
            name="looked_by",
            field=models.CharField(max_length=200, blank=True, default="", db_default=""),
        ),
        migrations.AddIndex(
            model_name="feedback",
            index=models.Index(
                fields=["id"],
                name="feedback_to_look_at",
                condition=models.Q(looked_at=None)
                & (
                    models.Q(status__in=["unattributed", "quarantined"]) | models.Q(kind="bounce", reason="unknown")
                ),
            ),
        ),
    ]
