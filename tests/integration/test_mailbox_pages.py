"""Mailboxes as people see and change them in the pages, how workers find them, and what people are told of them."""

import pytest
from django.utils import timezone
from dovecot import PASSWORD
from mailroom import a_mailbox
from newsroom import signed_in
from scene import elsewhere, slow_errands

from pipeline import alerts, tasks, transitions
from pipeline.commands.doctor import checks
from pipeline.feedback import mailbox as mailboxes
from pipeline.feedback.mailbox import looking
from pipeline.models import Alert, AuditEvent, Feedback, Mailbox, MailboxMessage, Secret
from pipeline.queries.sql import execute

pytestmark = pytest.mark.django_db
PAGES = "/admin/mailboxes/"
FIELDS = {
    "name": "bounces",
    "protocol": "imap",
    "security": "tls",
    "auth": "password",
    "folder": "INBOX",
    "afterwards": "leave",
    "enabled": "on",
}


@pytest.fixture
def bo():
    return signed_in("bo", "pipeline.change_mailbox", "wagtailadmin.access_admin")


def test_only_who_may_sees_them():
    mailbox = Mailbox.objects.create(name="bounces", host="mx.example", user="u", password=Secret("hunter2"))
    ada = signed_in("ada", group="Moderators")
    for page in ("", "add/", f"{mailbox.pk}/"):
        assert ada.get(PAGES + page).status_code in {302, 403}
    assert ada.post(f"{PAGES}{mailbox.pk}/act/", {"act": "remove"}).status_code in {302, 403}
    assert Mailbox.objects.exists()


def test_one_is_added_tried_out_changed_and_removed(bo, account):
    given = FIELDS | {"host": "localhost", "port": account.server.ports["imaps"], "user": account.user}
    said = bo.post(f"{PAGES}add/", given)
    assert said.status_code == 400
    assert "There is no password." in said.content.decode()
    assert not Mailbox.objects.exists()
    said = bo.post(f"{PAGES}add/", given | {"password": PASSWORD}, follow=True)
    mailbox = Mailbox.objects.get()
    assert PASSWORD not in said.content.decode()
    account.put(b"Subject: 1\r\n\r\nHello\r\n")
    act = f"{PAGES}{mailbox.pk}/act/"
    assert "1 messages look new" in bo.post(act, {"act": "test"}, follow=True).content.decode()
    bo.post(f"{PAGES}{mailbox.pk}/", given | {"folder": "Bounces"})
    mailbox.refresh_from_db()
    assert (mailbox.folder, mailbox.era, mailbox.password.reveal()) == ("Bounces", 2, PASSWORD)
    assert "&#x27;Bounces&#x27;" in bo.post(act, {"act": "test"}, follow=True).content.decode()
    assert AuditEvent.objects.filter(action="mailbox.set", actor="bo").latest("id").detail == {"folder": "Bounces"}
    bo.post(act, {"act": "remove"})
    assert not Mailbox.objects.exists()
    assert PASSWORD not in str(list(AuditEvent.objects.values_list("detail", flat=True)))


def test_how_it_goes_and_what_was_left_is_shown(bo, account):
    mailbox = a_mailbox(account)
    assert "It was not read yet." in bo.get(PAGES).content.decode()
    transitions.leave_mailbox_message(mailbox, key="1/7", size=20_000_000, why="It is too big.", for_good=True)
    transitions.mailbox_failed(mailbox.pk, why="The certificate <b> has expired.", needs_person=True)
    page = bo.get(f"{PAGES}{mailbox.pk}/").content.decode()
    for words in ("certificate &lt;b&gt; has expired", "Somebody must mend it", "It is too big.", "1/7", "left in it"):
        assert words in page
    assert "1 messages" in bo.post(f"{PAGES}{mailbox.pk}/act/", {"act": "retry"}, follow=True).content.decode()
    assert MailboxMessage.objects.get().retry_at


# -- workers


def look_again(mailbox):
    transitions.look_soon(mailbox.pk)
    tasks.mailboxes()


def test_the_sweep_has_each_looked_into_once_a_minute_and_no_other_than_those_that_are_on(account, monkeypatch):
    mailbox, off = a_mailbox(account), a_mailbox(account, name="off", enabled=False)
    account.put(b"Subject: 1\r\n\r\nHello\r\n")
    rung = []
    monkeypatch.setattr(tasks, "_ring", lambda send: send())
    monkeypatch.setattr(tasks.mailboxes, "apply_async", lambda **_: rung.append(1))
    for name in ("ring", "ring_keys", "ring_alerts", "ring_rehearsal"):
        monkeypatch.setattr(tasks, name, lambda *_: None)
    tasks.sweep()
    tasks.mailboxes()
    assert Feedback.objects.count() == 1
    tasks.sweep()
    assert len(rung) == 1
    transitions.look_soon(mailbox.pk)
    assert transitions.take_due_mailbox() == mailbox.pk
    assert transitions.take_due_mailbox() is None
    assert mailboxes.look(off.pk) is None


def test_slow_ones_hold_one_process_of_a_worker(monkeypatch):
    """However many they are: sends wait for the same workers."""
    slow = [Mailbox.objects.create(name=f"{n}", host="mx.example", user="u").pk for n in range(3)]
    looked = []
    monkeypatch.setattr(looking, "look", lambda number, **_: looked.append(number))
    with elsewhere(looking.round_of(tasks.HOST)):
        tasks.mailboxes()
        assert not looked
        mailboxes.look_round("another worker")
    assert looked == slow
    Mailbox.objects.update(next_at=timezone.now())
    slow_errands(monkeypatch)
    tasks.mailboxes()
    assert len(looked) == 4


def test_a_broken_one_holds_up_no_other_and_is_told_once(account, settings):
    settings.ALERT_MAIL = ["ops@city.example"]
    broken = a_mailbox(account, name="broken", password=Secret("wrong"))
    a_mailbox(account, name="fine")
    account.put(b"Subject: 1\r\n\r\nHello\r\n")
    tasks.mailboxes()
    assert Feedback.objects.count() == 1
    for _ in range(2):
        alerts.note()
        look_again(broken)
    assert [str(each.verdict) for each in checks._mailboxes()] == ["bad", "ok"]
    told = Alert.objects.get(kind="mailbox")
    letter = alerts.letter(told, alerts.url_of(told))
    for words in ("broken", "does not let", "What has come stays in it", "/admin/mailboxes/", "메일함"):
        assert words in letter.text
    execute("UPDATE pipeline_mailbox SET password = %s", [PASSWORD])
    look_again(broken)
    look_again(broken)
    found = {each.name: str(each.verdict) for each in checks._mailboxes()}
    assert found == {"mailbox broken": "ok", "mailbox fine": "ok"}
    broken.refresh_from_db()
    assert (broken.error, broken.failing_since) == ("", None)


def test_one_that_is_only_away_for_a_moment_is_not_told(account, settings):
    settings.ALERT_MAIL = ["ops@city.example"]
    a_mailbox(account, port=1)
    tasks.mailboxes()
    alerts.note()
    assert not Alert.objects.exists()
    execute("UPDATE pipeline_mailbox SET failing_since = now() - interval '16 minutes'")
    alerts.note()
    assert Alert.objects.get().kind == "mailbox"
