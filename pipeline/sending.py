"""From an editor's approval to a scheduled send: issue filed, compiled to a proof, checked, put in the books.

The pages and the command line both come through here, so that what one refuses the other refuses too.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from wagtail.models import Revision

from pipeline import pictures, transitions
from pipeline.content import layout, preflight, walk
from pipeline.content.compile import compile_issue
from pipeline.content.message import dump
from pipeline.content.preflight.places import where
from pipeline.content.tracking import Tracking
from pipeline.content.types import Compilation, ContentError, Finding, NewsletterProfile, PictureUse, Shape, Site
from pipeline.delivery.schedule import Window
from pipeline.documents import chosen_pictures, document_of, fill_in, profile_of
from pipeline.errors import PressrunError
from pipeline.issuefolder import IssueFolder
from pipeline.limits.forecast import Forecast
from pipeline.models import AuditEvent, Issue, Newsletter, Proof, Send, SendList
from pipeline.queries import Audience, Reach, clock, reach_of
from pipeline.queries.audience import ACCEPTED, FAILED, FOLLOWINGS, HELD, NO_EDITION, SUPPRESSED
from pipeline.readiness import require_ready
from pipeline.relays import first_relay, plan_through
from subscribers.models import List

_WHOM: Final[Mapping[str, str]] = {
    NO_EDITION: "left out for lack of one",
    SUPPRESSED: "left out because nothing goes to their addresses",
    FAILED: "could not reach, and whom nobody has reached since",
    HELD: "may have reached",
    ACCEPTED: "has reached",
}


class NewsletterDiffersError(PressrunError):
    """The issue file describes the newsletter otherwise than the database has it."""


class BlockedError(PressrunError):
    """Preflight found something that must not go out."""

    def __init__(self, issue: Issue, findings: Sequence[Finding]) -> None:
        self.findings = findings
        document = document_of(issue)
        lines = "\n".join(f"  {where(document, found.place)}: {found.message}" for found in findings)
        super().__init__(f"{issue} is not fit to send. Nothing was sent. Mend these first:\n{lines}")


class NoSuchListError(PressrunError):
    """A list that does not exist."""


class CannotFollowError(PressrunError):
    """These editions cannot go to people of that earlier send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a person decided about a send."""

    lists: Sequence[str] = ()
    """Slugs; none when it follows an earlier send, whose lists are then looked at again."""
    excluded: Sequence[str] = ()
    parent: Send | None = None
    follows: str = NO_EDITION
    """Which of the parent's people it is for, in the words of `queries.FOLLOWINGS`."""
    due_at: datetime | None
    """None: now, by the database's clock."""
    undo_for: timedelta = timedelta(0)
    """For a send that is due now: how long it can be taken back before it starts."""
    zone: str = "UTC"
    wall_time: datetime | None = None
    window: str = ""
    """Days and hours in the zone, outside of which it waits: `mon-fri 08:00-20:00`. Empty: always."""
    urgent: bool = False
    """It passes routine sends and has no first wave."""
    first_wave: bool = False
    once: bool = False
    """The same again within minutes is a second click and gives the send that is there."""
    valid_for: timedelta | None = None
    retry: Sequence[timedelta] = ()
    brakes: bool = True
    approved_by: str
    owner_id: int | None = None
    allow_unsafe: bool = False


def file_issue(path: Path, *, update: bool) -> Issue:
    """File an issue file as a draft of its newsletter; an edition that exists is replaced by it.

    Raises ContentError with line and column, also for a picture that is missing or cannot be used, or
    NewsletterDiffersError.
    """
    folder = IssueFolder(path)
    document = folder.document
    with transaction.atomic():
        newsletter = _newsletter(folder.issue.newsletter, document.newsletter, update=update, source=path)
        issue = Issue.objects.filter(
            newsletter=newsletter, number=document.number, language=document.language
        ).first() or Issue(newsletter=newsletter)
        fill_in(issue, document)
        issue.pictures = _file_pictures(folder)
        issue.save()
        issue.save_revision().publish(skip_permission_checks=True)
    issue.refresh_from_db()
    return issue


