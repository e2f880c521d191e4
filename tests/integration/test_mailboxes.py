"""Mailboxes over IMAP, against a real Dovecot: each message once, none lost, nothing touched before it is kept."""

import json
import signal
import subprocess
import sys
import threading

import pytest
from dovecot import PASSWORD
from house import until
from mailroom import a_bounce, a_mailbox, looked
from returned import handed_over, return_path
from scene import Threads
from wires import Line

from pipeline import mailboxes
from pipeline.feedback.mailbox import MailboxError, imap, keeping, look, looking
from pipeline.models import AuditEvent, Delivery, Feedback, Mailbox, MailboxMessage, Secret
from pipeline.queries.sql import execute
from subscribers.models import Suppression

pytestmark = pytest.mark.django_db(transaction=True)


def books():
    """All that a bounce may change."""
    return list(Delivery.objects.order_by("id").values()), list(Suppression.objects.order_by("id").values())


def test_a_bounce_is_taken_in_and_marked(scene, account):
    [delivery] = handed_over(scene)
    account.put(a_bounce(delivery))
    mailbox = a_mailbox(account)
    assert looked(mailbox) == (1, 0, 0)
    row = Feedback.objects.get()
    assert (row.source, row.kind, row.status) == ("mailbox", "bounce", "applied")
    assert row.envelope_to == return_path(delivery)
    assert Suppression.objects.get().address_key == delivery.address_key
    assert account.flags() == [["\\Seen"]]
    mailbox.refresh_from_db()
    assert (mailbox.error, mailbox.failures) == ("", 0)
    assert mailbox.looked_at
    assert looked(mailbox) == (0, 0, 0)


@pytest.mark.parametrize("lacks", [(), ("MOVE",), ("MOVE", "UIDPLUS")])
@pytest.mark.parametrize("afterwards", ["move", "delete"])
def test_what_was_taken_in_is_moved_or_deleted(scene, account, afterwards, lacks, monkeypatch):
    account.put(*map(a_bounce, handed_over(scene, 3)))
    mailbox = a_mailbox(account, afterwards=afterwards, move_to="Done, 끝")
    has = imap.IMAPClient.has_capability
    monkeypatch.setattr(imap.IMAPClient, "has_capability", lambda self, name: name not in lacks and has(self, name))
    assert looked(mailbox) == (3, 0, 0)
    left = [["\\Deleted"]] * 3 if "UIDPLUS" in lacks else []
    assert account.flags() == left
    if afterwards == "move":
        assert len(account.flags("Done, 끝")) == 3
    assert looked(mailbox) == (0, 0, 0)


# -- whatever breaks, and whenever


def test_a_connection_that_breaks_between_fetch_and_mark_costs_and_doubles_nothing(scene, account, monkeypatch):
    """F-37."""
    account.put(*map(a_bounce, handed_over(scene, 3)))
    with Line(account.server.ports["imaps"]) as line:
        mailbox = a_mailbox(account, port=line.port)
        real = imap.ImapBox._settle
        with monkeypatch.context() as patch:
            patch.setattr(imap.ImapBox, "_settle", lambda self, uids: (line.cut(), real(self, uids)))
            with pytest.raises(MailboxError):
                look(mailbox.pk)
        assert (Feedback.objects.count(), account.flags()) == (3, [[], [], []])
        before = books()
        assert looked(mailbox) == (0, 0, 0)
    assert account.flags() == [["\\Seen"]] * 3
    assert (Feedback.objects.count(), MailboxMessage.objects.filter(settled_at=None).count()) == (3, 0)
    assert books() == before


def test_a_connection_that_breaks_before_anything_was_kept_costs_nothing(scene, account, monkeypatch):
    account.put(*map(a_bounce, handed_over(scene, 3)))
    with Line(account.server.ports["imaps"]) as line:
        mailbox = a_mailbox(account, port=line.port)
        with monkeypatch.context() as patch:
            real = imap.ImapBox._bodies
            patch.setattr(imap.ImapBox, "_bodies", lambda self, uids: (line.cut(), real(self, uids))[1])
            with pytest.raises(MailboxError):
                look(mailbox.pk)
        assert (Feedback.objects.count(), MailboxMessage.objects.count()) == (0, 0)
        mailbox.refresh_from_db()
        assert (mailbox.failures, mailbox.needs_person, mailbox.failing_since is None) == (1, False, False)
        assert looked(mailbox) == (3, 0, 0)
    mailbox.refresh_from_db()
    assert (mailbox.failures, mailbox.failing_since, mailbox.error) == (0, None, "")


