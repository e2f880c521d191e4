"""A rehearsal asked for on a page and played by a worker."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline.models.content import Issue
from pipeline.models.delivery import Send


class RehearsalState(models.TextChoices):
    WAITING = "waiting", _("waiting")
    PLAYING = "playing", _("going on")
    DONE = "done", _("done")
    FAILED = "failed", _("not possible")


class Rehearsal(models.Model):
    """Every reader's message made and looked at, none sent. Nothing depends on it: it may be thrown away."""

    issues = models.ManyToManyField(Issue, related_name="rehearsals")
    lists = ArrayField(models.SlugField(), db_comment="slugs")
    excluded = ArrayField(models.SlugField(), default=list)
    parent = models.ForeignKey(Send, null=True, on_delete=models.CASCADE, db_comment="the send it would follow")
    follows = models.CharField(
        max_length=20, blank=True, db_default="", db_comment="whom of the parent's people; empty: as `no-edition`"
    )
    state = models.CharField(max_length=8, choices=RehearsalState, default=RehearsalState.WAITING)
    people = models.PositiveIntegerField(default=0)
    played = models.PositiveIntegerField(default=0)
    troubles = models.JSONField(default=list, db_comment="[edition, trouble, detail, people, first subscriber ids]")
    why = models.TextField(blank=True, db_comment="of a failed one, in words")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    asked_at = models.DateTimeField(db_default=Now())
    renewed_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("rehearsal")
        verbose_name_plural = _("rehearsals")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(state__in=RehearsalState.values), name="rehearsal_state_legal")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["renewed_at"],
                name="rehearsal_open",
                condition=models.Q(state__in=[RehearsalState.WAITING, RehearsalState.PLAYING]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
