"""CSS into style attributes by premailer, made safe, and checked afterwards.

With its defaults premailer drops the doctype, strips `!important` from media queries, rewrites picture widths and
fetches style sheets over the network. Here it sees only our own rules, may not touch the layout's `<style>` blocks,
and whatever it changed beyond style attributes is an error.
"""

import re
from collections.abc import Callable
from typing import Final

from lxml import etree
from lxml import html as lxml_html

from pipeline.content.types import ContentError

_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
# A tag is read to its end, because its values may hold what looks like a comment.
_TAG_OR_COMMENT = re.compile(r"""<!--.*?-->|<[A-Za-z](?:[^"'>]++|"[^"]*"|'[^']*')*+>""", re.DOTALL)
_COMMENT_OR_STYLE = re.compile(r"<!--.*?-->|<style(?=[\s>])", re.DOTALL)
_WORDS: Final = etree.XPath("string()", smart_strings=False)
_DOCTYPE = re.compile(r"\A\s*<!doctype html>", re.IGNORECASE)
_MARK: Final = ' data-premailer="ignore"'


def inline(html: str, css: str, *, found: Callable[[str], list[str]]) -> str:
    """Write `css`, in which `stylesheet.in_elements` finds nothing, into the elements of a compiled page.

    `found` lists the slot tokens of a text. Raises ContentError when the page came out with another doctype, comments,
    style blocks, words or slots.
    """
    page = _DOCTYPE.sub("<!DOCTYPE html>", html, count=1)
    inlined = _premailed(_COMMENT_OR_STYLE.sub(_marked, page), css).replace(_MARK, "")
    _compare(page, inlined, found=found)
    return _TAG_OR_COMMENT.sub(_without_brackets, inlined)


def _without_brackets(found: re.Match[str]) -> str:
    """Outlook looks for conditional comments even in a value, where HTML allows `<` and `>` as they are."""
    tag = found[0]
    if tag.startswith("<!--") or ("<" not in tag[1:] and ">" not in tag[:-1]):
        return tag
    return "<" + tag[1:-1].replace("<", "&lt;").replace(">", "&gt;") + ">"


def _marked(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("<!--") else f"<style{_MARK}"


def _premailed(page: str, rules: str) -> str:
    from pipeline.content.premailed import Inliner  # half a second that most commands need not pay

    return str(Inliner(page, rules).transform(pretty_print=False))


def _compare(before: str, after: str, *, found: Callable[[str], list[str]]) -> None:
    views = _views(before, found=found), _views(after, found=found)
    for what, view in views[0].items():
        if view != views[1][what]:
            raise ContentError(f"inlining the styles changed {what} of the page; the layout must be mended")


def _views(page: str, *, found: Callable[[str], list[str]]) -> dict[str, object]:
    """All that must stay as it is, by the name that an error gives it."""
    comments, rest = _apart(page)
    return {
        "its doctype": page.startswith("<!DOCTYPE html>"),
        "comments": comments,
        "style blocks": [style[2].strip() for style in _STYLE.finditer(rest)],
        "words": str(_WORDS(lxml_html.fromstring(page))).split(),
        "slots": found(page),
        "marks of the inliner": "data-premailer" in page,
    }


def _apart(page: str) -> tuple[list[str], str]:
    """The comments of a page, and the page without them."""
    comments, rest, at = list[str](), list[str](), 0
    for piece in _TAG_OR_COMMENT.finditer(page):
        if page.startswith("<!--", piece.start()):
            comments.append(piece[0])
            rest.append(page[at : piece.start()])
            at = piece.end()
    return comments, "".join((*rest, page[at:]))
