"""The keys that sign mail. What is private about them leaves its column only through `Secret.reveal`."""

from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from pipeline.models.content import SenderDomain

HIDDEN: Final = "(hidden)"


class Secret:
    """A text that shows itself to nobody who does not ask for it: not in pages, logs, tracebacks or dumps."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def no_secret() -> Secret:
    """Where none is set."""
    return Secret("")


if TYPE_CHECKING:
    _Text = models.TextField[Secret, Secret]
else:
    _Text = models.TextField


class SecretField(_Text):
    """Text in the database, `Secret` everywhere else."""

    def from_db_value(self, value: str | None, *_: Any) -> Secret | None:
        return None if value is None else Secret(value)

    def to_python(self, value: Any) -> Secret | None:
        return value if value is None or isinstance(value, Secret) else Secret(str(value))

    def get_prep_value(self, value: Any) -> str | None:
        return value.reveal() if isinstance(value, Secret) else value

    def value_to_string(self, _obj: models.Model) -> str:
        """For serialisers, which write into files."""
        return HIDDEN


class DkimKey(models.Model):
    """A DKIM key of a sender domain: made, published, then active until the next one is; its record stays longer."""

    class Algorithm(models.TextChoices):
        RSA = "rsa-sha256", "RSA"
        ED25519 = "ed25519-sha256", "Ed25519"

    sender_domain = models.ForeignKey(SenderDomain, on_delete=models.PROTECT, related_name="dkim_keys")
    selector = models.CharField(_("selector"), max_length=63)
    algorithm = models.CharField(max_length=20, choices=Algorithm)
    private_pem = SecretField(editable=False, db_comment="PKCS #8; never shown")
    created_at = models.DateTimeField(db_default=Now())
    activated_at = models.DateTimeField(null=True, db_comment="signs from then on")
    retired_at = models.DateTimeField(null=True, db_comment="signs no more; mail on its way still needs its record")

    class Meta:
        verbose_name = _("DKIM key")
        verbose_name_plural = _("DKIM keys")
        ordering: ClassVar = ["sender_domain", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["sender_domain", "selector"], name="dkim_selector_once"),
            models.UniqueConstraint(
                fields=["sender_domain", "algorithm"],
                condition=Q(activated_at__isnull=False, retired_at__isnull=True),
                name="dkim_one_signs",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.selector}._domainkey.{self.sender_domain}"

    @property
    def state(self) -> str:
        """`waiting` (for its record), `active` or `retired`."""
        if self.retired_at:
            return "retired"
        return "active" if self.activated_at else "waiting"
