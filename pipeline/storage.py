"""Where pictures are kept: a folder of this machine, or a bucket of an S3 service. Reads PRESSRUN_STORAGE."""

from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

EXAMPLES: Final = (
    "a folder such as /srv/pictures, or s3://key:secret@bucket/prefix?region=eu-central-1&endpoint=https://host"
)
_FOLDER: Final = "django.core.files.storage.FileSystemStorage"
_BUCKET: Final = "pipeline.bucket.Bucket"
_STATIC: Final = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
_ALLOWED: Final = {"region": "region_name", "endpoint": "endpoint_url"}


def storages(address: str) -> tuple[dict[str, dict[str, Any]], Path | None]:
    """Django's STORAGES and MEDIA_ROOT for `/srv/pictures` or `s3://key:secret@bucket/prefix?region=…&endpoint=…`.

    Raises ValueError, which never shows a password.
    """
    if address.startswith("s3://"):
        kept, folder = {"BACKEND": _BUCKET, "OPTIONS": _bucket(urlsplit(address))}, None
    elif address.startswith("/"):
        kept, folder = {"BACKEND": _FOLDER}, Path(address)
    else:
        raise ValueError("it is neither a folder, from / on, nor an address that begins with s3://")
    return {"default": kept, "staticfiles": _STATIC}, folder


def _bucket(parts: SplitResult) -> dict[str, Any]:
    name = parts.netloc.rpartition("@")[2]
    if not name:
        raise ValueError("it names no bucket")
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(given.keys() - _ALLOWED):
        raise ValueError(f"it has no setting {', '.join(unknown)}")
    if "endpoint" in given and not given["endpoint"].startswith(("https://", "http://")):
        raise ValueError(f"the endpoint {given['endpoint']!r} is not an http(s) address")
    if bool(parts.username) != bool(parts.password):
        raise ValueError("it has a key without a secret, or a secret without a key")
    keys = {"access_key": parts.username, "secret_key": parts.password}
    return {
        "bucket_name": name,
        "location": unquote(parts.path).strip("/"),
        **{_ALLOWED[setting]: value for setting, value in given.items()},
        **{setting: unquote(value) for setting, value in keys.items() if value},
    }
