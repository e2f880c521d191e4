"""The start page: the sends that are going on, and those that wait for a person."""

from typing import Any

from wagtail.admin.ui.components import Component

from pipeline.models import Send, SendState
from pipeline.staff.books import GOING, books_of
from pipeline.staff.storms import storms_of

SHOWN = 5


class BooksPanel(Component):
    name = "books"
    template_name = "staff/home_books.html"
    order = 50

    def get_context_data(self, parent_context: Any) -> dict[str, Any]:
        user = parent_context["request"].user
        if not user.has_perm("pipeline.view_send"):
            return {"rows": [], "may_see": False}
        sends = Send.objects.select_related("newsletter")
        waiting = sends.filter(state=SendState.HELD)
        recent = sends.exclude(state=SendState.HELD)[:SHOWN]
        return {
            "may_see": True,
            "storms": storms_of(),
            "rows": [(send, books_of(send), send.state in GOING) for send in (*waiting, *recent)],
        }


def with_books(_request: object, panels: list[Component]) -> None:
    """Puts the books on Wagtail's start page."""
    panels.insert(0, BooksPanel())