KILLED = """
import os, signal, sys
from pipeline import cli
from pipeline.commands import environment
environment.prepare()
from pipeline.feedback.mailbox import imap, keeping, looking
{place} = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
sys.exit(cli.main(["mailbox", "look"]))
"""


def test_a_worker_that_is_killed_costs_and_doubles_nothing(make_house, account, tmp_path):
    """In the middle of a transaction, between commit and what makes the next look quick, between commit and mark."""
    house = make_house(BOUNCE_DOMAIN="bounces.city.example")
    (tmp_path / "secret").write_text(PASSWORD, encoding="utf-8")
    where = ("--host", "localhost", "--port", str(account.server.ports["imaps"]), "--user", account.user)
    house.run("mailbox", "set", "bounces", "--create", *where, "--password-from", str(tmp_path / "secret"))
    with house.database() as connection:
        for number, (place, taken) in enumerate(
            (("keeping.take_in", 0), ("looking.transitions.mailbox_read_up_to", 2), ("imap.ImapBox.settle", 2))
        ):
            account.put(*(f"Subject: {number}.{each}\r\n\r\nHello\r\n".encode() for each in range(2)))
            code = [sys.executable, "-c", KILLED.format(place=place)]
            killed = subprocess.run(code, env=house.environment, check=False, capture_output=True)
            assert killed.returncode == -signal.SIGKILL, killed.stderr
            kept = "SELECT count(*) FROM pipeline_feedback"
            assert connection.execute(kept).fetchone() == (2 * number + taken,)
            assert account.flags()[-2:] == [[], []]
            assert house.json("mailbox", "look")[0]["taken"] == 2 - taken
            assert connection.execute(kept).fetchone() == (2 * number + 2,)
            assert account.flags() == [["\\Seen"]] * (2 * number + 2)
        account.put(b"Subject: 4\r\n\r\nHello\r\n")
        house.run("mailbox", "set", "bounces", "--enabled", "yes")  # looked into soon
        house.start("worker")
        until(lambda: connection.execute(kept).fetchone() == (7,), what="the look of a worker")


def test_of_two_who_look_at_once_one_leaves(account, monkeypatch):
    account.put(b"Subject: 1\r\n\r\nHello\r\n")
    mailbox, inside, go_on = a_mailbox(account), threading.Event(), threading.Event()
    real = looking.keep
    monkeypatch.setattr(looking, "keep", lambda *all_: (inside.set(), go_on.wait(30), real(*all_))[2])
    found = []

    def second():
        assert inside.wait(30)
        found.append(look(mailbox.pk))
        go_on.set()

    Threads(lambda: found.append(look(mailbox.pk)), second).finish()
    assert found[0] is None
    assert found[1].counts.total() == Feedback.objects.count() == 1


def test_two_who_get_past_the_lock_still_take_each_message_once(scene, account, monkeypatch):
    account.put(*map(a_bounce, handed_over(scene, 8)))
    mailbox, together = a_mailbox(account), threading.Barrier(2, timeout=30)
    real = looking.alone
    spaces = iter((1, 2))

    def alone(_space, mailbox_id):
        return real(next(spaces), mailbox_id)

    monkeypatch.setattr(looking, "alone", alone)
    real_fetched = looking._fetched

    def fetched(*all_):
        together.wait()
        return real_fetched(*all_)

    monkeypatch.setattr(looking, "_fetched", fetched)
    both = []
    Threads(*[lambda: both.append(look(mailbox.pk))] * 2).finish()
    assert sum(each.counts[keeping.Kept.TAKEN] for each in both) == Feedback.objects.count() == 8
    assert MailboxMessage.objects.count() == 8


# -- the server numbers everything anew


def test_a_folder_that_is_numbered_anew_is_read_again_and_changes_nothing(scene, account):
    """As after a restore or a move: another UIDVALIDITY, and headers that the server has added."""
    deliveries = handed_over(scene, 3)
    account.put(*map(a_bounce, deliveries), folder="Bounces")
    mailbox = a_mailbox(account, folder="Bounces")
    assert looked(mailbox) == (3, 0, 0)
    before = books()
    with account.client() as client:
        client.delete_folder("Bounces")
    account.put(*(a_bounce(each, added="X-Restored: yes\n") for each in deliveries), folder="Bounces")
    assert looked(mailbox) == (0, 3, 0)
    assert (Feedback.objects.count(), books()) == (3, before)
    assert account.flags("Bounces") == [["\\Seen"]] * 3
    validities = {key.partition("/")[0] for key in MailboxMessage.objects.values_list("key", flat=True)}
    assert len(validities) == 2
    assert looked(mailbox) == (0, 0, 0)