def compiled(issue: Issue, *, whole: bool = False) -> Compilation:
    """Compile an issue as it stands in the row. `whole`: every picture is surely there. Raises ContentError."""
    document, newsletter, site = document_of(issue), profile_of(issue.newsletter), site_of(issue.newsletter)
    originals = {src: pictures.kept(name, label=src) for src, name in issue.pictures.items()}
    originals |= {src: pictures.chosen(image) for src, image in chosen_pictures(issue).items()}
    shown = pictures.public_pictures(document, originals, whole=whole)
    logos = pictures.public_logos(issue.newsletter, whole=whole)
    newsletter = replace(newsletter, brand={**newsletter.brand, **{name: logo.url for name, logo in logos.items()}})
    shown |= {PictureUse(logo.url, Shape.LOGO): logo for logo in logos.values()}
    # A secret that follows from the content: the same issue gives the same proof, and no writer can know it.
    everything = repr((document, newsletter, site, sorted(map(repr, shown.items())))).encode()
    key = hashlib.sha256(settings.SECRET_KEY.encode()).digest()
    nonce = hashlib.blake2b(everything, key=key, digest_size=12).hexdigest()
    return compile_issue(
        document,
        newsletter,
        site,
        nonce=nonce,
        layouts=settings.LAYOUTS,
        pictures=shown,
        tracking=Tracking(f"{issue.pk}", key),
    )


@transaction.atomic
def make_proof(issue: Issue) -> Proof:
    """Freeze an issue as a proof, and store where its links lead.

    Raises BlockedError when preflight forbids it, ContentError when it cannot be.
    """
    made = compiled(issue, whole=True)
    blocking = [found for found in made.findings if preflight.blocked((found,))]
    if blocking:
        raise BlockedError(issue, blocking)
    return _filed(issue, made, _revision_of(issue))


@transaction.atomic
def make_draft_proof(issue: Issue) -> Proof:
    """Freeze the newest draft of an issue, whatever preflight says: to be looked at, not to be sent.

    What is sent goes through `make_proof`, which looks again. Raises ContentError when it cannot be compiled.
    """
    draft = issue.get_latest_revision_as_object()
    return _filed(issue, compiled(draft), issue.latest_revision)


def _revision_of(issue: Issue) -> Revision | None:
    """Which revision the row holds: the published one; of an issue that never was, the one it was made with."""
    return issue.live_revision or issue.revisions.order_by("pk").first()


def _filed(issue: Issue, made: Compilation, revision: Revision | None) -> Proof:
    """The row of a compiled issue: there from before when a reader would see the very same."""
    proof, _ = Proof.objects.get_or_create(
        hash=made.proof.hash,
        defaults={
            "issue": issue,
            "revision": revision,
            "language": made.proof.language,
            "subject": made.proof.subject,
            "packed": dump(made.proof),
            "html_size": made.proof.html_size,
            "encoded_size": made.proof.encoded_size,
            "findings": [asdict(found) for found in made.findings],
            "layout": made.proof.layout,
            "layout_version": layout.version(made.proof.layout, settings.LAYOUTS),
            "card": asdict(made.card),
        },
    )
    transitions.keep_redirects(issue.pk, made.redirects)
    return proof


