"""What people were told without having asked: one row per event, channel and recipient."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline.models.delivery import Send


class AlertKind(models.TextChoices):
    HELD = "held", _("a send waits for a person")
    PAUSED = "paused", _("a send was paused")
    BRAKED = "braked", _("a send braked by itself")
    UNCERTAIN = "uncertain", _("too much may have arrived")
    STORM = "storm", _("many addresses of one provider are dead at once")
    FINISHED = "finished", _("a send is finished")
    SETTLED = "settled", _("a send is settled")
    LATE = "late", _("a send does not get on")
    SILENT = "silent", _("nothing comes back")
    MAILBOX = "mailbox", _("a mailbox cannot be read")
    BROKER = "broker", _("the queue is away")
    DATABASE = "database", _("the database is away")
    TEST = "test", _("a test")


class AlertChannel(models.TextChoices):
    WEBHOOK = "webhook", _("webhook")
    MAIL = "mail", _("mail")
    LOG = "log", _("log")


class Alert(models.Model):
    """Told once: the key names the event, and it exists once per channel and recipient."""

    key = models.CharField(max_length=200, db_comment="the event: send:12:held:345 …")
    kind = models.CharField(max_length=10, choices=AlertKind)
    channel = models.CharField(max_length=10, choices=AlertChannel)
    target = models.CharField(max_length=320, blank=True, db_comment="the address; the webhook's is a setting")
    language = models.CharField(max_length=10, blank=True, db_comment="the reader's; empty: all that we speak")
    send = models.ForeignKey(Send, null=True, on_delete=models.SET_NULL, related_name="alerts")
    facts = models.JSONField(default=dict, db_comment="as they were when it happened")
    raised_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(null=True, db_default=Now(), db_comment="next try; null: delivered or given up")
    attempts = models.PositiveSmallIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, db_comment="why the last try failed")

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="alert_due", condition=models.Q(due_at__isnull=False)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "channel", "target"], name="alert_once"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.channel} {self.target}".strip()