def test_two_reports_with_one_message_id_are_two(scene, account):
    [delivery] = handed_over(scene)
    account.put(a_bounce(delivery), a_bounce(delivery, padding=3))
    assert looked(a_mailbox(account)) == (2, 0, 0)


def test_another_folder_is_read_from_its_beginning_even_if_it_repeats_the_numbers(account):
    account.put(b"Subject: 1\r\n\r\nHello\r\n")
    account.put(b"Subject: 2\r\n\r\nHello\r\n", folder="Other")
    mailbox = a_mailbox(account)
    assert looked(mailbox) == (1, 0, 0)
    [key] = MailboxMessage.objects.values_list("key", flat=True)
    mailboxes.change_mailbox(mailbox.name, {"folder": "Other"}, actor="test")
    with account.client("Other") as client:
        execute("UPDATE pipeline_mailboxmessage SET key = %s", [f"{client.folder_status('Other')[b'UIDVALIDITY']}/1"])
    assert looked(mailbox) == (1, 0, 0)
    assert key


# -- what cannot be taken in


def test_what_is_too_big_is_left_and_shown_and_not_fetched(scene, account, monkeypatch):
    [small, big] = handed_over(scene, 2)
    monkeypatch.setattr(keeping, "SIZE_AT_MOST", 5_000)
    monkeypatch.setattr(looking, "SIZE_AT_MOST", 5_000)
    account.put(a_bounce(big, padding=5_000), a_bounce(small))
    mailbox = a_mailbox(account)
    asked = []
    real = imap.ImapBox._bodies
    monkeypatch.setattr(imap.ImapBox, "_bodies", lambda self, uids: (asked.extend(uids), real(self, uids))[1])
    assert looked(mailbox) == (1, 0, 1)
    assert looked(mailbox) == (0, 0, 0)
    assert asked == [2]
    left = MailboxMessage.objects.exclude(left_because="").get()
    assert "octets" in left.left_because
    assert left.retry_at is None
    assert account.flags() == [[], ["\\Seen"]]


def test_what_cannot_be_taken_in_is_left_tried_again_and_given_up(scene, account, monkeypatch, pressrun):
    account.put(*map(a_bounce, handed_over(scene, 2)))
    mailbox = a_mailbox(account)

    def refuse(raw, **_):
        raise ValueError(raw)

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "take_in", refuse)
        assert looked(mailbox) == (0, 0, 2)
        for _ in range(4):
            assert looked(mailbox) == (0, 0, 0)
            execute("UPDATE pipeline_mailboxmessage SET retry_at = now() WHERE retry_at IS NOT NULL")
            assert looked(mailbox) == (0, 0, 2)
    assert set(MailboxMessage.objects.values_list("retry_at", "tries")) == {(None, 5)}
    assert account.flags() == [[], []]
    [shown] = json.loads(pressrun("mailbox", "list", "--json")[0])
    assert "ValueError" in shown["left"][0]["why"]
    assert "2 messages" in pressrun("mailbox", "retry", mailbox.name)[0]
    assert looked(mailbox) == (2, 0, 0)
    assert (Feedback.objects.count(), account.flags()) == (2, [["\\Seen"]] * 2)


def test_one_that_the_server_does_not_hand_over_holds_up_no_other(scene, account, monkeypatch):
    account.put(*map(a_bounce, handed_over(scene, 3)))
    real = imap.IMAPClient.fetch

    def broken(self, numbers, what, *more):
        if any("BODY" in each for each in what) and 2 in numbers:
            raise imap.IMAPClientError("fetch failed: NO [SERVERBUG] Internal error occurred")
        return real(self, numbers, what, *more)

    monkeypatch.setattr(imap.IMAPClient, "fetch", broken)
    mailbox = a_mailbox(account)
    assert looked(mailbox) == (2, 0, 1)
    with account.client() as client:
        client.delete_messages([2])
        client.expunge()
    execute("UPDATE pipeline_mailboxmessage SET retry_at = now() WHERE retry_at IS NOT NULL")
    assert looked(mailbox) == (0, 0, 0)
    assert not MailboxMessage.objects.exclude(left_because="").exists()


def test_a_folder_that_must_not_be_changed_is_read_nevertheless(scene, account, monkeypatch):
    def refuse(_self, _uids):
        raise imap.IMAPClientError("store failed: NO [READ-ONLY]")

    monkeypatch.setattr(imap.ImapBox, "_settle", refuse)
    first, second = handed_over(scene, 2)
    mailbox = a_mailbox(account)
    for delivery in (first, second):
        account.put(a_bounce(delivery))
        with pytest.raises(MailboxError, match="does not let us change"):
            look(mailbox.pk)
    assert Feedback.objects.count() == 2
    mailbox.refresh_from_db()
    assert mailbox.needs_person


