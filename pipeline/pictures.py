"""The pictures of issues: kept as they came, prepared once for each use, and given a public address.

What goes out is stored under the hash of its own bytes and never touched again, so that a mail shows tomorrow what was
approved today, whatever becomes of the original. Originals may hold where and by whom a photo was taken; nobody but
this module reads them.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from wagtail.images.models import SourceImageIOError

from pipeline.content import walk
from pipeline.content.pictures import prepare
from pipeline.content.pictures.reading import BYTES_AT_MOST
from pipeline.content.types import ContentError, IssueDocument, PictureUse, PublicPicture, Shape
from pipeline.models import Newsletter, PreparedPicture

PUBLIC: Final = "pictures/"
"""The one folder that strangers may read."""
ORIGINALS: Final = "originals/"
LOGOS: Final = ("logo", "logo_dark")
"""Settings of the brand that hold an address, and columns of the newsletter that hold a picture instead."""
VERSION: Final = 1
"""Of the preparation: a higher number prepares every picture anew at the next compile, and leaves sent mail alone."""
_OUT_OF_REACH: Final = (
    "the picture cannot be read or stored now ({reason}). Nothing was changed; try again, or choose it anew"
)


@dataclass(frozen=True, slots=True)
class Original:
    """A picture as it came."""

    origin: str
    """Names its bytes: other bytes have another one."""
    label: str
    """For people."""
    read: Callable[[], bytes]
    """Raises OSError."""


def address(name: str) -> str:
    """The public address of a stored picture, for mail and pages."""
    return f"{settings.PICTURES_URL}/{quote(name)}"


def keep_original(raw: bytes) -> str:
    """Store a picture as it came; returns the file's name, which names its bytes. Raises ContentError."""
    name = f"{ORIGINALS}{hashlib.sha256(raw).hexdigest()}"
    try:
        _store(name, raw)
    except OSError as error:
        raise ContentError(_OUT_OF_REACH.format(reason=error.strerror or error)) from error
    return name


def kept(name: str, *, label: str) -> Original:
    """The original that `keep_original` stored."""
    return Original(name, label, lambda: _read(default_storage.open(name)))


def chosen(image: Any) -> Original:
    """The original of a picture of the library. Another file in its place has another hash, and so another origin.

    Raises ContentError when the file has no hash yet and is gone.
    """
    try:
        origin = f"library:{image.get_file_hash()}"
    except SourceImageIOError as error:
        raise ContentError(_OUT_OF_REACH.format(reason=error), source=image.title) from error
    return Original(origin, image.title, lambda: _read(image.file.open("rb")))


def public_pictures(
    document: IssueDocument, originals: Mapping[str, Original], *, whole: bool = False
) -> dict[PictureUse, PublicPicture]:
    """What the mail shows for each use of a picture whose original is known; what is not prepared yet is now.

    `originals` are by the picture's `src`. `whole`: make sure that each file is there, and restore what is not. Raises
    ContentError with the place for a picture that cannot be used or read.
    """
    uses = {use: (place, originals[use.src]) for place, use in walk.pictures(document) if use.src in originals}
    return _shown(uses, whole=whole)


def public_logos(newsletter: Newsletter, *, whole: bool = False) -> dict[str, PublicPicture]:
    """The logos that were chosen from the library, by the setting of the brand that they stand for; otherwise alike."""
    images = {name: getattr(newsletter, name) for name in LOGOS}
    uses = {
        PictureUse(name, Shape.LOGO): (f"newsletter.{name}", chosen(image)) for name, image in images.items() if image
    }
    return {use.src: picture for use, picture in _shown(uses, whole=whole).items()}


def _shown(uses: Mapping[PictureUse, tuple[str, Original]], *, whole: bool) -> dict[PictureUse, PublicPicture]:
    ready = _ready(original.origin for _, original in uses.values())
    shown = {}
    for use, (place, original) in uses.items():
        row = ready.get((original.origin, recipe(use.shape)))
        if row is None or (whole and not _is_whole(row)):
            row = _prepared(original, use.shape, place=place)
        shown[use] = _public(row)
    return shown


def _public(row: PreparedPicture) -> PublicPicture:
    return PublicPicture(address(row.name), row.width, row.height, row.size)


def recipe(shape: Shape) -> str:
    return f"{VERSION}:{shape}"


def _ready(origins: Iterable[str]) -> dict[tuple[str, str], PreparedPicture]:
    return {(row.origin, row.recipe): row for row in PreparedPicture.objects.filter(origin__in=set(origins))}


def _prepared(original: Original, shape: Shape, *, place: str) -> PreparedPicture:
    source = f"{place}, {original.label}"
    try:
        made = prepare(original.read(), shape, source=source)
        name = f"{PUBLIC}{made.name}"
        _store(name, made.content)
    except OSError as error:
        raise ContentError(_OUT_OF_REACH.format(reason=error.strerror or error), source=source) from error
    row, _ = PreparedPicture.objects.update_or_create(
        origin=original.origin,
        recipe=recipe(shape),
        defaults={"name": name, "width": made.width, "height": made.height, "size": len(made.content)},
    )
    return row


def _is_whole(row: PreparedPicture) -> bool:
    return default_storage.exists(row.name) and default_storage.size(row.name) == row.size


def _read(file: Any) -> bytes:
    """One byte more than is allowed at most: enough to be refused."""
    with file:
        content: bytes = file.read(BYTES_AT_MOST + 1)
    return content


def _store(name: str, content: bytes) -> None:
    """Store under exactly this name, which says what the content is."""
    if default_storage.exists(name):
        if default_storage.size(name) == len(content):
            return
        default_storage.delete(name)  # half of it, from a process that was killed
    saved = default_storage.save(name, ContentFile(content))
    if saved != name:  # somebody was faster with the same bytes
        default_storage.delete(saved)
