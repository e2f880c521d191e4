"""What returned mail does to addresses: the policy of each reason, and each ruling that was made by one."""

from typing import ClassVar, Final

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline import replies

COMPLAINT: Final = "complaint"
"""Beside the reasons of `pipeline.replies`: a person's own word, on which there is one policy."""
_CHANGEABLE: Final = sorted(reason.value for reason, actions in replies.CHOICES.items() if len(actions) > 1)


class PolicyAction(models.TextChoices):
    SUPPRESS = replies.Action.SUPPRESS.value, _("suppress at once")
    RECHECK = replies.Action.RECHECK.value, _("ask DNS again, then suppress")
    COUNT = replies.Action.COUNT.value, _("count, then suppress")
    IGNORE = replies.Action.IGNORE.value, _("only note it")


class Policy(models.Model):
    """What one reason does to an address. One row per `pipeline.replies.Reason`, seeded by the migrations."""

    reason = models.CharField(max_length=20, primary_key=True, db_comment="pipeline.replies.Reason")
    action = models.CharField(_("what is done"), max_length=10, choices=PolicyAction)
    issues = models.PositiveSmallIntegerField(_("issues in a row"), default=1)
    days = models.PositiveSmallIntegerField(_("over at least so many days"), default=0)

    class Meta:
        verbose_name = _("policy for returned mail")
        verbose_name_plural = _("policies for returned mail")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(action__in=PolicyAction.values), name="policy_action_legal"),
            # Whatever a page or a hand may write: what is no reader's fault costs no reader.
            models.CheckConstraint(
                condition=models.Q(action=PolicyAction.IGNORE) | models.Q(reason__in=_CHANGEABLE),
                name="policy_blames_no_reader",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {self.action}"


class RulingState(models.TextChoices):
    WAITING = "waiting", _("being looked into")
    FROZEN = "frozen", _("waiting for a person")
    APPLIED = "applied", _("suppressed")
    DISCARDED = "discarded", _("the address stays")
    UNDONE = "undone", _("taken back by a person")


class Ruling(models.Model):
    """One thing decided about an address because of what came back of one delivery."""

    send_id = models.BigIntegerField()
    delivery_id = models.BigIntegerField()
    reason = models.CharField(max_length=20, db_comment="pipeline.replies.Reason it is counted as, or complaint")
    address_key = models.CharField(max_length=320)
    domain = models.CharField(max_length=255)
    destination = models.CharField(max_length=255, db_comment="pipeline.limits.destinations: a group, else the domain")
    source = models.CharField(max_length=10, db_comment="smtp, mail or webhook")
    words = models.TextField(blank=True, db_comment="of the server that did not take it")
    rule = models.CharField(max_length=200, blank=True, db_comment="which row of pipeline.replies understood them")
    state = models.CharField(max_length=10, choices=RulingState)
    made_at = models.DateTimeField(db_default=Now())
    noted_at = models.DateTimeField(db_default=Now(), db_comment="by the database's clock, whatever made_at says")
    due_at = models.DateTimeField(null=True, db_comment="waiting: looked into then")
    looks = models.PositiveSmallIntegerField(
        default=0, db_default=0, db_comment="how often DNS said that there is no such domain"
    )
    settled_at = models.DateTimeField(null=True)
    by = models.CharField(max_length=200, blank=True, default="", db_default="", db_comment="who settled it")
    why = models.TextField(blank=True, default="", db_default="", db_comment="in words, for a person")
    suppression = models.OneToOneField(
        "subscribers.Suppression", null=True, on_delete=models.PROTECT, related_name="ruling"
    )

    class Meta:
        verbose_name = _("ruling")
        verbose_name_plural = _("rulings")
        indexes: ClassVar = [
            models.Index(fields=["send_id", "destination"], name="ruling_destination"),
            models.Index(fields=["address_key"], name="ruling_address"),
            # Of which providers a complaint would be known is asked wherever a number of complaints is shown.
            models.Index(
                fields=["destination", "made_at"], name="ruling_complaints", condition=models.Q(reason=COMPLAINT)
            ),
            # What was made of late is asked at every sweep, to see a storm of dead addresses.
            models.Index(fields=["noted_at"], name="ruling_noted"),
            models.Index(fields=["due_at"], name="ruling_due", condition=models.Q(state=RulingState.WAITING)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["send_id", "delivery_id", "reason"], name="ruling_once"),
            models.CheckConstraint(condition=models.Q(state__in=RulingState.values), name="ruling_state_legal"),
            models.CheckConstraint(
                condition=~models.Q(state=RulingState.APPLIED) | models.Q(suppression__isnull=False),
                name="ruling_applied_suppresses",
            ),
            # A trigger sees to it that what it was suppressed by before is lifted.
            models.CheckConstraint(
                condition=~models.Q(state=RulingState.FROZEN) | models.Q(suppression__isnull=True),
                name="ruling_frozen_suppresses_nobody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.send_id}-{self.delivery_id} {self.reason}: {self.state}"
