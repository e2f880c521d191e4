"""F-15, F-32, F-33, F-35, F-38: one reader's trouble, or that of many in a row, is nobody else's."""

from collections import Counter

import idna
from stage import Stage

PEOPLE = [f"p{number}@d{number % 40}.example" for number in range(995)]
REFUSED, DEFERRED, CUT, ENDLESS, FOREIGN = ODD = (
    "refused@x.example", "later@x.example", "cut@x.example", "a" * 70 + "@x.example", "세종@x.example",
)  # fmt: skip


def test_five_odd_ones_of_a_thousand_have_each_their_true_reason_and_the_others_their_mail(stage: Stage):
    """F-15, and four more."""
    script = {
        "rcpt": {"^refused@": ["550 5.1.1 No such user"], "^later@": ["451 4.7.1 Greylisted"]},
        "cut": {"after_dot": ["^cut@"]},
    }
    stage.answer(script, without="SMTPUTF8")
    stage.import_people([*PEOPLE[:600], *ODD[:3], *PEOPLE[600:], "short@x.example", FOREIGN])
    stage.rows("UPDATE subscribers_subscriber SET email = %s WHERE email = 'short@x.example' RETURNING id", ENDLESS)
    stage.send("--retry", "1s")

    tries = "SELECT attempts FROM pipeline_delivery WHERE send_id = %s AND email = %s AND attempts >= 5"
    stage.wait_for(lambda: stage.rows(tries, stage.send_id, DEFERRED), "the fifth try")
    stage.rows("UPDATE pipeline_send SET valid_until = now() WHERE id = %s RETURNING id", stage.send_id)
    ledger = stage.finish()

    said = {email: (row["state"], row["reason"], row["reply"]) for email, row in ledger.items()}
    assert {said[email][:2] for email in PEOPLE} == {("accepted", "taken")}
    assert said[REFUSED] == ("rejected", "no-such-mailbox", "550 5.1.1 No such user")
    assert said[DEFERRED] == ("expired", "too-late", "451 4.7.1 Greylisted")
    assert ledger[CUT]["retried"] == "true"
    assert said[CUT][:2] == ("accepted", "taken")
    assert said[ENDLESS][:2] == ("rejected", "render")
    assert "too long: mail allows 64 bytes before the @" in said[ENDLESS][2]
    assert said[FOREIGN][:2] == ("rejected", "syntax")
    assert "the relay does not offer SMTPUTF8" in said[FOREIGN][2]
    assert Counter(stage.copies()) == Counter([*PEOPLE, CUT, CUT])


def test_an_address_in_letters_of_the_world_is_mailed_by_a_relay_that_offers_to(stage: Stage):
    stage.answer()
    stage.import_people([FOREIGN, "kim@x.example"])
    stage.send()
    stage.finish()
    assert stage.copies() == {FOREIGN: 1, "kim@x.example": 1}


def test_one_address_on_two_lists_in_every_spelling_is_written_to_once(stage: Stage):
    """F-32."""
    domains = [f"bücher{n}.example" for n in range(100)]
    stage.answer()
    spellings = (
        [f"Kim{n}@{domain}" for n, domain in enumerate(domains)],
        [f"kim{n}@{idna.encode(domain).decode().upper()}" for n, domain in enumerate(domains)],
        [f"KIM{n}@{domain.upper()}" for n, domain in enumerate(domains)],
    )
    stage.send(to=[stage.import_people(emails) for emails in spellings])
    ledger = stage.finish()
    assert len(ledger) == len(stage.copies()) == 100


def test_whoever_joins_while_a_send_goes_on_is_not_in_it(stage: Stage):
    """F-33: its audience is frozen."""
    name = stage.import_people(PEOPLE[:300])
    stage.begin_and_pause()
    stage.import_people(["late@x.example"], to=name)
    stage.go_on()
    assert stage.finish().keys() == {*PEOPLE[:300]}
    assert stage.status()["audience"] == 300


def test_more_suppressed_people_in_a_row_than_a_batch_holds_are_not_taken_for_the_end(stage: Stage):
    """F-35: a whole claim of which nobody may be written to any more."""
    gone, rest = [f"gone{n}@x.example" for n in range(700)], PEOPLE[:100]
    stage.import_people([*PEOPLE[100:200], *gone, *rest])
    stage.begin_and_pause()
    stage.suppress(gone)
    stage.go_on()
    states = Counter((row["state"], row["reason"]) for row in stage.finish().values())
    assert states["skipped", "suppressed"] > 600
    assert {*rest} <= stage.copies().keys()


def test_one_message_that_cannot_be_made_is_one_rejection(stage: Stage):
    """F-38: the stage's worker has a defect that only one reader meets (`poison/sitecustomize.py`)."""
    stage.answer()
    stage.import_people([*PEOPLE[:200], "poison@x.example", *PEOPLE[200:400]])
    stage.send()
    ledger = stage.finish()
    assert (ledger["poison@x.example"]["state"], ledger["poison@x.example"]["reason"]) == ("rejected", "render")
    assert Counter(stage.copies()) == Counter(PEOPLE[:400])
    assert "ZeroDivisionError: poison" in stage.house.log("worker")


def test_one_message_that_kills_whoever_makes_it_is_found_out_and_is_one_rejection(stage: Stage):
    """F-38: it kills the first worker with others in hand, three more alone, and then nobody."""
    deadly = ["deadly@x.example", "deadly@y.example"]
    stage.answer(delay_ms=5)
    stage.import_people([*PEOPLE[:200], deadly[0], *PEOPLE[200:400], deadly[1], *PEOPLE[400:600]])
    stage.send()
    ledger = stage.finish()
    died = (("rejected", "render"), "3 workers died while they made this message")
    assert [((row["state"], row["reason"]), row["reply"]) for row in map(ledger.get, deadly)] == [died] * 2
    assert {row["state"] for email, row in ledger.items() if email not in deadly} == {"accepted"}
    assert stage.copies().keys() == {*PEOPLE[:600]}
    blamed = "SELECT email FROM pipeline_delivery WHERE send_id = %s AND deaths > 0 ORDER BY email"
    assert stage.rows(blamed, stage.send_id) == [(email,) for email in deadly]
