"""What leaves the house beside a send: tests to named groups of addresses, and the public web edition."""

from typing import ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline.models.content import Issue, Proof
from subscribers.addresses import Address, AddressError, parse_address


class TestGroup(models.Model):
    """Addresses that are often tested with, under one name."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    addresses = models.TextField(_("addresses"), help_text=_("One on each line."))

    class Meta:
        verbose_name = _("test group")
        verbose_name_plural = _("test groups")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def emails(self) -> list[str]:
        return [line.strip() for line in self.addresses.splitlines() if line.strip()]

    def clean(self) -> None:
        """Keep the addresses in their form on the wire, each once. Raises ValidationError with the line."""
        found: dict[str, str] = {}
        for number, line in enumerate(self.addresses.splitlines(), start=1):
            if line.strip():
                address = _address(line, number)
                found.setdefault(address.key, address.email)
        self.addresses = "\n".join(found.values())


def _address(line: str, number: int) -> Address:
    try:
        return parse_address(line)
    except AddressError as error:
        raise ValidationError(
            {"addresses": _("Line %(number)s: %(why)s") % {"number": number, "why": error}}
        ) from error


class Publication(models.Model):
    """One act on the public web edition of an issue. Append-only; the newest row of an address counts."""

    class Act(models.TextChoices):
        PUBLISHED = "published", _("published it on the web")
        CORRECTED = "corrected", _("corrected it")
        WITHDRAWN = "withdrawn", _("withdrew it")

    address = models.CharField(max_length=120, db_comment="newsletter/number/language; stays when those are renamed")
    issue = models.ForeignKey(Issue, on_delete=models.PROTECT, related_name="publications")
    proof = models.ForeignKey(Proof, on_delete=models.PROTECT, related_name="publications")
    act = models.CharField(max_length=10, choices=Act)
    note = models.TextField(blank=True, db_comment="of a correction: shown to readers; of a withdrawal: why")
    by = models.CharField(max_length=200)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("web edition")
        verbose_name_plural = _("web editions")
        default_permissions = ()
        permissions: ClassVar = [("publish_edition", "Can publish, correct and withdraw an issue on the web")]
        indexes: ClassVar = [models.Index(fields=["address", "-id"], name="publication_newest")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(act="published") | ~models.Q(note=""), name="publication_change_says_why"
            ),
            models.CheckConstraint(
                condition=models.Q(act__in=["published", "corrected", "withdrawn"]), name="publication_act_legal"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.act}"

    @property
    def url(self) -> str:
        """Where readers find it, whole."""
        return f"{settings.BASE_URL}/read/{self.address}"

    @property
    def is_shown(self) -> bool:
        """Whether this act, being the newest, leaves something to read."""
        return self.act != self.Act.WITHDRAWN
