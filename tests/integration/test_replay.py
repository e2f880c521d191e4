"""What is stored of what came back, read again by other rules than those of its day."""

import datetime as dt
import json
import zlib

import pytest
from django.utils import timezone
from returned import books, handed_over, return_path
from rulebook import Rulebook
from scene import Scene

from pipeline import transitions
from pipeline.feedback import understand as understanding
from pipeline.feedback.apply import take_in
from pipeline.feedback.replay import replay
from pipeline.inbox.returns import bounce
from pipeline.keys import keyring
from pipeline.models import Feedback
from pipeline.queries import stored
from pipeline.queries.stored import Chosen
from pipeline.replies.reasons import meaning
from pipeline.tokens import Purpose

pytestmark = pytest.mark.django_db
ALL = Chosen()


@pytest.fixture
def rules(monkeypatch):
    return Rulebook(monkeypatch)


@pytest.fixture
def deliveries():
    return handed_over(Scene(4), 3)


def comes(said, to, *, source="lmtp"):
    """A message, unlike any other, to a return path or another address."""
    address = to if isinstance(to, str) else return_path(to)
    raw = f"{said}\n{Feedback.objects.count()}".encode()
    return take_in(raw, source=source, envelope_to=address, envelope_from="", now=timezone.now())


def everything():
    """Every row of every table."""
    return books() | {"feedback": sorted(map(repr, Feedback.objects.values()))}


def read_again(chosen=ALL):
    """What differs, without changing anything."""
    before, found = everything(), []
    tally = replay(chosen, dry_run=True, told=found.append)
    assert everything() == before
    assert tally.differing == len(found)
    return tally, found


def outlines(found):
    return [(each.id, each.was.kind, each.was.reason, each.now.kind, each.now.reason) for each in found]


def test_by_the_same_rules_nothing_differs(rules, deliveries):
    for said in ("bounce userunknown", "delay expired", "complaint", "reply", "auto-reply", "other"):
        for delivery in deliveries:
            comes(said, delivery)
    comes("bounce userunknown", "nobody@bounces.example")
    comes("bounce userunknown", f"b-forged@{return_path(deliveries[0]).partition('@')[2]}")
    tally, found = read_again()
    assert (tally.stored, tally.read, tally.unread, found) == (20, 20, 0, [])


def test_what_the_rules_take_otherwise_now_is_told_in_order(rules, deliveries):
    one, other, third = deliveries
    first = comes("bounce filtered", one)
    comes("bounce mailboxfull", other)
    last = comes("reply", third)
    rules.change(bounce_filtered="bounce userunknown", reply="bounce expired")
    tally, found = read_again()
    assert outlines(found) == [
        (first.pk, "bounce", "recipient-filter", "bounce", "no-such-mailbox"),
        (last.pk, "reply", "", "bounce", "temporary"),
    ]
    assert (found[0].now.hard, found[0].now.words, found[0].now.name) == (True, "they said bounce filtered",
                                                                         (one.send_id, one.id))  # fmt: skip
    assert (found[0].arrived, found[0].kept_until) == (first.received_at, first.expires_at)
    assert sum(tally.changes.values()) == 2


def test_a_softer_word_for_the_same_is_another(rules, deliveries):
    comes("bounce userunknown", deliveries[0])
    rules.change(bounce_userunknown="bounce userunknown 4xx")
    _, [found] = read_again()
    assert (found.was.hard, found.now.hard) == (True, False)


def test_the_words_and_the_rule_alone_make_no_difference(rules, deliveries):
    row = comes("bounce userunknown", deliveries[0])
    Feedback.objects.filter(pk=row.pk).update(rule="an old one", diagnostic="cut differently")
    assert read_again()[1] == []


