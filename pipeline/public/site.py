"""The front door, the health of this process, and the pictures of issues."""

from typing import Final

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from pipeline import media
from pipeline.pictures import PUBLIC

_QUICK_MS: Final = 2_000


@require_safe
def health(_request: HttpRequest) -> HttpResponse:
    """200 `ok` when the database answers within two seconds, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", [str(_QUICK_MS)])
            cursor.execute("SELECT 1")
            cursor.execute("RESET statement_timeout")
    except DatabaseError:
        connection.close()
        return HttpResponse("the database does not answer\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def picture(_request: HttpRequest, name: str) -> HttpResponseBase:
    """A picture of a mail, named by the hash of its bytes: it never changes. Asks neither for session nor database."""
    return media.picture(f"{PUBLIC}{name}", cache="public, max-age=31536000, immutable")
