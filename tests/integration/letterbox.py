"""Where alerts by mail arrive, and a round of telling."""

import datetime as dt
import email
import email.policy

import pytest
from django.utils import timezone
from relay import Behaviour, Ledger, RelayServer

from pipeline import alerts
from pipeline.models import Alert


class Letterbox(Ledger):
    """Keeps whole messages."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = []

    def keep(self, session, body):
        super().keep(session, body)
        self.letters.append((session.recipients[0], email.message_from_bytes(body, policy=email.policy.default)))


@pytest.fixture
def relay():
    with RelayServer(Behaviour(), Letterbox()) as running:
        yield running


def url(relay) -> str:
    return f"smtp://127.0.0.1:{relay.port}"


def tell_all() -> list[Alert]:
    alerts.note()
    return alerts.hand_over()


def later(**ago) -> None:
    """As if so much time had passed since the last try."""
    Alert.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - dt.timedelta(**(ago or {"seconds": 1})))
