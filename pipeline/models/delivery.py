"""A send and its books: one delivery row per person, whatever happens to them."""

from typing import ClassVar, Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline import replies
from pipeline.models.content import Newsletter, Proof, UnknownLanguage
from pipeline.models.transports import Transport


class SendState(models.TextChoices):
    DRAFT = "draft", _("draft")
    SCHEDULED = "scheduled", _("scheduled")
    STARTING = "starting", _("starting")
    SENDING = "sending", _("sending")
    PAUSED = "paused", _("paused")
    HELD = "held", _("waiting for a person")
    FINISHED = "finished", _("finished")
    CANCELLED = "cancelled", _("cancelled")


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("waiting")
    CLAIMED = "claimed", _("being prepared")
    IN_FLIGHT = "in_flight", _("being handed over")
    ACCEPTED = "accepted", _("handed over")
    REJECTED = "rejected", _("refused")
    SKIPPED = "skipped", _("left out")
    EXPIRED = "expired", _("given up")
    CANCELLED = "cancelled", _("cancelled")
    UNCERTAIN = "uncertain", _("may have arrived")
    HELD = "held", _("may have arrived, not repeated")


OPEN_STATES: Final = (
    DeliveryState.PENDING,
    DeliveryState.CLAIMED,
    DeliveryState.IN_FLIGHT,
    DeliveryState.UNCERTAIN,
)


class Reason(models.TextChoices):
    """Why a delivery is where it is, beside what a relay's reply means (`pipeline.replies.Reason`)."""

    # pending
    NEW = "new", _("not tried yet")
    DEFERRED = "deferred", _("the relay asked to try later")
    NOT_SENT = "not-sent", _("stopped before it was handed over")
    RETRY = "retry", _("may have arrived; tried once more")
    # claimed, in flight, accepted
    WORKING = "working", _("in work")
    TAKEN = "taken", _("the relay took it")
    EVIDENCE = "evidence", _("something came back that only an arrived mail causes")
    # skipped
    UNCONFIRMED = "unconfirmed", _("never confirmed")
    UNSUBSCRIBED = "unsubscribed", _("has left")
    PAUSED = "paused", _("paused by the person")
    SUPPRESSED = "suppressed", _("the address gets nothing")
    ERASED = "erased", _("erased on request")
    EXCLUDED = "excluded", _("on a list that this send leaves out")
    NO_EDITION = "no-edition", _("no edition in the person's language")
    # rejected
    RENDER = "render", _("the message could not be made")
    # expired, cancelled
    TOO_LATE = "too-late", _("not accepted in time")
    CANCELLED = "cancelled", _("the send was cancelled")
    # uncertain, held
    LEASE_LOST = "lease-lost", _("the worker ended while handing it over")
    CONNECTION_LOST = "connection-lost", _("the relay's answer never came")
    UNSETTLED = "unsettled", _("no evidence either way")


SKIP_REASONS: Final = (
    Reason.UNCONFIRMED,
    Reason.UNSUBSCRIBED,
    Reason.PAUSED,
    Reason.SUPPRESSED,
    Reason.ERASED,
    Reason.EXCLUDED,
    Reason.NO_EDITION,
)
_WORKING: Final = (Reason.WORKING,)
LEGAL_REASONS: Final[dict[DeliveryState, tuple[str, ...]]] = {  # as `pressrun_reason_legal` in the database has it
    DeliveryState.PENDING: (Reason.NEW, Reason.DEFERRED, Reason.NOT_SENT, Reason.RETRY),
    DeliveryState.CLAIMED: _WORKING,
    DeliveryState.IN_FLIGHT: _WORKING,
    DeliveryState.ACCEPTED: (Reason.TAKEN, Reason.EVIDENCE),
    DeliveryState.REJECTED: (Reason.RENDER, *replies.Reason),
    DeliveryState.SKIPPED: SKIP_REASONS,
    DeliveryState.EXPIRED: (Reason.TOO_LATE,),
    DeliveryState.CANCELLED: (Reason.CANCELLED,),
    DeliveryState.UNCERTAIN: (Reason.LEASE_LOST, Reason.CONNECTION_LOST),
    DeliveryState.HELD: (Reason.UNSETTLED,),
}


class Stop(models.TextChoices):
    """Why a send is paused or held, where Pressrun did it."""

    LATE = "late", _("it was due too long ago")
    RESTORED = "restored", _("the database came back from a backup")
    NOT_READY = "not-ready", _("the installation is not ready for it")
    OUR_FAULT = "our-fault", _("mail servers say that the sender is the problem")
    DEAD_ADDRESSES = "dead-addresses", _("too many addresses do not exist")
    REFUSALS = "refusals", _("too many refuse us for our name or their rules")
    COMPLAINTS = "complaints", _("too many complain")
    UNCERTAIN = "uncertain", _("too much may have arrived")


