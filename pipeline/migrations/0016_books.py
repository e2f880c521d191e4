"""The audit looks further: repetitions and evidence that are on record, proofs and the audit trail under guard, people
who left every list, deliveries that wait for no time. And a rehearsal knows whom the send would follow."""

from django.db import migrations, models

AUDIT = """
CREATE OR REPLACE FUNCTION pressrun_audit(which bigint)
RETURNS TABLE (invariant text, ok boolean, detail text) LANGUAGE sql STABLE AS $$
  WITH send AS (SELECT * FROM pipeline_send WHERE id = which),
  row AS (SELECT * FROM pipeline_delivery WHERE send_id = which),
  gone AS MATERIALIZED (
    SELECT m.subscriber_id, max(m.changed_at) AS at
    FROM subscribers_subscription m JOIN pipeline_sendlist l ON l.list_id = m.list_id AND NOT l.excluded
    WHERE l.send_id = which GROUP BY m.subscriber_id HAVING NOT bool_or(m.state = 'subscribed')
  ),
  tally AS (
    SELECT count(*) AS n, count(DISTINCT address_key) AS addresses, count(DISTINCT subscriber_id) AS people,
      count(*) FILTER (WHERE state IN ('pending', 'claimed', 'in_flight', 'uncertain')) AS open,
      count(*) FILTER (WHERE state = 'accepted' AND reason = 'taken' AND coalesce(reply, '') !~ '^2') AS unproved,
      count(*) FILTER (WHERE state IN ('rejected', 'expired') AND reply ~ '^2[0-9][0-9]') AS denied,
      count(*) FILTER (WHERE state IN ('pending', 'uncertain') AND due_at IS NULL) AS forgotten,
      count(*) FILTER (WHERE state NOT IN ('skipped', 'cancelled') AND proof_hash IS NULL) AS contentless,
      count(*) FILTER (WHERE state NOT IN ('pending', 'claimed', 'in_flight', 'accepted', 'rejected', 'skipped',
                                           'expired', 'cancelled', 'uncertain', 'held')) AS nowhere
    FROM row
  )
  SELECT 'I1', n = audience AND (state NOT IN ('finished', 'cancelled') OR open = 0),
    format('%s rows for an audience of %s, %s still open, send %s', n, audience, open, state)
  FROM send, tally
  UNION ALL
  SELECT 'I2', n = addresses AND n = people AND unsaid = 0,
    format('%s rows, %s addresses, %s people, %s repeated without a word', n, addresses, people, unsaid)
  FROM tally, (
    SELECT count(*) AS unsaid FROM (
      SELECT send_id, id, retried FROM row WHERE retried
      UNION ALL
      SELECT row.send_id, row.id, false FROM row JOIN pipeline_auditevent e
        ON e.subject = 'delivery:' || row.send_id || '-' || row.id AND e.action = 'delivery.retried'
      WHERE NOT row.retried
    ) AS one WHERE NOT retried OR NOT EXISTS (
      SELECT FROM pipeline_auditevent e
      WHERE e.subject = 'delivery:' || one.send_id || '-' || one.id AND e.action = 'delivery.retried')
  ) AS said
  UNION ALL
  SELECT 'I3', unproved = 0 AND unseen = 0 AND denied = 0,
    format('%s handed over without the relay''s word, %s without evidence, %s closed against a yes',
           unproved, unseen, denied)
  FROM tally, (
    SELECT count(*) AS unseen FROM row WHERE state = 'accepted' AND reason = 'evidence' AND NOT EXISTS (
      SELECT FROM pipeline_auditevent e
      WHERE e.subject = 'delivery:' || row.send_id || '-' || row.id AND e.action = 'delivery.settled')
  ) AS proof
  UNION ALL
  SELECT 'I4', contentless = 0 AND NOT EXISTS (
      SELECT FROM row WHERE proof_hash IS NOT NULL
        AND proof_hash NOT IN (SELECT proof_id FROM pipeline_sendproof WHERE send_id = which))
      AND guarded,
    format('%s without a proof, proofs %s', contentless, CASE WHEN guarded THEN 'guarded' ELSE 'can be changed' END)
  FROM tally, (
    SELECT count(*) = 1 AS guarded FROM pg_trigger
    WHERE tgrelid = 'pipeline_proof'::regclass AND tgname = 'pressrun_append_only' AND tgenabled = 'O') AS guard
  UNION ALL
  SELECT 'I5', count(*) = 0, format('%s handed over after the person had left', count(*))
  FROM (
    SELECT row.id FROM row JOIN send ON true JOIN subscribers_suppression s
      ON s.address_key = row.address_key AND s.lifts_id IS NULL
      AND s.scope IN ('all', 'newsletter:' || send.newsletter_id)
      AND s.created_at < row.updated_at - interval '11 minutes'
      AND (s.expires_at IS NULL OR s.expires_at > row.updated_at)
      AND NOT EXISTS (SELECT FROM subscribers_suppression l WHERE l.lifts_id = s.id)
    WHERE row.state = 'accepted' AND row.reason = 'taken'
    UNION
    SELECT row.id FROM row JOIN gone
      ON gone.subscriber_id = row.subscriber_id AND gone.at < row.updated_at - interval '11 minutes'
    WHERE row.state = 'accepted' AND row.reason = 'taken'
  ) AS wrong
  UNION ALL
  SELECT 'I6', idle = 0 AND forgotten = 0,
    format('%s in work without anybody working on them, %s waiting for no time', idle, forgotten)
  FROM tally, (
    SELECT count(*) AS idle FROM row WHERE row.state IN ('claimed', 'in_flight')
      AND NOT EXISTS (SELECT FROM pipeline_lease l WHERE l.id = row.lease_id AND l.send_id = which)) AS work
  UNION ALL
  SELECT 'I7', count(*) = 2, format('%s of the 2 guards of legal moves and of the audit trail stand', count(*))
  FROM pg_trigger WHERE tgenabled = 'O' AND (tgrelid, tgname) IN (
    ('pipeline_delivery'::regclass, 'pressrun_legal_moves'), ('pipeline_auditevent'::regclass, 'pressrun_append_only'))
  UNION ALL
  SELECT 'I8', nowhere = 0 AND EXISTS (
      SELECT FROM pg_constraint WHERE conrelid = 'pipeline_delivery'::regclass AND conname = 'delivery_reason_legal'
        AND convalidated),
    format('%s in a state that no count shows', nowhere) FROM tally
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0015_approvals")]

    operations = [
        migrations.AddField(
            model_name="rehearsal",
            name="follows",
            field=models.CharField(
                blank=True, db_comment="whom of the parent's people; empty: as `no-edition`", db_default="", max_length=20),
        ),
        # The one before it stays as it is when this is taken back: it reads what is there, and changes nothing.
        migrations.RunSQL(AUDIT, migrations.RunSQL.noop),
    ]
