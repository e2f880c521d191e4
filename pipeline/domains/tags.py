"""`name=value; name=value`, as DKIM and DMARC records are written (RFC 6376 section 3.2). Pure."""

import re

_NAME = re.compile("[A-Za-z][A-Za-z0-9_]*")


class TagError(ValueError):
    """The text is no such list; says where it stops being one."""


def parse_tags(text: str) -> dict[str, str]:
    """Tags in their order, names in small letters, blanks around values gone. Raises TagError."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = (each.strip() for each in part.partition("="))
        if not part.strip():
            continue
        if not equals or not _NAME.fullmatch(name):
            raise TagError(f"{part.strip()[:40]!r} is not name=value")
        if name.lower() in found:
            raise TagError(f"{name}= stands there twice")
        found[name.lower()] = value
    return found