class Send(models.Model):
    """Proofs (one per language) × one audience × one time."""

    class UncertainPolicy(models.TextChoices):
        RETRY = "retry", _("try once more")
        HOLD = "hold", _("never repeat")

    newsletter = models.ForeignKey(Newsletter, on_delete=models.PROTECT, related_name="sends")
    state = models.CharField(max_length=10, choices=SendState, default=SendState.DRAFT)
    state_reason = models.TextField(blank=True, db_comment="in words, for a person")
    state_code = models.CharField(
        max_length=20, choices=Stop, blank=True, db_default="", db_comment="why it is paused or held, for programs"
    )
    transport = models.ForeignKey(Transport, on_delete=models.PROTECT, related_name="sends")
    urgent = models.BooleanField(_("urgent"), default=False, db_default=False, db_comment="passes routine sends")
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="following")
    follows = models.CharField(max_length=20, blank=True, db_comment="which of the parent's deliveries")
    due_at = models.DateTimeField()
    zone = models.CharField(max_length=60, default="UTC")
    wall_time = models.DateTimeField(null=True, db_comment="as the person said it, in their zone")
    undo_until = models.DateTimeField(null=True, db_comment="sent now from a page: until then it is taken back whole")
    window = models.CharField(
        max_length=200, blank=True, db_default="", db_comment="days and hours in the zone: delivery.schedule.Window"
    )
    waits_until = models.DateTimeField(null=True, db_comment="the window opens then; nothing is handed over before")
    valid_for = models.DurationField(db_comment="how long after the start it still makes sense")
    valid_until = models.DateTimeField(null=True)
    retry = ArrayField(models.PositiveIntegerField(), db_comment="seconds between tries; the last repeats")
    uncertain_policy = models.CharField(max_length=5, choices=UncertainPolicy, default=UncertainPolicy.RETRY)
    doubts = models.PositiveIntegerField(
        default=0, db_default=0, db_comment="that may have arrived, settled without a person since one last let it go"
    )
    brakes = models.BooleanField(default=True)
    first_wave = models.BooleanField(default=False, db_default=False, db_comment="a few go first, if there are many")
    wave = models.PositiveIntegerField(default=0, db_default=0, db_comment="deliveries 1 to this went first")
    wave_until = models.DateTimeField(null=True, db_comment="the others are due then")
    limits = models.JSONField(default=dict)
    fallback_languages = ArrayField(
        models.CharField(max_length=35),
        default=list,
        db_default=Value([], ArrayField(models.CharField(max_length=35))),
        db_comment="the newsletter's at the time of approval",
    )
    unknown_language = models.CharField(
        max_length=4,
        choices=UnknownLanguage,
        default=UnknownLanguage.MAIN,
        db_default=UnknownLanguage.MAIN,
        db_comment="the newsletter's at the time of approval",
    )
    approved_by = models.CharField(max_length=200)
    approval = models.CharField(
        max_length=64, blank=True, db_default="", db_comment="hash of what was approved on a page, and by whom"
    )
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    audience = models.PositiveIntegerField(default=0, db_comment="rows at the freeze; the books must add up to it")
    lists = models.ManyToManyField("subscribers.List", through="SendList", related_name="sends")
    proofs = models.ManyToManyField(Proof, through="SendProof", related_name="sends")

    class Meta:
        verbose_name = _("send")
        verbose_name_plural = _("sends")
        ordering: ClassVar = ["-id"]
        permissions: ClassVar = [("start_send", "Can send an issue to its readers")]
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                name="send_open",
                condition=~models.Q(state__in=[SendState.DRAFT, SendState.FINISHED, SendState.CANCELLED]),
            )
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(state__in=SendState.values), name="send_state_legal")
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class BrakeCount(models.Model):
    """What one process has told the brakes of a send. A row each, so that nobody waits for another to commit."""

    send = models.ForeignKey(Send, on_delete=models.CASCADE, related_name="brake_counts")
    owner = models.CharField(max_length=200, db_comment="a worker's process, or what comes back by mail")
    outcomes = models.IntegerField(default=0, db_comment="the relay said yes or no")
    dead = models.IntegerField(default=0)
    refused = models.IntegerField(default=0, db_comment="for our name, our signature, or the rules there")
    complaints = models.IntegerField(default=0)
    alarm = models.IntegerField(default=0, db_comment="refused, less one for every thousand outcomes since")
    seen = models.IntegerField(default=0, db_comment="all outcomes of the send when the alarm last rose")
    since = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("count of a brake")
        verbose_name_plural = _("counts of brakes")
        constraints: ClassVar = [models.UniqueConstraint(fields=["send", "owner"], name="brake_count_once")]

    def __str__(self) -> str:
        return f"{self.send_id} {self.owner}"


