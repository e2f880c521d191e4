"""Answers that came to a return path are handed on to whoever edits the newsletter."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0021_rulings")]

    operations = [
        migrations.AddField(
            model_name="feedback",
            name="handed_on_at",
            field=models.DateTimeField(null=True, db_comment="an answer, to whoever edits the newsletter"),
        ),
        migrations.AddField(
            model_name="feedback",
            name="hand_on_due_at",
            field=models.DateTimeField(null=True, db_comment="next try; null: handed on, given up, or no answer"),
        ),
        migrations.AddField(
            model_name="feedback",
            name="hand_on_attempts",
            field=models.PositiveSmallIntegerField(default=0, db_default=0),
        ),
        migrations.AddIndex(
            model_name="feedback",
            index=models.Index(
                fields=["hand_on_due_at"], name="feedback_hand_on", condition=models.Q(hand_on_due_at__isnull=False)
            ),
        ),
    ]
