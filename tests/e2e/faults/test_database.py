"""F-9, F-11, F-12: a database that ends at once, keeps everybody waiting, and takes statements back."""

import signal
import time

from house import until
from services import Services
from stage import Pace, Stage

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(400)]
INJECTED = """
  CREATE FUNCTION be_difficult() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF random() < 0.05 THEN
      RAISE EXCEPTION 'injected' USING ERRCODE = CASE WHEN random() < 0.5 THEN '40P01' ELSE '40001' END;
    END IF;
    RETURN NULL;
  END $$;
  CREATE TRIGGER difficult AFTER UPDATE ON pipeline_delivery FOR EACH STATEMENT EXECUTE FUNCTION be_difficult();
"""


def test_one_statement_in_twenty_that_is_taken_back_costs_nobody_their_mail(stage: Stage):
    """F-12: deadlocks and serialisation failures."""
    stage.answer(delay_ms=5)
    stage.import_people(PEOPLE)
    with stage.house.database() as database:
        database.execute(INJECTED)
    try:
        stage.send(query="connections=4")
        stage.wait_for(lambda: stage.counts()["accepted"] > 300, "most of it", seconds=120)
    finally:
        with stage.house.database() as database:
            database.execute("DROP TRIGGER difficult ON pipeline_delivery; DROP FUNCTION be_difficult")
    ledger = stage.finish(seconds=180)
    assert {row["state"] for row in ledger.values()} == {"accepted"}


def test_a_table_that_is_locked_for_long_makes_everybody_wait_and_nothing_else(stage: Stage, pace: Pace):
    """F-11: as a migration locks it, for longer than a lease lasts."""
    stage.answer(delay_ms=10)
    stage.import_people(PEOPLE)
    stage.send()
    stage.relay.wait_for(30)
    with stage.house.database() as migration, migration.transaction():
        migration.execute("LOCK TABLE pipeline_delivery IN ACCESS EXCLUSIVE MODE")
        over = time.monotonic() + max(pace.seconds(60), 4)
        until(lambda: time.monotonic() > over, seconds=120, what="the migration")
    stage.finish()
    assert max(stage.copies().values()) <= 2


def test_a_database_that_ends_at_once_leaves_in_doubt_what_was_in_flight_and_no_more(
    own_stage: Stage, own_services: Services
):
    """F-9: an immediate restart, twice in one send; the keeper brings it back."""
    stage = own_stage
    stage.answer(delay_ms=20)
    stage.import_people(PEOPLE)
    stage.send()
    for _ in range(2):
        stage.relay.grown_by(60)
        own_services.end_database(signal.SIGQUIT)
        until(own_services.database_answers, what="the database")
    ledger = stage.finish(seconds=120)
    assert {row["state"] for row in ledger.values()} == {"accepted"}
    assert stage.copies().keys() == {*PEOPLE}
    assert len([row for row in ledger.values() if row["retried"] == "true"]) <= 2 * 4 * 2
