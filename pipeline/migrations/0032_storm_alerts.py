"""People are told of many dead addresses at one provider."""

from django.db import migrations, models

KINDS = [
    ("held", "a send waits for a person"),
    ("paused", "a send was paused"),
    ("braked", "a send braked by itself"),
    ("uncertain", "too much may have arrived"),
    ("storm", "many addresses of one provider are dead at once"),
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
    dependencies = [("pipeline", "0031_storms")]

    operations = [
        migrations.AlterField(
            model_name="alert",
            name="kind",
            field=models.CharField(max_length=10, choices=KINDS),
        ),
    ]
