"""Where Wagtail finds the staff pages. Everything is in `pipeline.staff`."""

from functools import partial

from wagtail import hooks
from wagtail.snippets.models import register_snippet

from pipeline.staff import deleting, home, menu
from pipeline.staff.feedback import FeedbackViewSet
from pipeline.staff.hooks import HookViewSet
from pipeline.staff.inbox import InboxViewSet
from pipeline.staff.issues import IssueViewSet
from pipeline.staff.links import LinksViewSet
from pipeline.staff.mailboxes import MailboxViewSet
from pipeline.staff.newsletters import NewsletterViewSet
from pipeline.staff.people import PeopleGroup
from pipeline.staff.proofs import ProofViewSet
from pipeline.staff.rehearsals import RehearsalViewSet
from pipeline.staff.relays import RelayViewSet
from pipeline.staff.returns import ReturnsViewSet
from pipeline.staff.rulings import RulingsViewSet
from pipeline.staff.sending import SendingViewSet
from pipeline.staff.sends import SendViewSet
from pipeline.staff.testing import TestGroupViewSet, TestingViewSet

register_snippet(IssueViewSet)
hooks.register("construct_main_menu", menu.without_pages)
hooks.register("construct_homepage_summary_items", menu.no_summary, order=1_000)  # after all who add to it
hooks.register("register_permissions", menu.grantable)
hooks.register("before_bulk_action", deleting.keep_what_is_needed)
hooks.register("construct_homepage_panels", home.with_books)
for viewset in (
    NewsletterViewSet(),
    SendViewSet(),
    SendingViewSet(),
    RehearsalViewSet(),
    RelayViewSet(),
    HookViewSet(),
    MailboxViewSet(),
    RulingsViewSet(),
    ProofViewSet(),
    TestingViewSet(),
    TestGroupViewSet(),
    LinksViewSet(),
    ReturnsViewSet(),
    FeedbackViewSet(),
    PeopleGroup(),
    InboxViewSet(),
):
    hooks.register("register_admin_viewset", partial(list, [viewset]))
