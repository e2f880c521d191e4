"""Where Wagtail finds the staff pages. Everything is in `pipeline.staff`."""

from wagtail import hooks
from wagtail.admin.viewsets.base import ViewSet
from wagtail.snippets.models import register_snippet

from pipeline.staff import menu
from pipeline.staff.home import BooksPanel
from pipeline.staff.issues import IssueViewSet
from pipeline.staff.newsletters import NewsletterViewSet
from pipeline.staff.people import PeopleGroup
from pipeline.staff.sending import SendingViewSet
from pipeline.staff.sends import SendViewSet

register_snippet(IssueViewSet)
hooks.register("construct_main_menu", menu.without_pages)
hooks.register("construct_homepage_summary_items", menu.no_summary)
hooks.register("register_permissions", menu.grantable)


@hooks.register("register_admin_viewset")
def viewsets() -> list[ViewSet]:
    return [NewsletterViewSet(), SendViewSet(), SendingViewSet(), PeopleGroup()]


@hooks.register("construct_homepage_panels")
def homepage(_request: object, panels: list[object]) -> None:
    panels.insert(0, BooksPanel())
