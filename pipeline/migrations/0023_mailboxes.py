"""Mailboxes that are read for what comes back, and what was taken out of each."""

import django.db.models.deletion
import django.db.models.functions.datetime
import pipeline.models.mailboxes
import pipeline.models.signing
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('pipeline', '0022_answers'),
    ]

    operations = [
        migrations.CreateModel(
            name='Mailbox',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True, verbose_name='name')),
                ('protocol', models.CharField(choices=[('imap', 'IMAP'), ('pop', 'POP3')], default='imap', max_length=4, verbose_name='protocol')),
                ('host', models.CharField(max_length=253, verbose_name='server')),
                ('port', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)], verbose_name='port')),
                ('security', models.CharField(choices=[('tls', 'TLS from the start'), ('starttls', 'STARTTLS, or not at all'), ('plain', 'none: for a server on this machine alone')], default='tls', max_length=8, verbose_name='encryption')),
                ('user', models.CharField(max_length=320, verbose_name='user')),
                ('auth', models.CharField(choices=[('password', 'password'), ('oauth2', 'OAuth2')], default='password', max_length=8, verbose_name='signs in with')),
                ('password', pipeline.models.signing.SecretField(blank=True, default=pipeline.models.mailboxes.no_secret, verbose_name='password')),
                ('token_url', models.URLField(blank=True, db_default='', max_length=500, verbose_name='address that gives out tokens')),
                ('client_id', models.CharField(blank=True, db_default='', max_length=500, verbose_name='client ID')),
                ('client_secret', pipeline.models.signing.SecretField(blank=True, default=pipeline.models.mailboxes.no_secret, verbose_name='client secret')),
                ('refresh_token', pipeline.models.signing.SecretField(blank=True, default=pipeline.models.mailboxes.no_secret, verbose_name='refresh token')),
                ('scope', models.CharField(blank=True, db_default='', max_length=500, verbose_name='scope')),
                ('access_token', pipeline.models.signing.SecretField(default=pipeline.models.mailboxes.no_secret, editable=False)),
                ('access_until', models.DateTimeField(editable=False, null=True)),
                ('folder', models.CharField(default='INBOX', max_length=255, verbose_name='folder')),
                ('afterwards', models.CharField(choices=[('leave', 'leave it there, marked as read'), ('move', 'move it to another folder'), ('delete', 'delete it')], default='leave', max_length=6, verbose_name='mail that was taken in')),
                ('move_to', models.CharField(blank=True, db_default='', max_length=255, verbose_name='folder to move it to')),
                ('enabled', models.BooleanField(db_default=True, default=True, verbose_name='is read')),
                ('era', models.PositiveIntegerField(db_default=1, default=1, editable=False)),
                ('read_up_to', models.CharField(blank=True, db_comment='key of the last new message', db_default='', default='', editable=False, max_length=200)),
                ('looked_at', models.DateTimeField(db_comment='the last look that went well', editable=False, null=True)),
                ('next_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False, null=True)),
                ('failing_since', models.DateTimeField(editable=False, null=True)),
                ('failures', models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                ('needs_person', models.BooleanField(db_default=False, default=False, editable=False)),
                ('error', models.TextField(blank=True, db_default='', default='', editable=False)),
            ],
            options={
                'verbose_name': 'mailbox',
                'verbose_name_plural': 'mailboxes',
            },
        ),
        migrations.CreateModel(
            name='MailboxMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('era', models.PositiveIntegerField(db_comment='of the mailbox')),
                ('key', models.CharField(db_comment='IMAP: UIDVALIDITY/UID; POP: UIDL', max_length=200)),
                ('identity', models.CharField(blank=True, db_comment='of Message-ID, date and recipient: known under other keys', default='', max_length=64)),
                ('size', models.BigIntegerField(db_comment='octets, as the server says', default=0)),
                ('feedback_id', models.BigIntegerField(db_comment='what it was taken in as; no foreign key: that expires', null=True)),
                ('left_because', models.TextField(blank=True, db_comment='not taken in, and why, in words', default='')),
                ('tries', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('retry_at', models.DateTimeField(db_comment='of what was left: tried again then; null: not by itself', null=True)),
                ('settled_at', models.DateTimeField(db_comment='marked, moved or deleted on the server', null=True)),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('mailbox', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='messages', to='pipeline.mailbox')),
            ],
            options={
                'verbose_name': 'message of a mailbox',
                'verbose_name_plural': 'messages of mailboxes',
                'indexes': [models.Index(condition=models.Q(('identity', ''), _negated=True), fields=['mailbox', 'identity'], name='mailbox_identity'), models.Index(condition=models.Q(('left_because', ''), ('settled_at__isnull', True)), fields=['mailbox'], name='mailbox_unsettled'), models.Index(condition=models.Q(('left_because', ''), _negated=True), fields=['mailbox'], name='mailbox_left')],
                'constraints': [models.UniqueConstraint(fields=('mailbox', 'era', 'key'), name='mailbox_message_once')],
            },
        ),
    ]
