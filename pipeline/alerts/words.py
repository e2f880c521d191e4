"""An alert in words: what happened, what is safe, what to do next, in each language of these pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from pipeline.models import AlertKind
from pipeline.models.delivery import OPEN_STATES
from pipeline.sentences import translated

_BOOKS_SAFE: Final = lazy("Nobody is lost and nobody is written to twice: everyone is in the books with a reason.")
_FOR_THE_AUTHOR: Final = lazy(
    "For the author: readers' own filters kept out %(filtered)s of them, rules about content refused %(objected)s, and "
    "%(too_big)s were too large. The servers' words stand in the report of the send."
)
_LOOK: Final = lazy("Look at the reason on the send's page. Then let it go on, or cancel it.")


@dataclass(frozen=True, slots=True)
class Words:
    subject: str
    happened: str
    safe: str
    next: str

    def text(self, url: str) -> str:
        return "\n\n".join(part for part in (self.happened, self.safe, self.next, url) if part)


@dataclass(frozen=True, slots=True)
class _Phrases:
    subject: str | Promise
    happened: str | Promise
    safe: str | Promise
    next: str | Promise


_PHRASES: Final[Mapping[str, _Phrases]] = {
    AlertKind.HELD: _Phrases(
        lazy("%(newsletter)s, send %(send)s: waits for a person"),
        lazy("Send %(send)s waits for a person to decide."),
        _BOOKS_SAFE,
        _LOOK,
    ),
    AlertKind.PAUSED: _Phrases(
        lazy("%(newsletter)s, send %(send)s: paused"),
        lazy("Send %(send)s was paused by %(by)s. %(accepted)s of %(audience)s messages are handed over."),
        _BOOKS_SAFE,
        _LOOK,
    ),
    AlertKind.BRAKED: _Phrases(
        lazy("%(newsletter)s, send %(send)s: braked"),
        lazy(
            "Send %(send)s stopped by itself, because too much of it was refused. %(accepted)s of %(audience)s "
            "messages are handed over."
        ),
        _BOOKS_SAFE,
        lazy("Find out why the relay or the readers' providers refuse it before you let it go on."),
    ),
    AlertKind.UNCERTAIN: _Phrases(
        lazy("%(newsletter)s, send %(send)s: too much may have arrived"),
        lazy("Send %(send)s was paused: of too many messages nobody knows whether the relay has them."),
        lazy("Those messages are held and not repeated, so nobody gets a second copy."),
        lazy("Look at the relay and the way to it. Then let the send go on, or cancel it."),
    ),
    AlertKind.STORM: _Phrases(
        lazy("%(newsletter)s, send %(send)s: many dead addresses at %(destination)s"),
        lazy(
            "Of %(tried)s addresses at %(destination)s that send %(send)s has tried, %(dead)s are said to be dead. So "
            "many at once are more likely a fault there."
        ),
        lazy("None of them was suppressed, and nothing more goes there until you decide. All others get their mail."),
        lazy("Decide on the send's page: these addresses are dead, or it was a fault of that provider."),
    ),
    AlertKind.FINISHED: _Phrases(
        lazy("%(newsletter)s, send %(send)s: finished"),
        lazy(
            "Send %(send)s is finished: %(accepted)s of %(audience)s messages are handed over, %(rejected)s refused, "
            "%(skipped)s people left out, %(other)s otherwise closed."
        ),
        _BOOKS_SAFE,
        lazy("Nothing needs to be done. What comes back is counted for five more days."),
    ),
    AlertKind.SETTLED: _Phrases(
        lazy("%(newsletter)s, send %(send)s: settled"),
        lazy(
            "Five days after send %(send)s: %(accepted)s of %(audience)s messages were handed over, %(bounced)s of "
            "them came back, %(rejected)s were refused at once."
        ),
        lazy("The books of this send will hardly change any more."),
        lazy("Nothing needs to be done."),
    ),
    AlertKind.LATE: _Phrases(
        lazy("%(newsletter)s, send %(send)s: does not get on"),
        lazy("Send %(send)s has not got on for %(minutes)s minutes; %(open)s messages wait."),
        _BOOKS_SAFE,
        lazy("See whether a worker runs and the relay answers: `pressrun doctor` tells both."),
    ),
    AlertKind.SILENT: _Phrases(
        lazy("%(newsletter)s, send %(send)s: nothing comes back"),
        lazy("A day after send %(send)s started, with %(accepted)s messages handed over, nothing has come back."),
        lazy("The send itself is not touched. But dead addresses and mail to unsubscribe may be lost."),
        lazy("Have the mail for %(bounce_domain)s brought to `pressrun inbound`, or have its mailbox read."),
    ),
    AlertKind.MAILBOX: _Phrases(
        lazy("Pressrun: the mailbox %(mailbox)s cannot be read"),
        lazy("The mailbox %(mailbox)s, to which bounces go, cannot be read."),
        lazy("What has come stays in it. But dead addresses and mail to unsubscribe are not seen meanwhile."),
        lazy("Mend what the reason says; `pressrun mailbox test` tries it. Reading then goes on by itself."),
    ),
    AlertKind.BROKER: _Phrases(
        lazy("Pressrun: the queue is away"),
        lazy("No worker has been rung for %(minutes)s minutes: the queue (PRESSRUN_BROKER_URL) does not answer."),
        lazy("Nothing is lost: what there is to do stands in the database. Sends wait."),
        lazy("Start Redis again, or mend the way to it. Sends then go on by themselves."),
    ),
    AlertKind.DATABASE: _Phrases(
        lazy("Pressrun: the database is away"),
        lazy("The database (PRESSRUN_DATABASE_URL) has not answered for %(minutes)s minutes."),
        lazy("Nothing is sent while it is away, so nobody gets anything twice."),
        lazy("Start PostgreSQL again, or mend the way to it. Sends then go on by themselves."),
    ),
    AlertKind.TEST: _Phrases(
        lazy("Pressrun: a test"),
        lazy("%(by)s asked whether alerts of Pressrun arrive. This one has."),
        lazy("Nothing has happened."),
        lazy("Nothing needs to be done."),
    ),
}


def words_of(kind: str, facts: Mapping[str, Any], language: str) -> Words:
    """The alert in one language."""
    with translation.override(language):
        phrases, values = _PHRASES[kind], _values(facts)
        happened = str(phrases.happened) % values
        if why := str(facts.get("why", "")).strip():
            happened += "\n" + _("The reason: %(why)s") % {"why": translated(why)}
        if facts.keys() & {"filtered", "objected", "too_big"}:
            happened += "\n" + str(_FOR_THE_AUTHOR) % values
        return Words(str(phrases.subject) % values, happened, str(phrases.safe) % values, str(phrases.next) % values)


def languages_of(language: str) -> list[str]:
    """The reader's, or all of them for somebody whose language is not known."""
    known = [code for code, _name in settings.LANGUAGES]
    return [language] if language in known else known


def _values(facts: Mapping[str, Any]) -> dict[str, str]:
    counted = dict(facts.get("counts", {}))
    shown = {name: counted.pop(name, 0) for name in ("accepted", "rejected", "skipped")}
    open_ = sum(counted.pop(state, 0) for state in OPEN_STATES)
    numbers = {
        **shown,
        "open": open_,
        "other": sum(counted.values()),
        "audience": facts.get("audience", 0),
        "bounced": facts.get("bounced", 0),
        "minutes": facts.get("minutes", 0),
        "dead": facts.get("dead", 0),
        "tried": facts.get("tried", 0),
        "filtered": facts.get("filtered", 0),
        "objected": facts.get("objected", 0),
        "too_big": facts.get("too_big", 0),
    }
    words = {"by": _actor(str(facts.get("by", ""))), "bounce_domain": settings.BOUNCE_DOMAIN}
    words |= {name: str(facts.get(name, "")) for name in ("send", "newsletter", "mailbox", "destination")}
    return words | {name: str(intcomma(number)) for name, number in numbers.items()}


def _actor(name: str) -> str:
    """Who acted; a part of Pressrun is Pressrun."""
    return "Pressrun" if name in {"sweep", "delivery", "brake", "brakes"} else name
