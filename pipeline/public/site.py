"""The pictures of issues."""

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from pipeline import media
from pipeline.pictures import PUBLIC


@require_safe
def picture(_request: HttpRequest, name: str) -> HttpResponseBase:
    """A picture of a mail, named by the hash of its bytes: it never changes. Asks neither for session nor database."""
    return media.picture(f"{PUBLIC}{name}", cache="public, max-age=31536000, immutable")
