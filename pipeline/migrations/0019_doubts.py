"""What was in doubt and settled without a person is counted, from when one last let the send go on."""

from django.db import migrations, models

STOPS = [
    ("late", "it was due too long ago"),
    ("restored", "the database came back from a backup"),
    ("not-ready", "the installation is not ready for it"),
    ("our-fault", "mail servers say that the sender is the problem"),
    ("dead-addresses", "too many addresses do not exist"),
    ("refusals", "too many refuse us for our name or their rules"),
    ("complaints", "too many complain"),
    ("uncertain", "too much may have arrived"),
]


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0018_alerts_in_the_log")]

    operations = [
        migrations.AddField(
            model_name="send",
            name="doubts",
            field=models.PositiveIntegerField(
                default=0,
                db_default=0,
                db_comment="that may have arrived, settled without a person since one last let it go",
            ),
        ),
        migrations.AlterField(
            model_name="send",
            name="state_code",
            field=models.CharField(
                max_length=20,
                choices=STOPS,
                blank=True,
                db_default="",
                db_comment="why it is paused or held, for programs",
            ),
        ),
    ]
