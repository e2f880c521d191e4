"""What comes back, kept as it came."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline.replies import Reason


class FeedbackKind(models.TextChoices):
    BOUNCE = "bounce", _("bounce")
    DELAY = "delay", _("delay warning")
    COMPLAINT = "complaint", _("complaint")
    AUTO_REPLY = "auto-reply", _("automatic reply")
    REPLY = "reply", _("reply")
    UNSUBSCRIBE = "unsubscribe", _("unsubscribed by mail")
    OTHER = "other", _("other")


class FeedbackStatus(models.TextChoices):
    APPLIED = "applied", _("applied")
    IGNORED = "ignored", _("noted, nothing to do")
    QUARANTINED = "quarantined", _("not trusted, nothing done")
    UNATTRIBUTED = "unattributed", _("nobody known it belongs to")


class Feedback(models.Model):
    received_at = models.DateTimeField(db_default=Now())
    source = models.CharField(max_length=10, db_comment="smtp, lmtp, pipe, mailbox or webhook")
    sha256 = models.BinaryField(unique=True, db_comment="of the raw message: taken in once")
    raw = models.BinaryField(db_comment="zlib")
    envelope_to = models.CharField(max_length=320, blank=True)
    envelope_from = models.CharField(max_length=320, blank=True)
    kind = models.CharField(max_length=12, choices=FeedbackKind)
    status = models.CharField(max_length=12, choices=FeedbackStatus)
    reason = models.CharField(max_length=20, blank=True, db_comment="pipeline.replies.Reason")
    hard = models.BooleanField(default=False)
    diagnostic = models.TextField(blank=True)
    rule = models.CharField(max_length=200, blank=True)
    send_id = models.BigIntegerField(null=True)
    delivery_id = models.BigIntegerField(null=True)
    detail = models.TextField(blank=True, db_comment="what was done or why not, in words")
    expires_at = models.DateTimeField(null=True)
    handed_on_at = models.DateTimeField(null=True, db_comment="an answer, to whoever edits the newsletter")
    hand_on_due_at = models.DateTimeField(null=True, db_comment="next try; null: handed on, given up, or no answer")
    hand_on_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    looked_at = models.DateTimeField(null=True, db_comment="a person has seen to it")
    looked_by = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("feedback")
        verbose_name_plural = _("feedback")
        indexes: ClassVar = [
            models.Index(fields=["send_id", "delivery_id"], name="feedback_delivery"),
            models.Index(fields=["status", "received_at"], name="feedback_status"),
            models.Index(
                fields=["hand_on_due_at"], name="feedback_hand_on", condition=models.Q(hand_on_due_at__isnull=False)
            ),
            # A few among very many: what nobody could attribute or understand, until a person has looked at it.
            models.Index(
                fields=["id"],
                name="feedback_to_look_at",
                condition=models.Q(looked_at=None)
                & (
                    models.Q(status__in=[FeedbackStatus.UNATTRIBUTED, FeedbackStatus.QUARANTINED])
                    | models.Q(kind=FeedbackKind.BOUNCE, reason=Reason.UNKNOWN)
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.received_at:%Y-%m-%d %H:%M}"