def test_a_key_that_is_known_now_tells_whose_it_is(rules, deliveries, monkeypatch):
    address = return_path(deliveries[0])
    with monkeypatch.context() as without:
        without.setattr("pipeline.feedback.apply.keyring", lambda: type(keyring())({9: b"x" * 32}))
        row = comes("bounce mailboxfull", address)
    assert row.status == "quarantined"
    _, [found] = read_again()
    assert (found.was.name, found.now.name) == (None, (deliveries[0].send_id, deliveries[0].id))


def test_a_key_that_is_missing_now_takes_nothing_back(rules, deliveries, monkeypatch):
    comes("bounce mailboxfull", deliveries[0])
    token = keyring().sign(Purpose.UNSUBSCRIBE, deliveries[0].send_id, deliveries[0].id, 1, 1)
    comes("other", f"u-{token}@{return_path(deliveries[0]).partition('@')[2]}")
    lost = type(keyring())({9: b"x" * 32})
    for module in ("apply", "reading"):
        monkeypatch.setattr(f"pipeline.feedback.{module}.keyring", lambda: lost)
    assert read_again()[1] == []


def test_a_delivery_that_is_gone_leaves_its_mail_as_it_was(rules, deliveries):
    comes("bounce mailboxfull", deliveries[0])
    type(deliveries[0]).objects.all().delete()
    rules.change(bounce_mailboxfull="reply")
    assert read_again()[1] == []


def test_only_what_is_chosen_is_read(rules, deliveries):
    old = comes("bounce filtered", deliveries[0])
    new = comes("delay expired", deliveries[0])
    comes("bounce filtered", "nobody@bounces.example")
    Feedback.objects.filter(pk=old.pk).update(received_at=new.received_at.replace(year=2001))
    rules.change(bounce_filtered="reply", delay_expired="reply")
    send = deliveries[0].send_id
    for chosen, number in (
        (Chosen(since=new.received_at), 2),
        (Chosen(kind="delay"), 1),
        (Chosen(send_id=send), 2),
        (Chosen(send_id=send, kind="bounce", since=new.received_at), 0),
        (Chosen(send_id=send + 1), 0),
    ):
        tally, found = read_again(chosen)
        assert tally.stored == tally.read == len(found) == number


def test_what_cannot_be_read_stays_what_it_was_taken_for(rules, deliveries):
    damaged, unread = comes("bounce filtered", deliveries[0]), comes("bounce userunknown", deliveries[1])
    Feedback.objects.filter(pk=damaged.pk).update(raw=b"not compressed")
    rules.change(bounce_userunknown="unread")
    tally, found = read_again()
    assert (tally.read, tally.unread, found) == (2, 2, [])
    assert unread.reason == "no-such-mailbox"


def test_each_is_read_once_however_many_there_are(rules, deliveries, monkeypatch):
    monkeypatch.setattr(stored, "PORTION", 2)
    monkeypatch.setattr(stored, "TOGETHER", 3)
    one, other, _ = deliveries
    rows = [comes("bounce filtered", to).pk for to in [one, other, "nobody@x.example", one, one, other, one, one, one]]
    rules.change(bounce_filtered="delay expired")
    tally, found = read_again()
    assert tally.read == len(rows)
    assert sorted(each.id for each in found) == rows
    of_one = [at for at, each in enumerate(found) if each.id in {rows[n] for n in (0, 3, 4, 6, 7, 8)}]
    assert of_one == list(range(of_one[0], of_one[0] + 6)), "those of one delivery come together"


def test_a_changed_rule_of_the_real_reader_is_seen(deliveries, monkeypatch):
    """Through MIME, status report and classifier, with one phrase that means something else now."""
    raw = bounce(b"Subject: x\n\n", deliveries[0].email, verdict=("5.2.2", "552 5.2.2 <{}>: full"), now=timezone.now())
    row = take_in(raw, source="lmtp", envelope_to=return_path(deliveries[0]), envelope_from="", now=timezone.now())
    assert zlib.decompress(bytes(Feedback.objects.get(pk=row.pk).raw)) == raw
    assert read_again()[1] == []
    monkeypatch.setattr(understanding, "classify", lambda *_, **__: meaning("suspend", "a new rule"))
    monkeypatch.setattr("pipeline.feedback.reading.understand", understanding.understand)
    _, [found] = read_again()
    assert outlines([found]) == [(row.pk, "bounce", "mailbox-full", "bounce", "mailbox-disabled")]
    assert found.now.rule == "a new rule"


