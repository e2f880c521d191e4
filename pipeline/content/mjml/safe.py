"""The call of mjml-python, made safe.

mrml prints attribute values through Rust's debug formatter, which breaks them at line ends and lets a quote end the
attribute, so every tag is rewritten first: double quotes, no line breaks, all but printable ASCII as references.
"""

import re

from mjml import mjml2html

_MARKUP = re.compile(
    r"<!--.*?-->|<(?P<style>mj-style|style)\b.*?</(?P=style)>|<[A-Za-z](?:[^<>\"']|\"[^\"]*\"|'[^']*')*>", re.DOTALL
)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_WHITE = re.compile(r"[\t\r\n ]+")
_REWRITTEN = re.compile(r'[^ -\[\]-~]|"')
_OFFSET = re.compile(r"position (\d+):")


class RefusedError(Exception):
    """What mrml said, and where in the source it was, as far as it told."""

    def __init__(self, message: str, at: int) -> None:
        self.message, self.at = message, at
        super().__init__(message)


def compiled(source: str) -> str:
    """The HTML of checked MJML. No fonts, no network, no includes. Raises RefusedError."""
    safe = mrml_safe(source)
    try:
        html: str = mjml2html(safe, fonts={}, social_icon_origin="", include_loader=None)
    except ValueError as error:
        raise RefusedError(str(error), _offset(str(error), safe, source)) from error
    return html


def mrml_safe(source: str) -> str:
    """Rewrite every tag so that mrml prints it as it was meant. No `<` is added or lost."""
    return _MARKUP.sub(_tag, source)


def _tag(found: re.Match[str]) -> str:
    if found[0].startswith("<!--") or found["style"]:
        return found[0]
    return _ATTRIBUTE.sub(lambda pair: f'{pair[1]}="{_attribute(pair[2] or pair[3] or "")}"', found[0])


def _attribute(value: str) -> str:
    return _REWRITTEN.sub(lambda found: f"&#{ord(found[0])};", _WHITE.sub(" ", value))


def _offset(said: str, safe: str, source: str) -> int:
    """Mrml counts bytes of what it was given; the same tag is looked for in the source."""
    found = _OFFSET.search(said)
    if not found:
        return 0
    tags = safe.encode()[: int(found[1]) + 1].count(b"<")
    starts = [each.start() for each in re.finditer("<", source)]
    return starts[tags - 1] if 0 < tags <= len(starts) else 0
