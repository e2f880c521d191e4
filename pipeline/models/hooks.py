"""Where a provider tells by webhook what became of a relay's mail."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline.models.signing import SecretField, no_secret
from pipeline.models.transports import Transport


class Hook(models.Model):
    """A webhook's address, what its requests must bear, and how it does."""

    name = models.SlugField(_("name"), max_length=50, unique=True)
    provider = models.CharField(_("provider"), max_length=20, db_comment="a name of pipeline.providers")
    transport = models.ForeignKey(Transport, verbose_name=_("relay"), on_delete=models.CASCADE, related_name="hooks")
    enabled = models.BooleanField(_("enabled"), default=True, db_default=True)
    secret = SecretField(
        default=no_secret, blank=True, editable=False, db_comment="what the provider signs with; never shown"
    )
    generation = models.PositiveIntegerField(
        default=1, db_default=1, db_comment="signed into the address: a new one ends the old address"
    )
    topics = ArrayField(
        models.CharField(max_length=256),
        verbose_name=_("SNS topics"),
        default=list,
        db_default=Value([], ArrayField(models.CharField(max_length=256))),
        blank=True,
        db_comment="Amazon alone: requests of any other topic are refused",
    )
    networks = ArrayField(
        models.CharField(max_length=50),
        verbose_name=_("networks"),
        default=list,
        db_default=Value([], ArrayField(models.CharField(max_length=50))),
        blank=True,
        db_comment="where requests may come from; empty: anywhere",
    )
    events = models.BigIntegerField(default=0, db_default=0, db_comment="that something was done or kept for")
    event_at = models.DateTimeField(null=True)
    refusals = models.BigIntegerField(default=0, db_default=0, db_comment="requests; one a second is counted at most")
    refused_at = models.DateTimeField(null=True)
    refusal = models.TextField(blank=True, default="", db_default="", db_comment="why, the last time, in words")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def secrets(self) -> list[str]:
        """Any of them may have signed: while the provider changes its secret there are two."""
        return self.secret.reveal().split()
