"""Told while the queue or the database is away."""

import json

import pytest
from django.db import connection
from relay import Behaviour, Ledger, RelayServer
from webserver import WebServer, answer, ok

from pipeline.alerts import away
from pipeline.models import Alert, Marker


@pytest.fixture
def chat(settings, tmp_path):
    with WebServer({"/hook": ok()}) as server:
        settings.ALERT_URL = f"http://127.0.0.1:{server.port}/hook"
        settings.HOME = tmp_path
        yield server


def events(chat) -> list[str]:
    return [json.loads(body)["event"] for body in chat.bodies]


@pytest.mark.django_db
def test_that_the_queue_is_away_is_told_once_however_many_notice_it(chat, pressrun):
    Marker.objects.create(name="sweep")
    assert "broker by webhook: delivered" in pressrun("alert", "--away", "broker")[0]
    assert "Nothing waits" in pressrun("alert", "--away", "broker")[0]
    assert len(events(chat)) == 1
    with connection.cursor() as cursor:  # it came back, and went again
        cursor.execute("UPDATE pipeline_marker SET at = now() + interval '1 second'")
    away.tell_no_broker()
    assert len(set(events(chat))) == 2
    assert {each.kind for each in Alert.objects.all()} == {"broker"}


def test_that_the_database_is_away_is_told_without_it_once_each_until_it_is_back(chat, settings):
    settings.ALERT_MAIL = ("ops@city.example",)
    with RelayServer(Behaviour(), Ledger()) as relay:
        settings.ALERT_SMTP_URL = f"smtp://127.0.0.1:{relay.port}"
        chat.replies["/hook"] = answer(503)
        first = away.tell_no_database()
        chat.replies["/hook"] = ok()
        second = away.tell_no_database()
        assert away.tell_no_database() == []
        assert [entry["rcpt"] for entry in relay.ledger.entries] == ["ops@city.example"]
        assert [(each.channel, bool(each.delivered_at)) for each in first] == [("webhook", False), ("mail", True)]
        assert [(each.channel, bool(each.delivered_at)) for each in second] == [("webhook", True)]
        assert len(set(events(chat))) == 1
        away.database_is_back()
        away.database_is_back()
        assert len(away.tell_no_database()) == 2
    words = json.loads(chat.bodies[0])["words"]
    assert "has not answered for 1 minutes" in words["en"]["happened"]
    assert "데이터베이스" in words["ko"]["happened"]
