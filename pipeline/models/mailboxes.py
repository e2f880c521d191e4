"""Mailboxes that are read for what comes back, and what was taken out of each."""

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline.models.signing import Secret, SecretField

_NONE = Secret("")


def no_secret() -> Secret:
    return _NONE


class Mailbox(models.Model):
    """Where bounces arrive at somebody else's server: how to get in, and how the last look went.

    `era` counts the places it has been: a message is known by era and key, and another folder may repeat the keys.
    """

    class Protocol(models.TextChoices):
        IMAP = "imap", "IMAP"
        POP = "pop", "POP3"

    class Security(models.TextChoices):
        TLS = "tls", _("TLS from the start")
        STARTTLS = "starttls", _("STARTTLS, or not at all")
        PLAIN = "plain", _("none: for a server on this machine alone")

    class Auth(models.TextChoices):
        PASSWORD = "password", _("password")
        OAUTH2 = "oauth2", "OAuth2"

    class Afterwards(models.TextChoices):
        LEAVE = "leave", _("leave it there, marked as read")
        MOVE = "move", _("move it to another folder")
        DELETE = "delete", _("delete it")

    name = models.CharField(_("name"), max_length=100, unique=True)
    protocol = models.CharField(_("protocol"), max_length=4, choices=Protocol, default=Protocol.IMAP)
    host = models.CharField(_("server"), max_length=253)
    port = models.PositiveIntegerField(
        _("port"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)]
    )
    security = models.CharField(_("encryption"), max_length=8, choices=Security, default=Security.TLS)
    user = models.CharField(_("user"), max_length=320)
    auth = models.CharField(_("signs in with"), max_length=8, choices=Auth, default=Auth.PASSWORD)
    password = SecretField(_("password"), blank=True, default=no_secret)
    token_url = models.URLField(_("address that gives out tokens"), max_length=500, blank=True, db_default="")
    client_id = models.CharField(_("client ID"), max_length=500, blank=True, db_default="")
    client_secret = SecretField(_("client secret"), blank=True, default=no_secret)
    refresh_token = SecretField(_("refresh token"), blank=True, default=no_secret)
    scope = models.CharField(_("scope"), max_length=500, blank=True, db_default="")
    access_token = SecretField(default=no_secret, editable=False)
    access_until = models.DateTimeField(null=True, editable=False)
    folder = models.CharField(_("folder"), max_length=255, default="INBOX")
    afterwards = models.CharField(
        _("mail that was taken in"), max_length=6, choices=Afterwards, default=Afterwards.LEAVE
    )
    move_to = models.CharField(_("folder to move it to"), max_length=255, blank=True, db_default="")
    enabled = models.BooleanField(_("is read"), default=True, db_default=True)

    era = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    read_up_to = models.CharField(
        max_length=200, blank=True, default="", db_default="", editable=False, db_comment="key of the last new message"
    )
    looked_at = models.DateTimeField(null=True, editable=False, db_comment="the last look that went well")
    next_at = models.DateTimeField(null=True, db_default=Now(), editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    needs_person = models.BooleanField(default=False, db_default=False, editable=False)
    error = models.TextField(blank=True, default="", db_default="", editable=False)

    class Meta:
        verbose_name = _("mailbox")
        verbose_name_plural = _("mailboxes")

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        """Host and port."""
        standard = {("imap", "tls"): 993, ("imap", "starttls"): 143, ("pop", "tls"): 995, ("pop", "starttls"): 110}
        secure = "starttls" if self.security == self.Security.PLAIN else self.security
        return f"{self.host}:{self.port or standard[self.protocol, secure]}"


class MailboxMessage(models.Model):
    """A message of a mailbox that was dealt with. Its row is written in the transaction that takes it in."""

    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="messages")
    era = models.PositiveIntegerField(db_comment="of the mailbox")
    key = models.CharField(max_length=200, db_comment="IMAP: UIDVALIDITY/UID; POP: UIDL")
    identity = models.CharField(
        max_length=64, blank=True, default="", db_comment="of Message-ID, date and recipient: known under other keys"
    )
    size = models.BigIntegerField(default=0, db_comment="octets, as the server says")
    feedback_id = models.BigIntegerField(null=True, db_comment="what it was taken in as; no foreign key: that expires")
    left_because = models.TextField(blank=True, default="", db_comment="not taken in, and why, in words")
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    retry_at = models.DateTimeField(null=True, db_comment="of what was left: tried again then; null: not by itself")
    settled_at = models.DateTimeField(null=True, db_comment="marked, moved or deleted on the server")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("message of a mailbox")
        verbose_name_plural = _("messages of mailboxes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["mailbox", "era", "key"], name="mailbox_message_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["mailbox", "identity"], name="mailbox_identity", condition=~Q(identity="")),
            models.Index(
                fields=["mailbox"], name="mailbox_unsettled", condition=Q(settled_at__isnull=True, left_because="")
            ),
            models.Index(fields=["mailbox"], name="mailbox_left", condition=~Q(left_because="")),
        ]

    def __str__(self) -> str:
        return f"{self.mailbox_id}: {self.key}"
