"""People are told of a mailbox that cannot be read."""

from django.db import migrations, models

KINDS = [
    ("held", "a send waits for a person"),
    ("paused", "a send was paused"),
    ("braked", "a send braked by itself"),
    ("uncertain", "too much may have arrived"),
    ("finished", "a send is finished"),
    ("settled", "a send is settled"),
    ("late", "a send does not get on"),
    ("silent", "nothing comes back"),
    ("mailbox", "a mailbox cannot be read"),
    ("broker", "the queue is away"),
    ("database", "the database is away"),
    ("test", "a test"),
]


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0029_complaints")]

    operations = [
        migrations.AlterField(
            model_name="alert",
            name="kind",
            field=models.CharField(max_length=10, choices=KINDS),
        ),
    ]
