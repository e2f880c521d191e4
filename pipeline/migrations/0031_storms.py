"""The storm brake: a row for each destination of a send that is watched, and frozen rulings that suppress nobody."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

# What a frozen ruling had suppressed before must be lifted first, whoever writes.
GUARD = """
CREATE FUNCTION pressrun_frozen_ruling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM subscribers_suppression s WHERE s.id = OLD.suppression_id
             AND NOT EXISTS (SELECT FROM subscribers_suppression l WHERE l.lifts_id = s.id))
  THEN
    RAISE EXCEPTION 'ruling % cannot be frozen while its suppression % holds', NEW.id, OLD.suppression_id
      USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER pressrun_frozen_rulings BEFORE UPDATE OF state, suppression_id ON pipeline_ruling FOR EACH ROW
WHEN (NEW.state = 'frozen' AND OLD.suppression_id IS NOT NULL) EXECUTE FUNCTION pressrun_frozen_ruling();
"""
BACK = "DROP TRIGGER pressrun_frozen_rulings ON pipeline_ruling; DROP FUNCTION pressrun_frozen_ruling();"


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0030_mailbox_alerts")]

    operations = [
        migrations.RunSQL(GUARD, BACK),
        migrations.CreateModel(
            name='Storm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('destination', models.CharField(db_comment='pipeline.limits.destinations: a group, else the domain', max_length=255)),
                ('people', models.PositiveIntegerField(db_comment='of the send, there, without those left out', default=0)),
                ('tried', models.PositiveIntegerField(db_comment='of them with a yes or no, when last counted', default=0)),
                ('dead', models.PositiveIntegerField(db_comment='of those: rulings that the address is dead', default=0)),
                ('limit', models.FloatField(db_comment='the share of dead above which it was too much', null=True)),
                ('state', models.CharField(choices=[('calm', 'as usual'), ('frozen', 'waiting for a person'), ('applied', 'the addresses are dead'), ('discarded', 'a fault of the provider')], default='calm', max_length=10)),
                ('looked_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('since', models.DateTimeField(db_comment='a person discarded all before; counted anew from here', null=True)),
                ('frozen_at', models.DateTimeField(null=True)),
                ('settled_at', models.DateTimeField(null=True)),
                ('by', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('why', models.TextField(blank=True, db_default='', default='')),
            ],
            options={
                'verbose_name': 'storm of dead addresses',
                'verbose_name_plural': 'storms of dead addresses',
            },
        ),
        migrations.AddField(
            model_name='ruling',
            name='noted_at',
            field=models.DateTimeField(db_comment="by the database's clock, whatever made_at says", db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddIndex(
            model_name='ruling',
            index=models.Index(fields=['noted_at'], name='ruling_noted'),
        ),
        migrations.AddConstraint(
            model_name='ruling',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'frozen'), _negated=True), ('suppression__isnull', True), _connector='OR'), name='ruling_frozen_suppresses_nobody'),
        ),
        migrations.AddField(
            model_name='storm',
            name='send',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='storms', to='pipeline.send'),
        ),
        migrations.AddIndex(
            model_name='storm',
            index=models.Index(fields=['destination'], name='storm_destination'),
        ),
        migrations.AddIndex(
            model_name='storm',
            index=models.Index(condition=models.Q(('state', 'frozen')), fields=['send'], name='storm_frozen'),
        ),
        migrations.AddConstraint(
            model_name='storm',
            constraint=models.UniqueConstraint(fields=('send', 'destination'), name='storm_once'),
        ),
        migrations.AddConstraint(
            model_name='storm',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['calm', 'frozen', 'applied', 'discarded'])), name='storm_state_legal'),
        ),
    ]