# -- the command


def test_the_command_shows_what_would_differ(rules, deliveries, pressrun):
    row = comes("bounce filtered", deliveries[0])
    comes("bounce mailboxfull", deliveries[1])
    rules.change(bounce_filtered="bounce userunknown")
    before = everything()
    said, _ = pressrun("feedback", "replay", "--dry-run", "--since", "30d")
    assert f"{row.pk}  {row.received_at:%Y-%m-%d %H:%M}  delivery {row.send_id}-{row.delivery_id}" in said
    assert f"kept until {row.expires_at:%Y-%m-%d}" in said
    for line in (
        "was       bounce, recipient-filter",
        "now       bounce, no-such-mailbox, dead",
        "words     they said bounce filtered",
        "rule      rule ['userunknown']",
        "address   gets nothing more",
        "2 messages read again, 1 would be taken otherwise",
        "1 address: gets nothing more",
    ):
        assert line in said
    assert everything() == before


def test_for_programs_it_is_one_document(rules, deliveries, pressrun):
    rows = [comes("bounce filtered", delivery) for delivery in deliveries]
    assert json.loads(pressrun("feedback", "replay", "--dry-run", "--json")[0])["differences"] == []
    rules.change(bounce_filtered="bounce userunknown")
    said = json.loads(pressrun("feedback", "replay", "--dry-run", "--json", "--send", str(rows[0].send_id))[0])
    assert (said["stored"], said["read"], said["unread"], said["differ"]) == (3, 3, 0, 3)
    [change] = said["changes"]
    assert change == {"was": {"kind": "bounce", "reason": "recipient-filter", "hard": False},
                      "would_be": {"kind": "bounce", "reason": "no-such-mailbox", "hard": True},
                      "messages": 3}  # fmt: skip
    first = said["differences"][0]
    assert (first["id"], first["would_be"]["delivery"]) == (rows[0].pk, f"{rows[0].send_id}-{rows[0].delivery_id}")


def test_it_tells_how_many_cannot_be_read_any_more(rules, deliveries, pressrun):
    old = comes("bounce filtered", deliveries[0])
    Feedback.objects.filter(pk=old.pk).update(expires_at=timezone.now() - dt.timedelta(days=1))
    assert transitions.forget_expired() == 1
    assert json.loads(pressrun("feedback", "replay", "--dry-run", "--json")[0])["gone"] == 1
    assert "1 have been deleted so far, because their time was over" in pressrun("feedback", "replay", "--dry-run")[0]


def test_a_stranger_s_words_do_not_steer_the_terminal(rules, deliveries, pressrun):
    row = comes("bounce filtered", deliveries[0])
    Feedback.objects.filter(pk=row.pk).update(diagnostic="\x1b[2Jbad\r\nwords")
    rules.change(bounce_filtered="reply")
    said, _ = pressrun("feedback", "replay", "--dry-run")
    assert "\x1b" not in said
    assert "bad words" in said


@pytest.mark.parametrize(
    "words", [("--since", "yesterday"), ("--kind", "nonsense"), ("--send", "x")], ids=lambda words: words[0]
)
def test_wrong_words_are_refused(pressrun, words):
    pressrun("feedback", "replay", "--dry-run", *words, status=2)


def test_a_send_that_is_not_there_is_named(pressrun):
    _, why = pressrun("feedback", "replay", "--dry-run", "--send", "999", status=1)
    assert "There is no send 999" in why
