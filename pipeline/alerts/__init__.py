"""Telling people what they did not ask: noted in the database, then handed over, once each, by webhook and by mail.

Whatever goes wrong with an alert stays here: nothing of a send waits for one. An alert is repeated after a failure, and
after a death in the middle of handing it over, with the same number: a receiver can tell that it is the same.
"""

import logging
import time
from collections.abc import Callable, Iterator
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse
from wagtail.users.models import UserProfile

from pipeline import transitions
from pipeline.alerts import webhook
from pipeline.alerts.words import languages_of, words_of
from pipeline.delivery import ownmail
from pipeline.models import Alert, AlertChannel, AlertKind, Send
from pipeline.queries import Occasion, occasions, ways_of
from pipeline.transitions import Recipient

logger = logging.getLogger(__name__)
ABOUT_A_RELAY: Final = frozenset({AlertKind.PAUSED, AlertKind.BRAKED, AlertKind.UNCERTAIN, AlertKind.LATE})
"""What tells of these kinds had better not go through any relay of that send."""
AT_A_TIME: Final = 60.0
"""Seconds after which a round of handing over ends."""


def note() -> bool:
    """Write down what there is to tell, for each who is to hear of it; True if anything waits to be handed over."""
    for occasion in occasions():
        tell(occasion)
    return Alert.objects.filter(due_at__lte=Now()).exists()


def tell(occasion: Occasion) -> None:
    """Note one event for everybody who should hear of it. With nobody to tell, it is in the log alone, once too."""
    listeners = list(recipients(occasion))
    if listeners:
        transitions.note_alert(occasion, listeners)
    elif transitions.note_in_log(occasion):
        logger.warning("%s", words_of(occasion.kind, occasion.facts, "en").happened)


def hand_over(*, key: str = "", stopping: Callable[[], bool] = lambda: False) -> list[Alert]:
    """Try what is due (of this key), for a minute at most; the alerts as they are after it."""
    tried, deadline = list[Alert](), time.monotonic() + AT_A_TIME
    while not stopping() and time.monotonic() < deadline and (alert := transitions.claim_alert(key)):
        _try(alert)
        alert.refresh_from_db()
        tried.append(alert)
    return tried


def recipients(occasion: Occasion) -> Iterator[Recipient]:
    """The webhook, the send's owner, the operators; who did it themselves need not hear of it."""
    if settings.ALERT_URL:
        yield Recipient(AlertChannel.WEBHOOK)
    people = get_user_model().objects.filter(is_active=True).exclude(email="")
    wanted = Q(pk__in=[]) if settings.ALERT_MAIL else Q(is_superuser=True)
    if occasion.send_id:
        wanted |= Q(pk__in=Send.objects.filter(pk=occasion.send_id).values("owner"))
    named = dict.fromkeys(settings.ALERT_MAIL, "")
    for user in people.filter(wanted).exclude(username=occasion.facts.get("by", "")):
        named[user.email] = _language(user.pk)
    for address, language in named.items():
        yield Recipient(AlertChannel.MAIL, address, language)


def _language(user_id: int) -> str:
    """What the user has chosen for these pages; empty: nothing."""
    found = UserProfile.objects.filter(user_id=user_id).values_list("preferred_language", flat=True).first()
    return (found or "").partition("-")[0]


def _try(alert: Alert) -> None:
    """Hand one over. Whatever happens is noted with it, and nothing else comes to harm."""
    try:
        if alert.channel == AlertChannel.WEBHOOK:
            webhook.post(alert, url_of(alert))
        else:
            _mail(alert)
    except ownmail.MailFailedError as error:
        transitions.alert_failed(alert, str(error), for_good=error.for_good)
    except webhook.WebhookError as error:
        transitions.alert_failed(alert, str(error))
    except Exception as error:
        logger.exception("alert %s could not be made", alert.pk)
        transitions.alert_failed(alert, repr(error))
    else:
        transitions.alert_delivered(alert)


def _mail(alert: Alert) -> None:
    about = alert.send_id if alert.kind in ABOUT_A_RELAY else None
    suspects = {way.transport_id for way in ways_of(about)} if about else set()
    ownmail.mail(letter(alert, url_of(alert)), ownmail.ways(own=settings.ALERT_SMTP_URL, suspects=suspects))


def letter(alert: Alert, url: str) -> ownmail.Letter:
    """The alert as a mail, in the reader's language or in all."""
    words = [words_of(alert.kind, alert.facts, language) for language in languages_of(alert.language)]
    return ownmail.Letter(
        id=f"alert-{alert.pk}",
        to=alert.target,
        subject=words[0].subject,
        text="\n\n-- \n\n".join(each.text(url) for each in words),
        at=alert.raised_at,
    )


def url_of(alert: Alert) -> str:
    """The page that has more."""
    if alert.send_id:
        page = reverse("sends:inspect", args=[alert.send_id])
    else:
        page = reverse("mailboxes:index" if alert.kind == AlertKind.MAILBOX else "wagtailadmin_home")
    return f"{settings.BASE_URL}{page}"
