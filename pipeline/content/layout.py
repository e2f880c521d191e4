"""An issue poured into its layout: Jinja2 in, MJML out.

The templates belong to the layout, never to editors: what people wrote is only ever a value, escaped, with its merge
tags turned into slot tokens before the template sees it. A layout finds in its context:

`document`, `newsletter`, `words` (see `words.Words`), `brand` (see `brand.Brand`), `light` and `dark` (see
`brand.Paper`), `unsubscribe_url`, `view_url`, and `preferences_url`, which is empty where there is no such page;
`text(s)`, `rich(html)`, `href(url)` for everything that people wrote; `picture(block)` and `logo(src)`, each with
`url`, `width` and `height` in pixels (0 when unknown), and `fitted(picture, most)`, the width and height to show it at;
`runs(blocks)`, `kinds` (the names of the kinds of block that the issue has), `circled(n)` and `file_note(block)`.

Templates are looked for in the layout's own folder, then in `parts`, which all layouts share: a layout has its own
version of a part by having a file of that name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby, islice
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from pipeline.content import links, markup, merge, sandbox, walk
from pipeline.content.brand import DARK, LIGHT, brand_of
from pipeline.content.slots import SlotTable
from pipeline.content.trace import Traced
from pipeline.content.tracking import LinkTable
from pipeline.content.types import (
    Block,
    ContentError,
    Context,
    FileLink,
    Html,
    IssueDocument,
    NewsletterProfile,
    PictureUse,
    PublicPicture,
    Shape,
    Site,
    Teaser,
)
from pipeline.content.words import circled, words

LAYOUTS: Final = Path(__file__).parents[2] / "templates" / "layouts"
PARTS: Final = "parts"
"""The folder of what all layouts share."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a layout makes of an issue, with slot tokens in it."""

    mjml: Traced
    css: Traced
    """The rules to be written into the elements."""


@dataclass(frozen=True, slots=True)
class Ink:
    """What turns people's text into what may stand in a template. One per compile."""

    slots: SlotTable
    site: Site
    pictures: Mapping[PictureUse, PublicPicture]
    links: LinkTable

    def text(self, value: str) -> Markup:
        # Tokens are letters and digits: escaping leaves them as they are.
        return Markup("").join(
            part if isinstance(part, str) else self.token(part, Context.HTML) for part in merge.parse(value)
        )

    def rich(self, html: Html) -> Markup:
        return Markup("").join(self._rich(token) for token in markup.parse(html))

    def href(self, url: str) -> str:
        """Where a link leads, straight or through the redirect; not yet escaped for HTML."""
        return self.links.address(url)

    def picture(self, block: Block) -> PublicPicture:
        """The picture of a block as the mail shows it."""
        use = walk.picture_use(block)
        if use is None:
            raise ContentError(f"the layout wants the picture of a block that has none: {type(block).__name__}")
        return self._shown(use)

    def logo(self, src: str) -> PublicPicture:
        return self._shown(PictureUse(src, Shape.LOGO))

    def _shown(self, use: PictureUse) -> PublicPicture:
        """As `pictures` says; else an absolute address as it is, a relative one below the site's own."""
        if found := self.pictures.get(use):
            return found
        if use.src.startswith(("https://", "http://")):
            return PublicPicture(links.normal(use.src))
        return PublicPicture(f"{self.site.base_url}/pictures/{quote(use.src.removeprefix('./'))}")

    def token(self, tag: merge.Tag, context: Context) -> str:
        return self.slots.token(tag.field, context, default=tag.default)

    def _rich(self, token: markup.Token) -> Markup:
        match token.kind:
            case "text":
                return self.text(token.text)
            case "break":
                return Markup("<br/>")
            case "close":
                return Markup("</{}>").format(token.text)
            case "open" if token.text == "a":
                return Markup('<a href="{}">').format(self.href(token.href))
        return Markup("<{}>").format(token.text)


def addresses(site: Site, slots: SlotTable) -> dict[str, str]:
    """The addresses of the reader's own that every issue carries, the same in HTML and text; empty: no such page."""
    return {
        "unsubscribe_url": f"{site.base_url}/u/{slots.token('token.unsubscribe', Context.URL)}",
        "view_url": f"{site.base_url}/v/{slots.token('token.view', Context.URL)}",
        "preferences_url": "",
    }


