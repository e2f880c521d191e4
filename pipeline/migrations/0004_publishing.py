"""Proofs that nobody can change, test groups, and the acts on web editions."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

TABLES = ("pipeline_proof", "pipeline_publication")
FORWARD = "".join(
    f"CREATE TRIGGER pressrun_append_only BEFORE UPDATE OR DELETE ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION pressrun_append_only();\n"
    for table in TABLES
)
REVERSE = "".join(f"DROP TRIGGER pressrun_append_only ON {table};\n" for table in TABLES)


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0003_issue_advertising_and_blocks"), ("wagtailcore", "0098_apitoken")]

    operations = [
        migrations.CreateModel(
            name="TestGroup",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True, verbose_name="name")),
                ("addresses", models.TextField(help_text="One on each line.", verbose_name="addresses")),
            ],
            options={"verbose_name": "test group", "verbose_name_plural": "test groups", "ordering": ["name"]},
        ),
        migrations.AddField(
            model_name="proof",
            name="card",
            field=models.JSONField(
                db_comment="how a page that links to it may introduce it",
                db_default=models.Value({}, models.JSONField()),
            ),
        ),
        migrations.AddField(
            model_name="proof",
            name="layout_version",
            field=models.CharField(db_comment="hash of the layout's files", db_default="", max_length=16),
        ),
        migrations.AddField(
            model_name="proof",
            name="revision",
            field=models.ForeignKey(
                db_comment="what it was first made from",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="wagtailcore.revision",
            ),
        ),
        migrations.CreateModel(
            name="Publication",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "address",
                    models.CharField(
                        db_comment="newsletter/number/language; stays when those are renamed", max_length=120
                    ),
                ),
                (
                    "issue",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="publications", to="pipeline.issue"
                    ),
                ),
                (
                    "proof",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="publications", to="pipeline.proof"
                    ),
                ),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("published", "published it on the web"),
                            ("corrected", "corrected it"),
                            ("withdrawn", "withdrew it"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "note",
                    models.TextField(blank=True, db_comment="of a correction: shown to readers; of a withdrawal: why"),
                ),
                ("by", models.CharField(max_length=200)),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "verbose_name": "web edition",
                "verbose_name_plural": "web editions",
                "default_permissions": (),
                "permissions": [("publish_edition", "Can publish, correct and withdraw an issue on the web")],
                "indexes": [models.Index(fields=["address", "-id"], name="publication_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("act", "published"), models.Q(("note", ""), _negated=True), _connector="OR"),
                        name="publication_change_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("act__in", ["published", "corrected", "withdrawn"])),
                        name="publication_act_legal",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                condition=models.Q(("action", "proof.tested")), fields=["actor", "at"], name="audit_tests"
            ),
        ),
        migrations.RunSQL(FORWARD, REVERSE),
    ]
