"""What must be right with the settings before anything starts; registered with Django's system checks."""

from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

SECRET_AT_LEAST: Final = 32


@register(Tags.security)
def secret_key(**_: Any) -> list[CheckMessage]:
    """Sessions and one-click links hang on it."""
    if len(settings.SECRET_KEY) >= SECRET_AT_LEAST:
        return []
    return [
        Error(
            f"PRESSRUN_SECRET_KEY has {len(settings.SECRET_KEY)} characters; {SECRET_AT_LEAST} is the least.",
            hint="Set PRESSRUN_SECRET_KEY or PRESSRUN_SECRET_KEY_FILE to a random text, the same for every process.",
            id="pipeline.E001",
        )
    ]
