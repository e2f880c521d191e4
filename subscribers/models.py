"""People, the lists they are on, and the addresses that get nothing. Knows nothing of mail."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class SubscriptionState(models.TextChoices):
    UNCONFIRMED = "unconfirmed", _("not confirmed yet")
    SUBSCRIBED = "subscribed", _("subscribed")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed")
    PAUSED = "paused", _("paused")
    ERASED = "erased", _("erased")


class List(models.Model):
    class Visibility(models.TextChoices):
        PRIVATE = "private", _("private")
        PUBLIC = "public", _("public")

    class OptIn(models.TextChoices):
        SINGLE = "single", _("single")
        DOUBLE = "double", _("double (by a confirmation mail)")

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True)
    visibility = models.CharField(_("visibility"), max_length=10, choices=Visibility, default=Visibility.PRIVATE)
    opt_in = models.CharField(_("opt-in"), max_length=10, choices=OptIn, default=OptIn.DOUBLE)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("list")
        verbose_name_plural = _("lists")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Subscriber(models.Model):
    """One person at one address. Two spellings of an address (case, IDN) are one person."""

    email = models.CharField(_("email"), max_length=320)
    address_key = models.CharField(max_length=320, editable=False, db_comment="the address in canonical form")
    domain = models.CharField(max_length=255, editable=False, db_comment="its domain as an A-label")
    first_name = models.CharField(_("first name"), max_length=200, blank=True)
    last_name = models.CharField(_("last name"), max_length=200, blank=True)
    language = models.CharField(_("language"), max_length=35, blank=True, help_text=_("empty: not known"))
    fields = models.JSONField(_("other fields"), default=dict, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("subscriber")
        verbose_name_plural = _("subscribers")
        ordering: ClassVar = ["address_key"]
        # Not unique=True: that brings an index for LIKE, which nobody asks and every import pays for.
        constraints: ClassVar = [models.UniqueConstraint(fields=["address_key"], name="subscriber_address_once")]

    def __str__(self) -> str:
        return self.email


class Subscription(models.Model):
    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="subscriptions")
    # The unique pair below begins with the list and serves as its index.
    list = models.ForeignKey(List, on_delete=models.PROTECT, related_name="subscriptions", db_index=False)
    state = models.CharField(max_length=12, choices=SubscriptionState)
    changed_at = models.DateTimeField(db_default=Now(), editable=False)
    changed_by = models.CharField(max_length=200, db_comment="who or what changed it last, in words")

    class Meta:
        verbose_name = _("subscription")
        verbose_name_plural = _("subscriptions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["list", "subscriber"], name="subscription_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=SubscriptionState.values), name="subscription_state_legal"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} / {self.list}: {self.state}"


class SuppressionReason(models.TextChoices):
    UNSUBSCRIBED = "unsubscribed", _("left")
    COMPLAINT = "complaint", _("complained")
    DEAD_ADDRESS = "dead-address", _("the address does not exist")
    MANUAL = "manual", _("by hand")
    IMPORTED = "imported", _("imported")
    ERASED = "erased", _("erased on request")


class Suppression(models.Model):
    """An address that gets nothing. Append-only: a row with `lifts` ends an earlier one, by a named person.

    `address_key` is the canonical address, or `hmac:` and a keyed hash once the person was erased.
    `scope` is `all`, or a word of the caller's (`newsletter:3`).
    """

    address_key = models.CharField(max_length=320)
    reason = models.CharField(max_length=20, choices=SuppressionReason)
    scope = models.CharField(max_length=60, default="all")
    source = models.CharField(max_length=200, db_comment="what led to it, in words or ids")
    by = models.CharField(max_length=200, db_comment="who did it: a user, the person, or a part of Pressrun")
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    lifts = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="lifted_by")

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        indexes: ClassVar = [models.Index(fields=["address_key"], name="suppression_address")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(reason__in=SuppressionReason.values), name="suppression_reason_legal"
            ),
            models.CheckConstraint(
                condition=models.Q(lifts__isnull=True) | ~models.Q(note=""),
                name="suppression_lift_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address_key}: {self.reason} ({self.scope})"


class ConsentRecord(models.Model):
    """Evidence of a yes or a no. Append-only."""

    class Kind(models.TextChoices):
        IMPORTED = "imported"
        SIGNED_UP = "signed-up"
        CONFIRMED = "confirmed"
        WITHDRAWN = "withdrawn"
        RETURNED = "returned"

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="consents")
    list = models.ForeignKey(List, null=True, on_delete=models.PROTECT, db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    text = models.TextField(db_comment="the words that were agreed to, or where the consent comes from")
    source = models.CharField(max_length=300, db_comment="form, file, command or mail it came by")
    at = models.DateTimeField(db_default=Now())
    legacy = models.BooleanField(default=False, db_comment="taken over without evidence of its own")

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")

    def __str__(self) -> str:
        return f"{self.subscriber}: {self.kind} {self.at:%Y-%m-%d}"


class Departure(models.Model):
    """One act of leaving, kept so that the same person can undo exactly it."""

    subscriber = models.ForeignKey(Subscriber, on_delete=models.CASCADE, related_name="departures")
    scope = models.CharField(max_length=60)
    suppression = models.OneToOneField(Suppression, on_delete=models.PROTECT)
    left = models.JSONField(db_comment="the subscriptions it ended, as list id → the state before")
    source = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())
    undone_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("departure")
        verbose_name_plural = _("departures")

    def __str__(self) -> str:
        return f"{self.subscriber} left {self.scope}"


class Segment(models.Model):
    """A named selection among the people of a list, by a typed rule tree, never by SQL."""

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    rule = models.JSONField(_("rule"), default=dict)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")

    def __str__(self) -> str:
        return self.name