def names(own: Path | None = None) -> list[str]:
    """The layouts that there are, in order: those in the folder `own` and those built in."""
    return sorted({path.parent.name for root in _roots(own) for path in root.glob("*/layout.mjml")})


def render(document: IssueDocument, newsletter: NewsletterProfile, *, ink: Ink, layouts: Path | None = None) -> Page:
    """Pour an issue into the newsletter's layout, which is looked for in `layouts` first, then among those built in.

    Raises ContentError for a layout that does not exist or fails, and for text that is not what it should be.
    """
    environment = sandbox.sandbox(folders(newsletter.layout, layouts))
    context = _context(document, newsletter, ink=ink)
    css = sandbox.render(environment, "inline.css", context)
    return Page(sandbox.render(environment, "layout.mjml", context), css)


def framed(newsletter: NewsletterProfile, parts: Mapping[str, object], *, layouts: Path | None = None) -> str:
    """The text part: its `parts`, which are text with slot tokens, in the frame that the layout has for them.

    Raises ContentError as `render` does.
    """
    environment = sandbox.sandbox(folders(newsletter.layout, layouts))
    return sandbox.render(environment, "layout.txt", {"newsletter": newsletter, **parts}).text


def folders(name: str, own: Path | None = None) -> tuple[Path, ...]:
    """Where the templates of a layout are looked for: its own folder, then the shared parts.

    Raises ContentError for a layout that is neither in the folder `own` nor built in.
    """
    if name not in (known := names(own)):
        where = " or ".join(map(str, _roots(own)))
        raise ContentError(f"there is no layout {name!r} in {where}; there are {', '.join(known)}")
    home = next(root / name for root in _roots(own) if (root / name / "layout.mjml").exists())
    return (home, *(root / PARTS for root in _roots(own)))


def _roots(own: Path | None) -> tuple[Path, ...]:
    return (LAYOUTS,) if own is None else (own, LAYOUTS)


def version(name: str, layouts: Path | None = None) -> str:
    """16 hex digits that change with any file that the layout is made of. One that does not exist has them too."""
    seen = sha256()
    for folder in folders(name, layouts) if name in names(layouts) else ():
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            seen.update(repr((path.name, path.read_bytes())).encode())
    return seen.hexdigest()[:16]


def runs(blocks: Sequence[Block]) -> Iterator[tuple[str, tuple[Block, ...]]]:
    """The blocks with the names of their kinds: each alone, but neighbouring teasers in pairs."""
    for kind, group in groupby(blocks, key=lambda block: type(block).__name__):
        size = 2 if kind == Teaser.__name__ else 1
        yield from ((kind, pair) for pair in _batched(group, size))


def _batched(blocks: Iterator[Block], size: int) -> Iterator[tuple[Block, ...]]:
    while batch := tuple(islice(blocks, size)):
        yield batch


def fitted(picture: PublicPicture, most: int) -> tuple[int, int]:
    """Width and height in CSS pixels: half of what the picture has, for sharp screens, and at most `most` wide.

    The height is 0 when the size of the picture is not known; then it is taken to be as wide as it may.
    """
    width = min(most, max(1, picture.width // 2)) if picture.width else most
    return width, max(1, round(width * picture.height / picture.width)) if picture.width else 0


def file_note(block: FileLink) -> str:
    """`PDF, 1.2 MB`: the kind of a file, from the end of its address unless it is told, and its size."""
    ending = PurePosixPath(urlsplit(block.url).path).suffix.removeprefix(".")
    kind = block.kind or (ending.upper() if ending.isalnum() and len(ending) <= 5 else "")
    return ", ".join(part for part in (kind, block.size) if part)


def _context(document: IssueDocument, newsletter: NewsletterProfile, *, ink: Ink) -> dict[str, Any]:
    functions: dict[str, Callable[..., Any]] = {
        "text": ink.text,
        "rich": ink.rich,
        "href": ink.href,
        "picture": ink.picture,
        "logo": ink.logo,
        "runs": runs,
        "fitted": fitted,
        "file_note": file_note,
        "circled": circled,
    }
    own = addresses(ink.site, ink.slots)
    return {
        **functions,
        **own,
        "brand": brand_of(newsletter.brand),
        "light": LIGHT,
        "dark": DARK,
        "kinds": {type(block).__name__ for _, block in walk.blocks(document)},
        "document": document,
        "newsletter": newsletter,
        "words": words(document.language),
    }
