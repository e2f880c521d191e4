"""What returned mail does to addresses: a policy for each reason, and the rulings made by them."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

SEED = [
    ("no-such-mailbox", "suppress", 1, 0),
    ("no-such-domain", "recheck", 1, 2),
    ("mailbox-disabled", "count", 3, 30),
    ("mailbox-full", "count", 5, 30),
    ("recipient-filter", "count", 5, 60),
    ("temporary", "count", 7, 60),
    ("rate-limited", "ignore", 1, 0),
    ("reputation", "ignore", 1, 0),
    ("authentication", "ignore", 1, 0),
    ("policy", "ignore", 1, 0),
    ("sender-refused", "ignore", 1, 0),
    ("too-big", "ignore", 1, 0),
    ("syntax", "ignore", 1, 0),
    ("unknown", "ignore", 1, 0),
]
"""As `pipeline.replies.DEFAULTS` has them. A row that an admin has changed stays as it is."""


def seed(apps, schema_editor):
    policy = apps.get_model("pipeline", "Policy")
    rows = [policy(reason=reason, action=action, issues=n, days=days) for reason, action, n, days in SEED]
    policy.objects.bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):

    dependencies = [
        ('pipeline', '0020_guards'),
        ('subscribers', '0002_append_only'),
    ]

    operations = [
        migrations.AddField(
            model_name='delivery',
            name='alive_at',
            field=models.DateTimeField(db_comment='last answer, or report that it arrived', null=True),
        ),
        migrations.CreateModel(
            name='Policy',
            fields=[
                ('reason', models.CharField(db_comment='pipeline.replies.Reason', max_length=20, primary_key=True, serialize=False)),
                ('action', models.CharField(choices=[('suppress', 'suppress at once'), ('recheck', 'ask DNS again, then suppress'), ('count', 'count, then suppress'), ('ignore', 'only note it')], max_length=10, verbose_name='what is done')),
                ('issues', models.PositiveSmallIntegerField(default=1, verbose_name='issues in a row')),
                ('days', models.PositiveSmallIntegerField(default=0, verbose_name='over at least so many days')),
            ],
            options={
                'verbose_name': 'policy for returned mail',
                'verbose_name_plural': 'policies for returned mail',
                'constraints': [models.CheckConstraint(condition=models.Q(('action__in', ['suppress', 'recheck', 'count', 'ignore'])), name='policy_action_legal'), models.CheckConstraint(condition=models.Q(('action', 'ignore'), ('reason__in', ['mailbox-disabled', 'mailbox-full', 'no-such-domain', 'no-such-mailbox', 'recipient-filter', 'temporary']), _connector='OR'), name='policy_blames_no_reader')],
            },
        ),
        migrations.CreateModel(
            name='Ruling',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('send_id', models.BigIntegerField()),
                ('delivery_id', models.BigIntegerField()),
                ('reason', models.CharField(db_comment='pipeline.replies.Reason it is counted as, or complaint', max_length=20)),
                ('address_key', models.CharField(max_length=320)),
                ('domain', models.CharField(max_length=255)),
                ('destination', models.CharField(db_comment='pipeline.limits.destinations: a group, else the domain', max_length=255)),
                ('source', models.CharField(db_comment='smtp, mail or webhook', max_length=10)),
                ('words', models.TextField(blank=True, db_comment='of the server that did not take it')),
                ('rule', models.CharField(blank=True, db_comment='which row of pipeline.replies understood them', max_length=200)),
                ('state', models.CharField(choices=[('waiting', 'being looked into'), ('frozen', 'waiting for a person'), ('applied', 'suppressed'), ('discarded', 'the address stays'), ('undone', 'taken back by a person')], max_length=10)),
                ('made_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('due_at', models.DateTimeField(db_comment='waiting: looked into then', null=True)),
                ('looks', models.PositiveSmallIntegerField(db_comment='how often DNS said that there is no such domain', db_default=0, default=0)),
                ('settled_at', models.DateTimeField(null=True)),
                ('by', models.CharField(blank=True, db_comment='who settled it', db_default='', default='', max_length=200)),
                ('why', models.TextField(blank=True, db_comment='in words, for a person', db_default='', default='')),
                ('suppression', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='ruling', to='subscribers.suppression')),
            ],
            options={
                'verbose_name': 'ruling',
                'verbose_name_plural': 'rulings',
                'indexes': [models.Index(fields=['send_id', 'destination'], name='ruling_destination'), models.Index(fields=['address_key'], name='ruling_address'), models.Index(condition=models.Q(('state', 'waiting')), fields=['due_at'], name='ruling_due')],
                'constraints': [models.UniqueConstraint(fields=('send_id', 'delivery_id', 'reason'), name='ruling_once'), models.CheckConstraint(condition=models.Q(('state__in', ['waiting', 'frozen', 'applied', 'discarded', 'undone'])), name='ruling_state_legal'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'applied'), _negated=True), ('suppression__isnull', False), _connector='OR'), name='ruling_applied_suppresses')],
            },
        ),
        migrations.RunPython(seed, migrations.RunPython.noop),
    ]
