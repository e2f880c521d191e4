"""Newsletters, issues and their proofs."""

from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, JSONField, Value
from django.db.models.functions import MD5, Cast, Concat, Now
from django.utils.translation import gettext_lazy as _
from wagtail.fields import StreamField
from wagtail.models import (
    DraftStateMixin,
    Locale,
    LockableMixin,
    PreviewableMixin,
    Revision,
    RevisionMixin,
    TranslatableMixin,
    WorkflowMixin,
)

from pipeline.blocks import IssueBody
from pipeline.content.types import Finding, LinkMode, Severity

_COLON: Final = Value(":", output_field=models.TextField())


def _as_text(column: str) -> Cast:
    return Cast(F(column), models.TextField())


class SenderDomain(models.Model):
    """Where mail comes from and goes back to, all under one organisational domain, so that SPF and DKIM align."""

    class Body(models.TextChoices):
        """How DKIM canonicalises the body."""

        SIMPLE = "simple", _("as it was handed over")
        RELAXED = "relaxed", _("without regard to spaces, for relays that change them")

    from_domain = models.CharField(_("sender domain"), max_length=255, unique=True)
    bounce_domain = models.CharField(_("bounce domain"), max_length=255)
    link_host = models.CharField(_("link host"), max_length=255, blank=True)
    dkim_selector = models.CharField(_("DKIM selector"), max_length=63, blank=True)
    dkim_body = models.CharField(
        _("DKIM: the body counts"), max_length=7, choices=Body, default=Body.SIMPLE, db_default=Body.SIMPLE
    )

    class Meta:
        verbose_name = _("sender domain")
        verbose_name_plural = _("sender domains")

    def __str__(self) -> str:
        return self.from_domain


class UnknownLanguage(models.TextChoices):
    """What someone gets of whom no language is known."""

    MAIN = "main", _("the main edition")
    SKIP = "skip", _("nothing")


class Newsletter(models.Model):
    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    sender_name = models.CharField(_("sender name"), max_length=200)
    sender_address = models.EmailField(_("sender address"))
    reply_to = models.EmailField(_("reply address"), blank=True)
    postal_address = models.TextField(_("postal address"), blank=True)
    language = models.CharField(_("main language"), max_length=35, default="en")
    fallback_languages = ArrayField(
        models.CharField(max_length=35),
        verbose_name=_("instead of a missing edition"),
        default=list,
        db_default=Value([], ArrayField(models.CharField(max_length=35))),
        blank=True,
        db_comment="languages in order; none: the main edition serves everybody",
    )
    unknown_language = models.CharField(
        _("to people whose language is not known"),
        max_length=4,
        choices=UnknownLanguage,
        default=UnknownLanguage.MAIN,
        db_default=UnknownLanguage.MAIN,
    )
    layout = models.CharField(_("layout"), max_length=60, default="bulletin")
    brand = models.JSONField(_("brand"), default=dict, blank=True)
    logo = models.ForeignKey(
        "wagtailimages.Image",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("logo"),
        db_comment="in place of an address in `brand`",
    )
    logo_dark = models.ForeignKey(
        "wagtailimages.Image",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("logo for dark mode"),
    )
    links = models.CharField(
        _("links"),
        max_length=8,
        choices=[
            (LinkMode.DIRECT.value, _("as written: nothing is counted")),
            (LinkMode.COUNTED.value, _("counted: totals for each link, nobody’s name")),
            (LinkMode.PERSONAL.value, _("personal: also who followed a link")),
        ],
        default=LinkMode.DIRECT.value,
        db_default=LinkMode.DIRECT.value,
    )
    utm = models.JSONField(_("parameters of links"), default=dict, db_default=Value({}, JSONField()), blank=True)
    default_lists = models.ManyToManyField(
        "subscribers.List", blank=True, verbose_name=_("default lists"), related_name="newsletters"
    )
    sender_domain = models.ForeignKey(
        SenderDomain, null=True, blank=True, on_delete=models.PROTECT, verbose_name=_("sender domain")
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("newsletter")
        verbose_name_plural = _("newsletters")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def scope(self) -> str:
        """The word under which someone who left this newsletter is suppressed."""
        return f"newsletter:{self.pk}"


class Issue(
    WorkflowMixin, DraftStateMixin, LockableMixin, RevisionMixin, PreviewableMixin, TranslatableMixin, models.Model
):
    """One numbered, dated edition in one language. Translations share newsletter and number.

    These three columns are the truth. The database derives from them what Wagtail's translatable models go by: the
    key is generated, and a trigger sets the locale, making it for a language that is new. So any language will do,
    and whoever writes a row cannot make the two disagree.
    """

    newsletter = models.ForeignKey(
        Newsletter, on_delete=models.PROTECT, related_name="issues", verbose_name=_("newsletter")
    )
    number = models.PositiveIntegerField(_("number"))
    date = models.DateField(_("date"))
    language = models.CharField(_("language"), max_length=35)
    title = models.CharField(_("title"), max_length=300)
    subject = models.CharField(_("subject"), max_length=300)
    preheader = models.CharField(_("preheader"), max_length=300, blank=True)
    advertising = models.BooleanField(_("advertising"), default=False, db_default=False)
    body = StreamField(IssueBody(), verbose_name=_("sections"), blank=True)
    pictures = models.JSONField(default=dict, editable=False, db_comment="src as written → stored file")
    translation_key = models.GeneratedField(
        expression=Cast(MD5(Concat(_as_text("newsletter"), _COLON, _as_text("number"))), models.UUIDField()),
        output_field=models.UUIDField(),
        db_persist=True,
    )
    exclude_fields_in_copy: ClassVar = [
        *("live_revision", "first_published_at", "last_published_at", "go_live_at", "expire_at"),
        *("locked", "locked_at", "locked_by"),
    ]

    class Meta:
        verbose_name = _("issue")
        verbose_name_plural = _("issues")
        ordering: ClassVar = ["-date", "-number", "language"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["newsletter", "number", "language"], name="issue_edition_once"),
            models.UniqueConstraint(fields=["translation_key", "locale"], name="issue_translation_once"),
        ]

    def __str__(self) -> str:
        return f"{self.newsletter} {self.number} ({self.language})"

    def get_default_locale(self) -> Locale:
        """What the trigger will write into a new row."""
        return Locale.objects.get_or_create(language_code=self.language)[0]

    def copy_for_translation(self, locale: Locale, exclude_fields: list[str] | None = None) -> "Issue":
        """An unsaved copy of the latest draft, to be translated: not published, whatever this one is."""
        copy: Issue = super().copy_for_translation(locale, exclude_fields)
        copy.language = locale.language_code
        copy.live = False
        return copy


