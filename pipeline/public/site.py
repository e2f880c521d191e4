"""The front door, the health of this process, and the pictures of issues."""

from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.db import DatabaseError, connection
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils._os import safe_join
from django.views.decorators.http import require_safe

PICTURES: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
"""How a file that mail programs show begins. Nothing else is served: an SVG or a page could run scripts."""
_A_DAY: Final = 86_400
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
def picture(_request: HttpRequest, path: str) -> HttpResponseBase:
    """A PNG, JPEG or GIF below MEDIA_ROOT, judged by how it begins and never by its name."""
    try:
        file = Path(safe_join(settings.MEDIA_ROOT, path)).open("rb")  # noqa: SIM115 (the response closes it)
    except (OSError, SuspiciousFileOperation, ValueError) as error:
        raise Http404 from error
    start = file.read(8)
    file.seek(0)
    kind = next((kind for magic, kind in PICTURES.items() if start.startswith(magic)), None)
    if kind is None:
        file.close()
        raise Http404
    response = FileResponse(file, content_type=kind)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Cache-Control"] = f"public, max-age={_A_DAY}"
    return response