class SendList(models.Model):
    send = models.ForeignKey(Send, on_delete=models.CASCADE)
    list = models.ForeignKey("subscribers.List", on_delete=models.PROTECT)
    excluded = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("list of a send")
        verbose_name_plural = _("lists of sends")
        constraints: ClassVar = [models.UniqueConstraint(fields=["send", "list"], name="send_list_once")]

    def __str__(self) -> str:
        return f"{self.send_id}: {self.list_id}"


class SendProof(models.Model):
    send = models.ForeignKey(Send, on_delete=models.CASCADE)
    language = models.CharField(max_length=35)
    proof = models.ForeignKey(Proof, on_delete=models.PROTECT)
    position = models.PositiveSmallIntegerField(default=0, db_comment="fallback order; the first is the main one")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["send", "language"], name="send_proof_once")]

    def __str__(self) -> str:
        return f"{self.send_id}: {self.language}"


class Lease(models.Model):
    """A running batch. Who holds it also holds the advisory lock of its id, freed by the kernel at their death."""

    send = models.ForeignKey(Send, on_delete=models.CASCADE, related_name="leases")
    transport = models.ForeignKey(Transport, on_delete=models.CASCADE, related_name="leases")
    owner = models.CharField(max_length=200)
    connections = models.PositiveSmallIntegerField(db_comment="how many of the transport's it may use")
    making = models.BigIntegerField(null=True, db_comment="the suspect whose message is being made, by itself")
    created_at = models.DateTimeField(db_default=Now())
    renewed_at = models.DateTimeField(db_default=Now(), db_comment="by the database's clock")

    class Meta:
        verbose_name = _("lease")
        verbose_name_plural = _("leases")

    def __str__(self) -> str:
        return f"{self.pk} {self.owner}"


class Delivery(models.Model):
    """The ledger row: one person in one send. (send, id) is its name everywhere, so that it can be partitioned."""

    pk = models.CompositePrimaryKey("send_id", "id")
    send_id = models.BigIntegerField()
    id = models.BigIntegerField(db_comment="1 … audience within the send")
    subscriber_id = models.BigIntegerField()
    proof_hash = models.CharField(max_length=64, null=True, db_comment="null: no edition")  # noqa: DJ001
    email = models.CharField(max_length=320)
    address_key = models.CharField(max_length=320)
    destination = models.CharField(
        max_length=255, default="", db_default="", db_comment="pipeline.destinations; empty: one of the many small"
    )
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.PENDING)
    reason = models.CharField(max_length=20, default=Reason.NEW)
    fence = models.IntegerField(default=0)
    lease_id = models.BigIntegerField(null=True)
    attempts = models.SmallIntegerField(default=0)
    retried = models.BooleanField(default=False)
    deaths = models.SmallIntegerField(
        null=True, db_comment="workers that died of making its message; 0: of one among others; null: nobody did"
    )
    due_at = models.DateTimeField(null=True, db_comment="pending: not before; uncertain: settled then")
    updated_at = models.DateTimeField(db_default=Now())
    reply = models.TextField(null=True, db_comment="the relay's last words")  # noqa: DJ001 (narrow: most have none)
    bounced_at = models.DateTimeField(null=True)
    bounce_reason = models.CharField(max_length=20, null=True)  # noqa: DJ001
    bounce_hard = models.BooleanField(null=True)
    delayed_at = models.DateTimeField(null=True)
    complained_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)
    alive_at = models.DateTimeField(null=True, db_comment="last answer, or report that it arrived")

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes: ClassVar = [
            models.Index(
                fields=["send_id", "due_at"],
                name="delivery_due",
                condition=models.Q(state=DeliveryState.PENDING),
            ),
            # So that a destination that must wait costs a claim nothing, were it a million rows.
            models.Index(
                fields=["send_id", "destination", "due_at"],
                name="delivery_destination",
                condition=models.Q(state=DeliveryState.PENDING),
            ),
            # A handful of rows among a million pending ones, asked for at every sweep.
            models.Index(
                fields=["send_id", "due_at"],
                name="delivery_uncertain",
                condition=models.Q(state=DeliveryState.UNCERTAIN),
            ),
            models.Index(
                fields=["lease_id"],
                name="delivery_leased",
                condition=models.Q(state__in=[DeliveryState.CLAIMED, DeliveryState.IN_FLIGHT]),
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["send_id", "address_key"], name="delivery_once_per_address"),
            models.CheckConstraint(
                condition=Func("state", "reason", function="pressrun_reason_legal", output_field=models.BooleanField()),
                name="delivery_reason_legal",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.send_id}-{self.id}"
