"""The height of every picture whose size is known, so that nothing jumps while it loads.

MJML has one attribute for both: a number would also become a fixed height in the style, and a picture that shrinks on
a phone would be squeezed. So the layout leaves it at `auto`, and the number is written afterwards, beside that style.
"""

import re
from collections.abc import Iterable
from html import unescape

from pipeline.content.types import PublicPicture

_IMG = re.compile(r"<img\b[^>]*>")
_SRC = re.compile(r'\ssrc="([^"]*)"')
_WIDTH = re.compile(r'\swidth="(\d+)"')


def with_heights(html: str, pictures: Iterable[PublicPicture]) -> str:
    """Replace `height="auto"` of each picture that is known by the height that its width on the page gives it."""
    known = {picture.url: picture for picture in pictures if picture.width and picture.height}

    def sized(found: re.Match[str]) -> str:
        src, width = _SRC.search(found[0]), _WIDTH.search(found[0])
        picture = known.get(unescape(src[1])) if src else None
        if not picture or not width:
            return found[0]
        height = max(1, round(int(width[1]) * picture.height / picture.width))
        return found[0].replace(' height="auto"', f' height="{height}"', 1)

    return _IMG.sub(sized, html)