class Proof(models.Model):
    """An issue compiled. Immutable (a trigger refuses every change), named by the hash of all that a reader can see."""

    hash = models.CharField(max_length=64, primary_key=True)
    issue = models.ForeignKey(Issue, on_delete=models.PROTECT, related_name="proofs")
    revision = models.ForeignKey(
        Revision, null=True, on_delete=models.PROTECT, related_name="+", db_comment="what it was first made from"
    )
    language = models.CharField(max_length=35)
    subject = models.TextField()
    packed = models.BinaryField(db_comment="content.message.dump: wire-ready segments and slots")
    html_size = models.PositiveIntegerField()
    encoded_size = models.PositiveIntegerField()
    findings = models.JSONField(default=list)
    layout = models.CharField(max_length=60)
    layout_version = models.CharField(max_length=16, db_default="", db_comment="hash of the layout's files")
    card = models.JSONField(
        db_default=models.Value({}, models.JSONField()), db_comment="how a page that links to it may introduce it"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("proof")
        verbose_name_plural = _("proofs")

    def __str__(self) -> str:
        return f"{self.issue} {self.hash[:12]}"

    @property
    def said(self) -> tuple[Finding, ...]:
        """What preflight said when it was made."""
        return tuple(Finding(**{**each, "severity": Severity(each["severity"])}) for each in self.findings)


class TrackedLink(models.Model):
    """An address that the redirect may lead to. Nothing else is ever redirected to."""

    key = models.CharField(max_length=16, unique=True, db_comment="its public address ends in it")
    issue = models.ForeignKey(Issue, on_delete=models.PROTECT, related_name="tracked_links")
    position = models.PositiveIntegerField(db_comment="in the newest proof")
    url = models.TextField(db_comment="as written")
    target = models.TextField(db_comment="where it leads now; a person may repair it")
    text = models.TextField(blank=True)
    clicks = models.PositiveBigIntegerField(default=0, db_default=0)

    class Meta:
        verbose_name = _("link")
        verbose_name_plural = _("links")
        ordering: ClassVar = ["position", "id"]
        permissions: ClassVar = [("repair_link", "Can change where the links of a sent issue lead")]
        constraints: ClassVar = [
            # The redirect puts it into a header as it is.
            models.CheckConstraint(condition=models.Q(target__regex=r"^https?://[!-~]+$"), name="tracked_link_is_web")
        ]

    def __str__(self) -> str:
        return self.url
