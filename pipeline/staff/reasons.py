"""Why mail did not reach somebody, for people: whose fault it is, what is done about it, who their provider is."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from pipeline.queries import BOUNCED, REFUSED
from pipeline.replies import FAULTS, Action, Fault, Policy, Reason

WAYS: Final[Mapping[str, Promise]] = {
    REFUSED: _("refused at once"),
    BOUNCED: _("came back by mail"),
}
_WHOSE: Final[Mapping[Fault, Promise]] = {
    Fault.RECIPIENT: _("It lies with the recipient."),
    Fault.SENDER: _("It lies with us or our relay."),
    Fault.NETWORK: _("It lies on the way."),
    Fault.UNKNOWN: _("Nobody knows where it lies."),
}
_DEEDS: Final[Mapping[Action, Promise]] = {
    Action.SUPPRESS: _("When it is said for good, the address gets nothing more, of any newsletter."),
    Action.RECHECK: _("DNS is asked again. When the domain is away for %(days)s days, the address gets nothing more."),
    Action.COUNT: _(
        "It is counted: after %(issues)s issues in a row, over at least %(days)s days, the address gets nothing more."
    ),
    Action.IGNORE: _("Nothing is held against the address."),
}
_DEED_OF: Final[Mapping[str, Promise]] = {
    Reason.RATE_LIMITED: _("Mail there is slowed down; nothing is held against the address."),
    Reason.AUTHENTICATION: _("Nothing is held against the address. “pressrun doctor” says what to mend."),
    Reason.UNKNOWN: _("It is noted; nobody is taken off for what nobody understands."),
}
"""Of reasons that can touch no address, where there is more to say."""
_PROVIDERS: Final[Mapping[str, str]] = {
    "gmail": "Gmail",
    "microsoft": "Microsoft (Outlook.com, Hotmail)",
    "yahoo": "Yahoo, AOL",
    "yahoo-japan": "Yahoo! Japan",
    "icloud": "iCloud",
    "naver": "Naver",
    "daum": "Daum, Kakao",
    "nate": "Nate",
    "gmx": "GMX, WEB.DE, mail.com",
    "t-online": "T-Online",
    "orange": "Orange",
    "laposte": "La Poste",
    "free": "Free",
    "libero": "Libero",
    "comcast": "Comcast",
    "proton": "Proton",
    "qq": "QQ",
    "netease": "NetEase (163.com)",
    "mailru": "Mail.ru",
    "yandex": "Yandex",
}
"""Names of `limits/destinations.tsv`."""


def provider_label(destination: str) -> str:
    """What people call a destination. One that is a domain, or new in the table, is shown as it is."""
    return _PROVIDERS.get(destination, destination)


def whose_fault(reason: str) -> Promise | None:
    return _WHOSE[FAULTS[Reason(reason)]] if reason in FAULTS else None


def deed(reason: str, policies: Mapping[Reason, Policy]) -> str | Promise | None:
    """What Pressrun does with such an answer, by the policy that holds now."""
    if reason not in FAULTS:
        return None
    policy = policies[Reason(reason)]
    words = _DEED_OF.get(reason, _DEEDS[policy.action])
    return str(words) % {"issues": policy.issues, "days": policy.days}