@transaction.atomic
def create_send(issues: Sequence[Issue], plan: Plan) -> Send:
    """Schedule the editions of one issue to the lists. Raises PressrunError with what stands against it."""
    audience, newsletter = audience_of(issues, plan), issues[0].newsletter
    if plan.parent and not reach_of(audience).reached:
        raise CannotFollowError(
            f"These editions reach nobody whom send {plan.parent.pk} {_WHOM[plan.follows]}. Nothing was sent."
        )
    transport = first_relay(newsletter)
    require_ready(newsletter, transport, allow_unsafe=plan.allow_unsafe)
    window = Window.parse(plan.window)
    proofs = {issue.language: make_proof(issue).hash for issue in _main_first(issues, newsletter)}
    approval = _approval(plan, proofs) if plan.once else ""
    if approval and (made := transitions.approved_just_now(approval)):
        return made
    return transitions.create_send(
        transitions.NewSend(
            newsletter_id=newsletter.pk,
            transport=transport,
            proofs=proofs,
            lists=audience.lists,
            excluded=audience.excluded,
            fallback_languages=audience.fallback,
            unknown_language=audience.unknown,
            parent_id=audience.parent,
            follows=audience.follows,
            due_at=plan.due_at,
            undo_for=plan.undo_for,
            zone=plan.zone,
            wall_time=plan.wall_time,
            window=window.text,
            opens_at=window.opens((plan.due_at or clock.now()) + plan.undo_for, plan.zone) if window else None,
            urgent=plan.urgent,
            first_wave=plan.first_wave,
            valid_for=plan.valid_for or settings.VALID_FOR,
            retry=plan.retry or settings.RETRY,
            brakes=plan.brakes,
            limits={"allow_unsafe": True} if plan.allow_unsafe else {},
            approved_by=plan.approved_by,
            approval=approval,
            owner_id=plan.owner_id,
        )
    )


def _approval(plan: Plan, proofs: Mapping[str, str]) -> str:
    """What was approved, in a hash: what, to whom, when, by whom."""
    parent = plan.parent and plan.parent.pk
    told = (sorted(proofs.items()), sorted(plan.lists), sorted(plan.excluded), parent, plan.follows, plan.due_at)
    said = repr((*told, plan.zone, plan.window, plan.urgent, plan.approved_by))
    return hashlib.sha256(said.encode()).hexdigest()


def forecast_of(issues: Sequence[Issue], people: int, *, starts: datetime) -> Forecast:
    """When a send to so many would be through the first relay of its newsletter, by that one's limits."""
    return plan_through(first_relay(issues[0].newsletter), people, starts=starts)


def reach_of_plan(issues: Sequence[Issue], plan: Plan) -> Reach:
    """Whom the send would reach now, counted by what will freeze it. Raises PressrunError as `create_send` does."""
    return reach_of(audience_of(issues, plan))


def editions_of(send: Send) -> QuerySet[Issue]:
    """What there is today, in any language, of the issue that was sent."""
    sent = Issue.objects.filter(proofs__sends=send).values("translation_key")
    return Issue.objects.filter(translation_key__in=sent).select_related("newsletter")


def reach_of_following(send: Send, which: str = NO_EDITION) -> Reach | None:
    """Whom all published editions would reach of a started send's people that `which` names; None: nobody."""
    plan = Plan(parent=send, follows=which, due_at=send.due_at, approved_by="")
    editions = list(editions_of(send).filter(live=True)) if send.started_at else []
    reach = reach_of_plan(editions, plan) if editions else None
    return reach if reach and reach.reached else None


def audience_of(issues: Sequence[Issue], plan: Plan) -> Audience:
    """Whom the plan is for, by the newsletter's choices of today; nothing is compiled for it.

    Raises PressrunError for editions that do not belong together, lists that there are not, a parent of another issue.
    """
    newsletter = issues[0].newsletter
    languages = [issue.language for issue in _main_first(issues, newsletter)]
    if len({issue.newsletter_id for issue in issues}) > 1 or len({each.lower() for each in languages}) < len(issues):
        raise PressrunError("The editions of one send belong to one newsletter, and each has a language of its own.")
    lists, excluded = _lists(plan.lists), _lists(plan.excluded)
    if plan.parent:
        _require_may_follow(issues, plan.parent, plan.follows)
        of_parent = SendList.objects.filter(send=plan.parent).values_list("list_id", "excluded")
        lists = [pk for pk, left_out in of_parent if not left_out]
        excluded = [*excluded, *(pk for pk, left_out in of_parent if left_out and pk not in excluded)]
    return Audience(
        lists=lists,
        excluded=excluded,
        scope=newsletter.scope,
        editions={language: language for language in languages},
        fallback=newsletter.fallback_languages,
        unknown=newsletter.unknown_language,
        parent=plan.parent.pk if plan.parent else None,
        follows=plan.follows if plan.parent else "",
    )


