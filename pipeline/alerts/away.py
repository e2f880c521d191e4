"""What is told while the queue or the database is away: by a process of its own, for no worker could be rung."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from pipeline import alerts
from pipeline.alerts import webhook
from pipeline.delivery import ownmail
from pipeline.delivery.relay import parse_relay
from pipeline.models import Alert, AlertChannel, AlertKind
from pipeline.queries import Occasion
from pipeline.queries.sql import rows

_PRESSRUN: Final = "import sys; from pipeline.cli import main; sys.exit(main())"
COMMAND: Final = (sys.executable, "-c", _PRESSRUN, "alert", "--away")


def tell_from_outside(what: str) -> subprocess.Popen[bytes]:
    """Have it told by a process of its own, which knows how; its words go where ours go. Nobody waits for it."""
    return subprocess.Popen([*COMMAND, what], stdin=subprocess.DEVNULL)  # noqa: S603 (our own command)


def tell_no_broker() -> list[Alert]:
    """The queue is away, the database is there: one event since the last sweep, for whoever notices it."""
    [(at, seconds)] = rows(
        "SELECT coalesce(max(at), now() - interval '1 minute'),"
        " extract(epoch FROM now() - coalesce(max(at), now() - interval '1 minute'))::float"
        " FROM pipeline_marker WHERE name = 'sweep'"
    )
    key = f"broker:{at.isoformat()}"
    alerts.tell(Occasion(key, AlertKind.BROKER, facts={"minutes": round(seconds / 60)}))
    return alerts.hand_over(key=key)


def tell_no_database() -> list[Alert]:
    """Without the database: to the webhook and the addresses of the environment, each noted in a file of HOME."""
    with _told() as told:
        since = datetime.fromisoformat(told.setdefault("since", datetime.now(UTC).isoformat()))
        minutes = max(1, round((datetime.now(UTC) - since).total_seconds() / 60))
        key, facts = f"database:{since.isoformat()}", {"minutes": minutes}
        targets = [(AlertChannel.WEBHOOK, "")] if settings.ALERT_URL else []
        targets += [(AlertChannel.MAIL, address) for address in settings.ALERT_MAIL]
        tried = [
            Alert(key=key, kind=AlertKind.DATABASE, channel=channel, target=target, facts=facts, raised_at=since)
            for channel, target in targets
            if f"{channel} {target}" not in told.setdefault("delivered", [])
        ]
        for number, alert in enumerate(tried):
            _try(alert, number)
        told["delivered"] += [f"{each.channel} {each.target}" for each in tried if each.delivered_at]
    return tried


def database_is_back() -> None:
    """The next time it goes away is another event."""
    _file().unlink(missing_ok=True)


def _try(alert: Alert, number: int) -> None:
    """Without a row there is no number; the second of its event serves."""
    alert.pk = int(alert.raised_at.timestamp()) * 100 + number
    url = f"{settings.BASE_URL}/"
    try:
        if alert.channel == AlertChannel.WEBHOOK:
            webhook.post(alert, url)
        else:
            named = [each for each in (settings.ALERT_SMTP_URL, settings.SMTP_URL) if each]
            ownmail.mail(alerts.letter(alert, url), [ownmail.Way(parse_relay(each)) for each in named], sign=False)
    except (webhook.WebhookError, ownmail.MailFailedError) as error:
        alert.error = str(error)
    else:
        alert.delivered_at = datetime.now(UTC)


def _file() -> Path:
    return Path(settings.HOME) / "away" / "database.json"


@contextmanager
def _told() -> Iterator[dict[str, Any]]:
    """What was told of this event already, by whichever process; held by one at a time."""
    _file().parent.mkdir(parents=True, exist_ok=True)
    with _file().open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        told: dict[str, Any] = json.loads(text) if text else {}
        yield told
        file.seek(0)
        file.truncate()
        json.dump(told, file)
