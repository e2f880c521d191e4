"""The guards of a delivery row as functions, which a session compiles once.

A condition that stands in a trigger or a constraint is read anew from the catalogue by every statement that writes
the table. These two are long: for one row that was a third of what PostgreSQL had to do.
"""

from importlib import import_module

from django.db import migrations, models
from django.db.models import Func

BEFORE = import_module("pipeline.migrations.0002_ledger")

REASONS = """
CREATE FUNCTION pressrun_reason_legal(state text, reason text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RETURN CASE state
    WHEN 'pending' THEN reason IN ('new', 'deferred', 'not-sent', 'retry')
    WHEN 'claimed' THEN reason = 'working'
    WHEN 'in_flight' THEN reason = 'working'
    WHEN 'accepted' THEN reason IN ('taken', 'evidence')
    WHEN 'rejected' THEN reason IN ('render', 'no-such-mailbox', 'no-such-domain', 'mailbox-disabled', 'mailbox-full',
      'recipient-filter', 'temporary', 'rate-limited', 'reputation', 'authentication', 'policy', 'sender-refused',
      'too-big', 'syntax', 'unknown')
    WHEN 'skipped' THEN reason IN ('unconfirmed', 'unsubscribed', 'paused', 'suppressed', 'erased', 'excluded',
      'no-edition')
    WHEN 'expired' THEN reason = 'too-late'
    WHEN 'cancelled' THEN reason = 'cancelled'
    WHEN 'uncertain' THEN reason IN ('lease-lost', 'connection-lost')
    WHEN 'held' THEN reason = 'unsettled'
    ELSE false
  END;
END $$;
"""

MOVES = f"""
CREATE FUNCTION pressrun_legal_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.fence < OLD.fence
  OR OLD.state <> NEW.state AND NOT (
    (CASE OLD.state
      WHEN 'pending' THEN NEW.state IN ('claimed', 'skipped', 'cancelled', 'expired')
        -- waiting to be repeated, it may have arrived all the same
        OR OLD.retried AND NEW.state IN ('accepted', 'held')
      WHEN 'claimed' THEN NEW.state IN ('in_flight', 'pending', 'skipped', 'rejected')
      WHEN 'in_flight' THEN NEW.state IN ('accepted', 'rejected', 'pending', 'expired', 'uncertain')
      -- rejected, expired: the true reply came after all
      WHEN 'uncertain' THEN NEW.state IN ('pending', 'accepted', 'held', 'rejected', 'expired')
      WHEN 'held' THEN NEW.state = 'accepted'
      ELSE false
    END)
    AND (NEW.fence > OLD.fence OR {BEFORE.RANK.format(row="NEW")} > {BEFORE.RANK.format(row="OLD")}))
  THEN
    RAISE EXCEPTION 'delivery %-%: no way from % (fence %) to % (fence %)',
      OLD.send_id, OLD.id, OLD.state, OLD.fence, NEW.state, NEW.fence USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

DROP TRIGGER pressrun_legal_moves ON pipeline_delivery;
DROP FUNCTION pressrun_illegal_move();
CREATE TRIGGER pressrun_legal_moves BEFORE UPDATE OF state, fence ON pipeline_delivery
FOR EACH ROW EXECUTE FUNCTION pressrun_legal_move();
"""

BACK = "DROP TRIGGER pressrun_legal_moves ON pipeline_delivery; DROP FUNCTION pressrun_legal_move();"


class Migration(migrations.Migration):
    dependencies = [("pipeline", "0019_doubts")]

    operations = [
        migrations.RunSQL(MOVES, BACK + BEFORE.LEGAL_MOVES),
        migrations.RunSQL(REASONS, "DROP FUNCTION pressrun_reason_legal(text, text);"),
        migrations.RemoveConstraint(model_name="delivery", name="delivery_reason_legal"),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=Func(
                    "state", "reason", function="pressrun_reason_legal", output_field=models.BooleanField()
                ),
                name="delivery_reason_legal",
            ),
        ),
    ]
