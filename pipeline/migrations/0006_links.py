"""How a newsletter's links go out, and links that belong to an issue and are known by their key.

Nothing has written or read the table of links so far, so its old shape may go at once. If there were rows all the same,
the columns that they lack could not be added and nothing would change.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0005_editions")]

    operations = [
        migrations.AddField(
            model_name="newsletter",
            name="links",
            field=models.CharField(
                choices=[
                    ("direct", "as written: nothing is counted"),
                    ("counted", "counted: totals for each link, nobody’s name"),
                    ("personal", "personal: also who followed a link"),
                ],
                db_default="direct",
                default="direct",
                max_length=8,
                verbose_name="links",
            ),
        ),
        migrations.AddField(
            model_name="newsletter",
            name="utm",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                verbose_name="parameters of links",
            ),
        ),
        migrations.RemoveConstraint(model_name="trackedlink", name="tracked_link_once"),
        migrations.RemoveField(model_name="trackedlink", name="proof"),
        migrations.AddField(
            model_name="trackedlink",
            name="issue",
            field=models.ForeignKey(
                default=None,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tracked_links",
                to="pipeline.issue",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="trackedlink",
            name="key",
            field=models.CharField(
                db_comment="its public address ends in it", default=None, max_length=16, unique=True
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="trackedlink",
            name="target",
            field=models.TextField(db_comment="where it leads now; a person may repair it", default=None),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name="trackedlink",
            name="clicks",
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name="trackedlink",
            name="position",
            field=models.PositiveIntegerField(db_comment="in the newest proof"),
        ),
        migrations.AlterField(
            model_name="trackedlink", name="url", field=models.TextField(db_comment="as written")
        ),
        migrations.AlterModelOptions(
            name="trackedlink",
            options={
                "ordering": ["position", "id"],
                "permissions": [("repair_link", "Can change where the links of a sent issue lead")],
                "verbose_name": "link",
                "verbose_name_plural": "links",
            },
        ),
        migrations.AddConstraint(
            model_name="trackedlink",
            constraint=models.CheckConstraint(
                condition=models.Q(("target__regex", "^https?://[!-~]+$")), name="tracked_link_is_web"
            ),
        ),
    ]
