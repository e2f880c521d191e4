"""The library of pictures: what may come into it, and how staff see it. Strangers see what was sent, no more."""

from typing import Any, Final

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe
from wagtail.admin.auth import require_admin_access
from wagtail.images.forms import BaseImageForm

from pipeline import media
from pipeline.content.pictures import prepare
from pipeline.content.pictures.reading import BYTES_AT_MOST
from pipeline.content.types import ContentError, Shape

FOLDERS: Final = ("images/", "original_images/", "avatar_images/")
"""Where Wagtail keeps small copies, uploads, and the faces of its users."""


class PictureForm(BaseImageForm):
    """An upload that no mail could show is refused here, and not in the middle of writing an issue."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "file" in self.fields:  # in place of Wagtail's last check, which stumbles over broken files
            self.fields["file"].check_image_pixel_size = _try_out


def _try_out(upload: Any) -> None:
    upload.seek(0)
    try:
        prepare(upload.read(BYTES_AT_MOST + 1), Shape.WHOLE, source=upload.name)
    except ContentError as error:
        raise ValidationError(str(error)) from error
    finally:
        upload.seek(0)


@require_safe
def file(request: HttpRequest, path: str) -> HttpResponseBase:
    """A picture of the library, for those who may work with it; for others there is none."""
    if not path.startswith(FOLDERS) or not request.user.has_perm("wagtailadmin.access_admin"):
        raise Http404
    return media.picture(path, cache="private, max-age=3600")


@require_admin_access
def no_documents(_request: HttpRequest, rest: str = "") -> HttpResponseBase:
    """In place of Wagtail's pages for documents: a file is linked to where it is (`content.types.FileLink`)."""
    raise Http404(rest)
