"""Relays, what they may be given and have been given, and what was learned about where their mail goes."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline.models.content import Newsletter

_POSITIVE = (MinValueValidator(1),)


class Transport(models.Model):
    """An SMTP relay, its limits, and what is known of it.

    The `backoff` columns are its circuit breaker: open until `backoff_until`, then half open while `backoff_count` is
    not 0 (one connection tries it), closed at 0.
    """

    name = models.CharField(_("name"), max_length=100, unique=True)
    url = models.TextField(_("address"), help_text=_("smtp://user:password@host:port; never shown again"))
    keeps_return_path = models.BooleanField(_("keeps our return path"), null=True)
    sees_recipient_replies = models.BooleanField(_("answers with the words of the recipient's side"), null=True)
    egress_ips = ArrayField(
        models.GenericIPAddressField(), verbose_name=_("addresses that it sends from"), default=list, blank=True
    )
    connections = models.PositiveSmallIntegerField(
        _("connections"), null=True, blank=True, validators=[*_POSITIVE, MaxValueValidator(256)]
    )
    rate = models.FloatField(_("messages per second"), null=True, blank=True, validators=[MinValueValidator(0.001)])
    per_hour = models.PositiveIntegerField(_("messages per hour"), null=True, blank=True, validators=_POSITIVE)
    per_day = models.PositiveIntegerField(_("messages per day"), null=True, blank=True, validators=_POSITIVE)
    reserved = models.PositiveSmallIntegerField(
        _("share kept for our own mails"),
        default=5,
        db_default=5,
        validators=[MaxValueValidator(50)],
        db_comment="per cent of each limit that issues leave to confirmations and alerts",
    )
    ramp = ArrayField(
        models.PositiveIntegerField(),
        verbose_name=_("warm-up"),
        default=list,
        db_default=Value([], ArrayField(models.PositiveIntegerField())),
        blank=True,
        db_comment="messages on the first day, the second …; then per_day",
    )
    ramp_from = models.DateField(_("first day of the warm-up"), null=True, blank=True, db_comment="UTC")
    backoff_until = models.DateTimeField(null=True, db_comment="not used before then: it refused or was away")
    backoff_reason = models.TextField(blank=True)
    backoff_count = models.PositiveIntegerField(default=0)
    needs_person = models.BooleanField(
        default=False, db_default=False, db_comment="certificate, encryption, password: waiting does not mend it"
    )

    class Meta:
        verbose_name = _("relay")
        verbose_name_plural = _("relays")

    def __str__(self) -> str:
        return self.name


class Metered(models.Model):
    """What has been granted, so that workers together keep a limit and a restart neither forgets nor doubles it."""

    turn = models.BigIntegerField(default=0, db_default=0, db_comment="a grant is written over the turn it has read")
    free_at = models.DateTimeField(null=True, db_comment="until then the rate is given away")
    hour_at = models.DateTimeField(null=True)
    hour_count = models.PositiveIntegerField(default=0, db_default=0, db_comment="granted in the hour from hour_at")
    day_at = models.DateTimeField(null=True)
    day_count = models.PositiveIntegerField(default=0, db_default=0, db_comment="granted in the UTC day from day_at")

    class Meta:
        abstract = True


class TransportMeter(Metered):
    """The meter of a relay. `rests_until`: its hour or day is used up."""

    transport = models.OneToOneField(Transport, on_delete=models.CASCADE, primary_key=True, related_name="meter")
    rests_until = models.DateTimeField(null=True)
    rests_for = models.CharField(max_length=4, blank=True, default="", db_default="", db_comment="hour or day")

    class Meta:
        verbose_name = _("meter")
        verbose_name_plural = _("meters")

    def __str__(self) -> str:
        return f"{self.transport_id}"


class Destination(Metered):
    """Where a relay's mail goes, a group of domains or one: its limits, and how it behaves at present."""

    transport = models.ForeignKey(Transport, on_delete=models.CASCADE, related_name="destinations")
    name = models.CharField(max_length=255, db_comment="pipeline.destinations: a group, else the domain")
    rate = models.FloatField(null=True, validators=[MinValueValidator(0.001)], db_comment="per second, by a person")
    step = models.PositiveSmallIntegerField(default=0, db_default=0, db_comment="0: full speed; see transitions.easing")
    blocked_until = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="", db_default="", db_comment="the reply that slowed it down")
    changed_at = models.DateTimeField(db_default=Now(), db_comment="of step")
    recent = models.CharField(
        max_length=200, default="", db_default="", blank=True, db_comment="last outcomes: - put off, + anything else"
    )

    class Meta:
        verbose_name = _("destination")
        verbose_name_plural = _("destinations")
        constraints: ClassVar = [models.UniqueConstraint(fields=["transport", "name"], name="destination_once")]

    def __str__(self) -> str:
        return f"{self.transport_id}: {self.name}"


class Route(models.Model):
    """The relays of a newsletter, in the order in which they are tried."""

    newsletter = models.ForeignKey(Newsletter, on_delete=models.CASCADE, related_name="routes")
    transport = models.ForeignKey(Transport, on_delete=models.PROTECT, related_name="routes")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("way out")
        verbose_name_plural = _("ways out")
        ordering: ClassVar = ["position", "pk"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["newsletter", "transport"], name="route_once")]

    def __str__(self) -> str:
        return f"{self.newsletter_id}: {self.transport_id}"
