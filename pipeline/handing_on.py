"""Answers that came to a return path instead of the reply address are handed on to whoever edits the newsletter.

A mail of our own with the answer's words in it, never the raw message: an editor can read and answer it in any mail
program, and nothing of a stranger's mail is run, signed or passed on in our name but text.
"""

import logging
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from pipeline import errands, transitions
from pipeline.alerts.words import languages_of
from pipeline.content import headers
from pipeline.delivery import ownmail
from pipeline.feedback.answer import Answer, read_answer
from pipeline.models import Feedback, Newsletter, Send
from pipeline.transitions.answers import PER_HOUR

logger = logging.getLogger(__name__)
HOUR: Final = timedelta(hours=1)
LOCK: Final = (0x5052_414E, 0)


def is_any_due() -> bool:
    """Whether there is an answer to hand on now."""
    return Feedback.objects.filter(hand_on_due_at__lte=Now()).exists()


def hand_on(*, stopping: Callable[[], bool] = lambda: False) -> None:
    """Hand on what is due, one after the other, for a minute at most. What fails is tried again later.

    Nothing while somebody else does it.
    """
    errands.do_due(LOCK, transitions.claim_answer, _try, stopping=stopping)


def _try(answer: Feedback) -> None:
    newsletter = Newsletter.objects.filter(sends=answer.send_id).first()
    to = _editor(newsletter) if newsletter else ""
    if newsletter is None or not to:
        transitions.answer_failed(answer, "nobody outside of this system edits the newsletter.", for_good=True)
    elif _of_late(newsletter) >= PER_HOUR:
        transitions.answers_wait(answer, newsletter.pk)
    else:
        _mail(answer, newsletter, to)


def _mail(answer: Feedback, newsletter: Newsletter, to: str) -> None:
    try:
        ownmail.mail(letter(answer, newsletter, to), ownmail.ways(own=settings.ALERT_SMTP_URL))
    except ownmail.MailFailedError as error:
        transitions.answer_failed(answer, str(error), for_good=error.for_good)
    except Exception as error:
        logger.exception("answer %s could not be handed on", answer.pk)
        transitions.answer_failed(answer, repr(error))
    else:
        transitions.answer_handed_on(answer, to=to)


def letter(answer: Feedback, newsletter: Newsletter, to: str) -> ownmail.Letter:
    """The mail for the editor: who wrote it, what, and where the rest is. It is answered to whoever wrote."""
    said = read_answer(zlib.decompress(bytes(answer.raw)))
    subject = said.subject or newsletter.name
    head = "\n\n".join(_head(said, newsletter, language) for language in languages_of(""))
    quoted = "\n".join(f"> {line}" for line in said.text.splitlines())
    return ownmail.Letter(
        id=f"answer-{answer.pk}",
        to=to,
        subject=subject,
        text=f"{head}\n\n{said.sender}\n{quoted}\n",
        at=answer.received_at,
        reply_to=said.address if headers.is_address(said.address) else "",
    )


def _head(said: Answer, newsletter: Newsletter, language: str) -> str:
    with translation.override(language):
        words = _(
            "A reader answered a mail of %(newsletter)s, and the answer came to the address for bounces. If you "
            "answer this mail, you write to the reader. Be careful with links: anybody may have written it."
        ) % {"newsletter": newsletter.name}
        more = _("%(n)s attachments are not shown; the whole message is kept among what came back.")
        return f"{words} {more % {'n': said.attachments}}" if said.attachments else words


def _editor(newsletter: Newsletter) -> str:
    """Whom readers are meant to answer; never ourselves, so that nothing goes round in circles."""
    address = newsletter.reply_to or newsletter.sender_address
    return "" if address.rpartition("@")[2].lower() == settings.BOUNCE_DOMAIN.lower() else address


def _of_late(newsletter: Newsletter) -> int:
    since = timezone.now() - HOUR
    sends = Send.objects.filter(newsletter=newsletter).values("pk")
    return Feedback.objects.filter(handed_on_at__gt=since, send_id__in=sends).count()
