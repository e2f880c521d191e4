"""A stored picture as the answer to a request. It is judged by how it begins, never by its name."""

from typing import Final

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase

KINDS: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
"""How a file that mail programs show begins. Nothing else is handed out: an SVG or a page could run scripts."""


def picture(name: str, *, cache: str) -> HttpResponseBase:
    """The picture stored under this name. Raises Http404 for what is not there or is no picture."""
    try:
        file = default_storage.open(name)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, SuspiciousOperation, ValueError) as error:
        raise Http404 from error
    except OSError:
        return HttpResponse("the pictures are out of reach for now\n", status=503, content_type="text/plain")
    start = file.read(12)
    file.seek(0)
    kind = _kind(start)
    if not kind:
        file.close()
        raise Http404
    response = FileResponse(file, content_type=kind)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Cache-Control"] = cache
    return response


def _kind(start: bytes) -> str:
    if start[:4] == b"RIFF" and start[8:] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in KINDS.items() if start.startswith(magic)), "")