def _require_may_follow(issues: Sequence[Issue], parent: Send, which: str) -> None:
    """The same issue again, in its editions of today; only a correction may be an issue of its own."""
    if which not in FOLLOWINGS:
        raise CannotFollowError(f"{which!r} is none of {', '.join(FOLLOWINGS)}. Nothing was sent.")
    if parent.started_at is None:
        raise CannotFollowError(f"Send {parent.pk} has not started, so it has left nobody out. Nothing was sent.")
    editions = editions_of(parent)
    for issue in issues:
        if which == ACCEPTED and issue.newsletter_id == parent.newsletter_id:
            continue
        if issue not in editions:
            sent = ", ".join(map(str, editions))
            raise CannotFollowError(f"{issue} is no edition of what send {parent.pk} sent ({sent}). Nothing was sent.")


def site_of(newsletter: Newsletter) -> Site:
    """Where this installation answers for the newsletter."""
    return Site(
        base_url=settings.BASE_URL,
        bounce_domain=settings.BOUNCE_DOMAIN,
        message_id_domain=newsletter.sender_address.rpartition("@")[2],
    )


def _main_first(issues: Sequence[Issue], newsletter: Newsletter) -> list[Issue]:
    return sorted(issues, key=lambda issue: issue.language != newsletter.language)


def _lists(slugs: Sequence[str]) -> list[int]:
    known: Mapping[str, int] = dict(List.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    missing = [slug for slug in slugs if slug not in known]
    if missing:
        have = ", ".join(List.objects.values_list("slug", flat=True)) or "none yet"
        raise NoSuchListError(
            f"There is no list {', '.join(missing)}. Nothing was sent. Lists: {have}. "
            "`pressrun import FILE.csv --list SLUG --create` makes one."
        )
    return [known[slug] for slug in dict.fromkeys(slugs)]


def _newsletter(profile: NewsletterProfile | None, slug: str, *, update: bool, source: Path) -> Newsletter:
    found = Newsletter.objects.filter(slug=slug).first()
    if profile is None:
        if found is None:
            raise ContentError(
                f"there is no newsletter {slug!r}. Write `newsletter:` as a mapping (slug, name, sender, reply_to, "
                "postal_address) and it is made",
                source=str(source),
            )
        return found
    wanted = {field.name: getattr(profile, field.name) for field in fields(profile)}
    wanted |= {"brand": dict(profile.brand), "utm": dict(profile.utm)}
    if found is None:
        return Newsletter.objects.create(**wanted)
    differing = [name for name, value in wanted.items() if getattr(found, name) != value]
    if differing and not update:
        raise NewsletterDiffersError(_difference(found, wanted, differing, source))
    if differing:
        for name in differing:
            setattr(found, name, wanted[name])
        found.save()
        _audit_newsletter(found, differing)
    return found


def _difference(found: Newsletter, wanted: Mapping[str, Any], differing: Sequence[str], source: Path) -> str:
    lines = "\n".join(
        f"  {name}: {json.dumps(getattr(found, name), ensure_ascii=False)} here, "
        f"{json.dumps(wanted[name], ensure_ascii=False)} in the file"
        for name in differing
    )
    return (
        f"{source} describes the newsletter {found.slug!r} otherwise than it is. Nothing was changed. "
        f"Add --update to take over the file's:\n{lines}"
    )


def _audit_newsletter(newsletter: Newsletter, differing: Sequence[str]) -> None:
    AuditEvent.objects.create(
        actor="command line",
        action="newsletter.changed",
        subject=f"newsletter:{newsletter.pk}",
        detail={"fields": list(differing)},
    )


def _file_pictures(folder: IssueFolder) -> dict[str, str]:
    """Keep the pictures beside an issue file, and prepare each use of them; returns the stored files by `src`."""
    names = {src: pictures.keep_original(raw) for src, raw in folder.pictures().items()}
    for place, use in walk.pictures(folder.document):
        if use.src in names:
            with folder.blaming(place, use.src):
                pictures.public_pictures(folder.document, {use.src: pictures.kept(names[use.src], label=use.src)})
    return names
