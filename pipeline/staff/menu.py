"""The side bar and the start page: what this house has, and nothing of what it has not."""

from typing import Any, Final

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet
from django.http import HttpRequest

NOT_HERE: Final = {"explorer", "documents", "snippets", "help", "reports"}
"""Wagtail's pages, documents and page reports: there are no web pages here."""
GRANTABLE: Final = Q(
    codename__in=(
        "start_send",
        "view_send",
        "view_delivery",
        "view_feedback",
        "repair_link",
        "publish_edition",
        "change_transport",
        "change_hook",
        "change_policy",
    )
)


def without_pages(_request: HttpRequest, items: list[Any]) -> None:
    items[:] = [item for item in items if item.name not in NOT_HERE]


def no_summary(_request: HttpRequest, items: list[Any]) -> None:
    """Counts of pages, images and documents say nothing about newsletters."""
    items.clear()


def grantable() -> QuerySet[Permission]:
    """Rights without a form of their own that an admin may give to a group."""
    return Permission.objects.filter(GRANTABLE, content_type__app_label="pipeline")
