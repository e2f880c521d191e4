"""What is known of one reader, as the values that fill the slots of a proof."""

from pipeline.content import headers
from pipeline.content.types import ContentError


def values_of(*, email: str, first_name: str, last_name: str, language: str) -> dict[str, str]:
    """The merge fields (`merge.FIELDS`) and the To field's value. Without tokens, date and Message-ID."""
    name = " ".join(part for part in (first_name, last_name) if part)
    return {
        "to": _to(name, email),
        "email": email,
        "first_name": first_name,
        "last_name": last_name,
        "name": name,
        "language": language,
    }


def _to(name: str, email: str) -> str:
    try:
        return headers.address(name, email)
    except ContentError:  # a name that no header may hold; the person still gets their mail
        return headers.address("", email)
