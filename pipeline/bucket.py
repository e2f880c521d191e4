"""A bucket of an S3 service as Django's storage. Loaded only where PRESSRUN_STORAGE names one: boto starts slowly.

What goes wrong with the service is an OSError here, as it is with a disk, so that nobody else needs to know boto.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

from boto3.s3.transfer import TransferConfig  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
from django.conf import settings
from django.core.files.base import ContentFile
from storages.backends.s3 import S3Storage  # type: ignore[import-untyped]

_FOR_EVER: Final = {"CacheControl": "public, max-age=31536000, immutable"}
_IN_ONE_PIECE: Final = TransferConfig(multipart_threshold=1 << 30, use_threads=False)
"""Pictures are small: no parts, no threads."""


class Bucket(S3Storage):  # type: ignore[misc]
    """Takes `bucket_name`, `location`, `region_name`, `endpoint_url`, `access_key` and `secret_key`.

    Without keys boto looks where it always does: AWS_ACCESS_KEY_ID, a profile, the machine's own role.
    """

    def __init__(self, **options: Any) -> None:
        config = _config(path_style="endpoint_url" in options)
        super().__init__(
            file_overwrite=False, default_acl=None, client_config=config, transfer_config=_IN_ONE_PIECE, **options
        )

    def get_object_parameters(self, name: str) -> dict[str, Any]:
        """What is named by the hash of its bytes may be kept for ever by whoever hands it out."""
        return dict(_FOR_EVER) if "pictures" in name.split("/")[:-1] else {}

    def url(self, name: str, **_: Any) -> str:
        """The address of a file for staff; the public one is `pipeline.pictures.address`."""
        return f"{settings.MEDIA_URL}{quote(name)}"

    def exists(self, name: str) -> bool:
        with self._answering():
            return bool(super().exists(name))

    def size(self, name: str) -> int:
        with self._answering():
            return int(super().size(name))

    def delete(self, name: str) -> None:
        with self._answering():
            super().delete(name)

    def _open(self, name: str, mode: str = "rb") -> Any:
        """The file whole, as it is now: pictures are small."""
        with self._answering(), super()._open(name, mode) as file:
            return ContentFile(file.read(), name=name)

    def _save(self, name: str, content: Any) -> str:
        with self._answering():
            return str(super()._save(name, content))

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise OSError(f"the bucket {self.bucket_name} does not answer as it should: {error}") from error


def _config(*, path_style: bool) -> Config:
    """Services other than Amazon's rarely have a host name for each bucket, and do not know its newest checksums."""
    return Config(
        s3={"addressing_style": "path" if path_style else "virtual"},
        signature_version="s3v4",
        connect_timeout=5,
        read_timeout=20,
        retries={"mode": "standard", "max_attempts": 3},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
