"""Viewsets for what is shown and never edited by a form: the books, people, suppressions."""

from typing import Any

from django.http import QueryDict
from django.urls import URLPattern, path
from wagtail.admin.viewsets.model import ModelViewSet

_WRITING = ("add_url_name", "edit_url_name", "delete_url_name", "copy_url_name", "history_url_name", "usage_url_name")


class ReadingViewSet(ModelViewSet):
    """A list with search and a page for each row. Nothing is added, edited or deleted here."""

    inspect_view_enabled = True
    copy_view_enabled = False
    add_to_reference_index = False

    def get_common_view_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        shown: dict[str, Any] = super().get_common_view_kwargs(**dict.fromkeys(_WRITING), **kwargs)
        return shown

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path(f"<{self.pk_path_converter}:pk>/", self.inspect_view, name="inspect"),
        ]


def text_of(given: QueryDict, name: str, *, most: int = 500) -> str:
    """What was typed into a field that no form checks: so many characters, no NUL, which PostgreSQL cannot hold."""
    return given.get(name, "").replace("\0", "").strip()[:most]


def number_of(text: str) -> int:
    """A row's id out of a query; what is none is 0, before all rows."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
