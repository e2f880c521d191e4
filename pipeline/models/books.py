"""The audit trail, the token keys, and markers by which a database knows itself."""

from typing import ClassVar, Final

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

TOLD: Final = ("send.held", "send.paused", "send.braked", "send.finished")
"""Acts on a send of which people are told who did not ask."""


class AuditEvent(models.Model):
    """Who did what, when and why. Append-only."""

    at = models.DateTimeField(db_default=Now())
    actor = models.CharField(max_length=200, db_comment="a user, the command line, or a part of Pressrun")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=100, db_comment="send:12, delivery:12-7, issue:3 …")
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        indexes: ClassVar = [
            models.Index(fields=["subject", "at"], name="audit_subject"),
            # How many tests somebody sent within the last hour is asked before each.
            models.Index(fields=["actor", "at"], name="audit_tests", condition=models.Q(action="proof.tested")),
            # What became of sends of late is asked at every sweep, to tell people.
            models.Index(fields=["at"], name="audit_of_sends", condition=models.Q(action__in=TOLD)),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor}: {self.action} {self.subject}"


class TokenKey(models.Model):
    """A key that signs tokens. Old versions verify for ever."""

    version = models.PositiveSmallIntegerField(primary_key=True)
    secret = models.BinaryField(db_comment="32 random bytes")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("token key")
        verbose_name_plural = _("token keys")

    def __str__(self) -> str:
        return f"{self.version}"


class Marker(models.Model):
    """A named fact about this installation: the last ring of the sweep, the database's epoch."""

    name = models.CharField(max_length=60, primary_key=True)
    text = models.TextField(blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("marker")
        verbose_name_plural = _("markers")

    def __str__(self) -> str:
        return self.name
