"""Mailboxes as people see and change them."""

from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import transaction

from pipeline import transitions
from pipeline.errors import PressrunError
from pipeline.feedback.mailbox.opening import is_this_machine
from pipeline.models import Mailbox, Secret

SECRETS: Final = ("password", "client_secret", "refresh_token")
CHANGEABLE: Final = (
    "protocol", "host", "port", "security", "user", "auth", *SECRETS, "client_id", "token_url", "scope",
    "folder", "afterwards", "move_to", "enabled",
)  # fmt: skip
_PLACE: Final = frozenset({"protocol", "host", "port", "user", "folder"})
_SIGN_IN: Final = frozenset({"protocol", "host", "port", "security", "user", "auth"})
_BOUND_TO: Final = {
    "password": _SIGN_IN,
    "client_secret": _SIGN_IN | {"token_url", "client_id"},
    "refresh_token": _SIGN_IN | {"token_url", "client_id"},
}
"""A secret goes nowhere but where it was given for: who may change a mailbox could send it to themselves."""
_WAYS_IN: Final = frozenset({"security", "auth", *SECRETS, "client_id", "token_url", "scope", *_PLACE})


class MailboxChangeError(PressrunError):
    """A mailbox cannot be found or changed so. Nothing was changed."""


def find_mailbox(name: str) -> Mailbox:
    """The mailbox of that name. Raises MailboxChangeError, which names those there are."""
    found = Mailbox.objects.filter(name=name).first()
    if found is None:
        have = ", ".join(Mailbox.objects.order_by("name").values_list("name", flat=True)) or "none yet"
        raise MailboxChangeError(f"There is no mailbox {name!r}. Nothing was changed. Mailboxes: {have}.")
    return found


def change_mailbox(name: str, changes: Mapping[str, Any], *, create: bool = False, actor: str) -> Mailbox:
    """Set what stands in a mailbox's row, and look into it soon. Raises MailboxChangeError in words."""
    given = {field: Secret(value) if field in SECRETS else value for field, value in changes.items()}
    with transaction.atomic():
        mailbox = Mailbox(name=name) if create else _locked(name)
        changed = {field: value for field, value in given.items() if create or getattr(mailbox, field) != value}
        for field, value in changed.items():
            setattr(mailbox, field, value)
        _begin_anew(mailbox, changed)
        _check(mailbox, [] if create else _not_given_anew(mailbox, changed, given))
        mailbox.save()
        transitions.note_mailbox_change(mailbox, changed, actor=actor)
        transitions.look_soon(mailbox.pk)
    return mailbox


def remove_mailbox(mailbox: Mailbox, *, actor: str) -> None:
    """Read it no more. What was taken in stays; nothing changes in the mailbox itself."""
    with transaction.atomic():
        transitions.note_mailbox_removal(mailbox, actor=actor)
        mailbox.delete()


def _locked(name: str) -> Mailbox:
    return Mailbox.objects.select_for_update().get(pk=find_mailbox(name).pk)


def _begin_anew(mailbox: Mailbox, changed: Mapping[str, Any]) -> None:
    """Another place is read from its beginning, and its keys are its own; another way in needs a new token."""
    if _PLACE & changed.keys() and mailbox.pk:
        mailbox.era, mailbox.read_up_to = mailbox.era + 1, ""
    if _WAYS_IN & changed.keys():
        mailbox.access_token, mailbox.access_until = Secret(""), None


def _not_given_anew(mailbox: Mailbox, changed: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    used = SECRETS[1:] if mailbox.auth == Mailbox.Auth.OAUTH2 else SECRETS[:1]
    return [
        f"Give the {field.replace('_', ' ')} anew: the one that is there was given for another server or user."
        for field in used
        if _BOUND_TO[field] & changed.keys() and field not in given and getattr(mailbox, field).reveal()
    ]


def _check(mailbox: Mailbox, problems: list[str]) -> None:
    problems += [problem for wrong, problem in _rules(mailbox) if wrong]
    try:
        mailbox.full_clean()
    except ValidationError as error:
        problems += [f"{field}: {' '.join(words)}" for field, words in error.message_dict.items()]
    if problems:
        raise MailboxChangeError(f"{' '.join(problems)} Nothing was changed.")


def _rules(mailbox: Mailbox) -> list[tuple[bool, str]]:
    """What no column can say alone."""
    pop, oauth2 = mailbox.protocol == Mailbox.Protocol.POP, mailbox.auth == Mailbox.Auth.OAUTH2
    moves, plain = mailbox.afterwards == Mailbox.Afterwards.MOVE, mailbox.security == Mailbox.Security.PLAIN
    return [
        (plain and not is_this_machine(mailbox.host), "Only this machine may be spoken to without encryption."),
        (not oauth2 and not mailbox.password.reveal(), "There is no password."),
        (any(not text.isprintable() for text in (mailbox.user, mailbox.password.reveal())),
         "User and password are one line each."),
        (oauth2 and not mailbox.client_id, "OAuth2 needs a client ID."),
        (oauth2 and not mailbox.token_url.startswith("https://"), "OAuth2 needs the https address that gives tokens."),
        (oauth2 and not (mailbox.refresh_token.reveal() or mailbox.client_secret.reveal()),
         "OAuth2 needs a refresh token, or a client secret where the application itself may read the mailbox."),
        (pop and moves, "POP3 knows no folders to move mail to: leave it or delete it."),
        (pop and mailbox.folder != "INBOX", "POP3 knows the inbox only."),
        (moves and not mailbox.move_to, "There is no folder to move mail to."),
        (moves and mailbox.move_to == mailbox.folder, "Mail is not moved to the folder that it is in."),
    ]  # fmt: skip
