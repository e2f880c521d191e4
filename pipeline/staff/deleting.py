"""Deleting what nothing else in the books needs. What is needed stays, and the page says by what."""

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from wagtail.admin import messages
from wagtail.admin.views import generic
from wagtail.snippets.views import snippets


def needed_by(row: models.Model) -> list[str]:
    """What keeps a row from being deleted, in words. A look at each: Django would first read all that refer to it."""
    return [
        str(field.related_model._meta.verbose_name_plural)  # noqa: SLF001 (Django's documented name)
        for field in row._meta.get_fields(include_hidden=True)  # noqa: SLF001
        if isinstance(field, models.ManyToOneRel)
        and field.on_delete is models.PROTECT
        and field.related_model._base_manager.filter(**{field.field.name: row}).exists()  # noqa: SLF001
    ]


def _refusal(rows: Sequence[models.Model]) -> str:
    needed = [(row, found) for row in rows if (found := needed_by(row))]
    why = (_("“%(name)s” stays; it is needed for: %(what)s.") % {"name": a, "what": ", ".join(b)} for a, b in needed)
    return " ".join([*why, _("Nothing was deleted.")]) if needed else ""


class _KeepsWhatIsNeeded:
    """Asks nobody whether they are sure of what cannot be."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._refused() or super().get(request, *args, **kwargs)  # type: ignore[misc]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._refused() or super().post(request, *args, **kwargs)  # type: ignore[misc]

    def _refused(self: Any) -> HttpResponse | None:
        if not (why := _refusal([self.object])):
            return None
        messages.error(self.request, why)
        return redirect(self.get_success_url())


class DeleteView(_KeepsWhatIsNeeded, generic.DeleteView):
    """In place of Wagtail's."""


class SnippetDeleteView(_KeepsWhatIsNeeded, snippets.DeleteView):
    """In place of Wagtail's, for snippets."""


def keep_what_is_needed(request: HttpRequest, act: str, rows: Sequence[models.Model], bulk: Any) -> HttpResponse | None:
    """Before Wagtail does something to several at once (its hook `before_bulk_action`): all are deleted, or none."""
    if act != "delete" or not (why := _refusal(rows)):
        return None
    messages.error(request, why)
    return redirect(bulk.next_url)
