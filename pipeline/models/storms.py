"""How many dead addresses a send found at each destination, and where so many at once are a matter for a person."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline.models.delivery import Send


class StormState(models.TextChoices):
    CALM = "calm", _("as usual")
    FROZEN = "frozen", _("waiting for a person")
    APPLIED = "applied", _("the addresses are dead")
    DISCARDED = "discarded", _("a fault of the provider")


class Storm(models.Model):
    """One destination of one send. A row for whoever had more than a few dead addresses or many readers."""

    send = models.ForeignKey(Send, on_delete=models.CASCADE, related_name="storms")
    destination = models.CharField(max_length=255, db_comment="pipeline.limits.destinations: a group, else the domain")
    people = models.PositiveIntegerField(default=0, db_comment="of the send, there, without those left out")
    tried = models.PositiveIntegerField(default=0, db_comment="of them with a yes or no, when last counted")
    dead = models.PositiveIntegerField(default=0, db_comment="of those: rulings that the address is dead")
    limit = models.FloatField(null=True, db_comment="the share of dead above which it was too much")
    state = models.CharField(max_length=10, choices=StormState, default=StormState.CALM)
    looked_at = models.DateTimeField(db_default=Now())
    since = models.DateTimeField(null=True, db_comment="a person discarded all before; counted anew from here")
    frozen_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=200, blank=True, default="", db_default="")
    why = models.TextField(blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("storm of dead addresses")
        verbose_name_plural = _("storms of dead addresses")
        indexes: ClassVar = [
            models.Index(fields=["destination"], name="storm_destination"),
            models.Index(fields=["send"], name="storm_frozen", condition=models.Q(state=StormState.FROZEN)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["send", "destination"], name="storm_once"),
            models.CheckConstraint(condition=models.Q(state__in=StormState.values), name="storm_state_legal"),
        ]

    def __str__(self) -> str:
        return f"{self.send_id} {self.destination}: {self.state}"
