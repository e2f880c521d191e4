"""What Django's models cannot say: only legal moves, append-only evidence, storage of the bulk table, the audit."""

from django.db import migrations

RANK = """CASE {row}.state WHEN 'pending' THEN 0 WHEN 'claimed' THEN 1 WHEN 'in_flight' THEN 2
          WHEN 'uncertain' THEN 3 WHEN 'held' THEN 4 ELSE 5 END"""

# The whole test stands in WHEN, so that a legal move costs no function call.
LEGAL_MOVES = f"""
CREATE FUNCTION pressrun_illegal_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'delivery %-%: no way from % (fence %) to % (fence %)',
    OLD.send_id, OLD.id, OLD.state, OLD.fence, NEW.state, NEW.fence USING ERRCODE = 'check_violation';
END $$;

CREATE TRIGGER pressrun_legal_moves BEFORE UPDATE OF state, fence ON pipeline_delivery FOR EACH ROW
WHEN (
  NEW.fence < OLD.fence
  OR OLD.state <> NEW.state AND NOT (
    ((OLD.state, NEW.state) IN (
      ('pending', 'claimed'), ('pending', 'skipped'), ('pending', 'cancelled'), ('pending', 'expired'),
      ('claimed', 'pending'), ('claimed', 'in_flight'), ('claimed', 'skipped'), ('claimed', 'rejected'),
      ('in_flight', 'accepted'), ('in_flight', 'rejected'), ('in_flight', 'pending'),
      ('in_flight', 'expired'), ('in_flight', 'uncertain'),
      ('uncertain', 'pending'), ('uncertain', 'accepted'), ('uncertain', 'held'), ('held', 'accepted'),
      -- the true reply came after all
      ('uncertain', 'rejected'), ('uncertain', 'expired')
    ) OR
      -- waiting to be repeated, it may have arrived all the same
      OLD.retried AND OLD.state = 'pending' AND NEW.state IN ('accepted', 'held'))
    AND (NEW.fence > OLD.fence OR {RANK.format(row='NEW')} > {RANK.format(row='OLD')})
  )
) EXECUTE FUNCTION pressrun_illegal_move();
"""

APPEND_ONLY = """
CREATE FUNCTION pressrun_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER pressrun_append_only BEFORE UPDATE OR DELETE ON pipeline_auditevent
FOR EACH ROW EXECUTE FUNCTION pressrun_append_only();
"""

# Rows are updated about four times each: room on the page, and a vacuum that follows the send, not the table.
STORAGE = """
ALTER TABLE pipeline_delivery SET (
  fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);
"""

# The invariants I1-I8 of docs/design.md as far as a database can know them; tests compare the rest with a relay's log.
AUDIT = """
CREATE FUNCTION pressrun_audit(which bigint)
RETURNS TABLE (invariant text, ok boolean, detail text) LANGUAGE sql STABLE AS $$
  WITH send AS (SELECT * FROM pipeline_send WHERE id = which),
  row AS (SELECT * FROM pipeline_delivery WHERE send_id = which),
  tally AS (
    SELECT count(*) AS n, count(DISTINCT address_key) AS addresses, count(DISTINCT subscriber_id) AS people,
      count(*) FILTER (WHERE state IN ('pending', 'claimed', 'in_flight', 'uncertain')) AS open,
      count(*) FILTER (WHERE state = 'accepted' AND reason = 'taken' AND coalesce(reply, '') !~ '^2') AS unproved,
      count(*) FILTER (WHERE state NOT IN ('skipped', 'cancelled') AND proof_hash IS NULL) AS contentless,
      count(*) FILTER (WHERE state NOT IN ('pending', 'claimed', 'in_flight', 'accepted', 'rejected', 'skipped',
                                           'expired', 'cancelled', 'uncertain', 'held')) AS nowhere
    FROM row
  )
  SELECT 'I1', n = audience AND (state NOT IN ('finished', 'cancelled') OR open = 0),
    format('%s rows for an audience of %s, %s still open, send %s', n, audience, open, state)
  FROM send, tally
  UNION ALL
  SELECT 'I2', n = addresses AND n = people,
    format('%s rows, %s addresses, %s people', n, addresses, people) FROM tally
  UNION ALL
  SELECT 'I3', unproved = 0, format('%s handed over without the relay''s word', unproved) FROM tally
  UNION ALL
  SELECT 'I4', contentless = 0 AND NOT EXISTS (
      SELECT FROM row WHERE proof_hash IS NOT NULL
        AND proof_hash NOT IN (SELECT proof_id FROM pipeline_sendproof WHERE send_id = which)),
    format('%s without a proof', contentless) FROM tally
  UNION ALL
  SELECT 'I5', count(*) = 0, format('%s handed over after the person had left', count(*))
  FROM row JOIN send ON true JOIN subscribers_suppression s
    ON s.address_key = row.address_key AND s.lifts_id IS NULL
    AND s.scope IN ('all', 'newsletter:' || send.newsletter_id)
    AND s.created_at < row.updated_at - interval '11 minutes'
    AND (s.expires_at IS NULL OR s.expires_at > row.updated_at)
    AND NOT EXISTS (SELECT FROM subscribers_suppression l WHERE l.lifts_id = s.id)
  WHERE row.state = 'accepted' AND row.reason = 'taken'
  UNION ALL
  SELECT 'I6', count(*) = 0, format('%s in work without anybody working on them', count(*))
  FROM row WHERE row.state IN ('claimed', 'in_flight')
    AND NOT EXISTS (SELECT FROM pipeline_lease l WHERE l.id = row.lease_id)
  UNION ALL
  SELECT 'I7', count(*) = 1, 'the guard of legal moves stands'
  FROM pg_trigger WHERE tgrelid = 'pipeline_delivery'::regclass AND tgname = 'pressrun_legal_moves'
    AND tgenabled = 'O'
  UNION ALL
  SELECT 'I8', nowhere = 0 AND EXISTS (
      SELECT FROM pg_constraint WHERE conrelid = 'pipeline_delivery'::regclass AND conname = 'delivery_reason_legal'
        AND convalidated),
    format('%s in a state that no count shows', nowhere) FROM tally
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0001_initial"), ("subscribers", "0001_initial")]

    operations = [
        migrations.RunSQL(LEGAL_MOVES, "DROP TRIGGER pressrun_legal_moves ON pipeline_delivery;"
                          "DROP FUNCTION pressrun_illegal_move();"),
        migrations.RunSQL(APPEND_ONLY, "DROP TRIGGER pressrun_append_only ON pipeline_auditevent;"
                          "DROP FUNCTION pressrun_append_only();"),
        migrations.RunSQL(STORAGE, migrations.RunSQL.noop),
        migrations.RunSQL(AUDIT, "DROP FUNCTION pressrun_audit(bigint);"),
    ]
