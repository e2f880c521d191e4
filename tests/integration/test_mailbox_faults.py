"""Faults around a mailbox are told and charged to nobody else; its secrets go nowhere but where they were given for."""

import errno

import pytest
from django.db import DataError
from django.utils import timezone
from mailroom import a_mailbox, looked

from pipeline import mailboxes, transitions
from pipeline.feedback import bounded
from pipeline.feedback.mailbox import MailboxError, imap, look
from pipeline.models import Mailbox, MailboxMessage, Secret
from pipeline.queries.sql import execute

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_failure_in_words_that_no_database_takes_is_told_too(account, monkeypatch):
    def refuse(*_):
        raise MailboxError("It says: a\0b\ud800.")

    monkeypatch.setattr(imap.ImapBox, "fresh", refuse)
    mailbox = a_mailbox(account)
    with pytest.raises(MailboxError):
        look(mailbox.pk)
    mailbox.refresh_from_db()
    assert (mailbox.error, mailbox.failures) == ("It says: a\ufffdb?.", 1)


def test_what_the_database_refuses_is_told_too(account, monkeypatch):
    monkeypatch.setattr(imap.ImapBox, "fresh", lambda *_: execute("SELECT 1 / 0"))
    mailbox = a_mailbox(account)
    with pytest.raises(DataError):
        look(mailbox.pk)
    mailbox.refresh_from_db()
    assert (mailbox.failures, "DataError" in mailbox.error) == (1, True)


def test_a_reader_that_does_not_start_is_no_fault_of_the_message(account, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    account.put(b"Subject: 1\r\n\r\nHello\r\n")
    mailbox = a_mailbox(account)
    bounded._READER.close()
    with monkeypatch.context() as patch:
        patch.setattr(bounded.subprocess, "Popen", refuse)
        with pytest.raises(MailboxError, match="Nothing was taken in"):
            look(mailbox.pk)
    mailbox.refresh_from_db()
    assert (mailbox.failures, MailboxMessage.objects.count()) == (1, 0)
    assert looked(mailbox) == (1, 0, 0)


def test_messages_are_fetched_together_only_as_far_as_memory_goes():
    groups = imap._by_size([imap.Listed(f"1/{number}", 1) for number in range(250)])
    assert [len(group) for group in groups] == [100, 100, 50]


def test_a_token_server_gets_no_secret_that_was_given_for_another(pressrun):
    secrets = {"client_secret": Secret("hunter2"), "refresh_token": Secret("hunter3")}
    there = {"auth": "oauth2", "client_id": "a", "token_url": "https://id.example/token", **secrets}
    Mailbox.objects.create(name="bounces", host="mx.example", user="u", **there)
    for change in (("--token-url", "https://thief.example/token"), ("--host", "thief.example")):
        said = pressrun("mailbox", "set", "bounces", *change, status=1)[1]
        assert "Give the client secret anew" in said
        assert "Give the refresh token anew" in said
    found = Mailbox.objects.get()
    assert (found.host, found.token_url) == ("mx.example", "https://id.example/token")
    changes = {"token_url": "https://id2.example/token", "client_secret": "hunter2", "refresh_token": "hunter3"}
    assert mailboxes.change_mailbox("bounces", changes, actor="test").token_url == "https://id2.example/token"


def test_a_token_that_comes_after_a_change_undoes_nothing():
    old = Mailbox.objects.create(name="bounces", host="mx.example", user="u", refresh_token=Secret("old"))
    Mailbox.objects.update(refresh_token=Secret("new"))
    transitions.keep_access_token(old, Secret("token"), until=timezone.now(), refresh=Secret("older"))
    found = Mailbox.objects.get()
    assert (found.refresh_token.reveal(), found.access_token.reveal()) == ("new", "")