# -- much of it


def test_a_big_mailbox_is_read_in_pieces_and_only_what_is_new_is_asked_for(account, monkeypatch):
    folder = account.server.folder / "mail" / account.user / "cur"
    with account.client():
        pass
    for number in range(2_000):
        (folder / f"{1_700_000_000 + number}.M{number}.mx:2,").write_bytes(b"Subject: %d\r\n\r\nHello\r\n" % number)
    monkeypatch.setattr(looking, "keep", lambda _mailbox, one, raw: keeping.Kept.TAKEN if raw else one)
    asked = []
    real = imap.ImapBox._ask
    monkeypatch.setattr(
        imap.ImapBox,
        "_ask",
        lambda self, numbers, what, **more: (asked.append(len(numbers)), real(self, numbers, what, **more))[1],
    )
    mailbox, until = a_mailbox(account), []
    found = look(mailbox.pk, stopping=lambda: len(until) >= 250, progress=lambda done, of: until.append((done, of)))
    assert (found.more, until[-1]) == (True, (250, 2_000))
    assert max(asked) == looking.AT_ONCE
    until.clear()
    found = look(mailbox.pk, progress=lambda done, of: until.append((done, of)))
    assert (found.more, found.counts.total(), until[-1]) == (False, 1_750, (1_750, 1_750))
    account.put(b"Subject: new\r\n\r\nHello\r\n")
    asked.clear()
    assert looked(mailbox) == (1, 0, 0)
    assert sum(asked) < 30


def test_what_nobody_thought_of_is_told_too(account, monkeypatch):
    monkeypatch.setattr(imap.ImapBox, "fresh", lambda *_: {}["SIZE"])
    mailbox = a_mailbox(account)
    with pytest.raises(KeyError):
        look(mailbox.pk)
    mailbox.refresh_from_db()
    assert "KeyError" in mailbox.error


# -- by command


def test_it_is_set_tried_and_looked_into_by_command(pressrun, scene, account, tmp_path):
    (tmp_path / "secret").write_text(f"{PASSWORD}\n", encoding="utf-8")
    where = ("--host", "localhost", "--port", str(account.server.ports["imaps"]), "--user", account.user)
    pressrun("mailbox", "set", "bounces", "--create", *where, "--password-from", str(tmp_path / "secret"))
    [delivery] = handed_over(scene)
    account.put(a_bounce(delivery))
    assert "1 messages look new" in pressrun("mailbox", "test", "bounces")[0]
    assert Feedback.objects.count() == 0
    assert json.loads(pressrun("mailbox", "look", "--json")[0]) == [
        {"name": "bounces", "taken": 1, "known": 0, "left": 0}
    ]
    [listed] = json.loads(pressrun("mailbox", "list", "--json")[0])
    assert (listed["state"], listed["taken"], listed["left"]) == ("works", 1, [])
    said = "".join(pressrun("mailbox", "list")) + str(list(AuditEvent.objects.values_list("detail", flat=True)))
    assert "horse" not in said
    pressrun("mailbox", "set", "bounces", "--folder", "Nowhere")
    said = pressrun("mailbox", "look", status=1)
    assert "Nowhere" in said[1]
    assert "stays there" in said[1]
    pressrun("mailbox", "remove", "bounces")
    assert json.loads(pressrun("mailbox", "list", "--json")[0]) == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (("--security", "plain", "--host", "mx.example"), "this machine"),
        (("--auth", "oauth2"), "client ID"),
        (("--auth", "oauth2", "--client-id", "a", "--token-url", "http://id.example/token"), "https"),
        (("--protocol", "pop", "--afterwards", "move", "--move-to", "Done"), "POP3"),
        (("--afterwards", "move"), "no folder"),
        (("--afterwards", "move", "--move-to", "INBOX"), "not moved"),
        (("--port", "70000"), "port"),
        (("--host", "thief.example"), "Give the password anew"),
        (("--user", "somebody"), "Give the password anew"),
        (("--security", "starttls"), "Give the password anew"),
        (("--password-from", "/nowhere"), "cannot be read"),
    ],
)
def test_what_is_wrong_changes_nothing_and_is_said(pressrun, wrong, says):
    mailbox = Mailbox.objects.create(name="bounces", host="mx.example", user="u", password=Secret("hunter2"))
    said = pressrun("mailbox", "set", "bounces", *wrong, status=1)[1]
    assert says in said
    assert "Nothing was changed" in said
    assert "hunter2" not in said
    assert Mailbox.objects.get() == mailbox
    assert Mailbox.objects.get().host == "mx.example"
